"""Corrections and merges: what a person says of a patient or study lies over what machines said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pacs.archive.decisions import Decisions
from pacs.corrections import CORRECTABLE, PATIENT_KEYWORDS
from pacs.dicom.hierarchy import Level, attribute_of_keyword
from pacs.dicom.matching import Criterion, Query, SingleValue
from pacs.errors import NotFound, RequestInvalid
from pacs.ledger import Correct, Decided, Decision, Merge
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Match, QueryIndex

_LONGEST = {"AS": 4, "CS": 16, "DA": 8, "DS": 16, "LO": 64, "LT": 10240, "PN": 194, "SH": 16}
_LONGEST |= {"TM": 14}
_FORMS = {
    "DA": re.compile(r"\d{8}|"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?|"),
    "CS": re.compile(r"[A-Z0-9_ ]*"),
    "DS": re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|"),
    "AS": re.compile(r"\d{3}[DWMY]|"),
}
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f\\]*")


@dataclass(frozen=True)
class PatientName:
    """Which patient. An empty issuer is an issuer of its own, as in the data."""

    patient_id: str
    issuer_of_patient_id: str = ""


class Corrections:
    """Corrects, merges, moves, and takes it back. Safe to call from several threads."""

    def __init__(self, *, decisions: Decisions, query: QueryIndex) -> None:
        self._decisions = decisions
        self._query = query

    def correct(
        self, study_instance_uid: str, attributes: Mapping[str, str], scope: Scope, *, reason: str
    ) -> Decision:
        """Lay values over a study, "" to empty one. Raises NotAllowed, NotFound, RequestInvalid."""
        scope.require(Right.CORRECT)
        checked = _checked(attributes)
        self._study(study_instance_uid, scope)
        return self._decisions.decide(
            Correct(checked), scope, reason=reason, study_instance_uid=study_instance_uid
        )

    def move(
        self, study_instance_uid: str, to: PatientName, scope: Scope, *, reason: str
    ) -> Decision:
        """Give a study to another patient that the archive knows."""
        scope.require(Right.CORRECT)
        self._study(study_instance_uid, scope)
        return self._decisions.decide(
            Correct(self._patient(to, scope)),
            scope,
            reason=reason,
            study_instance_uid=study_instance_uid,
        )

    def merge(
        self, patient: PatientName, into: PatientName, scope: Scope, *, reason: str
    ) -> Decision:
        """All studies of a patient, those to come as well, belong to another from now on.

        Raises NotAllowed; NotFound for an unknown patient; RequestInvalid for a circle.
        """
        scope.require(Right.CORRECT)
        if not patient.patient_id.strip():
            raise RequestInvalid("a patient without an ID cannot be merged; move the study")
        if patient == into:
            raise RequestInvalid("a patient cannot be merged into itself")
        attributes = self._patient(into, scope)
        self._refuse_circle(patient, into)
        return self._decisions.decide(
            Merge(patient.patient_id, patient.issuer_of_patient_id, attributes),
            scope,
            reason=reason,
        )

    def undo(self, decision_id: str, scope: Scope, *, reason: str = "") -> Decision:
        """Take a correction, a move or a merge back."""
        scope.require(Right.CORRECT)
        found = self._decisions.find(decision_id).decision
        if not isinstance(found.body, Correct | Merge):
            raise RequestInvalid(f"decision {decision_id} is neither a correction nor a merge")
        return self._decisions.undo(decision_id, scope, reason=reason)

    def made(self, scope: Scope, *, study_instance_uid: str | None = None) -> list[Decided]:
        """Corrections and merges, oldest first, also those that were undone."""
        scope.require(Right.CORRECT)
        kinds = ("correct", "merge")
        return list(self._decisions.all(kinds, study_instance_uid=study_instance_uid))

    def _study(self, study_instance_uid: str, scope: Scope) -> Match:
        found = self._query.search(_one("StudyInstanceUID", study_instance_uid), scope).matches
        if not found:
            raise NotFound(f"there is no study {study_instance_uid}")
        return found[0]

    def _patient(self, patient: PatientName, scope: Scope) -> dict[str, str]:
        """What the archive knows of a patient, as attributes for their studies."""
        query = _one("PatientID", patient.patient_id, level=Level.PATIENT)
        for match in self._query.search(query, scope).matches:
            issuer = match.values.get("IssuerOfPatientID") or ""
            if str(issuer).strip() == patient.issuer_of_patient_id.strip():
                return {keyword: _as_text(match, keyword) for keyword in PATIENT_KEYWORDS}
        raise NotFound("the archive knows no such patient; correct the study's Patient ID instead")

    def _refuse_circle(self, patient: PatientName, into: PatientName) -> None:
        leads: dict[PatientName, PatientName] = {}
        for one in self._decisions.all(("merge",)):
            body = one.decision.body
            if one.undone_by is None and isinstance(body, Merge):
                target = PatientName(
                    body.attributes["PatientID"], body.attributes["IssuerOfPatientID"]
                )
                leads[PatientName(body.patient_id, body.issuer_of_patient_id)] = target
        step: PatientName | None = into
        while step is not None:
            if step == patient:
                raise RequestInvalid(
                    "these patients were merged the other way round; undo that merge first"
                )
            step = leads.pop(step, None)


def _checked(attributes: Mapping[str, str]) -> dict[str, str]:
    """Raises RequestInvalid for what cannot be corrected, or not to this."""
    if not attributes:
        raise RequestInvalid("say which attribute is to be corrected")
    correctable = {one.keyword: one for one in CORRECTABLE}
    for keyword, text in attributes.items():
        attribute = correctable.get(keyword)
        if attribute is None:
            known = ", ".join(sorted(correctable))
            raise RequestInvalid(f"'{keyword[:64]}' cannot be corrected; these can: {known}")
        form = _FORMS.get(attribute.vr, _ONE_LINE if attribute.vr != "LT" else None)
        fits = form is None or form.fullmatch(text) is not None
        if not fits or len(text) > _LONGEST.get(attribute.vr, 64):
            raise RequestInvalid(f"this is no value for {keyword} ({attribute.vr})")
    return dict(attributes)


def _one(keyword: str, value: str, *, level: Level = Level.STUDY) -> Query:
    attribute = attribute_of_keyword(keyword)
    if attribute is None:
        raise KeyError(keyword)
    return Query(level, criteria=(Criterion(attribute, SingleValue(value)),))


def _as_text(match: Match, keyword: str) -> str:
    value = match.values.get(keyword)
    if isinstance(value, tuple):
        return "\\".join(value)
    return "" if value is None else str(value)

"""What people may correct of a study, and what follows for it from all that was decided.

A correction lies over the study and never in its bytes: it is shown on every way out, also for what
arrives later, and can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pacs.dicom.hierarchy import Attribute, Kind, Level, attribute_of_keyword, attributes_of
from pacs.dicom.overlay import Overlay
from pacs.ledger import Correct, Decision, Merge

_OF_THE_STUDY = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "ReferringPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
)

CORRECTABLE: tuple[Attribute, ...] = (
    *(one for one in attributes_of(Level.PATIENT) if one.kind is Kind.STORED),
    *(one for one in map(attribute_of_keyword, _OF_THE_STUDY) if one is not None),
)
"""The attributes of patient and study that can be corrected."""

PATIENT_KEYWORDS = tuple(one.keyword for one in CORRECTABLE if one.level is Level.PATIENT)


def overlay_of(
    study_instance_uid: str,
    as_received: Mapping[str, str | None],
    decisions: Iterable[Decision],
) -> Overlay | None:
    """What all decisions, oldest first and none of them undone, make of a study.

    as_received  the correctable values of the study as its first instance gave them.
    """
    changed: dict[str, str] = {}
    at: datetime | None = None
    for decision in decisions:
        values = {**as_received, **changed}
        attributes = _attributes(decision, study_instance_uid, values)
        if attributes:
            changed |= attributes
            at = decision.at
    return Overlay(changed, at) if at is not None else None


def _attributes(
    decision: Decision, study_instance_uid: str, values: Mapping[str, str | None]
) -> Mapping[str, str]:
    body = decision.body
    if isinstance(body, Correct) and decision.study_instance_uid == study_instance_uid:
        return body.attributes
    if isinstance(body, Merge) and _is_of(values, body.patient_id, body.issuer_of_patient_id):
        return body.attributes
    return {}


def _is_of(values: Mapping[str, str | None], patient_id: str, issuer: str) -> bool:
    return _stripped(values, "PatientID") == patient_id.strip() and (
        _stripped(values, "IssuerOfPatientID") == issuer.strip()
    )


def _stripped(values: Mapping[str, str | None], keyword: str) -> str:
    return (values.get(keyword) or "").strip()

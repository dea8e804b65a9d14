"""What people corrected of studies and patients: `/api/corrections`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.corrections import Corrections, PatientName
from pacs.ledger import Correct, Decided, Decision, Merge
from pacs.web.access import Access
from pacs.web.api.answers import json_answer, no_content

_REASON = Field(min_length=1, max_length=2000)


class PatientWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    patient_id: str = Field(max_length=64)
    issuer_of_patient_id: str = Field("", max_length=64)


class CorrectionWanted(BaseModel):
    """attributes  by DICOM keyword; an empty text empties."""

    model_config = ConfigDict(extra="forbid")

    study_instance_uid: str = Field(max_length=128)
    attributes: dict[str, str] = Field(min_length=1, max_length=64)
    reason: str = _REASON


class MoveWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    study_instance_uid: str = Field(max_length=128)
    to: PatientWanted
    reason: str = _REASON


class MergeWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    patient: PatientWanted
    into: PatientWanted
    reason: str = _REASON


class UndoWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=2000)


@dataclass(frozen=True)
class CorrectionRow:
    """kind  `correct` (also a study moved) or `merge`; patient_id  of a merge: whose studies."""

    decision_id: str
    at: datetime
    actor: str
    reason: str
    kind: str
    study_instance_uid: str | None
    patient_id: str | None
    attributes: Mapping[str, str]
    undone: bool


@dataclass(frozen=True)
class CorrectionList:
    corrections: tuple[CorrectionRow, ...]


class CorrectionRoutes:
    """The routes of `/api/corrections`."""

    def __init__(self, *, corrections: Corrections, access: Access) -> None:
        self._corrections = corrections
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/corrections", tags=["corrections"])
        row = CorrectionRow
        router.add_api_route("", self.made, methods=["GET"], response_model=CorrectionList)
        router.add_api_route("", self.correct, methods=["POST"], response_model=row)
        router.add_api_route("/move", self.move, methods=["POST"], response_model=row)
        router.add_api_route("/merge", self.merge, methods=["POST"], response_model=row)
        router.add_api_route("/{decision_id}/undo", self.undo, methods=["POST"], status_code=204)
        return router

    def made(self, request: Request, study: str | None = None) -> Response:
        """Corrections and merges, oldest first, also those undone."""
        scope = self._access.scope_of(request)
        found = self._corrections.made(scope, study_instance_uid=study)
        return json_answer(CorrectionList(tuple(map(_row, found))))

    def correct(self, request: Request, wanted: CorrectionWanted) -> Response:
        """Lay values over a study and its patient."""
        scope = self._access.scope_of(request)
        return _answer(
            self._corrections.correct(
                wanted.study_instance_uid, wanted.attributes, scope, reason=wanted.reason
            )
        )

    def move(self, request: Request, wanted: MoveWanted) -> Response:
        """Give a study to another patient."""
        scope = self._access.scope_of(request)
        study, to = wanted.study_instance_uid, _patient(wanted.to)
        return _answer(self._corrections.move(study, to, scope, reason=wanted.reason))

    def merge(self, request: Request, wanted: MergeWanted) -> Response:
        """All studies of a patient, those to come as well, belong to another."""
        scope = self._access.scope_of(request)
        patient, into = _patient(wanted.patient), _patient(wanted.into)
        return _answer(self._corrections.merge(patient, into, scope, reason=wanted.reason))

    def undo(
        self, request: Request, decision_id: str, wanted: UndoWanted | None = None
    ) -> Response:
        """Take a correction, a move or a merge back."""
        scope = self._access.scope_of(request)
        self._corrections.undo(decision_id, scope, reason=wanted.reason if wanted else "")
        return no_content()


def _patient(wanted: PatientWanted) -> PatientName:
    return PatientName(wanted.patient_id, wanted.issuer_of_patient_id)


def _answer(decision: Decision) -> Response:
    return json_answer(_row(Decided(decision)))


def _row(made: Decided) -> CorrectionRow:
    decision = made.decision
    body = decision.body
    return CorrectionRow(
        decision_id=decision.decision_id,
        at=decision.at,
        actor=decision.actor,
        reason=decision.reason,
        kind=decision.kind,
        study_instance_uid=decision.study_instance_uid,
        patient_id=body.patient_id if isinstance(body, Merge) else None,
        attributes=body.attributes if isinstance(body, Correct | Merge) else {},
        undone=made.undone_by is not None,
    )

"""Two contents under one UID, for a person to judge: `/api/conflicts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.conflicts import Comparison, Conflicts
from pacs.ledger import Decision, Split
from pacs.storage.interfaces import Conflict, Sender
from pacs.web.access import Access
from pacs.web.api.answers import json_answer


class Resolution(BaseModel):
    """Why it was decided so; may be empty. new_study  of a split: under a new study, too."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=2000)
    new_study: bool = False


@dataclass(frozen=True)
class SideRow:
    """One of the two contents."""

    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    size_bytes: int
    received_at: datetime
    how: str
    sender: str
    address: str | None


@dataclass(frozen=True)
class ConflictRow:
    conflict_id: int
    sop_instance_uid: str
    present: SideRow
    newcomer: SideRow


@dataclass(frozen=True)
class ConflictList:
    conflicts: tuple[ConflictRow, ...]


@dataclass(frozen=True)
class DifferenceRow:
    tag: str
    keyword: str
    present: str | None
    newcomer: str | None


@dataclass(frozen=True)
class ComparisonRow:
    """same_pixels  null when there are none to compare; trouble  what kept us from comparing."""

    conflict: ConflictRow
    differences: tuple[DifferenceRow, ...]
    same_pixels: bool | None
    trouble: str | None


@dataclass(frozen=True)
class ResolutionRow:
    """sop_instance_uid  of a split: under which UID the newcomer lives now."""

    decision_id: str
    sop_instance_uid: str | None


class ConflictRoutes:
    """The routes of `/api/conflicts`."""

    def __init__(self, *, conflicts: Conflicts, access: Access) -> None:
        self._conflicts = conflicts
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/conflicts", tags=["conflicts"])
        router.add_api_route("", self.waiting, methods=["GET"], response_model=ConflictList)
        one = "/{conflict_id}"
        router.add_api_route(one, self.compare, methods=["GET"], response_model=ComparisonRow)
        for name, resolve in (
            ("keep", self.keep),
            ("replace", self.replace),
            ("split", self.split),
        ):
            router.add_api_route(
                f"{one}/{name}", resolve, methods=["POST"], response_model=ResolutionRow
            )
        router.add_api_route(
            "/undo/{decision_id}", self.undo, methods=["POST"], response_model=ResolutionRow
        )
        return router

    def waiting(self, request: Request) -> Response:
        """Those nobody has decided, oldest first."""
        found = self._conflicts.waiting(self._access.scope_of(request))
        return json_answer(ConflictList(tuple(map(_row, found))))

    def compare(self, request: Request, conflict_id: int) -> Response:
        """Both sides, and what is different."""
        compared = self._conflicts.compare(conflict_id, self._access.scope_of(request))
        return json_answer(_comparison(compared))

    def keep(
        self, request: Request, conflict_id: int, wanted: Resolution | None = None
    ) -> Response:
        """What is served stays."""
        scope, reason = self._access.scope_of(request), _reason(wanted)
        return _resolved(self._conflicts.keep(conflict_id, scope, reason=reason))

    def replace(
        self, request: Request, conflict_id: int, wanted: Resolution | None = None
    ) -> Response:
        """The newcomer is served from now on."""
        scope, reason = self._access.scope_of(request), _reason(wanted)
        return _resolved(self._conflicts.replace(conflict_id, scope, reason=reason))

    def split(
        self, request: Request, conflict_id: int, wanted: Resolution | None = None
    ) -> Response:
        """The newcomer becomes an instance of its own under new UIDs."""
        scope, new_study = self._access.scope_of(request), bool(wanted and wanted.new_study)
        return _resolved(
            self._conflicts.split(conflict_id, scope, reason=_reason(wanted), new_study=new_study)
        )

    def undo(
        self, request: Request, decision_id: str, wanted: Resolution | None = None
    ) -> Response:
        """Take a resolution back; the conflict is open again."""
        scope = self._access.scope_of(request)
        return _resolved(self._conflicts.undo(decision_id, scope, reason=_reason(wanted)))


def _reason(wanted: Resolution | None) -> str:
    return wanted.reason if wanted is not None else ""


def _resolved(decision: Decision) -> Response:
    body = decision.body
    uid = body.sop_instance_uid if isinstance(body, Split) else None
    return json_answer(ResolutionRow(decision.decision_id, uid))


def _comparison(compared: Comparison) -> ComparisonRow:
    differences = (
        DifferenceRow(f"{one.tag:08X}", one.keyword, one.present, one.newcomer)
        for one in compared.differences
    )
    return ComparisonRow(
        _row(compared.conflict), tuple(differences), compared.same_pixels, compared.trouble
    )


def _row(conflict: Conflict) -> ConflictRow:
    present, names = conflict.existing, conflict.newcomer_identity
    return ConflictRow(
        conflict_id=conflict.conflict_id,
        sop_instance_uid=present.identity.sop_instance_uid,
        present=SideRow(
            present.identity.study_instance_uid,
            present.identity.series_instance_uid,
            present.transfer_syntax_uid,
            present.stored.size_bytes,
            present.received,
            *_sender(present.sender),
        ),
        newcomer=SideRow(
            names.study_instance_uid,
            names.series_instance_uid,
            conflict.transfer_syntax_uid,
            conflict.newcomer.size_bytes,
            conflict.received,
            *_sender(conflict.sender),
        ),
    )


def _sender(sender: Sender) -> tuple[str, str, str | None]:
    return sender.how, sender.actor, sender.address

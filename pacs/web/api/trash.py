"""What was deleted: shown, and brought back, to and by those who may delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from pacs.archive.removal import Removal, Trashed
from pacs.web.access import Access
from pacs.web.api.answers import json_answer, no_content


class Restoration(BaseModel):
    """Why something comes back; may be empty."""

    model_config = ConfigDict(extra="forbid")

    reason: str = ""


@dataclass(frozen=True)
class TrashRow:
    """One deletion. decision_id  names it when it is taken back."""

    decision_id: str
    at: datetime
    actor: str
    reason: str
    study_instance_uid: str | None
    instance_count: int
    size_bytes: int


@dataclass(frozen=True)
class TrashContent:
    deletions: Sequence[TrashRow]


class Trash:
    """The routes of `/api/trash`."""

    def __init__(self, *, removal: Removal, access: Access) -> None:
        self._removal = removal
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/trash", tags=["trash"])
        router.add_api_route("", self.show, methods=["GET"], response_model=TrashContent)
        router.add_api_route(
            "/{decision_id}/restore", self.restore, methods=["POST"], status_code=204
        )
        return router

    def show(self, request: Request) -> Response:
        """What lies in the trash, newest deletion first."""
        lying = self._removal.trash(self._access.scope_of(request))
        return json_answer(TrashContent([_row(one) for one in reversed(lying)]))

    def restore(
        self, request: Request, decision_id: str, wanted: Restoration | None = None
    ) -> Response:
        """Bring back what one deletion put into the trash."""
        scope = self._access.scope_of(request)
        self._removal.undo(decision_id, scope, reason=wanted.reason if wanted else "")
        return no_content()


def _row(one: Trashed) -> TrashRow:
    decision = one.decision
    return TrashRow(
        decision.decision_id,
        decision.at,
        decision.actor,
        decision.reason,
        decision.study_instance_uid,
        one.instance_count,
        one.size_bytes,
    )

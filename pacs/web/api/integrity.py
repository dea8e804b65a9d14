"""What is wrong and not mended, and how far the scrub is: `/api/integrity`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from pacs.archive.integrity import Integrity
from pacs.archive.scrub import Scrub
from pacs.web.access import Access
from pacs.web.api.answers import json_answer


@dataclass(frozen=True)
class FindingRow:
    """seen_at  when it was last true."""

    kind: str
    subject: str
    sop_instance_uid: str | None
    sentence: str
    found_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class IntegrityState:
    """last_read  when everything had last been read; reading_at  the object that comes next."""

    findings: tuple[FindingRow, ...]
    is_scrubbing: bool
    last_read: datetime | None
    reading_at: str | None


class IntegrityRoutes:
    """The route `/api/integrity`."""

    def __init__(self, *, integrity: Integrity, scrub: Scrub | None, access: Access) -> None:
        self._integrity = integrity
        self._scrub = scrub
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(tags=["integrity"])
        router.add_api_route(
            "/integrity", self.show, methods=["GET"], response_model=IntegrityState
        )
        return router

    def show(self, request: Request) -> Response:
        """For administrators."""
        noted = self._integrity.findings(self._access.scope_of(request))
        state = self._scrub.state() if self._scrub is not None else None
        rows = (
            FindingRow(
                one.finding.kind.value,
                one.finding.subject,
                one.finding.sop_instance_uid,
                one.finding.sentence,
                one.found,
                one.seen,
            )
            for one in noted
        )
        return json_answer(
            IntegrityState(
                findings=tuple(rows),
                is_scrubbing=state is not None,
                last_read=state.finished if state else None,
                reading_at=(state.after or None) if state else None,
            )
        )

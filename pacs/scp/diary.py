"""What happened on one association: counted while it lasts, told in one log line at the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from pacs.associations import Cause, FailedAssociation
from pacs.scp.admission import Refusal, Request

log = structlog.get_logger(__name__)


@dataclass
class Diary:
    """address  where the connection came from, known before anything else is."""

    address: str = ""
    request: Request | None = None
    refusal: Refusal | None = None
    has_contexts: bool = False
    trouble: str = ""
    failures: int = 0
    _requests: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)

    def count(self, request_name: str, *, failed: bool) -> None:
        """One more request was answered."""
        self._requests[request_name] += 1
        self.failures += failed

    def note_trouble(self, why: str) -> None:
        """The first trouble is the cause of those that follow."""
        self.trouble = self.trouble or why

    def log_outcome(self, *, released: bool) -> None:
        """One line, whatever became of the connection."""
        if self.request is None:
            log.info("connection without association", why=self.trouble, **self.whence())
        elif self.refusal is not None:
            log.info("association refused", why=self.refusal.why, **self.whence())
        else:
            log.info(
                "association ended",
                how="released" if released else "aborted",
                why=self.trouble,
                failed=self.failures,
                duration_ms=round(1000 * (time.monotonic() - self._began)),
                **self._requests,
                **self.whence(),
            )

    def failure(self, at: datetime) -> FailedAssociation | None:
        """What the administrator should hear of, or None when all went well."""
        cause = self._cause()
        if cause is None or self.request is None:
            return None
        return FailedAssociation(
            at=at,
            cause=cause,
            calling_ae_title=self.request.calling_ae_title.strip(),
            called_ae_title=self.request.called_ae_title.strip(),
            address=self.address,
            wanted=", ".join(dict.fromkeys(self.request.wanted)),
            detail=self.trouble,
        )

    def _cause(self) -> Cause | None:
        if self.refusal is not None:
            return self.refusal.cause
        if not self.has_contexts:
            return Cause.NOTHING_IN_COMMON
        return Cause.BROKEN_OFF if self.trouble else None

    def whence(self) -> dict[str, str]:
        """Who it was, for any log line."""
        title = self.request.calling_ae_title.strip() if self.request else ""
        return {"calling_ae_title": title, "address": self.address}

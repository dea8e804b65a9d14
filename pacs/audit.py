"""Who touched which patient's images, and how it ended. PS3.15 A.5."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pacs.scope import Scope


class Action(enum.StrEnum):
    """What was done, in the archive's words."""

    STORE = "store"
    QUERY = "query"
    RETRIEVE = "retrieve"
    EXPORT = "export"
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    CHANGE = "change"
    DELETE = "delete"
    REFUSE = "refuse"


class Outcome(enum.StrEnum):
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class AuditEvent:
    """One thing that happened. `details` are UIDs, counts and words, never pixels.

    study_instance_uid, patient_id  what it was about, where that is known.
    """

    at: datetime
    action: Action
    outcome: Outcome
    scope: Scope
    study_instance_uid: str | None = None
    patient_id: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)


class AuditTrail(Protocol):
    """Keeps events, in order, for ever."""

    def record(self, event: AuditEvent) -> None:
        """Durable when it returns. Raises IndexUnavailable."""
        ...

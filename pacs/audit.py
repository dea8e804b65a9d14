"""Who touched which patient's images, and how it ended. PS3.15 A.5."""

from __future__ import annotations

import enum
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pacs.errors import IndexUnavailable
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


_LOOKING = frozenset({Action.QUERY, Action.RETRIEVE})


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


class Auditor:
    """Writes the trail for the engines: study by study, and not once per image.

    The first touch of a study by one session and action is recorded before it takes effect; what
    follows within `window` belongs to the same record. Safe to call from several threads.

    While the trail cannot be written, as on a full disk, pictures are shown all the same: somebody
    may be in an operating theatre. Such events are owed, and written as soon as others are.
    """

    _REMEMBERED = 10_000
    _MOST_OWED = 10_000

    def __init__(
        self,
        trail: AuditTrail,
        *,
        now: Callable[[], datetime],
        window: timedelta = timedelta(minutes=15),
    ) -> None:
        self._trail = trail
        self._now = now
        self._window = window
        self._touched: OrderedDict[tuple[str, str | None, Action, str], datetime] = OrderedDict()
        self._lock = threading.Lock()
        self._owed: deque[AuditEvent] = deque()
        self._paying = threading.Lock()

    @property
    def owed(self) -> int:
        """How many events happened that are not in the trail yet."""
        return len(self._owed)

    def touch(
        self,
        scope: Scope,
        action: Action,
        study_instance_uid: str,
        *,
        patient_id: str | None = None,
        details: Mapping[str, str | int] | None = None,
    ) -> None:
        """Record that the scope did this to the study, unless it just did."""
        key = (scope.actor, scope.session, action, study_instance_uid)
        if self._was_touched(key):
            return
        self.record(
            scope,
            action,
            study_instance_uid=study_instance_uid,
            patient_id=patient_id,
            details=details,
        )
        self._remember(key)

    def record(
        self,
        scope: Scope,
        action: Action,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        study_instance_uid: str | None = None,
        patient_id: str | None = None,
        details: Mapping[str, str | int] | None = None,
    ) -> None:
        """Write one event. Durable when this returns, or owed when it was about looking.

        Raises IndexUnavailable.
        """
        event = AuditEvent(
            at=self._now(),
            action=action,
            outcome=outcome,
            scope=scope,
            study_instance_uid=study_instance_uid,
            patient_id=patient_id,
            details=details or {},
        )
        try:
            self._trail.record(event)
        except IndexUnavailable:
            if action not in _LOOKING or len(self._owed) >= self._MOST_OWED:
                raise
            self._owed.append(event)
            return
        self._pay()

    def _pay(self) -> None:
        """Write what is owed, oldest first, as far as that works now."""
        if not self._owed or not self._paying.acquire(blocking=False):
            return
        try:
            while self._owed:
                self._trail.record(self._owed[0])
                self._owed.popleft()
        except IndexUnavailable:
            return
        finally:
            self._paying.release()

    def _was_touched(self, key: tuple[str, str | None, Action, str]) -> bool:
        with self._lock:
            last = self._touched.get(key)
        return last is not None and self._now() - last < self._window

    def _remember(self, key: tuple[str, str | None, Action, str]) -> None:
        with self._lock:
            self._touched[key] = self._now()
            self._touched.move_to_end(key)
            while len(self._touched) > self._REMEMBERED:
                self._touched.popitem(last=False)

"""Who touched which patient's images, and how it ended. PS3.15 A.5."""

from __future__ import annotations

import enum
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from pacs.errors import ArchiveError, IndexUnavailable
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


@dataclass(frozen=True)
class _Refusals:
    """How often somebody was refused for one kind of reason since then."""

    since: datetime
    times: int = 0


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
    _TOLD_ONE_BY_ONE = 10

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
        self._refused: OrderedDict[tuple[str, str | None, str], _Refusals] = OrderedDict()
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

    def refuse(self, scope: Scope, action: Action, refused: ArchiveError) -> None:
        """Record that the scope was refused, so that a flood of refusals is not a flood of rows.

        Of one session and kind of refusal the first few are told one by one, then at each doubling,
        with how many there were so far. Raises IndexUnavailable.
        """
        times = self._count_refusal((scope.actor, scope.session, type(refused).__name__))
        few = times <= self._TOLD_ONE_BY_ONE
        if few or times & (times - 1) == 0:
            why = {"why": str(refused)}
            details: Mapping[str, str | int] = why if few else {**why, "times": times}
            self.record(scope, action, Outcome.FAILURE, details=details)

    def _count_refusal(self, key: tuple[str, str | None, str]) -> int:
        now = self._now()
        with self._lock:
            known = self._refused.pop(key, None)
            if known is None or now - known.since >= self._window:
                known = _Refusals(now)
            self._refused[key] = counted = replace(known, times=known.times + 1)
            while len(self._refused) > self._REMEMBERED:
                self._refused.popitem(last=False)
        return counted.times

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

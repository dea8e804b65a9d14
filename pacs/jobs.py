"""The promise that work to be done later is remembered, and the values it is remembered as.

A job is about a study, a series or a peer, never about one instance. Of each kind and subject at
most one waits; what comes while one is under way waits behind it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class JobState(enum.StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class Job:
    """One piece of work.

    subject   what it is about, for people as well, without patient data.
    payload   JSON for whoever does the work.
    due       when it is tried (again), while it waits.
    attempts  how often it was begun.
    done, total  how far it is, counted in what the kind counts; total 0: not known.
    last_error   why the last attempt did not succeed.
    """

    job_id: int
    kind: str
    subject: str
    payload: str
    state: JobState
    created: datetime
    due: datetime
    finished: datetime | None
    attempts: int
    done: int
    total: int
    last_error: str | None


@dataclass(frozen=True)
class NewJob:
    kind: str
    subject: str
    payload: str
    due: datetime


class JobStore(Protocol):
    """Remembers jobs. What a call wrote is durable on return. IndexUnavailable from all methods.

    by  names the process that works; `until` is when others may think that it died.
    """

    def enqueue(self, job: NewJob, now: datetime) -> bool:
        """False when one of this kind and subject waits already: then nothing was changed."""
        ...

    def claim(self, kinds: Sequence[str], *, by: str, now: datetime, until: datetime) -> Job | None:
        """The next due job of these kinds, now RUNNING and counted as one more attempt.

        Of several who ask at once each gets another. Also one whose claim has run out.
        Never one whose kind and subject are under way elsewhere.
        """
        ...

    def renew(self, *, by: str, until: datetime) -> None:
        """Prolong all claims of this process."""
        ...

    def progress(self, job_id: int, *, by: str, done: int, total: int) -> bool:
        """Note how far it is. False when the job is not ours any more, or was cancelled."""
        ...

    def finish(
        self, job_id: int, *, by: str, state: JobState, error: str | None, now: datetime
    ) -> None:
        """End a job of ours; nothing happens when it is not ours any more."""
        ...

    def postpone(
        self, job_id: int, *, by: str, due: datetime, error: str | None, counts: bool = True
    ) -> None:
        """Let a job of ours wait again, or forget it when an equal one waits already.

        counts  False: the attempt was interrupted by us and is not counted.
        """
        ...

    def jobs(
        self, *, kinds: Sequence[str] = (), states: Sequence[JobState] = (), limit: int = 100
    ) -> Sequence[Job]:
        """The newest first; no kinds, no states: all."""
        ...

    def job(self, job_id: int) -> Job | None: ...

    def retry(self, job_id: int, now: datetime) -> bool:
        """Let a waiting job be due at once, or an ended one wait again. False: not possible."""
        ...

    def cancel(self, job_id: int, now: datetime) -> bool:
        """End a job that waits or runs. False when there is none such."""
        ...

    def cancel_waiting(self, kind: str, subject: str, now: datetime) -> bool:
        """End what waits under this name. False when nothing does."""
        ...

    def forget_ended(self, before: datetime) -> int:
        """Remove what ended before; how many."""
        ...

"""Works through remembered jobs: tries again what may succeed later, and tells what will not.

Who calls it, how often and in how many threads is not its affair; what the work is neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from pacs.errors import ArchiveError, TryAgain
from pacs.jobs import Job, JobState, JobStore, NewJob

_FORGET_AFTER = timedelta(days=30)
_TELL_EVERY = timedelta(seconds=1)


class Interrupted(Exception):
    """The job was cancelled, taken over, or the archive stops; raised through the handler."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a job waits after each attempt that may succeed later, and when it is given up."""

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(days=7)

    def pause(self, attempts: int) -> timedelta:
        """Twice as long each time."""
        doublings = min(max(attempts - 1, 0), 30)
        return min(self.first * (1 << doublings), self.longest)


class Running:
    """A job under way, as its handler sees it."""

    def __init__(self, job: Job, tell: Callable[[int, int], bool]) -> None:
        self.job = job
        self._tell = tell

    @property
    def payload(self) -> Mapping[str, Any]:
        read: Mapping[str, Any] = orjson.loads(self.job.payload)
        return read

    def progress(self, done: int, total: int) -> None:
        """Say how far it is. Raises Interrupted when the work must stop here."""
        if not self._tell(done, total):
            raise Interrupted


Handler = Callable[[Running], None]
"""Does the work. TryAgain: later. Any other ArchiveError: it failed. Must bear being repeated."""


@dataclass(frozen=True)
class JobKind:
    """is_long  it moves whole studies, and may wait long for somebody else."""

    handler: Handler
    policy: RetryPolicy = RetryPolicy()
    is_long: bool = False


class Jobs:
    """Takes jobs on and does them. Safe to call from several threads.

    worker  a name that no other process has.
    lease   for how long a claim holds when it is not renewed: the process may have died.
    """

    def __init__(
        self,
        store: JobStore,
        *,
        worker: str,
        now: Callable[[], datetime],
        lease: timedelta = timedelta(seconds=60),
    ) -> None:
        self._store = store
        self._worker = worker
        self._now = now
        self._lease = lease
        self._kinds: dict[str, JobKind] = {}
        self._stopping = threading.Event()
        self._told: dict[int, datetime] = {}

    @property
    def store(self) -> JobStore:
        return self._store

    def add_kind(self, name: str, kind: JobKind) -> None:
        """Say who does jobs of this kind; to be called before any work begins."""
        self._kinds[name] = kind

    def enqueue(
        self,
        kind: str,
        subject: str,
        payload: Mapping[str, Any],
        *,
        after: timedelta = timedelta(0),
    ) -> bool:
        """Remember work. False when the same waits already. Raises IndexUnavailable."""
        now = self._now()
        text = orjson.dumps(payload).decode()
        return self._store.enqueue(NewJob(kind, subject, text, now + after), now)

    def work(self, *, only_short: bool = False) -> Job | None:
        """Do the next due job; what was done, None when nothing is due. Raises IndexUnavailable.

        only_short  leave the long ones to others, so that these do not take up every thread.
        """
        if self._stopping.is_set():
            return None
        now = self._now()
        kinds = tuple(
            name for name, kind in self._kinds.items() if not (only_short and kind.is_long)
        )
        job = self._store.claim(kinds, by=self._worker, now=now, until=now + self._lease)
        if job is not None:
            self._do(job)
        return job

    def renew(self) -> None:
        """Tell the others that this process lives. Raises IndexUnavailable."""
        self._store.renew(by=self._worker, until=self._now() + self._lease)

    def forget_old(self) -> int:
        """Remove jobs that ended long ago; how many."""
        return self._store.forget_ended(self._now() - _FORGET_AFTER)

    def stop(self) -> None:
        """Let jobs under way end at their next step; they go on after the next start."""
        self._stopping.set()

    def _do(self, job: Job) -> None:
        kind = self._kinds[job.kind]
        try:
            kind.handler(Running(job, lambda done, total: self._tell(job, done, total)))
        except Interrupted:
            self._store.postpone(
                job.job_id, by=self._worker, due=self._now(), error=None, counts=False
            )
        except TryAgain as error:
            self._try_later(job, kind.policy, error)
        except ArchiveError as error:
            self._end(job, JobState.FAILED, error.message)
        except Exception as error:
            # A defect of ours: the job must neither stay claimed nor be tried for ever.
            self._end(job, JobState.FAILED, f"the archive has a defect: {type(error).__name__}")
            raise
        else:
            self._end(job, JobState.DONE, None)
        finally:
            self._told.pop(job.job_id, None)

    def _tell(self, job: Job, done: int, total: int) -> bool:
        now = self._now()
        is_stopping = self._stopping.is_set()
        last = self._told.get(job.job_id)
        if last is not None and now - last < _TELL_EVERY and done < total and not is_stopping:
            return True
        self._told[job.job_id] = now
        is_ours = self._store.progress(job.job_id, by=self._worker, done=done, total=total)
        return is_ours and not is_stopping

    def _try_later(self, job: Job, policy: RetryPolicy, error: TryAgain) -> None:
        now = self._now()
        if now - job.created >= policy.give_up_after:
            self._end(job, JobState.FAILED, error.message)
            return
        due = now + policy.pause(job.attempts)
        self._store.postpone(job.job_id, by=self._worker, due=due, error=error.message)

    def _end(self, job: Job, state: JobState, error: str | None) -> None:
        self._store.finish(job.job_id, by=self._worker, state=state, error=error, now=self._now())

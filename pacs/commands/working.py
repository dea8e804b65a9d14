"""How `pacs serve` does jobs: some threads that each take the next one."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pacs.archive.forwarding import Forwarding
from pacs.archive.jobs import Jobs
from pacs.commands.steps import Background, Step
from pacs.errors import ArchiveError
from pacs.jobs import Job
from pacs.wiring_work import Work

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.5
_FOLLOW_EVERY_S = 1.0
_AFTER_TROUBLE_S = 5.0
_RENEW_EVERY_S = 15.0
_FORGET_EVERY_S = 3600.0


def start_working(work: Work, *, threads: int) -> list[Background]:
    """Start the threads. To stop them: `jobs.stop()`, then each of them."""
    jobs = work.jobs
    working = [
        Background(f"jobs-{number}", _doing(jobs, only_short=number == 1 < threads))
        for number in range(1, threads + 1)
    ]
    renewing = Background("jobs-claims", _repeated(jobs.renew, _RENEW_EVERY_S))
    forgetting = Background("jobs-old", _repeated(jobs.forget_old, _FORGET_EVERY_S))
    following = Background("forwarding", _following(work.forwarding))
    telling = Background("webhooks", _repeated(work.webhooks.follow, _FOLLOW_EVERY_S))
    return [*working, renewing, forgetting, following, telling]


def _doing(jobs: Jobs, *, only_short: bool) -> Step:
    def step() -> float:
        try:
            job = jobs.work(only_short=only_short)
            if job is None:
                return _LOOK_EVERY_S
            _tell(jobs.store.job(job.job_id))
        except ArchiveError as error:
            log.warning("jobs wait", why=error.message)
            return _AFTER_TROUBLE_S
        return 0.0

    return step


def _following(forwarding: Forwarding) -> Step:
    def step() -> float:
        try:
            return 0.0 if forwarding.follow() else _FOLLOW_EVERY_S
        except ArchiveError as error:
            log.warning("forwarding waits", why=error.message)
            return _AFTER_TROUBLE_S

    return step


def _tell(job: Job | None) -> None:
    if job is not None:
        log.info(
            "job",
            kind=job.kind,
            subject=job.subject,
            state=str(job.state),
            attempts=job.attempts,
            why=job.last_error,
        )


def _repeated(call: Callable[[], object], every_s: float) -> Step:
    def step() -> float:
        try:
            call()
        except ArchiveError as error:
            log.warning("jobs wait", why=error.message)
        return every_s

    return step

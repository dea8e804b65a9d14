"""Jobs are done, tried again, given up or failed, as their handlers say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pacs.archive.jobs import JobKind, Jobs, RetryPolicy, Running
from pacs.errors import NotAcceptable, PeerUnreachable
from pacs.jobs import Job, JobState
from pacs.storage.sql_jobs import SqlJobs
from pacs.storage.sql_migrations import open_database

POLICY = RetryPolicy(first=timedelta(seconds=2), longest=timedelta(seconds=8))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(tmp_path: Path, clock: Clock) -> Iterator[Jobs]:
    with closing(open_database(f"sqlite:///{tmp_path / 'pacs.db'}")) as database:
        yield Jobs(SqlJobs(database), worker="here", now=clock)


def only(jobs: Jobs) -> Job:
    [job] = jobs.store.jobs()
    return job


def test_work_is_done_with_what_it_was_given(jobs: Jobs) -> None:
    seen: list[object] = []
    jobs.add_kind("send", JobKind(lambda running: seen.append(running.payload["study"])))
    jobs.enqueue("send", "1.2 > CT1", {"study": "1.2"})

    jobs.work()

    assert seen == ["1.2"]
    assert only(jobs).state is JobState.DONE
    assert jobs.work() is None


def test_what_may_succeed_later_is_tried_again_after_growing_pauses(
    jobs: Jobs, clock: Clock
) -> None:
    def refuse(_: Running) -> None:
        raise PeerUnreachable("CT1 does not answer")

    jobs.add_kind("send", JobKind(refuse, POLICY))
    jobs.enqueue("send", "x", {})
    pauses = []

    for _ in range(4):
        assert jobs.work() is not None
        pauses.append((only(jobs).due - clock.now).total_seconds())
        clock.now = only(jobs).due

    assert pauses == [2, 4, 8, 8]
    assert only(jobs).last_error == "CT1 does not answer"


def test_what_never_succeeds_is_given_up_in_the_end(jobs: Jobs, clock: Clock) -> None:
    def refuse(_: Running) -> None:
        raise PeerUnreachable("CT1 does not answer")

    jobs.add_kind("send", JobKind(refuse, POLICY))
    jobs.enqueue("send", "x", {})

    clock.advance(days=8)
    jobs.work()

    assert only(jobs).state is JobState.FAILED


def test_what_cannot_succeed_fails_at_once_and_says_why(jobs: Jobs) -> None:
    def refuse(_: Running) -> None:
        raise NotAcceptable("CT1 takes no video")

    jobs.add_kind("send", JobKind(refuse))
    jobs.enqueue("send", "x", {})

    jobs.work()

    assert (only(jobs).state, only(jobs).last_error) == (JobState.FAILED, "CT1 takes no video")


def test_a_defect_fails_the_job_and_is_not_hidden(jobs: Jobs) -> None:
    def stumble(_: Running) -> None:
        raise ZeroDivisionError

    jobs.add_kind("send", JobKind(stumble))
    jobs.enqueue("send", "x", {})

    with pytest.raises(ZeroDivisionError):
        jobs.work()

    assert only(jobs).state is JobState.FAILED


def test_a_job_under_way_when_the_archive_stops_waits_for_the_next_start(jobs: Jobs) -> None:
    reached: list[int] = []

    def send(running: Running) -> None:
        for number in range(10):
            reached.append(number)
            if number == 2:
                jobs.stop()
            running.progress(number + 1, 10)

    jobs.add_kind("send", JobKind(send))
    jobs.enqueue("send", "x", {})

    jobs.work()

    assert reached == [0, 1, 2]
    assert (only(jobs).state, only(jobs).done, only(jobs).attempts) == (JobState.WAITING, 3, 0)
    assert jobs.work() is None


def test_long_jobs_leave_a_thread_to_the_short_ones(jobs: Jobs) -> None:
    done: list[str] = []
    jobs.add_kind("send", JobKind(lambda _: done.append("long"), is_long=True))
    jobs.add_kind("report", JobKind(lambda _: done.append("short")))
    jobs.enqueue("send", "x", {})
    jobs.enqueue("report", "x", {})

    while jobs.work(only_short=True) is not None:
        pass

    assert done == ["short"]


def test_cancelling_stops_the_work_at_its_next_step(jobs: Jobs) -> None:
    reached: list[int] = []

    def send(running: Running) -> None:
        for number in range(10):
            reached.append(number)
            jobs.store.cancel(running.job.job_id, datetime.now(UTC))
            running.progress(number + 1, 10)

    jobs.add_kind("send", JobKind(send))
    jobs.enqueue("send", "x", {})

    jobs.work()

    assert reached == [0]
    assert only(jobs).state is JobState.CANCELLED

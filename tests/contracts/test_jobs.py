"""What every JobStore promises, asked of SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pacs.jobs import Job, JobState, NewJob
from pacs.storage.sql_database import Database
from pacs.storage.sql_jobs import SqlJobs

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KINDS = ("send",)


@pytest.fixture
def store(database: Database) -> SqlJobs:
    return SqlJobs(database)


def new(subject: str, *, due: datetime = NOW, payload: str = "{}") -> NewJob:
    return NewJob("send", subject, payload, due)


def claimed(store: SqlJobs, *, by: str = "a", now: datetime = NOW) -> Job:
    job = store.claim(KINDS, by=by, now=now, until=now + timedelta(minutes=1))
    assert job is not None
    return job


def test_a_job_is_claimed_once_and_carries_what_it_was_given(store: SqlJobs) -> None:
    store.enqueue(new("1.2 > CT1", payload='{"study": "1.2"}'), NOW)

    job = claimed(store)

    assert (job.subject, job.payload, job.state) == (
        "1.2 > CT1",
        '{"study": "1.2"}',
        JobState.RUNNING,
    )
    assert job.attempts == 1
    assert store.claim(KINDS, by="b", now=NOW, until=LATER) is None


def test_of_one_kind_and_subject_only_one_waits(store: SqlJobs) -> None:
    assert store.enqueue(new("x"), NOW)

    assert not store.enqueue(new("x"), NOW)
    assert store.enqueue(new("y"), NOW)


def test_what_is_asked_for_again_while_it_is_under_way_waits_until_that_ends(
    store: SqlJobs,
) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)
    assert store.enqueue(new("x"), NOW)

    assert store.claim(KINDS, by="b", now=NOW, until=LATER) is None
    store.finish(job.job_id, by="a", state=JobState.DONE, error=None, now=NOW)

    assert claimed(store, by="b").job_id != job.job_id


def test_a_job_is_not_claimed_before_it_is_due(store: SqlJobs) -> None:
    store.enqueue(new("x", due=LATER), NOW)

    assert store.claim(KINDS, by="a", now=NOW, until=LATER) is None
    assert store.claim(KINDS, by="a", now=LATER, until=LATER) is not None


def test_jobs_of_other_kinds_are_left_to_others(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)

    assert store.claim(("commitment",), by="a", now=NOW, until=LATER) is None


def test_the_job_of_a_process_that_died_is_claimed_by_another(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    first = claimed(store, by="dead")

    second = claimed(store, by="alive", now=NOW + timedelta(minutes=2))

    assert (second.job_id, second.attempts) == (first.job_id, 2)
    assert not store.progress(first.job_id, by="dead", done=1, total=2)


def test_a_renewed_claim_does_not_run_out(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    claimed(store)

    store.renew(by="a", until=NOW + timedelta(minutes=10))

    assert (
        store.claim(KINDS, by="b", now=NOW + timedelta(minutes=5), until=NOW + timedelta(minutes=6))
        is None
    )


def test_a_postponed_job_waits_with_its_reason(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)

    store.postpone(job.job_id, by="a", due=LATER, error="CT1 does not answer")

    [waiting] = store.jobs()
    assert (waiting.state, waiting.due, waiting.last_error) == (
        JobState.WAITING,
        LATER,
        "CT1 does not answer",
    )


def test_a_postponed_job_gives_way_to_an_equal_one_that_waits(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)
    store.enqueue(new("x"), NOW)

    store.postpone(job.job_id, by="a", due=LATER, error="later")

    [waiting] = store.jobs()
    assert (waiting.due, waiting.job_id != job.job_id) == (LATER, True)


def test_an_interrupted_attempt_is_not_counted(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)

    store.postpone(job.job_id, by="a", due=NOW, error=None, counts=False)

    assert claimed(store).attempts == 1


def test_progress_is_seen_by_whoever_lists_jobs(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)

    assert store.progress(job.job_id, by="a", done=3, total=10)

    [seen] = store.jobs(kinds=KINDS, states=[JobState.RUNNING])
    assert (seen.done, seen.total) == (3, 10)


def test_a_cancelled_job_is_not_ours_any_more(store: SqlJobs) -> None:
    store.enqueue(new("x"), NOW)
    job = claimed(store)

    assert store.cancel(job.job_id, NOW)

    assert not store.progress(job.job_id, by="a", done=1, total=1)
    store.finish(job.job_id, by="a", state=JobState.DONE, error=None, now=NOW)
    known = store.job(job.job_id)
    assert known is not None
    assert known.state is JobState.CANCELLED


def test_a_failed_job_can_be_tried_again(store: SqlJobs) -> None:
    store.enqueue(new("x", payload='{"a": 1}'), NOW)
    job = claimed(store)
    store.finish(job.job_id, by="a", state=JobState.FAILED, error="refused", now=NOW)

    assert store.retry(job.job_id, NOW)

    assert claimed(store).payload == '{"a": 1}'


def test_ended_jobs_are_forgotten_after_a_time_and_others_are_not(store: SqlJobs) -> None:
    store.enqueue(new("old"), NOW)
    job = claimed(store)
    store.finish(job.job_id, by="a", state=JobState.DONE, error=None, now=NOW)
    store.enqueue(new("waiting"), NOW)

    assert store.forget_ended(NOW) == 0
    assert store.forget_ended(LATER) == 1
    assert [job.subject for job in store.jobs()] == ["waiting"]


def test_several_that_claim_at_once_get_each_job_exactly_once(store: SqlJobs) -> None:
    for number in range(20):
        store.enqueue(new(f"study {number}"), NOW)
    got: list[str] = []

    def work(name: str) -> None:
        while (job := store.claim(KINDS, by=name, now=NOW, until=LATER)) is not None:
            got.append(job.subject)

    threads = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(got) == sorted(f"study {number}" for number in range(20))

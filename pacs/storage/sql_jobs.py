"""Jobs in an SQL table, claimed by one process at a time: the JobStore."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update

from pacs.jobs import ENDED, Job, JobState, NewJob
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_statement
from pacs.storage.sql_values import clean_text
from pacs.storage.sql_work_tables import jobs

_WAITING = jobs.c.state == JobState.WAITING.value
_RUNNING = jobs.c.state == JobState.RUNNING.value


class SqlJobs:
    """The JobStore. PostgreSQL skips what others hold; SQLite has one writer at a time anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, job: NewJob, now: datetime) -> bool:
        values = {
            "kind": job.kind,
            "subject": job.subject,
            "payload": job.payload,
            "state": JobState.WAITING.value,
            "created": now,
            "due": job.due,
        }
        with self._database.writing() as connection:
            statement = insert_statement(connection, jobs).values(values).on_conflict_do_nothing()
            return connection.execute(statement.returning(jobs.c.id)).first() is not None

    def claim(self, kinds: Sequence[str], *, by: str, now: datetime, until: datetime) -> Job | None:
        other = jobs.alias()
        under_way = exists().where(
            other.c.kind == jobs.c.kind,
            other.c.subject == jobs.c.subject,
            other.c.state == JobState.RUNNING.value,
        )
        free = or_(
            and_(_WAITING, jobs.c.due <= now, ~under_way),
            and_(_RUNNING, jobs.c.claimed_until < now),
        )
        wanted = (free, jobs.c.kind.in_(kinds))
        with self._database.reading() as connection:
            # Who looks for work every half second must not take the writer's place each time.
            if not connection.execute(select(exists().where(*wanted))).scalar():
                return None
        chosen = (
            select(jobs.c.id)
            .where(*wanted)
            .order_by(jobs.c.due, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(jobs)
            .where(jobs.c.id == chosen.scalar_subquery())
            .values(
                state=JobState.RUNNING.value,
                attempts=jobs.c.attempts + 1,
                claimed_by=by,
                claimed_until=until,
            )
            .returning(jobs)
        )
        with self._database.writing() as connection:
            row = connection.execute(statement).first()
        return _job(row) if row else None

    def renew(self, *, by: str, until: datetime) -> None:
        self._update(_RUNNING, jobs.c.claimed_by == by, claimed_until=until)

    def progress(self, job_id: int, *, by: str, done: int, total: int) -> bool:
        return self._update(*_ours(job_id, by), done=done, total=total) > 0

    def finish(
        self, job_id: int, *, by: str, state: JobState, error: str | None, now: datetime
    ) -> None:
        self._update(
            *_ours(job_id, by),
            state=state.value,
            finished=now,
            last_error=clean_text(error),
            claimed_by=None,
            claimed_until=None,
        )

    def postpone(
        self, job_id: int, *, by: str, due: datetime, error: str | None, counts: bool = True
    ) -> None:
        changes: dict[str, Any] = {} if counts else {"attempts": jobs.c.attempts - 1}
        with self._database.writing() as connection:
            mine = connection.execute(select(jobs).where(*_ours(job_id, by))).first()
            if mine is None:
                return
            equal = (_WAITING, jobs.c.kind == mine.kind, jobs.c.subject == mine.subject)
            if connection.execute(select(exists().where(*equal))).scalar():
                # What waits was asked for later and covers it; it shall wait as long.
                connection.execute(update(jobs).where(*equal).values(due=due))
                connection.execute(delete(jobs).where(jobs.c.id == job_id))
                return
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(
                    state=JobState.WAITING.value,
                    due=due,
                    last_error=clean_text(error),
                    claimed_by=None,
                    claimed_until=None,
                    **changes,
                )
            )

    def jobs(
        self, *, kinds: Sequence[str] = (), states: Sequence[JobState] = (), limit: int = 100
    ) -> Sequence[Job]:
        statement = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        if kinds:
            statement = statement.where(jobs.c.kind.in_(kinds))
        if states:
            statement = statement.where(jobs.c.state.in_([state.value for state in states]))
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def job(self, job_id: int) -> Job | None:
        with self._database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        return _job(row) if row else None

    def retry(self, job_id: int, now: datetime) -> bool:
        known = self.job(job_id)
        if known is None or known.state is JobState.RUNNING:
            return False
        if known.state is JobState.WAITING:
            return self._update(jobs.c.id == job_id, _WAITING, due=now) > 0
        return self.enqueue(NewJob(known.kind, known.subject, known.payload, now), now)

    def cancel(self, job_id: int, now: datetime) -> bool:
        changed = self._update(
            jobs.c.id == job_id,
            or_(_WAITING, _RUNNING),
            state=JobState.CANCELLED.value,
            finished=now,
            claimed_by=None,
            claimed_until=None,
        )
        return changed > 0

    def cancel_waiting(self, kind: str, subject: str, now: datetime) -> bool:
        changed = self._update(
            _WAITING,
            jobs.c.kind == kind,
            jobs.c.subject == subject,
            state=JobState.CANCELLED.value,
            finished=now,
        )
        return changed > 0

    def forget_ended(self, before: datetime) -> int:
        ended = jobs.c.state.in_([state.value for state in ENDED])
        with self._database.writing() as connection:
            done = connection.execute(delete(jobs).where(ended, jobs.c.finished < before))
        return int(done.rowcount)

    def _update(self, *conditions: ColumnElement[bool], **values: Any) -> int:
        with self._database.writing() as connection:
            done = connection.execute(update(jobs).where(*conditions).values(**values))
        return int(done.rowcount)


def _ours(job_id: int, by: str) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == job_id, _RUNNING, jobs.c.claimed_by == by


def _job(row: Row[Any]) -> Job:
    return Job(
        job_id=row.id,
        kind=row.kind,
        subject=row.subject,
        payload=row.payload,
        state=JobState(row.state),
        created=row.created,
        due=row.due,
        finished=row.finished,
        attempts=row.attempts,
        done=row.done,
        total=row.total,
        last_error=row.last_error,
    )

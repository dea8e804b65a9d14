"""A database that is slow, stopped, gone or full costs an answer, never a row or a thread."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from pacs.errors import IndexUnavailable
from pacs.storage.interfaces import AddResult
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_migrations import migrate, open_database
from tests.contracts.records import new_uid, record

DEADLINE_S = 1.0
PATIENCE_S = 30.0


@contextmanager
def opened(url: str) -> Iterator[tuple[Database, SqlInstanceIndex]]:
    with (
        closing(open_database(url, deadline_s=DEADLINE_S)) as database,
        closing(SqlInstanceIndex(database)) as index,
    ):
        yield database, index


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'pacs.db'}"


@pytest.fixture
def migrated_url(postgresql_url: str) -> str:
    migrate(postgresql_url)
    return postgresql_url


def server_processes(url: str) -> list[int]:
    """The PostgreSQL processes that serve this program's connections to the database."""
    target = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(target, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'pacs'"
        ).fetchall()
    return [row[0] for row in rows]


def eventually(act: Callable[[], object]) -> object:
    """The result of `act` once the index is available again; each attempt waits on the database."""
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except IndexUnavailable:
            if time.monotonic() > limit:
                raise


@contextmanager
def stopped(processes: list[int]) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_a_cut_connection_is_replaced(migrated_url: str) -> None:
    with opened(migrated_url) as (_, index):
        added = record()
        index.add(added)
        for process in server_processes(migrated_url):
            os.kill(process, signal.SIGTERM)

        result = eventually(lambda: index.add(record()))
        found = eventually(lambda: index.find(added.identity.sop_instance_uid))

    assert result is not None
    assert found is not None


def test_a_server_that_stands_still_makes_reading_unavailable(migrated_url: str) -> None:
    with opened(migrated_url) as (_, index):
        added = record()
        index.add(added)

        with (
            stopped(server_processes(migrated_url)),
            pytest.raises(IndexUnavailable),
        ):
            index.find(added.identity.sop_instance_uid)

        assert eventually(lambda: index.find(added.identity.sop_instance_uid)) is not None


def test_a_server_that_stands_still_makes_writing_unavailable(migrated_url: str) -> None:
    with opened(migrated_url) as (_, index):
        index.add(record())

        with (
            stopped(server_processes(migrated_url)),
            pytest.raises(IndexUnavailable),
        ):
            index.add(record())

        assert eventually(lambda: index.add(record())) is not None


def test_a_locked_row_makes_the_index_unavailable_and_writes_nothing(migrated_url: str) -> None:
    study = new_uid()
    late = record(study=study)
    with opened(migrated_url) as (_, index):
        index.add(record(study=study))
        target = migrated_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(target) as rival:
            rival.execute("SELECT * FROM studies FOR UPDATE")

            with pytest.raises(IndexUnavailable):
                index.add(late)

        assert index.find(late.identity.sop_instance_uid) is None
        assert index.add(late).result is AddResult.ADDED


def test_a_sqlite_file_that_another_program_writes_is_waited_for(
    sqlite_url: str, tmp_path: Path
) -> None:
    with opened(sqlite_url) as (_, index):
        rival = sqlite3.connect(tmp_path / "pacs.db", isolation_level=None)
        with closing(rival), ThreadPoolExecutor(1) as pool:
            rival.execute("BEGIN IMMEDIATE")
            waiting = pool.submit(index.add, record())
            rival.execute("COMMIT")
            assert waiting.result().result is AddResult.ADDED


def test_a_sqlite_file_that_stays_locked_makes_the_index_unavailable(
    sqlite_url: str, tmp_path: Path
) -> None:
    late = record()
    with opened(sqlite_url) as (_, index):
        rival = sqlite3.connect(tmp_path / "pacs.db", isolation_level=None)
        with closing(rival):
            rival.execute("BEGIN IMMEDIATE")
            with pytest.raises(IndexUnavailable):
                index.add(late)
            rival.execute("ROLLBACK")

        assert eventually(lambda: index.add(record())) is not None


def test_a_writer_that_does_not_end_does_not_hold_the_others_for_ever(sqlite_url: str) -> None:
    with opened(sqlite_url) as (database, _), ThreadPoolExecutor(1) as pool:

        def write() -> None:
            with database.writing():
                raise AssertionError("two wrote at once")

        with database.writing():
            waiting = pool.submit(write)
            with pytest.raises(IndexUnavailable):
                waiting.result()


def test_a_full_disk_refuses_and_recovers(sqlite_url: str) -> None:
    with opened(sqlite_url) as (database, index):
        index.add(record())
        with _page_limit(database):
            refused = _add_until_refused(index)

        assert index.find(refused) is None
        assert index.add(record(instance=refused)).result is AddResult.ADDED


@contextmanager
def _page_limit(database: Database) -> Iterator[None]:
    """Let the file grow no more: SQLite then says what it says on a full disk."""
    with database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    try:
        yield
    finally:
        with database.reading() as connection:
            connection.execute(text("PRAGMA max_page_count = 1073741823"))


def _add_until_refused(index: SqlInstanceIndex) -> str:
    for _ in range(1000):
        one = record(StudyDescription="d" * 4000)
        try:
            index.add(one)
        except IndexUnavailable:
            return one.identity.sop_instance_uid
    raise AssertionError("the file grew although it must not")


# --- the committer -----------------------------------------------------------------------------


@pytest.fixture
def committer(database: Database) -> Iterator[Committer]:
    with closing(Committer(database)) as opened_committer:
        yield opened_committer


def test_one_bad_item_does_not_fail_the_others(committer: Committer) -> None:
    release = threading.Event()

    def write(_: Connection, items: Sequence[object]) -> Sequence[str]:
        if items == ["first"]:
            release.wait()
        if "bad" in items:
            raise ValueError("bad")
        return [f"{item} written" for item in items]

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(committer.write, write, "first")
        others = [pool.submit(committer.write, write, item) for item in ("good", "bad", "fine")]
        release.set()

        assert first.result() == "first written"
        assert others[0].result() == "good written"
        assert others[2].result() == "fine written"
        with pytest.raises(ValueError, match="bad"):
            others[1].result()


def test_what_waits_too_long_is_taken_back(sqlite_url: str) -> None:
    written: list[object] = []
    started, release = threading.Event(), threading.Event()

    def write(_: Connection, items: Sequence[object]) -> Sequence[object]:
        if items == ["slow"]:
            started.set()
            release.wait()
        written.extend(items)
        return items

    with (
        closing(open_database(sqlite_url, deadline_s=DEADLINE_S)) as database,
        closing(Committer(database)) as committer,
        ThreadPoolExecutor(2) as pool,
    ):
        slow = pool.submit(committer.write, write, "slow")
        started.wait()
        with pytest.raises(IndexUnavailable):
            committer.write(write, "never started")
        release.set()
        assert slow.result() == "slow"
        assert committer.write(write, "later") == "later"

    assert written == ["slow", "later"]


def test_an_item_that_never_fits_the_other_rows_is_refused(committer: Committer) -> None:
    def write(connection: Connection, items: Sequence[object]) -> Sequence[object]:
        insert = text("INSERT INTO archive_facts VALUES ('fold_version', '1')")
        connection.execute(insert)
        return items

    with pytest.raises(IndexUnavailable):
        committer.write(write, "twice the same key")


def test_a_closed_committer_refuses(database: Database) -> None:
    committer = Committer(database)
    committer.close()

    with pytest.raises(IndexUnavailable):
        committer.write(lambda _, items: items, "late")


def test_closing_writes_what_waits(database: Database) -> None:
    started, release = threading.Event(), threading.Event()

    def write(_: Connection, items: Sequence[object]) -> Sequence[object]:
        started.set()
        release.wait()
        return items

    committer = Committer(database)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(committer.write, write, "first")
        started.wait()
        second = pool.submit(committer.write, write, "second")
        closing_call = pool.submit(committer.close)
        release.set()

        closing_call.result()
        assert first.result() == "first"
        assert second.exception() is None or isinstance(second.exception(), IndexUnavailable)

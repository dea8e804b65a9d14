"""What is on the disk at the moment a machine is told that its image is safe, seen by strace."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

import psycopg
import pytest

from tests.needs import Need
from tests.torture.faults import node
from tests.torture.load import Instance, Maker, Record, send_by_store
from tests.torture.servers import servers
from tests.torture.service import Service
from tests.torture.system_calls import SystemCall, read_calls, strace_into

_KEYS = "SELECT i.sop_instance_uid, o.key FROM instances i JOIN objects o ON o.id = i.object_row"
_C_STORE_RSP = bytes.fromhex("0000000102000000" + "0180")
_SUCCESS = bytes.fromhex("0000000902000000" + "0000")
_COMMITTED = b"COMMIT\0"
_HOW_MANY = 5


def only(found: Iterator[SystemCall], what: str) -> SystemCall:
    calls = list(found)
    assert len(calls) == 1, f"{what}: {len(calls)} calls"
    return calls[0]


class Trace:
    """The calls of a service while it took instances in."""

    def __init__(self, calls: list[SystemCall]) -> None:
        self._calls = calls

    def named(self, *names: str) -> Iterator[SystemCall]:
        return (call for call in self._calls if call.name in names)

    def answer_to(self, uid: str) -> SystemCall:
        """The write that tells the machine that the instance is stored."""
        said = (_C_STORE_RSP, _SUCCESS, uid.encode())
        sent = self.named("sendto", "sendmsg", "write")
        return only((call for call in sent if all(one in call.data for one in said)), "the answer")

    def rename_to(self, key: str) -> SystemCall:
        renames = self.named("rename", "renameat", "renameat2")
        return only((call for call in renames if call.texts[-1].endswith(key.encode())), "rename")

    def synced(self, file: str, *, after: float) -> float:
        """When a file or folder was on the disk, synced after a moment."""
        syncs = self.named("fsync", "fdatasync")
        ends = [call.ended for call in syncs if call.file == file and call.begun >= after]
        assert ends, f"{file} was not synced"
        return ends[0]

    def written(self, file: str) -> tuple[int, float]:
        """How many bytes went into a file, and when the last of them did."""
        writes = [call for call in self.named("write", "writev", "pwrite64") if call.file == file]
        return sum(call.result for call in writes), max(call.ended for call in writes)

    def object_durable(self, key: str, size_bytes: int) -> float:
        """When the bytes, the name and the folders of an object were on the disk."""
        rename = self.rename_to(key)
        temporary, target = (text.decode() for text in rename.texts)
        written, last_write = self.written(temporary)
        assert written > size_bytes  # the data set and its head
        assert self.synced(temporary, after=last_write) <= rename.begun
        return self.synced(str(PurePosixPath(target).parent), after=rename.ended)

    def folders_durable(self, key: str, *, before: float) -> None:
        """Every folder that was made for the object is known to its parent on the disk."""
        target = PurePosixPath(self.rename_to(key).texts[-1].decode())
        above = {str(folder).encode(): folder.parent for folder in target.parents}
        made = [call for call in self.named("mkdir", "mkdirat") if call.texts[0] in above]
        assert made
        for call in made:
            parent = str(above[call.texts[0]])
            assert self.synced(parent, after=call.ended) <= before, parent

    def row_durable_in_sqlite(self, key: str, *, after: float) -> float:
        """When the page with the key was on the disk, in the write-ahead log."""
        pages = [
            call
            for call in self.named("pwrite64", "write", "pwritev")
            if call.file.endswith("-wal") and key.encode() in call.data and call.begun >= after
        ]
        assert pages, "the row was not written after the object was durable"
        return self.synced(pages[0].file, after=pages[0].ended)

    def row_durable_in_postgresql(self, key: str, *, after: float) -> float:
        """When the server, told of the key, had answered that it committed."""
        told = [
            call
            for call in self.named("sendto", "sendmsg", "write")
            if key.encode() in call.data and call.begun >= after
        ]
        assert told, "the database was not told after the object was durable"
        committed = [
            call.ended
            for call in self.named("recvfrom")
            if call.thread == told[0].thread
            and call.begun > told[0].begun
            and _COMMITTED in call.data
        ]
        assert committed, "the database did not commit"
        return committed[0]


def take_in(service: Service) -> list[Instance]:
    """Send some instances one after another; all must be acknowledged."""
    make, record = Maker(), Record()
    instances = [make() for _ in range(_HOW_MANY)]
    for instance in instances:
        send_by_store(service, [instance], record)
    assert len(record.acknowledged) == _HOW_MANY, record.refusals
    return instances


@contextmanager
def stopped_afterwards(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.stop()


@pytest.mark.timeout(240)
def test_an_answer_follows_object_folders_and_row_on_sqlite(tmp_path: Path, need: Need) -> None:
    need("strace")
    data_dir = tmp_path / "data"
    with stopped_afterwards(Service(data_dir, under=strace_into(tmp_path / "calls"))) as service:
        instances = take_in(service)
    with closing(sqlite3.connect(data_dir / "index.sqlite")) as index:
        keys: dict[str, str] = dict(index.execute(_KEYS).fetchall())

    trace = Trace(read_calls(tmp_path / "calls"))

    for instance in instances:
        key = keys[instance.sop_instance_uid]
        answered = trace.answer_to(instance.sop_instance_uid).begun
        safe = trace.object_durable(key, len(instance.data_set))
        trace.folders_durable(key, before=answered)
        assert trace.row_durable_in_sqlite(key, after=safe) <= answered


@pytest.mark.timeout(240)
def test_an_answer_follows_spool_and_commit_on_postgresql(tmp_path: Path, need: Need) -> None:
    need("strace")
    data_dir = tmp_path / "data"
    under = strace_into(tmp_path / "calls")
    with servers() as (database, store):
        with node(data_dir, database, store, under=under) as service:
            instances = take_in(service)
        with psycopg.connect(database.url.replace("+psycopg", "")) as index:
            keys: dict[str, str] = dict(index.execute(_KEYS.encode()).fetchall())
            durable = [index.execute(f"SHOW {name}".encode()).fetchone() for name in DURABLE]

    trace = Trace(read_calls(tmp_path / "calls"))

    assert durable == [("on",)] * len(DURABLE)
    for instance in instances:
        key = keys[instance.sop_instance_uid]
        answered = trace.answer_to(instance.sop_instance_uid).begun
        assert f"{data_dir}/spool/{key}" == trace.rename_to(key).texts[-1].decode()
        safe = trace.object_durable(key, len(instance.data_set))
        trace.folders_durable(key, before=answered)
        assert trace.row_durable_in_postgresql(key, after=safe) <= answered


DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
"""Without which PostgreSQL says that it committed before it did."""

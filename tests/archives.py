"""Archives for tests: the engines alone, or with both doors open, on real stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pacs.commands.background import background_of
from pacs.commands.doors import Doors, open_doors
from pacs.destinations import Delivered, Outgoing
from pacs.peers import Peer
from pacs.scope import Role, system_scope
from pacs.scu.send import Sender
from pacs.settings import Settings
from pacs.storage.sql_migrations import migrate
from pacs.wiring import Archive, open_archive
from tests.encodings import data_set_bytes, transfer_syntax_of

PASSWORD = "mat-khau-rat-dai"


def settings_for(folder: Path, **more: Any) -> Settings:
    """Embedded defaults in a folder, ports chosen by the system, deadlines short."""
    given = {
        "data_dir": folder,
        "dicom_port": 0,
        "http_port": 0,
        "decoder_workers": 1,
        "pdu_deadline_s": 5.0,
        **more,
    }
    return Settings(**given)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Engines on a folder and SQLite, without doors."""
    opened = open_archive(settings_for(tmp_path / "data"))
    opened.reception.sweep()
    yield opened
    opened.close()


@dataclass(frozen=True)
class RunningArchive:
    """An archive with its doors open in this process, and a user `admin`."""

    archive: Archive
    doors: Doors
    user_name: str = "admin"
    password: str = PASSWORD

    @property
    def base_url(self) -> str:
        assert self.doors.http is not None
        return f"http://127.0.0.1:{self.doors.http.port}"

    @property
    def dicom_port(self) -> int:
        assert self.doors.dicom is not None
        return self.doors.dicom.port

    @property
    def ae_title(self) -> str:
        return self.archive.settings.ae_title

    def token(self, role: Role | None = None) -> str:
        """A bearer token of `admin`, perhaps with a lesser role."""
        scope = system_scope("test")
        return self.archive.accounts.create_token(self.user_name, role=role, scope=scope)

    def headers(self, role: Role | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role)}"}

    def send(self, *data_sets: Dataset) -> list[Delivered]:
        """Send through the C-STORE door, each in its own transfer syntax."""
        sender = Sender(calling_ae_title="TESTER")
        peer = Peer(self.ae_title, "127.0.0.1", self.dicom_port)
        return list(sender.send(peer, [_outgoing(ds) for ds in data_sets]))


def _outgoing(ds: Dataset) -> Outgoing:
    encoded = data_set_bytes(ds)
    return Outgoing(
        sop_class_uid=str(ds.SOPClassUID),
        sop_instance_uid=str(ds.SOPInstanceUID),
        transfer_syntax_uid=str(transfer_syntax_of(ds)),
        data_set=lambda _syntax: iter((encoded,)),
    )


@contextmanager
def running(settings: Settings) -> Iterator[RunningArchive]:
    """An archive with open doors, closed in the end."""
    archive = open_archive(settings)
    archive.reception.sweep()
    if not archive.accounts.users():
        archive.accounts.add_user("admin", PASSWORD, Role.ADMINISTRATOR, scope=system_scope("test"))
    doors = open_doors(archive)
    try:
        with background_of(archive, doors.http.port if doors.http else None):
            yield RunningArchive(archive, doors)
    finally:
        doors.close()
        archive.close()


@pytest.fixture
def running_archive(tmp_path: Path) -> Iterator[RunningArchive]:
    """Folder and SQLite, both doors open on loopback ports chosen by the system."""
    with running(settings_for(tmp_path / "data")) as started:
        yield started


@pytest.fixture(params=["folder+sqlite", "s3+postgresql"])
def running_everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningArchive]:
    """As running_archive, on embedded stores and on a real S3 server with a real PostgreSQL."""
    more: dict[str, Any] = {}
    if request.param == "s3+postgresql":
        bucket = request.getfixturevalue("s3_bucket")
        more = {
            "database_url": request.getfixturevalue("postgresql_url"),
            "s3_endpoint": bucket.endpoint,
            "s3_bucket": bucket.name,
            "s3_access_key": bucket.access_key,
            "s3_secret_key": bucket.secret_key,
            "s3_secure": False,
        }
        migrate(more["database_url"])
    with running(settings_for(tmp_path / "data", **more)) as started:
        yield started

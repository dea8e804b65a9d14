"""Programs are told of every change, in order, under a signature, until they took it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pacs.archive.ingest import ReceivedInstance
from pacs.errors import NotAllowed, NotFound, PeerUnreachable, RequestInvalid
from pacs.jobs import Job, JobState
from pacs.scope import ActorKind, Scope, system_scope
from pacs.storage.interfaces import Selection, Sender
from pacs.web.courier import HttpCourier
from pacs.webhooks import SIGNATURE_HEADER, TIME_HEADER, sign
from pacs.wiring import Archive, open_archive
from tests.archives import RunningArchive
from tests.builders import ct_series, ct_slice
from tests.encodings import data_set_bytes, transfer_syntax_of

SCOPE = system_scope("test")
SECRET = "mot-bi-mat-rat-dai"


@dataclass
class Receiver:
    """A web server that keeps what it is posted; answers with these statuses, then with 204."""

    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom?phong=cdha"

    def told(self) -> list[tuple[str, str]]:
        return [
            (change["kind"], change["study_instance_uid"])
            for message in self.messages
            for change in message["changes"]
        ]

    def take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        status = self.statuses.pop(0) if self.statuses else 204
        request.send_response(status)
        if self.location is not None:
            request.send_header("Location", self.location)
        request.send_header("Content-Length", "0")
        request.end_headers()
        if status == 204:
            self.bodies.append(body)
            self.messages.append(json.loads(body))
            self.headers.append(dict(request.headers.items()))
            self.arrived.set()


@contextmanager
def receiving(**how: Any) -> Iterator[Receiver]:
    receiver = Receiver(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def keep(archive: Archive, *data_sets: Dataset) -> None:
    for ds in data_sets:
        received = ReceivedInstance(
            data_set=memoryview(data_set_bytes(ds)),
            transfer_syntax_uid=str(transfer_syntax_of(ds)),
            sop_class_uid=None,
            sop_instance_uid=None,
            sender=Sender("C-STORE", "CT1", "127.0.0.1"),
        )
        archive.ingest.ingest(received, SCOPE)


def tell(archive: Archive) -> Job:
    """Look for what is new and do the job at once; how it ended."""
    archive.work.webhooks.follow()
    store = archive.work.jobs.store
    [job] = store.jobs(states=(JobState.WAITING,))
    store.retry(job.job_id, archive.now())
    archive.work.jobs.work()
    done = store.job(job.job_id)
    assert done is not None
    return done


def test_a_new_study_is_told_once_however_many_instances_it_has(
    archive: Archive, receiver: Receiver
) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE, secret=SECRET)
    slices = ct_series(3)
    keep(archive, *slices)

    job = tell(archive)

    assert job.state is JobState.DONE
    assert receiver.told() == [("study_added", slices[0].StudyInstanceUID)]


def test_a_removal_is_told_after_what_came_before_it(archive: Archive, receiver: Receiver) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    ds = ct_slice()
    keep(archive, ds)
    tell(archive)

    archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason="test")
    tell(archive)

    assert [kind for kind, _ in receiver.told()] == ["study_added", "study_removed"]


def test_what_came_before_the_webhook_is_not_told(archive: Archive, receiver: Receiver) -> None:
    before, after = ct_slice(), ct_slice()
    keep(archive, before)
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    keep(archive, after)

    tell(archive)

    assert [study for _, study in receiver.told()] == [after.StudyInstanceUID]


def test_the_signature_covers_time_and_body(archive: Archive, receiver: Receiver) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE, secret=SECRET)
    keep(archive, ct_slice())

    tell(archive)

    [headers], [body] = receiver.headers, receiver.bodies
    assert headers[SIGNATURE_HEADER] == sign(SECRET, headers[TIME_HEADER], body)
    assert headers[SIGNATURE_HEADER] != sign(SECRET, str(int(headers[TIME_HEADER]) + 1), body)


def test_a_message_says_nothing_of_the_patient(archive: Archive, receiver: Receiver) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    keep(archive, ct_slice(patient_name="Đỗ^Văn An", patient_id="BN-4711"))

    tell(archive)

    [body] = receiver.bodies
    assert "Đỗ".encode() not in body
    assert b"BN-4711" not in body


def test_who_refuses_is_told_again_later_and_misses_nothing(archive: Archive) -> None:
    one, two = ct_slice(), ct_slice()
    with receiving(statuses=[500]) as receiver:
        archive.work.webhooks.put("his", receiver.url, SCOPE)
        keep(archive, one)
        refused = tell(archive)
        keep(archive, two)

        tell(archive)

    assert (refused.state, "500" in (refused.last_error or "")) == (JobState.WAITING, True)
    assert [study for _, study in receiver.told()] == [one.StudyInstanceUID, two.StudyInstanceUID]


def test_what_was_not_told_is_told_after_a_restart(archive: Archive, receiver: Receiver) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    ds = ct_slice()
    keep(archive, ds)
    archive.work.webhooks.follow()

    again = open_archive(archive.settings)
    tell(again)
    again.close()

    assert receiver.told() == [("study_added", ds.StudyInstanceUID)]


def test_nobody_is_told_twice_of_what_they_took(archive: Archive, receiver: Receiver) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    keep(archive, ct_slice())
    tell(archive)

    archive.work.webhooks.follow()

    assert not archive.work.jobs.store.jobs(states=(JobState.WAITING,))


def test_a_webhook_that_is_switched_off_is_told_what_it_missed_when_it_is_on_again(
    archive: Archive, receiver: Receiver
) -> None:
    archive.work.webhooks.put("his", receiver.url, SCOPE)
    archive.work.webhooks.put("his", receiver.url, SCOPE, enabled=False)
    keep(archive, ct_slice())
    archive.work.webhooks.follow()
    waiting_while_off = archive.work.jobs.store.jobs(states=(JobState.WAITING,))

    archive.work.webhooks.put("his", receiver.url, SCOPE)
    tell(archive)

    assert not waiting_while_off
    assert len(receiver.told()) == 1


def test_a_redirection_is_not_followed() -> None:
    with (
        receiving() as elsewhere,
        receiving(statuses=[307], location=elsewhere.url) as receiver,
        pytest.raises(PeerUnreachable, match="307"),
    ):
        HttpCourier().post(receiver.url, b"{}", {})

    assert not elsewhere.bodies


def test_a_server_that_is_away_can_be_tried_again(archive: Archive) -> None:
    with receiving() as receiver:
        archive.work.webhooks.put("his", receiver.url, SCOPE)
    keep(archive, ct_slice())

    job = tell(archive)

    assert job.state is JobState.WAITING


@pytest.mark.parametrize(
    "url",
    [
        "ftp://his.vn/x",
        "file:///etc/passwd",
        "his.vn/x",
        "http://",
        "http://user:word@his.vn/",
        "http://his.vn/a b",
        "http://his.vn:x/",
        "http://his.vn/\r\nX: y",
        "http://[::1",
    ],
)
def test_only_web_addresses_are_taken(archive: Archive, url: str) -> None:
    with pytest.raises(RequestInvalid):
        archive.work.webhooks.put("his", url, SCOPE)


@pytest.mark.parametrize(("name", "secret"), [("a/b", None), ("", None), ("his", "ngắn")])
def test_names_and_secrets_have_their_rules(
    archive: Archive, name: str, secret: str | None
) -> None:
    with pytest.raises(RequestInvalid):
        archive.work.webhooks.put(name, "https://his.vn/", SCOPE, secret=secret)


def test_only_administrators_look_after_webhooks(archive: Archive) -> None:
    nobody = Scope("dung", ActorKind.PERSON)

    with pytest.raises(NotAllowed):
        archive.work.webhooks.put("his", "https://his.vn/", nobody)
    with pytest.raises(NotAllowed):
        archive.work.webhooks.all(nobody)


def test_a_webhook_that_is_not_there_cannot_be_removed(archive: Archive) -> None:
    with pytest.raises(NotFound):
        archive.work.webhooks.remove("his", SCOPE)


def test_a_running_archive_tells_by_itself(
    running_everywhere: RunningArchive, receiver: Receiver
) -> None:
    running_everywhere.archive.work.webhooks.put("his", receiver.url, SCOPE)
    ds = ct_slice()

    running_everywhere.send(ds)

    assert receiver.arrived.wait(30)
    assert receiver.told() == [("study_added", ds.StudyInstanceUID)]

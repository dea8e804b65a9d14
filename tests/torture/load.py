"""Machines that send, and remember what was acknowledged to them."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from pydicom.uid import generate_uid

from pacs.destinations import Delivered, Outgoing
from pacs.errors import PeerUnreachable
from pacs.peers import Peer
from pacs.scu.association import Deadlines
from pacs.scu.send import Sender
from tests.builders import ct_slice
from tests.encodings import data_set_bytes, file_bytes
from tests.torture.service import Service
from tests.web.requests import STOW_TYPE, multipart_body

_BATCH = 8
_PAUSE_S = 0.05
_ANSWER_WITHIN_S = 30.0
_SIDES = (64, 64, 64, 256)  # rows and columns, in turn: small ones and one of 128 KiB
_MARK = b"<the-number-of-this>"  # at the end of the pixels, where it makes each instance another


@dataclass(frozen=True)
class Instance:
    """An instance as it is sent. file  what STOW-RS sends."""

    study: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set: bytes
    file: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data_set).hexdigest()


class Maker:
    """Makes instances that differ, quickly: from one of each size with the names exchanged."""

    def __init__(self) -> None:
        self.study = str(generate_uid())
        series = str(generate_uid())
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._uid = str(generate_uid())
        self._templates = [self._template(series, side) for side in _SIDES]

    def __call__(self) -> Instance:
        with self._lock:
            number = next(self._numbers)
        template = self._templates[number % len(self._templates)]
        # Of the same length as the one it replaces, and an even one: nothing else has to change.
        uid = f"{self._uid[:-8]}{number:08d}"
        mark = f"{number:0{len(_MARK)}d}".encode()

        def renamed(data: bytes) -> bytes:
            return data.replace(self._uid.encode(), uid.encode()).replace(_MARK, mark)

        return Instance(
            self.study,
            template.sop_class_uid,
            uid,
            template.transfer_syntax_uid,
            renamed(template.data_set),
            renamed(template.file),
        )

    def _template(self, series: str, side: int) -> Instance:
        ds = ct_slice(
            rows=side,
            columns=side,
            study_instance_uid=self.study,
            series_instance_uid=series,
            sop_instance_uid=self._uid,
        )
        ds.PixelData = ds.PixelData[: -len(_MARK)] + _MARK
        syntax = str(ds.file_meta.TransferSyntaxUID)
        encoded = data_set_bytes(ds)
        return Instance(self.study, str(ds.SOPClassUID), self._uid, syntax, encoded, file_bytes(ds))


@dataclass
class Record:
    """What was sent, what was acknowledged, and how else it ended. Shared by all senders."""

    sent: dict[str, str] = field(default_factory=dict)
    studies: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    answered: threading.Condition = field(default_factory=threading.Condition)

    def note_sent(self, instance: Instance) -> None:
        with self.answered:
            self.sent[instance.sop_instance_uid] = instance.sha256
            self.studies.add(instance.study)

    def note(self, instance: Instance, refusal: str | None) -> None:
        """refusal  what was answered instead of success, None when it was acknowledged."""
        with self.answered:
            if refusal is None:
                self.acknowledged.add(instance.sop_instance_uid)
            else:
                self.refusals[refusal] += 1
            self.answered.notify_all()

    def wait_for_more(self, count: int, *, within_s: float = 60.0) -> None:
        """Wait until `count` more instances were acknowledged."""
        with self.answered:
            goal = len(self.acknowledged) + count
            came = self.answered.wait_for(lambda: len(self.acknowledged) >= goal, within_s)
        assert came, f"{count} more instances were not acknowledged; refused: {self.refusals}"

    def wait_for_refusals(self, count: int, *, within_s: float = 60.0) -> None:
        """Wait until `count` more instances were refused with an answer."""
        with self.answered:
            goal = self._answered_refusals() + count
            came = self.answered.wait_for(lambda: self._answered_refusals() >= goal, within_s)
        assert came, f"{count} more refusals did not come: {self.refusals}"

    def _answered_refusals(self) -> int:
        return sum(count for said, count in self.refusals.items() if said != NO_ANSWER)


NO_ANSWER = "no answer"
SendSome = Callable[[Service, list[Instance], Record], None]


def send_by_store(service: Service, instances: list[Instance], record: Record) -> None:
    """One association of a modality."""
    waiting = {one.sop_instance_uid: one for one in instances}
    deadlines = Deadlines(respond_s=_ANSWER_WITHIN_S)
    sender = Sender(calling_ae_title="MODALITY", deadlines=deadlines)
    peer = Peer("PACS", "127.0.0.1", service.dicom_port)
    try:
        for outcome in sender.send(peer, [_outgoing(one) for one in instances]):
            record.note(waiting.pop(outcome.sop_instance_uid), _refusal(outcome))
    except PeerUnreachable:
        for one in waiting.values():
            record.note(one, NO_ANSWER)


def _outgoing(instance: Instance) -> Outgoing:
    return Outgoing(
        instance.sop_class_uid,
        instance.sop_instance_uid,
        instance.transfer_syntax_uid,
        lambda _syntax: iter((instance.data_set,)),
    )


def _refusal(outcome: Delivered) -> str | None:
    if outcome.status is None:
        return NO_ANSWER
    return None if outcome.status == 0 else f"{outcome.status:04X}"


def send_by_stow(service: Service, instances: list[Instance], record: Record) -> None:
    """One request of STOW-RS."""
    body = multipart_body(*(one.file for one in instances))
    url = f"{service.base_url}/dicom-web/studies"
    headers = {"Content-Type": STOW_TYPE, "Accept": "application/dicom+json"}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=_ANSWER_WITHIN_S)
    except httpx.HTTPError:
        for one in instances:
            record.note(one, NO_ANSWER)
        return
    refused = _refused(answer)
    for one in instances:
        record.note(one, refused.get(one.sop_instance_uid) if answer.is_success else refused[""])


def _refused(answer: httpx.Response) -> dict[str, str]:
    """The failure reason of each instance that was not stored, or of all, under ""."""
    if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
        return {"": str(answer.status_code)}
    failed = answer.json().get("00081198", {}).get("Value", [])
    reasons = {
        item["00081155"]["Value"][0]: f"{item['00081197']['Value'][0]:04X}" for item in failed
    }
    return {"": next(iter(reasons.values()), ""), **reasons}


class _Machine(threading.Thread):
    """Sends until it is told to stop, again and again what was not acknowledged."""

    def __init__(
        self, service: Service, send: SendSome, record: Record, stopping: threading.Event
    ) -> None:
        super().__init__(name="machine", daemon=True)
        self._service = service
        self._send = send
        self._record = record
        self._stopping = stopping
        self._make = Maker()

    def run(self) -> None:
        waiting: list[Instance] = []
        while not self._stopping.is_set():
            while len(waiting) < _BATCH:
                waiting.append(self._make())
                self._record.note_sent(waiting[-1])
            self._send(self._service, waiting, self._record)
            done = self._record.acknowledged
            left = [one for one in waiting if one.sop_instance_uid not in done]
            if len(left) == len(waiting):
                self._stopping.wait(_PAUSE_S)
            waiting = left


@contextmanager
def load_on(*services: Service, record: Record, stores: int = 3, stows: int = 1) -> Iterator[None]:
    """Machines that send to each of the services as long as the context lasts."""
    stopping = threading.Event()
    ways = [send_by_store] * stores + [send_by_stow] * stows
    machines = [_Machine(service, way, record, stopping) for service in services for way in ways]
    for machine in machines:
        machine.start()
    try:
        yield
    finally:
        stopping.set()
        for machine in machines:
            machine.join(3 * _ANSWER_WITHIN_S)
            assert not machine.is_alive(), "a machine hangs"

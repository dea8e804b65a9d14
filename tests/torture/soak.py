"""Mixed work for minutes: memory, descriptors and threads of the service must not grow."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.torture.judgement import Judgement, judge
from tests.torture.load import Record, load_on
from tests.torture.service import Service

_WARM_UP = 1 / 5  # of the whole time: caches fill, pools open
_LOOKS = 30
_MEMORY_MAY_GROW_BY = 1.3
_DESCRIPTORS_MAY_GROW_BY = 40
_THREADS_MAY_GROW_BY = 24


@dataclass(frozen=True)
class Footprint:
    """What the process holds. memory_kib  resident."""

    memory_kib: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Soak:
    """reads  how many requests were answered beside storing."""

    seconds: float
    reads: int
    after_warm_up: Footprint
    at_the_end: Footprint
    judgement: Judgement

    @property
    def is_flat(self) -> bool:
        first, last = self.after_warm_up, self.at_the_end
        return (
            last.memory_kib <= _MEMORY_MAY_GROW_BY * first.memory_kib
            and last.descriptors <= first.descriptors + _DESCRIPTORS_MAY_GROW_BY
            and last.threads <= first.threads + _THREADS_MAY_GROW_BY
        )


def soak(folder: Path, *, seconds: float) -> Soak:
    """Store, search and retrieve at the same time. AssertionError when something goes wrong."""
    service, record = Service(folder / "data"), Record()
    service.start()
    try:
        reader = _Reader(service, record)
        with load_on(service, record=record):
            reader.start()
            _wait(reader, seconds * _WARM_UP)
            first = footprint(service.pid)
            last = _mean_of_the_last(service, reader, seconds * (1 - _WARM_UP))
            reader.stop()
        assert not record.refusals, record.refusals
        return Soak(seconds, reader.reads, first, last, judge(service, record))
    finally:
        service.stop()


def footprint(pid: int) -> Footprint:
    process = Path(f"/proc/{pid}")
    told = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return Footprint(
        memory_kib=int(told["VmRSS"].split()[0]),
        descriptors=sum(1 for _ in (process / "fd").iterdir()),
        threads=int(told["Threads"]),
    )


def _mean_of_the_last(service: Service, reader: _Reader, seconds: float) -> Footprint:
    """The middle of several looks: one look may fall on a busy moment."""
    looks = []
    for _ in range(_LOOKS):
        _wait(reader, seconds / _LOOKS)
        looks.append(footprint(service.pid))
    looks = looks[-_LOOKS // 3 :]
    middle = len(looks) // 2
    return Footprint(
        *(
            sorted(getattr(look, name) for look in looks)[middle]
            for name in ("memory_kib", "descriptors", "threads")
        )
    )


def _wait(reader: _Reader, seconds: float) -> None:
    """Let time pass; ends at once when the reader found something wrong."""
    until = time.monotonic() + seconds
    while reader.is_alive() and time.monotonic() < until:
        reader.join(min(0.5, seconds))
    assert reader.wrong is None, reader.wrong


class _Reader(threading.Thread):
    """Somebody at a viewer: lists studies, opens one, reads its metadata, frames and pictures."""

    def __init__(self, service: Service, record: Record) -> None:
        super().__init__(name="reader", daemon=True)
        self._service = service
        self._record = record
        self._stopping = threading.Event()
        self.reads = 0
        self.wrong: str | None = None

    def stop(self) -> None:
        self._stopping.set()
        self.join()
        assert self.wrong is None, self.wrong

    def run(self) -> None:
        self._record.wait_for_more(1)
        with httpx.Client(base_url=self._service.base_url, timeout=60) as client:
            while not self._stopping.is_set() and self.wrong is None:
                self._look_around(client)

    def _look_around(self, client: httpx.Client) -> None:
        self._get(client, "/api/studies?limit=50")
        rows = self._get(client, "/dicom-web/instances?limit=5&includefield=00080018").json()
        for row in rows:
            study, series, instance = (
                row[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")
            )
            url = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}"
            self._get(client, f"{url}/metadata")
            self._get(client, f"{url}/frames/1", "application/octet-stream")
            self._get(client, f"{url}/rendered", "image/jpeg")

    def _get(self, client: httpx.Client, url: str, accept: str = "*/*") -> httpx.Response:
        answer = client.get(url, headers={"Accept": accept})
        self.reads += 1
        if answer.status_code != httpx.codes.OK:
            self.wrong = f"{url}: {answer.status_code} {answer.text[:300]}"
        return answer

"""Reads all objects again and again, slowly: damage is best found while a good copy exists."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pacs.archive.integrity import Integrity
from pacs.errors import ArchiveError
from pacs.findings import HeldObject, IntegrityIndex
from pacs.storage.interfaces import ObjectStore

log = structlog.get_logger(__name__)

REST_BETWEEN_PASSES = timedelta(days=1)
_AT_ONCE = 100
_TROUBLE_S = 60.0


@dataclass(frozen=True)
class ScrubState:
    """Where the scrub stands.

    store, after  what it reads next; finished  when it had last read everything.
    """

    store: str
    after: str
    finished: datetime | None


class Scrub:
    """A thread that reads objects within a rate and remembers where it was.

    bytes_per_s  how much it reads; what a large object takes too much of is waited for after it.
    """

    def __init__(
        self,
        *,
        integrity: Integrity,
        index: IntegrityIndex,
        stores: Mapping[str, ObjectStore],
        bytes_per_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self._integrity = integrity
        self._index = index
        self._stores = sorted(stores)
        self._bytes_per_s = bytes_per_s
        self._now = now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wait_s = self.step()
            except ArchiveError as error:
                log.warning("the scrub pauses", why=str(error))
                wait_s = _TROUBLE_S
            self._stop.wait(wait_s)

    def step(self) -> float:
        """Read a few objects; tells how many seconds to rest before the next step."""
        state = self.state()
        if state.finished is not None and not state.store:
            rest = state.finished + REST_BETWEEN_PASSES - self._now()
            if rest > timedelta(0):
                return min(rest.total_seconds(), _TROUBLE_S)
        store = state.store or self._stores[0]
        page = self._index.held(store, after=state.after, prefix="o/", limit=_AT_ONCE)
        if not page:
            self._next_store(store)
            return 0.0
        for held in page:
            self._stop.wait(self._read(held) / self._bytes_per_s)
            if self._stop.is_set():
                return 0.0
        self._index.remember({"scrub_store": store, "scrub_after": page[-1].stored.key})
        return 0.0

    def state(self) -> ScrubState:
        finished = self._index.fact("scrub_finished")
        return ScrubState(
            store=self._index.fact("scrub_store") or "",
            after=self._index.fact("scrub_after") or "",
            finished=datetime.fromisoformat(finished) if finished else None,
        )

    def _read(self, held: HeldObject) -> int:
        finding = self._integrity.read_whole(held)
        if finding is not None:
            log.error("the scrub found damage", what=finding.sentence)
            self._index.note([finding], self._now())
        return held.stored.size_bytes

    def _next_store(self, store: str) -> None:
        later = [name for name in self._stores if name > store]
        facts = {"scrub_store": later[0] if later else "", "scrub_after": ""}
        if not later:
            facts["scrub_finished"] = self._now().isoformat()
            log.info("the scrub has read everything")
        self._index.remember(facts)

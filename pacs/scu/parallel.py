"""Several associations to one peer at once, with results in the order of the instances.

The peer's own limit is found out by asking: what it has no place for goes out when one is free.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence

from pacs.destinations import Delivered, Outgoing
from pacs.errors import ArchiveError, PeerUnreachable

SendPart = Callable[[Sequence[Outgoing]], Iterator[Delivered]]
"""Sends some over one association. Raises PeerUnreachable before the first result only."""

_PAUSES_S = (0.1, 0.4, 1.5)
"""A peer may need a moment to see that an association has ended and a place is free."""


def send_in_parallel(
    send: SendPart, instances: Sequence[Outgoing], associations: int
) -> Iterator[Delivered]:
    """Send every n-th instance over the same association; tell the results in the order given.

    Raises PeerUnreachable, before the first result, when no association can be had at all.
    Closing the iterator ends the sending after the instances that are under way.
    """
    lanes = [_Lane(send, instances[start::associations]) for start in range(associations)]
    try:
        for position in range(len(instances)):
            lane = lanes[position % associations]
            yield lane.next_result(lanes)
    finally:
        for lane in lanes:
            lane.stop()


class _Lane:
    """One association and the instances it is to send, in a thread of its own."""

    def __init__(self, send: SendPart, instances: Sequence[Outgoing]) -> None:
        self._send = send
        self._instances = instances
        self._results: queue.SimpleQueue[Delivered | ArchiveError] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._instead: Iterator[Delivered] | None = None
        self.has_sent = False
        self._thread = threading.Thread(target=self._run, name="send-lane", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        results = self._send(self._instances)
        try:
            for result in results:
                self.has_sent = True
                self._results.put(result)
                if self._stopped.is_set():
                    return
        except ArchiveError as error:
            self._results.put(error)
        finally:
            _close(results)

    def next_result(self, lanes: Sequence[_Lane]) -> Delivered:
        """The result of the next instance of this lane."""
        if self._instead is not None:
            return next(self._instead)
        result = self._results.get()
        if isinstance(result, Delivered):
            return result
        return self._send_when_others_are_done(result, lanes)

    def _send_when_others_are_done(self, error: ArchiveError, lanes: Sequence[_Lane]) -> Delivered:
        """The peer had no place for this lane: its instances follow on a free one."""
        others = [lane for lane in lanes if lane is not self]
        for lane in others:
            lane.wait()
        if not isinstance(error, PeerUnreachable):
            raise error
        # A peer that counts those it rejects may have rejected all; one that is away costs
        # only one more try.
        is_there = any(lane.has_sent for lane in lanes)
        # All at once, lest this association holds the place that the next lane needs.
        self._instead = iter(self._send_again(_PAUSES_S if is_there else _PAUSES_S[:1]))
        self.has_sent = True
        return next(self._instead)

    def _send_again(self, pauses_s: Sequence[float]) -> list[Delivered]:
        for pause_s in pauses_s:
            try:
                return list(self._send(self._instances))
            except PeerUnreachable:
                self._stopped.wait(pause_s)  # cut short when nobody wants the results any more
        return list(self._send(self._instances))

    def wait(self) -> None:
        self._thread.join()

    def stop(self) -> None:
        """End after the instance that is under way; nobody waits for that."""
        self._stopped.set()


def _close(results: Iterator[Delivered]) -> None:
    close = getattr(results, "close", None)
    if close is not None:
        close()

"""Untrusted pixels are decoded in processes of their own, with limits of memory and time.

A process that dies or is killed costs its own caller an error and nobody else anything.
"""

from __future__ import annotations

import enum
import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pacs.errors import (
    ArchiveError,
    DecoderBusy,
    DecodingLimitExceeded,
    NotAcceptable,
    NotDecodable,
    RequestInvalid,
)
from pacs.pixels.conversion import convert_instance, same_pixels
from pacs.pixels.interfaces import (
    EncodedFrame,
    EncodedInstance,
    NativeFrame,
    PixelDecoder,
    RenderRequest,
)
from pacs.workers import messages
from pacs.workers.messages import Message, MessageDamaged
from pacs.workers.process import Process, ProcessLimits

T = TypeVar("T")

_ERRORS: dict[str, type[ArchiveError]] = {
    error.__name__: error
    for error in (NotDecodable, DecodingLimitExceeded, NotAcceptable, RequestInvalid)
}
"""The only errors a decoding process may answer with."""


class Urgency(enum.IntEnum):
    """Who goes first when several wait."""

    DISPLAY = 0
    BACKGROUND = 1


@dataclass(frozen=True)
class PoolLimits:
    """How much is done at once.

    workers  processes.
    waiting  callers that may wait for one; more are told DecoderBusy at once.
    wait_s   after which a waiting caller is told DecoderBusy.
    """

    workers: int = 2
    waiting: int = 64
    wait_s: float = 30.0


class _Decoder:
    """A PixelDecoder whose callers all have the same urgency."""

    def __init__(self, turns: _Turns, urgency: Urgency) -> None:
        self._turns = turns
        self._urgency = urgency

    def decode_frame(self, frame: EncodedFrame) -> NativeFrame:
        return self._ask(messages.pack_frame("decode", frame), messages.unpack_native)

    def render_frame(self, frame: EncodedFrame, request: RenderRequest) -> bytes:
        fields = messages.request_fields(request)
        asked = messages.pack_frame("render", frame, request=fields)
        return self._ask(asked, messages.unpack_data)

    def transcode_frame(self, frame: EncodedFrame, transfer_syntax_uid: str) -> bytes:
        asked = messages.pack_frame("transcode", frame, target=transfer_syntax_uid)
        return self._ask(asked, messages.unpack_data)

    def convert_instance(
        self, instance: EncodedInstance, transfer_syntax_uid: str
    ) -> Iterator[bytes]:
        return convert_instance(self, instance, transfer_syntax_uid)

    def same_pixels(self, one: EncodedInstance, other: EncodedInstance) -> bool:
        return same_pixels(self, one, other)

    def _ask(self, request: Message, unpack: Callable[[Message], T]) -> T:
        with self._turns.turn(self._urgency) as process:
            answer = process.ask(request)
        name = answer.fields.get("error")
        if name is not None:
            raise _ERRORS.get(str(name), NotDecodable)(str(answer.fields.get("message", "")))
        try:
            return unpack(answer)
        except MessageDamaged as error:
            raise DecodingLimitExceeded(f"the decoder went astray: {error}") from error


class DecodingPool(_Decoder):
    """A PixelDecoder. Processes start when first needed and are replaced when they fail."""

    def __init__(
        self, *, limits: PoolLimits | None = None, process_limits: ProcessLimits | None = None
    ) -> None:
        limits = limits or PoolLimits()
        self._processes = tuple(
            Process(process_limits or ProcessLimits()) for _ in range(limits.workers)
        )
        turns = _Turns(self._processes, limits)
        super().__init__(turns, Urgency.DISPLAY)
        self._background = _Decoder(turns, Urgency.BACKGROUND)

    def busy(self) -> int:
        """Processes that work now."""
        return len(self._processes) - self._turns.idle()

    def waiting(self) -> int:
        """Callers that wait for a process now."""
        return self._turns.waiting()

    def background(self) -> PixelDecoder:
        """The same processes for work nobody is looking at: it waits while anybody else does."""
        return self._background

    def warm_up(self) -> None:
        """Start all processes now, so that the first picture does not wait for that."""
        for process in self._processes:
            process.start()

    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that run now."""
        pids = (process.pid for process in self._processes)
        return tuple(pid for pid in pids if pid is not None)

    def close(self) -> None:
        """End all processes; whoever waits or is being served gets DecoderBusy. May be repeated."""
        self._turns.close()
        for process in self._processes:
            process.close()


@dataclass(order=True)
class _Ticket:
    """A caller that waits; `process` is set when its turn has come."""

    urgency: Urgency
    number: int
    called: threading.Event = field(compare=False, default_factory=threading.Event)
    process: Process | None = field(compare=False, default=None)


class _Turns:
    """Hands idle processes to callers: the more urgent first, then the one that came first."""

    def __init__(self, processes: tuple[Process, ...], limits: PoolLimits) -> None:
        self._lock = threading.Lock()
        self._idle = list(processes)
        self._waiting: list[_Ticket] = []
        self._numbers = itertools.count()
        self._limits = limits
        self._closed = False

    @contextmanager
    def turn(self, urgency: Urgency) -> Iterator[Process]:
        """A process for the caller alone. Raises DecoderBusy."""
        process = self._take(urgency)
        try:
            yield process
        finally:
            self._give_back(process)

    def idle(self) -> int:
        with self._lock:
            return len(self._idle)

    def waiting(self) -> int:
        with self._lock:
            return len(self._waiting)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, []
        for ticket in waiting:
            ticket.called.set()

    def _take(self, urgency: Urgency) -> Process:
        with self._lock:
            if self._closed:
                raise DecoderBusy("the archive is shutting down")
            if self._idle:
                # The one used last: its memory is warm, and the others may never have to start.
                return self._idle.pop()
            if len(self._waiting) >= self._limits.waiting:
                raise DecoderBusy(f"{len(self._waiting)} pictures wait for decoding already")
            ticket = _Ticket(urgency, next(self._numbers))
            heapq.heappush(self._waiting, ticket)
        return self._called(ticket)

    def _called(self, ticket: _Ticket) -> Process:
        ticket.called.wait(self._limits.wait_s)
        with self._lock:
            if ticket.process is not None:
                return ticket.process
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
        reason = "the archive is shutting down" if self._closed else "decoding takes long just now"
        raise DecoderBusy(reason)

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if not self._waiting:
                self._idle.append(process)
                return
            ticket = heapq.heappop(self._waiting)
            ticket.process = process
        ticket.called.set()

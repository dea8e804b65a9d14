"""One decoding process as the archive sees it: asked, watched, killed when overdue, replaced."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pacs
from pacs.errors import DecoderBusy, DecodingLimitExceeded
from pacs.workers import messages
from pacs.workers.messages import Message, MessageDamaged

_MODULE = "pacs.workers.decoding_process"
_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 20
_START_S = 60.0
"""A process that was just started may load its libraries first."""


@dataclass(frozen=True)
class ProcessLimits:
    """What one picture may take.

    memory_bytes   address space of the process, libraries included.
    time_s         the process ends itself after that much time.
    grace_s        still later it is killed from outside.
    requests       after which a process is replaced, lest a codec's leaks add up.
    """

    memory_bytes: int = 1536 * 1024 * 1024
    time_s: float = 20.0
    grace_s: float = 2.0
    requests: int = 10_000


class Process:
    """Not for two callers at once: the pool gives it to one after another."""

    def __init__(self, limits: ProcessLimits) -> None:
        self._limits = limits
        self._running: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._asked = False
        self._closed = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of the running process, None while there is none."""
        running = self._running
        return None if running is None or running.poll() is not None else running.pid

    def start(self) -> None:
        """Start the process unless it runs. Raises DecoderBusy after `close`."""
        with self._lock:
            self._start()

    def ask(self, request: Message) -> Message:
        """One request and its answer.

        Raises DecodingLimitExceeded when the process died of it or had to be killed (the next
        caller gets a new one), DecoderBusy when it was closed meanwhile.
        """
        with self._lock:
            running = self._start()
            self._asked = True
        try:
            answer = _exchange(running, request, time.monotonic() + self._patience_s())
        except (EOFError, OSError, MessageDamaged, TimeoutError) as error:
            raise self._died(running, error) from error
        finally:
            self._asked = False
        self._served += 1
        if self._closed or self._served >= self._limits.requests:
            self._discard()
        return answer

    def close(self) -> None:
        """End the process for good; one that is being asked dies under the asker."""
        with self._lock:
            self._closed = True
            running, asked = self._running, self._asked
        if running is not None and asked:
            # Its pipes are closed by the asker: a descriptor closed under a reader could already
            # be another file when it is read next.
            running.kill()
        else:
            self._discard()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise DecoderBusy("the archive is shutting down")
        if self._running is not None and self._running.poll() is None:
            return self._running
        self._discard()
        self._running, self._served = _started(self._limits), 0
        return self._running

    def _patience_s(self) -> float:
        start_s = _START_S if self._served == 0 else 0.0
        return self._limits.time_s + self._limits.grace_s + start_s

    def _died(
        self, running: subprocess.Popen[bytes], error: Exception
    ) -> DecodingLimitExceeded | DecoderBusy:
        self._discard()
        if self._closed:
            return DecoderBusy("the archive is shutting down")
        if isinstance(error, TimeoutError) or running.returncode == -signal.SIGALRM:
            return DecodingLimitExceeded(f"decoding took more than {self._limits.time_s:g} s")
        return DecodingLimitExceeded(
            "the decoder ended while it worked on this picture "
            f"(exit {running.returncode}); it may use {self._limits.memory_bytes >> 20} MiB"
        )

    def _discard(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        running.kill()
        for pipe in (running.stdin, running.stdout):
            if pipe is not None:
                pipe.close()
        running.wait()


def _started(limits: ProcessLimits) -> subprocess.Popen[bytes]:
    # -P: never a module from the folder the archive happens to run in.
    command = [sys.executable, "-P", "-m", _MODULE, str(limits.memory_bytes), str(limits.time_s)]
    running = subprocess.Popen(  # noqa: S603 our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=_environment(),
    )
    for pipe in (running.stdin, running.stdout):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return running


def _environment() -> dict[str, str]:
    """No secrets of the archive, one thread per library."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(pacs.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _exchange(running: subprocess.Popen[bytes], request: Message, deadline: float) -> Message:
    if running.stdin is None or running.stdout is None:
        raise EOFError
    _write(running.stdin.fileno(), request, deadline)
    descriptor = running.stdout.fileno()
    return messages.unpack(lambda length: _read_exactly(descriptor, length, deadline))


def _write(descriptor: int, request: Message, deadline: float) -> None:
    for piece in messages.pack(request):
        view = memoryview(piece)
        while view:
            _wait(descriptor, select.POLLOUT, deadline)
            view = view[os.write(descriptor, view) :]


def _read_exactly(descriptor: int, length: int, deadline: float) -> bytes:
    """Grows as bytes come, since the length is only what the other end says."""
    pieces: list[bytes] = []
    while length:
        _wait(descriptor, select.POLLIN, deadline)
        piece = os.read(descriptor, min(length, _READ_BYTES))
        if not piece:
            raise EOFError
        pieces.append(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError

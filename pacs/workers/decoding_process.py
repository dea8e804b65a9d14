"""The process that decodes: started by the pool, it answers one request after another on its pipes.

It holds no secret, writes no file, and bounds itself: memory by a limit, time by an alarm that the
kernel keeps even while a codec loops. When the archive ends, its pipe ends, and so does this.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable

from pacs.errors import ArchiveError, DecodingLimitExceeded, NotDecodable
from pacs.pixels.decoding import decode_frame
from pacs.pixels.rendering import render_frame
from pacs.pixels.transcode import transcode_frame
from pacs.workers import messages
from pacs.workers.messages import Message

NICENESS = 5
"""Receiving and serving go before decoding."""


def main(memory_limit_bytes: int, time_limit_s: float) -> None:
    """Answer until the requests end."""
    answers = _take_over_standard_output()
    _limit(memory_limit_bytes)
    # Odd values in hostile headers are expected here, and no one reads these warnings.
    warnings.simplefilter("ignore")
    while True:
        try:
            request = messages.unpack(_read_exactly)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, time_limit_s)
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(answers, answer)


def _answer(request: Message) -> Message:
    try:
        return _WORK[request.fields["work"]](request)
    except ArchiveError as error:
        return _failure(type(error).__name__, error.message)
    except MemoryError:
        return _failure(DecodingLimitExceeded.__name__, "decoding took too much memory")
    except Exception as error:  # noqa: BLE001 the door of this process: a strange picture is no crash
        return _failure(NotDecodable.__name__, f"decoding failed: {type(error).__name__}: {error}")


def _failure(name: str, message: str) -> Message:
    return Message({"error": name, "message": message[:1000]})


def _decode(request: Message) -> Message:
    return messages.pack_native(decode_frame(messages.unpack_frame(request)))


def _render(request: Message) -> Message:
    wanted = messages.request_from(request.fields["request"])
    return Message({}, (render_frame(messages.unpack_frame(request), wanted),))


def _transcode(request: Message) -> Message:
    wanted = request.fields["target"]
    return Message({}, (transcode_frame(messages.unpack_frame(request), wanted),))


_WORK: dict[str, Callable[[Message], Message]] = {
    "decode": _decode,
    "render": _render,
    "transcode": _transcode,
}


def _take_over_standard_output() -> int:
    """Answers go out on a descriptor of their own: what a codec prints must not mix with them."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _limit(memory_limit_bytes: int) -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read_exactly(length: int) -> bytes:
    data = bytearray(length)
    view, filled = memoryview(data), 0
    while filled < length:
        count = os.readv(0, [view[filled:]])
        if count == 0:
            raise EOFError
        filled += count
    return bytes(data)


def _write(descriptor: int, message: Message) -> None:
    for piece in messages.pack(message):
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

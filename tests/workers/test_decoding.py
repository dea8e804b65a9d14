"""Decoding in processes: the same answers as in this one, and no picture hurts another."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from pacs.errors import (
    DecoderBusy,
    DecodingLimitExceeded,
    NotAcceptable,
    NotDecodable,
    RequestInvalid,
)
from pacs.pixels.in_process import InProcessDecoder
from pacs.pixels.interfaces import (
    EncodedFrame,
    PictureType,
    PixelDecoder,
    Region,
    RenderRequest,
    Viewport,
    Window,
    WindowFunction,
)
from pacs.workers.decoding import DecodingPool, PoolLimits
from pacs.workers.process import ProcessLimits
from tests.builders import ct_slice, us_still
from tests.encodings import compressed
from tests.pixels.encoded import frame_of, instance_of, picture

EXPLICIT = "1.2.840.10008.1.2.1"
IN_PROCESS = InProcessDecoder()
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodingPool]:
    pool = DecodingPool(limits=PoolLimits(workers=2))
    yield pool
    pool.close()


@pytest.fixture
def single() -> Iterator[DecodingPool]:
    """One process, so that callers have to wait for each other."""
    pool = DecodingPool(limits=PoolLimits(workers=1, waiting=3, wait_s=DEADLINE_S))
    yield pool
    pool.close()


def _large(side: int) -> EncodedFrame:
    """Announces and has many pixels, in few bytes: an RLE frame of runs."""
    frame = frame_of(picture(np.zeros((4, 4), np.uint8)))
    sides = struct.pack("<HHHHHHHH", 0x0028, 0x0010, 0x5355, 2, side, 0x0028, 0x0011, 0x5355)
    before = struct.pack("<HHHHHHHH", 0x0028, 0x0010, 0x5355, 2, 4, 0x0028, 0x0011, 0x5355)
    header = frame.header.replace(
        before + struct.pack("<HH", 2, 4), sides + struct.pack("<HH", 2, side)
    )
    runs = b"\x81\x00" * (side * side // 128)
    data = struct.pack("<16I", 1, 64, *[0] * 14) + runs
    return EncodedFrame(header, "1.2.840.10008.1.2.5", 0, data)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the event did not happen"
        threading.Event().wait(0.005)


# --- the same answers ----------------------------------------------------------------------------


def test_a_frame_decodes_as_in_this_process(pool: DecodingPool) -> None:
    frame = frame_of(compressed(ct_slice(), JPEG2000Lossless))

    decoded = pool.decode_frame(frame)

    assert decoded == IN_PROCESS.decode_frame(frame)


def test_large_frames_pass_whole(pool: DecodingPool) -> None:
    numbers = np.random.default_rng(7).integers(0, 1 << 16, (1500, 1600), dtype=np.uint16)

    decoded = pool.decode_frame(frame_of(picture(numbers)))

    assert decoded.data == numbers.tobytes()


@pytest.mark.parametrize(
    "request_",
    [
        RenderRequest(),
        RenderRequest(PictureType.PNG, window=Window(40, 80, WindowFunction.SIGMOID)),
        RenderRequest(PictureType.GIF, viewport=Viewport(20, None, Region(1, 2, -30, 40))),
        RenderRequest(viewport=Viewport(None, 16), quality=30),
    ],
)
def test_a_picture_is_rendered_as_in_this_process(
    pool: DecodingPool, request_: RenderRequest
) -> None:
    frame = frame_of(ct_slice())

    picture_file = pool.render_frame(frame, request_)

    assert picture_file == IN_PROCESS.render_frame(frame, request_)


def test_a_frame_is_transcoded_as_in_this_process(pool: DecodingPool) -> None:
    frame = frame_of(us_still())

    encoded = pool.transcode_frame(frame, str(JPEG2000Lossless))

    assert encoded == IN_PROCESS.transcode_frame(frame, str(JPEG2000Lossless))


def test_an_instance_is_converted_as_in_this_process(pool: DecodingPool) -> None:
    instance = instance_of(compressed(us_still(), JPEGBaseline8Bit))

    converted = b"".join(pool.convert_instance(instance, EXPLICIT))

    assert converted == b"".join(IN_PROCESS.convert_instance(instance, EXPLICIT))


def test_pixels_are_compared(pool: DecodingPool) -> None:
    native = instance_of(ct_slice())

    assert pool.same_pixels(native, instance_of(compressed(ct_slice(), JPEG2000Lossless)))
    assert not pool.same_pixels(native, instance_of(ct_slice(instance_number=2)))


def test_errors_keep_their_kind_and_reason(pool: DecodingPool) -> None:
    frame = frame_of(ct_slice())

    with pytest.raises(NotDecodable, match="ends within its header"):
        pool.decode_frame(EncodedFrame(frame.header, str(JPEG2000Lossless), 0, b"\xff\x4f\xff\x51"))
    with pytest.raises(RequestInvalid, match="cannot have the width 0"):
        pool.render_frame(frame, RenderRequest(window=Window(40, 0)))
    with pytest.raises(NotAcceptable, match=r"1\.2\.3"):
        pool.transcode_frame(frame, "1.2.3")


def test_many_callers_each_get_their_own_frame(pool: DecodingPool) -> None:
    numbers = [np.full((16, 16), value, np.uint8) for value in range(60)]

    with ThreadPoolExecutor(12) as callers:
        decoded = list(callers.map(lambda n: pool.decode_frame(frame_of(picture(n))), numbers))

    assert [frame.data[0] for frame in decoded] == list(range(60))


# --- limits --------------------------------------------------------------------------------------


def test_a_process_that_is_killed_costs_one_caller_one_error(single: DecodingPool) -> None:
    frame = frame_of(ct_slice())
    victim = _stopped(single)

    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(single.decode_frame, frame)
        _wait_until(lambda: single.busy() == 1)
        os.kill(victim, signal.SIGKILL)
        error = call.exception(DEADLINE_S)

    assert isinstance(error, DecodingLimitExceeded)
    assert "the decoder ended" in str(error)
    assert single.decode_frame(frame) == IN_PROCESS.decode_frame(frame)


def test_time_is_limited() -> None:
    pool = DecodingPool(limits=PoolLimits(workers=1), process_limits=ProcessLimits(time_s=0.05))
    slow = frame_of(picture(np.random.default_rng(1).integers(0, 65535, (3000, 3000), np.uint16)))

    try:
        with pytest.raises(DecodingLimitExceeded, match=r"more than 0\.05 s"):
            pool.transcode_frame(slow, str(JPEG2000Lossless))
    finally:
        pool.close()


def test_a_process_that_stands_still_is_killed_from_outside() -> None:
    limits = ProcessLimits(time_s=0.3, grace_s=0.2)
    pool = DecodingPool(limits=PoolLimits(workers=1), process_limits=limits)
    frame = frame_of(ct_slice())
    _stopped(pool)

    try:
        with pytest.raises(DecodingLimitExceeded, match="more than"):
            pool.decode_frame(frame)
        assert pool.decode_frame(frame) == IN_PROCESS.decode_frame(frame)
    finally:
        pool.close()


def test_memory_is_limited() -> None:
    pool = DecodingPool(
        limits=PoolLimits(workers=1), process_limits=ProcessLimits(memory_bytes=600 << 20)
    )

    try:
        with pytest.raises(DecodingLimitExceeded, match=r"memory|MiB"):
            pool.render_frame(_large(22_000), RenderRequest())
        assert pool.decode_frame(frame_of(ct_slice())).rows == 64
    finally:
        pool.close()


def test_a_process_is_replaced_after_its_share_of_work() -> None:
    pool = DecodingPool(limits=PoolLimits(workers=1), process_limits=ProcessLimits(requests=2))
    frame = frame_of(ct_slice())

    try:
        pool.decode_frame(frame)
        (first,) = pool.process_ids()
        pool.decode_frame(frame)
        pool.decode_frame(frame)
        (second,) = pool.process_ids()
    finally:
        pool.close()

    assert first != second


def test_the_process_knows_no_secret_of_the_archive(
    monkeypatch: pytest.MonkeyPatch, single: DecodingPool
) -> None:
    monkeypatch.setenv("PACS_S3_SECRET_KEY", "do-not-tell")
    single.warm_up()

    (pid,) = single.process_ids()

    assert b"do-not-tell" not in Path(f"/proc/{pid}/environ").read_bytes()


# --- turns ---------------------------------------------------------------------------------------


def _stopped(pool: DecodingPool) -> int:
    """Make the pool's only process stand still, so that callers pile up."""
    pool.decode_frame(frame_of(ct_slice()))
    (pid,) = pool.process_ids()
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_display_goes_before_background(single: DecodingPool) -> None:
    pid = _stopped(single)
    served: list[str] = []

    def call(name: str, decoder: PixelDecoder) -> None:
        decoder.decode_frame(frame_of(ct_slice()))
        served.append(name)

    with ThreadPoolExecutor(4) as callers:
        callers.submit(call, "first", single)
        _wait_until(lambda: single.busy() == 1)
        callers.submit(call, "background", single.background())
        _wait_until(lambda: single.waiting() == 1)
        callers.submit(call, "display", single)
        _wait_until(lambda: single.waiting() == 2)
        os.kill(pid, signal.SIGCONT)

    assert served == ["first", "display", "background"]


def test_callers_beyond_the_bound_are_told_at_once(single: DecodingPool) -> None:
    pid = _stopped(single)
    frame = frame_of(ct_slice())

    with ThreadPoolExecutor(4) as callers:
        calls = [callers.submit(single.decode_frame, frame) for _ in range(4)]
        _wait_until(lambda: single.waiting() == 3)
        with pytest.raises(DecoderBusy, match="3 pictures wait"):
            single.decode_frame(frame)
        os.kill(pid, signal.SIGCONT)
        decoded = [call.result(DEADLINE_S) for call in calls]

    assert len(decoded) == 4


def test_a_caller_does_not_wait_for_ever() -> None:
    pool = DecodingPool(limits=PoolLimits(workers=1, wait_s=0.05))
    pid = _stopped(pool)
    frame = frame_of(ct_slice())

    try:
        with ThreadPoolExecutor(1) as callers:
            call = callers.submit(pool.decode_frame, frame)
            _wait_until(lambda: pool.busy() == 1)
            with pytest.raises(DecoderBusy, match="takes long"):
                pool.decode_frame(frame)
            os.kill(pid, signal.SIGCONT)
            assert call.result(DEADLINE_S).rows == 64
    finally:
        pool.close()


def test_close_ends_processes_and_everybody_who_waits(single: DecodingPool) -> None:
    pid = _stopped(single)
    frame = frame_of(ct_slice())

    with ThreadPoolExecutor(2) as callers:
        calls = [callers.submit(single.decode_frame, frame) for _ in range(2)]
        _wait_until(lambda: single.waiting() == 1)
        single.close()
        errors = [call.exception(DEADLINE_S) for call in calls]

    assert [type(error) for error in errors] == [DecoderBusy, DecoderBusy]
    assert single.process_ids() == ()
    with pytest.raises(DecoderBusy):
        single.decode_frame(frame)
    assert not Path(f"/proc/{pid}").exists()


def test_the_process_ends_with_the_archive() -> None:
    script = (
        "import os; from pacs.workers.decoding import *; "
        "pool = DecodingPool(limits=PoolLimits(workers=1)); pool.warm_up(); "
        "print(*pool.process_ids(), flush=True); os._exit(1)"
    )

    archive = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    pid = int(archive.stdout)
    _wait_until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Ended processes nobody has asked about are zombies."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"

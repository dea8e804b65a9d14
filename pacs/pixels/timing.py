"""How long each frame of a cine is seen. PS3.3 C.7.6.5."""

from __future__ import annotations

import math
from itertools import chain, islice, repeat

from pacs.pixels.description import top_level_values

_RECOMMENDED_DISPLAY_FRAME_RATE = 0x00082144
_CINE_RATE = 0x00180040
_FRAME_TIME = 0x00181063
_FRAME_TIME_VECTOR = 0x00181065
_RATES = (_RECOMMENDED_DISPLAY_FRAME_RATE, _CINE_RATE)
_WANTED = frozenset({_FRAME_TIME, _FRAME_TIME_VECTOR, *_RATES})

_UNTOLD_MS = 100.0
_LONGEST_MS = 10_000.0
"""A frame that is to stay longer is a slip of the sender."""


def frame_durations_ms(
    header: bytes, transfer_syntax_uid: str, number_of_frames: int
) -> tuple[float, ...]:
    """One for each frame: as acquired where that is told, else as recommended, else ten a second.

    header  the data set's bytes before the pixel element. Raises NotDecodable when unreadable.
    """
    values = top_level_values(header, transfer_syntax_uid, _WANTED)
    times = _numbers(values.get(_FRAME_TIME, b""))[:1]
    # Each time is from the frame before; so the first says nothing of how long one is seen.
    vector = _numbers(values.get(_FRAME_TIME_VECTOR, b""))[1:]
    rates = [rate for tag in _RATES for rate in _numbers(values.get(tag, b""))[:1] if rate > 0]
    candidates = (times, vector, [1000.0 / rate for rate in rates[:1]])
    believed = next((found for found in candidates if _is_believable(found)), [_UNTOLD_MS])
    return tuple(islice(chain(believed, repeat(believed[-1])), number_of_frames))


def _is_believable(durations_ms: list[float]) -> bool:
    return bool(durations_ms) and all(0 < each <= _LONGEST_MS for each in durations_ms)


def _numbers(raw: bytes) -> list[float]:
    """Of a DS or IS; [] when any is none."""
    try:
        numbers = [float(part) for part in raw.decode("ascii", "replace").strip(" \0").split("\\")]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []

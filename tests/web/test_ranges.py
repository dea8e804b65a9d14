"""Of a long value a part can be had, exactly the bytes that were asked for."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.web.ranges import cut
from tests.builders import ct_slice
from tests.web.conftest import Store
from tests.web.requests import instance_path

OCTETS = {"Accept": "application/octet-stream"}


@pytest.fixture(scope="module")
def frame_url(store: Store) -> str:
    ds = ct_slice()
    store(ds)
    return f"{instance_path(ds)}/frames/1"


@pytest.fixture(scope="module")
def frame(web: httpx.Client, frame_url: str) -> bytes:
    return web.get(frame_url, headers=OCTETS).content


@pytest.mark.parametrize("asked", [(0, 9), (5, 5), (100, None), (None, 7), (10, 10**9)])
def test_a_range_is_answered_with_its_bytes(
    web: httpx.Client, frame_url: str, frame: bytes, asked: tuple[int | None, int | None]
) -> None:
    first, last = asked
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"

    answer = web.get(frame_url, headers={**OCTETS, "Range": text})

    size = len(frame)
    start = size - (last or 0) if first is None else first
    stop = size if first is None or last is None else min(last + 1, size)
    assert answer.status_code == 206
    assert answer.content == frame[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
    assert int(answer.headers["content-length"]) == stop - start


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_of_nothing_is_416_and_says_how_much_there_is(
    web: httpx.Client, frame_url: str, frame: bytes, asked: str
) -> None:
    answer = web.get(frame_url, headers={**OCTETS, "Range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(frame)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=9-2", "bytes=-", "x"])
def test_what_is_no_single_range_of_bytes_gets_everything(
    web: httpx.Client, frame_url: str, frame: bytes, asked: str
) -> None:
    answer = web.get(frame_url, headers={**OCTETS, "Range": asked})

    assert (answer.status_code, answer.content) == (200, frame)
    assert answer.headers["accept-ranges"] == "bytes"


def test_who_holds_something_else_gets_everything(
    web: httpx.Client, frame_url: str, frame: bytes
) -> None:
    tag = web.get(frame_url, headers=OCTETS).headers["etag"]

    same = web.get(frame_url, headers={**OCTETS, "Range": "bytes=0-3", "If-Range": tag})
    other = web.get(frame_url, headers={**OCTETS, "Range": "bytes=0-3", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, frame[:4])
    assert (other.status_code, other.content) == (200, frame)


def test_bulk_data_can_be_had_in_parts(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    ds.add_new(0x00420011, "OB", bytes(range(256)) * 40)
    store(ds)
    url = f"{instance_path(ds)}/bulkdata/00420011"

    answer = web.get(url, headers={"Range": "bytes=250-259"})

    assert answer.status_code == 206
    assert answer.content == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3])


@given(st.lists(st.binary(max_size=20)), st.integers(0, 60), st.integers(1, 60))
def test_a_cut_stream_is_the_cut_of_the_stream(
    chunks: list[bytes], start: int, length: int
) -> None:
    wanted = range(start, start + length)

    assert b"".join(cut(chunks, wanted)) == b"".join(chunks)[start : start + length]

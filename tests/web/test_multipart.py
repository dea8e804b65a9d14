"""multipart/related is read as RFC 2046 allows it and written as it demands."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.errors import RequestInvalid
from pacs.storage.interfaces import Chunk
from pacs.web.multipart import MultipartReader, Part, size_of_parts, write_parts

Received = list[tuple[dict[str, str], bytes]]


class Collector:
    """Keeps every part that was received whole."""

    def __init__(self) -> None:
        self.whole: Received = []
        self._headers: dict[str, str] = {}
        self._content = bytearray()

    def begin_part(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._content = bytearray()

    def receive(self, chunk: Chunk) -> None:
        self._content += chunk

    def end_part(self) -> None:
        self.whole.append((self._headers, bytes(self._content)))


def read(body: bytes, boundary: str = "B", *, step: int = 1 << 20) -> Received:
    collector = Collector()
    reader = MultipartReader(boundary, collector, max_header_bytes=1000)
    for start in range(0, len(body), step):
        reader.feed(body[start : start + step])
    reader.close()
    return collector.whole


ONE_PART: list[tuple[str, bytes]] = [
    ("plain", b"--B\r\nA: b\r\n\r\nabc\r\n--B--\r\n"),
    ("nothing after the closing delimiter", b"--B\r\nA: b\r\n\r\nabc\r\n--B--"),
    ("line break before the first delimiter", b"\r\n--B\r\nA: b\r\n\r\nabc\r\n--B--\r\n"),
    ("text before the first delimiter", b"hello -- B\r\n--B\r\nA: b\r\n\r\nabc\r\n--B--\r\n"),
    ("text after the last delimiter", b"--B\r\nA: b\r\n\r\nabc\r\n--B--\r\nbye\r\n--B\r\n"),
    ("blanks after a delimiter", b"--B \t\r\nA: b\r\n\r\nabc\r\n--B-- \r\n"),
    ("header name in capitals", b"--B\r\nA:b\r\n\r\nabc\r\n--B--\r\n"),
    ("folded header", b"--B\r\nA:\r\n b\r\n\r\nabc\r\n--B--\r\n"),
]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("body", [body for _, body in ONE_PART], ids=[name for name, _ in ONE_PART])
def test_what_the_standard_allows_is_read(body: bytes, step: int) -> None:
    parts = read(body, step=step)

    assert parts == [({"a": "b"}, b"abc")]


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("body", "contents"),
    [
        (b"--B\r\nA: b\r\n\r\n\r\n--B--", [b""]),
        (b"--B\r\nA: b\r\n\r\n--B--", [b""]),
        (b"--B\r\n\r\nabc\r\n--B--", [b"abc"]),
        (b"--B\r\n\r\n\r\n--B\r\n\r\nx\r\n--B--", [b"", b"x"]),
        (b"--B\r\n\r\n\r\n\r\nabc\r\n\r\n--B--", [b"\r\n\r\nabc\r\n"]),
        (b"--B\r\n\r\na\r\n--BB\r\nb\r\n--B--", [b"a\r\n--BB\r\nb"]),
        (b"--B\r\n\r\na\r\n--B-\r\nb\r\n--B--", [b"a\r\n--B-\r\nb"]),
        (b"--B\r\n\r\n\r\n--Bx\r\n--B--", [b"\r\n--Bx"]),
        (b"--B\r\n\r\n--Bx\r\n--B--", [b"--Bx"]),
    ],
)
def test_content_is_kept_to_the_byte(body: bytes, contents: list[bytes], step: int) -> None:
    parts = read(body, step=step)

    assert [content for _, content in parts] == contents


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no delimiter at all",
        b"--B",
        b"--B\r\nA: b\r\n\r\nabc",
        b"--B\r\nA: b\r\n\r\nabc\r\n--B",
        b"--B\r\nA: b\r\n\r\nabc\r\n--C--",
        b"--B\r\nno colon\r\n\r\nabc\r\n--B--",
        b"--B\r\nA: " + b"x" * 2000 + b"\r\n\r\nabc\r\n--B--",
        b"--B\r\nA: " + b"x" * 2000,
    ],
)
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(RequestInvalid):
        read(body)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "ranh-giới"])
def test_an_unusable_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(RequestInvalid):
        MultipartReader(boundary, Collector(), max_header_bytes=1000)


# Pieces that look like delimiters make the interesting content.
_CONTENT = st.lists(
    st.sampled_from([b"\r\n", b"--", b"-", b"\r", b"\n", b"B", b"\r\n--", b"\r\n--B"]) | st.binary()
).map(b"".join)


@given(st.lists(_CONTENT, min_size=1), st.integers(min_value=1, max_value=40))
def test_what_is_written_comes_back_whatever_the_pieces(contents: list[bytes], step: int) -> None:
    boundary = "0123456789abcdef"
    parts = [
        Part({"Content-Type": "application/dicom"}, [content], size_bytes=len(content))
        for content in contents
    ]

    body = b"".join(write_parts(parts, boundary))

    assert len(body) == size_of_parts(parts, boundary)
    assert [content for _, content in read(body, boundary, step=step)] == contents


def test_size_is_unknown_when_one_part_does_not_know() -> None:
    parts = [Part({}, [b"a"], size_bytes=1), Part({}, [b"b"])]

    size = size_of_parts(parts, "B")

    assert size is None

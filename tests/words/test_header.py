"""The header scan agrees with pydicom, and refuses what would hurt a reader that recurses."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from pacs.dicom.element_walk import HeaderLimits
from pacs.dicom.header import inflate, scan_header
from pacs.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
)
from pacs.dicom.values import read_values
from pacs.errors import InstanceUnreadable, LimitExceeded

EXPLICIT = TRANSFER_SYNTAXES[EXPLICIT_VR_LITTLE_ENDIAN]
IMPLICIT = TRANSFER_SYNTAXES[IMPLICIT_VR_LITTLE_ENDIAN]
BIG_ENDIAN = TRANSFER_SYNTAXES[EXPLICIT_VR_BIG_ENDIAN]


def encoded(data_set: Dataset, *, implicit: bool = False, little: bool = True) -> memoryview:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, little
    write_dataset(out, data_set)
    return memoryview(out.getvalue())


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def sequence_of_undefined_length(tag: int, content: bytes) -> bytes:
    start = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return start + item + content + ends


def nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = sequence_of_undefined_length(0x00081140, content)
    return content


texts = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\^="),
    min_size=1,
    max_size=16,
)


@given(
    patient_id=texts,
    rows=st.integers(0, 65535),
    items=st.lists(texts, max_size=3),
    pixels=st.binary(min_size=2, max_size=64).filter(lambda value: len(value) % 2 == 0),
    form=st.sampled_from(
        [(EXPLICIT, False, True), (IMPLICIT, True, True), (BIG_ENDIAN, False, False)]
    ),
)
@settings(max_examples=60, deadline=None)
def test_the_scan_finds_what_pydicom_wrote(
    patient_id: str, rows: int, items: list[str], pixels: bytes, form: tuple[object, bool, bool]
) -> None:
    syntax, implicit, little = form
    data_set = Dataset()
    data_set.PatientID, data_set.Rows = patient_id, rows
    data_set.ReferencedStudySequence = Sequence([_item(text) for text in items])
    data_set.add_new(Tag(0x7FE00010), "OB" if not implicit else "OW", pixels)
    data = encoded(data_set, implicit=implicit, little=little)

    header = scan_header(data, syntax)  # type: ignore[arg-type]  # one of the tuple's syntaxes

    values = read_values(header).by_keyword
    assert values.get("PatientID") == patient_id
    assert values.get("Rows") == rows
    assert header.pixels is not None
    assert len(data) - header.pixels.value_offset == len(pixels)


def _item(text: str) -> Dataset:
    item = Dataset()
    item.PatientID = text
    return item


def test_values_within_sequences_are_not_mistaken_for_those_of_the_data_set() -> None:
    data_set = Dataset()
    data_set.ReferencedStudySequence = Sequence([_item("INNER")])
    data_set.PatientID = "OUTER"

    header = scan_header(encoded(data_set), EXPLICIT)

    assert read_values(header).by_keyword["PatientID"] == "OUTER"


def test_sixty_levels_are_followed() -> None:
    header = scan_header(memoryview(nested(60)), EXPLICIT)

    assert header.element_count > 60


def test_five_thousand_levels_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="deeper"):
        scan_header(memoryview(nested(5000)), EXPLICIT)


def test_too_many_elements_are_refused() -> None:
    data = memoryview(element(0x00100020, b"LO", b"") * 101)

    with pytest.raises(LimitExceeded, match="100 elements"):
        scan_header(data, EXPLICIT, HeaderLimits(max_elements=100))


@pytest.mark.parametrize(
    "data",
    [
        element(0x00100020, b"LO", b"abcd")[:-1],
        element(0x00100020, b"LO", b"abcd") + b"\x10",
        struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 3 << 30),
        sequence_of_undefined_length(0x00081140, b"")[:-8],
        struct.pack("<HHI", 0xFFFE, 0xE000, 0),
        b"\0" * 1024,
    ],
    ids=["value cut", "tag cut", "pixels cut", "sequence cut", "item alone", "zeros"],
)
def test_a_data_set_that_cannot_be_followed_to_its_end_is_unreadable(data: bytes) -> None:
    with pytest.raises(InstanceUnreadable):
        scan_header(memoryview(data), EXPLICIT)


def test_encapsulated_pixels_without_delimiter_are_forgiven() -> None:
    start = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    fragment = struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"\xff\xd8\xff\xd9"

    header = scan_header(memoryview(start + fragment), EXPLICIT)

    assert header.pixels is not None
    assert header.pixels.length is None


def test_inflating_stops_at_the_limit() -> None:
    compressor = zlib.compressobj(wbits=-15)
    bomb = compressor.compress(bytes(1 << 20)) + compressor.flush()

    with pytest.raises(LimitExceeded):
        inflate(memoryview(bomb), 1 << 16)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_garbage_is_read_or_refused_but_never_breaks_the_scan(garbage: bytes) -> None:
    for syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        try:
            scan_header(memoryview(garbage), syntax)
        except (InstanceUnreadable, LimitExceeded):
            continue

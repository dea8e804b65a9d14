"""Rewriting elements: other encoding, same meaning."""

from __future__ import annotations

import io

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs.errors import NotDecodable
from pacs.pixels.description import known_syntax
from pacs.pixels.reencoding import Replacement, holds_encapsulated, rewrite
from tests.builders import enhanced_mr, palette_picture, sr
from tests.encodings import data_set_bytes

SYNTAXES = [
    str(uid) for uid in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
]


def _read(data: bytes, *, explicit_vr: bool) -> Dataset:
    return read_dataset(io.BytesIO(data), not explicit_vr, True)


def _report() -> Dataset:
    ds = sr()
    ds.add_new(0x00091001, "UN", b"\x01\x02\x03\x04")
    ds.add_new(0x00090010, "LO", "CREATOR")
    ds.add_new(0x60023000, "OW", b"\x01\x02\x03\x04")
    ds.add_new(0x00280103, "US", 1)
    ds.add_new(0x00280106, "SS", -5)
    ds.add_new(0x00189073, "FD", 0.25)
    return ds


@pytest.mark.parametrize("source", SYNTAXES)
@pytest.mark.parametrize("explicit_vr", [True, False])
@pytest.mark.parametrize(
    "ds", [_report(), enhanced_mr(), palette_picture()], ids=["report", "enhanced", "palette"]
)
def test_a_data_set_means_the_same_in_every_encoding(
    ds: Dataset, source: str, explicit_vr: bool
) -> None:
    if "PixelData" in ds:
        del ds.PixelData

    rewritten = rewrite(data_set_bytes(ds, source), known_syntax(source), explicit_vr=explicit_vr)

    read = _read(rewritten, explicit_vr=explicit_vr)
    assert read.to_json_dict() == ds.to_json_dict()


def test_text_that_is_not_what_it_says_keeps_its_bytes() -> None:
    ds = Dataset()
    ds.add_new(0x00080005, "CS", "ISO_IR 192")
    ds.add_new(0x00100010, "PN", "X")
    data = data_set_bytes_of(ds).replace(b"X ", b"\xc3\x28")

    rewritten = rewrite(data, known_syntax(SYNTAXES[1]), explicit_vr=False)

    assert b"\xc3\x28" in rewritten


def data_set_bytes_of(ds: Dataset) -> bytes:
    ds.file_meta = sr().file_meta
    return data_set_bytes(ds)


def test_retired_group_lengths_are_left_out() -> None:
    group_length = b"\x08\x00\x00\x00UL\x04\x00\x99\x00\x00\x00"

    rewritten = rewrite(
        group_length + data_set_bytes(sr()), known_syntax(SYNTAXES[1]), explicit_vr=True
    )

    assert group_length not in rewritten


def test_replacements_take_their_place_in_order() -> None:
    ds = sr()
    replacements = {
        0x00100010: Replacement(b"PN", b"NEW"),
        0x00100040: Replacement(b"CS", None),
        0x00280006: Replacement(b"US", b"\0\0"),
        0x0040A730: Replacement(b"SQ", None),
        0xFFFA0000: Replacement(b"SQ", None),
    }

    rewritten = rewrite(
        data_set_bytes(ds), known_syntax(SYNTAXES[1]), explicit_vr=True, replacements=replacements
    )

    read = _read(rewritten, explicit_vr=True)
    assert [int(element.tag) for element in read] == sorted(int(element.tag) for element in read)
    assert read.PatientName == "NEW"
    assert read.PlanarConfiguration == 0
    assert "PatientSex" not in read
    assert "ContentSequence" not in read
    assert read.ConceptNameCodeSequence == ds.ConceptNameCodeSequence


def test_an_implicit_value_too_long_for_its_vr_becomes_un() -> None:
    long = b"\x10\x00\x10\x00" + (70_000).to_bytes(4, "little") + b"A" * 70_000

    rewritten = rewrite(long, known_syntax(SYNTAXES[0]), explicit_vr=True)

    assert rewritten[4:6] == b"UN"
    assert len(rewritten) == 12 + 70_000


def test_a_compressed_icon_is_found() -> None:
    icon = Dataset()
    icon.Rows = 1
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0ab\xfe\xff\xdd\xe0\0\0\0\0"
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments
    ds = Dataset()
    ds.IconImageSequence = DicomSequence([icon])
    plain = data_set_bytes_of(ds)
    item = plain.index(b"\xfe\xff\x00\xe0")
    undefined = b"\x88\x00\x00\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    ending = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    encoded = undefined + plain[item + 8 :] + pixels + ending

    assert holds_encapsulated(encoded, known_syntax(SYNTAXES[1])) == {0x00880200}
    assert holds_encapsulated(plain, known_syntax(SYNTAXES[1])) == frozenset()
    assert fragments in rewrite(encoded, known_syntax(SYNTAXES[1]), explicit_vr=True)


def test_damaged_elements_are_refused() -> None:
    with pytest.raises(NotDecodable, match="cannot be rewritten"):
        rewrite(data_set_bytes(sr())[:-1], known_syntax(SYNTAXES[1]), explicit_vr=True)

"""Corrections laid over a header: in every transfer syntax, pixels and all else untouched."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs.dicom.header import scan_header
from pacs.dicom.overlay import Overlay, lay_over
from pacs.dicom.transfer_syntaxes import transfer_syntax
from tests.builders import ct_slice, enhanced_mr, sr, vietnamese_patient
from tests.encodings import data_set_bytes

AT = datetime(2026, 11, 4, 9, 30, tzinfo=UTC)
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]


def overlaid(ds: Dataset, syntax: str = ExplicitVRLittleEndian, **attributes: str) -> Dataset:
    """The data set as pydicom reads it after the overlay, pixels put back."""
    data = memoryview(data_set_bytes(ds, syntax))
    known = transfer_syntax(syntax)
    assert known is not None
    pixels = scan_header(data, known).pixels
    end = pixels.element_offset if pixels else len(data)
    written = lay_over(data[:end], known, Overlay(attributes, AT), system="PACS")
    return read_dataset(
        BytesIO(written + bytes(data[end:])), not known.explicit_vr, known.little_endian
    )


def without(ds: Dataset, *keywords: str) -> dict[int, Any]:
    """The values of all attributes but these."""
    left_out = {tag_for_keyword(keyword) for keyword in keywords}
    return {int(one.tag): one.value for one in ds if int(one.tag) not in left_out}


def latin_1(patient_name: str) -> Dataset:
    return ct_slice(
        specific_character_set="ISO_IR 100",
        patient_name=patient_name,
        issuer_of_patient_id="KH",
        institution_name="Krankenhaus",
        referring_physician_name="",
        series_description="CT",
        study_description="Schädel",
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("build", [ct_slice, enhanced_mr, sr])
def test_what_is_corrected_changes_and_nothing_else(syntax: str, build: Any) -> None:
    ds = build(**vietnamese_patient())

    read = overlaid(ds, syntax, PatientName="TRẦN^VĂN BÌNH", PatientID="BN9")

    assert (str(read.PatientName), read.PatientID) == ("TRẦN^VĂN BÌNH", "BN9")
    before = read_dataset(
        BytesIO(data_set_bytes(ds, syntax)),
        syntax == ImplicitVRLittleEndian,
        syntax != ExplicitVRBigEndian,
    )
    changed = ("PatientName", "PatientID", "SpecificCharacterSet", "OriginalAttributesSequence")
    assert without(read, *changed) == without(before, *changed)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_values_from_before_are_told(syntax: str) -> None:
    ds = ct_slice(**vietnamese_patient())

    read = overlaid(ds, syntax, PatientName="TRẦN^VĂN BÌNH")

    [item] = read.OriginalAttributesSequence
    assert item.ReasonForTheAttributeModification == "CORRECT"
    assert item.ModifyingSystem == "PACS"
    assert item.AttributeModificationDateTime == "20261104093000.000000+0000"
    [modified] = item.ModifiedAttributesSequence
    assert str(modified.PatientName) == "ĐẶNG^THỊ NGỌC ÁNH"


def test_a_second_modification_keeps_what_was_told_of_the_first() -> None:
    ds = ct_slice(patient_id="A")
    first = overlaid(ds, PatientID="B")
    first.file_meta = ds.file_meta

    second = overlaid(first, PatientID="C")

    told = [
        item.ModifiedAttributesSequence[0].PatientID for item in second.OriginalAttributesSequence
    ]
    assert told == ["A", "B"]


def test_an_absent_attribute_is_added_in_its_place() -> None:
    ds = ct_slice(accession_number=None)

    read = overlaid(ds, AccessionNumber="CD1")

    assert read.AccessionNumber == "CD1"
    assert list(read.keys()) == sorted(read.keys())


def test_an_attribute_is_emptied() -> None:
    read = overlaid(ct_slice(accession_number="CD1"), AccessionNumber="")

    assert read.AccessionNumber == ""


def test_letters_that_the_character_set_lacks_bring_the_whole_into_utf_8() -> None:
    ds = latin_1("MÜLLER^JÖRG")
    ds.RequestAttributesSequence = [Dataset()]
    ds.RequestAttributesSequence[0].RequestedProcedureDescription = "Schädel nativ"

    read = overlaid(ds, PatientName="ĐẶNG^ÁNH")

    assert read.SpecificCharacterSet == "ISO_IR 192"
    assert str(read.PatientName) == "ĐẶNG^ÁNH"
    assert read.StudyDescription == "Schädel"
    item = read.RequestAttributesSequence[0]
    assert item.RequestedProcedureDescription == "Schädel nativ"
    assert str(read.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientName) == (
        "MÜLLER^JÖRG"
    )


def test_the_character_set_stays_where_it_has_the_letters() -> None:
    ds = latin_1("MULLER^JORG")

    read = overlaid(ds, PatientName="MÜLLER^JÖRG")

    assert read.SpecificCharacterSet == "ISO_IR 100"
    assert str(read.PatientName) == "MÜLLER^JÖRG"


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(
        st.characters(exclude_categories=["C", "Z"], exclude_characters="\\^="), min_size=1
    ),
    syntax=st.sampled_from(SYNTAXES),
)
def test_any_name_comes_out_as_it_went_in(name: str, syntax: str) -> None:
    read = overlaid(ct_slice(rows=4, columns=4), syntax, PatientName=name)

    assert str(read.PatientName) == name


def test_pixels_keep_their_bytes() -> None:
    ds = ct_slice()

    assert overlaid(ds, PatientID="B").PixelData == ds.PixelData


def test_the_result_is_a_file_others_can_read() -> None:
    ds = ct_slice(**vietnamese_patient())
    read = overlaid(ds, PatientID="B")
    read.file_meta = ds.file_meta
    buffer = BytesIO()
    read.save_as(buffer, enforce_file_format=False)
    buffer.seek(0)

    assert dcmread(buffer, force=True).PatientID == "B"

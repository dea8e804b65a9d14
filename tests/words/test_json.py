"""DICOM JSON as our own writer makes it says what pydicom's says."""

from __future__ import annotations

import json

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from pacs.dicom.elements import read_elements
from pacs.dicom.json import JsonDataSet, json_data_set
from pacs.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
)

FORMS = {
    EXPLICIT_VR_LITTLE_ENDIAN: (False, True),
    IMPLICIT_VR_LITTLE_ENDIAN: (True, True),
    EXPLICIT_VR_BIG_ENDIAN: (False, False),
}


def written(data_set: Dataset, transfer_syntax_uid: str) -> JsonDataSet:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = FORMS[transfer_syntax_uid]
    write_dataset(out, data_set)
    elements = read_elements(memoryview(out.getvalue()), TRANSFER_SYNTAXES[transfer_syntax_uid])
    return json_data_set(elements, bulk_data_uri=lambda path: f"bulk/{path}")


def example() -> Dataset:
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.ImageType = ["ORIGINAL", "PRIMARY"]
    data_set.PatientName = "ĐẶNG^THỊ NGỌC ÁNH"
    data_set.PatientID = "26.041877"
    data_set.PatientBirthDate = ""
    data_set.PixelSpacing = [0.5, 0.75]
    data_set.InstanceNumber = 7
    data_set.Rows = 512
    data_set.add_new(0x00280106, "US", 3)
    data_set.FrameIncrementPointer = 0x00181063
    data_set.RecommendedDisplayFrameRateInFloat = 24.5
    data_set.PixelRepresentation = 0
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-D3000", "Ngực"
    data_set.AnatomicRegionSequence = Sequence([item])
    return data_set


@pytest.mark.parametrize("transfer_syntax_uid", list(FORMS))
def test_a_data_set_reads_the_same_in_every_encoding(transfer_syntax_uid: str) -> None:
    data_set = example()
    expected = data_set.to_json_dict()

    ours = written(data_set, transfer_syntax_uid)

    assert json.loads(json.dumps(ours)) == json.loads(json.dumps(expected))


def test_bulk_values_become_uris_by_their_path() -> None:
    data_set, item = Dataset(), Dataset()
    item.EncapsulatedDocument = bytes(5000)
    data_set.IconImageSequence = Sequence([item])

    ours = written(data_set, EXPLICIT_VR_LITTLE_ENDIAN)

    inner = ours["00880200"]["Value"][0]
    assert inner["00420011"]["BulkDataURI"] == "bulk/00880200/1/00420011"


def test_what_is_no_number_stays_as_text() -> None:
    data_set = Dataset()
    data_set.PatientID = "x"
    raw = bytearray(b"\x28\x00\x51\x10DS\x04\x00abc ")

    elements = read_elements(memoryview(raw), TRANSFER_SYNTAXES[EXPLICIT_VR_LITTLE_ENDIAN])

    assert json_data_set(elements, bulk_data_uri=str) == {
        "00281051": {"vr": "DS", "Value": ["abc"]}
    }

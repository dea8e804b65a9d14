"""DICOM JSON written as XML and read again is what it was."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from pacs.web.native_dicom_model import native_dicom_model
from pacs.web.native_dicom_model_reader import read_native_dicom_model

_TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cn"]), min_size=1)
_COMPONENT = _TEXT.map(lambda text: text.replace("^", "").replace("=", ""))
_NAME = st.dictionaries(
    st.sampled_from(["Alphabetic", "Ideographic", "Phonetic"]),
    st.lists(_COMPONENT, min_size=1, max_size=5).map(lambda each: "^".join(each).rstrip("^")),
    min_size=1,
)


def _element(vr: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values with empty ones between them; the last one is never empty."""
    several = st.tuples(st.lists(st.none() | values, max_size=3), values)
    return several.map(lambda each: {"vr": vr, "Value": [*each[0], each[1]]})


def _sequence(items: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(items, min_size=1, max_size=3).map(lambda each: {"vr": "SQ", "Value": each})


_LEAVES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "00100010": _element("PN", _NAME),
    "00081030": _element("LO", _TEXT),
    "00280010": _element("US", st.integers(0, 65535)),
    "00189073": _element("FD", st.floats(allow_nan=False, allow_infinity=False)),
    "00080050": st.just({"vr": "SH"}),
    "7FE00010": st.just({"vr": "OW", "BulkDataURI": "http://x/bulk?a=1&b=2"}),
    "00420011": st.just({"vr": "OB", "InlineBinary": "AAECAw=="}),
}
_DATA_SETS = st.recursive(
    st.fixed_dictionaries({}, optional=_LEAVES),
    lambda inner: st.fixed_dictionaries({}, optional={**_LEAVES, "0040A730": _sequence(inner)}),
    max_leaves=6,
)


@given(_DATA_SETS)
def test_what_is_written_is_read_again(data_set: dict[str, Any]) -> None:
    document = native_dicom_model(data_set)

    assert read_native_dicom_model(document) == data_set


def test_a_private_attribute_is_named_by_its_creator() -> None:
    data_set = {
        "00110010": {"vr": "LO", "Value": ["OTHER"]},
        "00110011": {"vr": "LO", "Value": ["ACME"]},
        "00111102": {"vr": "LO", "Value": ["x"]},
    }

    document = native_dicom_model(data_set)

    (private,) = (each for each in ElementTree.fromstring(document) if each.get("privateCreator"))
    assert (private.get("tag"), private.get("privateCreator")) == ("00110002", "ACME")
    assert read_native_dicom_model(document) == data_set


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    data_set = {"00081030": {"vr": "LO", "Value": ["CT\x1b bụng\x00"]}}

    document = native_dicom_model(data_set)

    assert read_native_dicom_model(document)["00081030"]["Value"] == ["CT bụng"]

"""Reads data sets written as XML (the Native DICOM Model) into DICOM JSON. PS3.19 A.1.

Only what the model has is read: a document type, and with it every entity, is refused.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from pydicom.datadict import tag_for_keyword

from pacs.errors import RequestInvalid

_MAX_DEPTH = 200
_MAX_EMPTY_VALUES = 1000
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = frozenset({"Alphabetic", "Ideographic", "Phonetic"})
_INTEGERS = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
_DECIMALS = frozenset({"FD", "FL"})

Json = dict[str, Any]


def read_native_dicom_model(document: bytes) -> Json:
    """The data set as DICOM JSON. Raises RequestInvalid for what is no such document."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError) as error:
        raise RequestInvalid(f"the metadata are no Native DICOM Model: {error}") from error
    return reader.root


def _refuse_document_type(*_: object) -> None:
    raise RequestInvalid("metadata in XML must not have a document type")


class _Reader:
    """Follows the document with a stack: data sets and elements alternate on it."""

    def __init__(self) -> None:
        self.root: Json = {}
        self._path: list[str] = []
        self._data_sets: list[Json] = [self.root]
        self._elements: list[Json] = []
        self._name: Json = {}
        self._group: Json = {}
        self._text: list[str] = []
        self._number = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        self._path.append(local)
        self._text = []
        if len(self._path) > _MAX_DEPTH:
            raise RequestInvalid("the metadata are nested too deeply")
        if len(self._path) == 1 and local != "NativeDicomModel":
            raise RequestInvalid("the metadata are no Native DICOM Model")
        if local == "DicomAttribute":
            self._start_attribute(attributes)
        elif local == "Item":
            self._data_sets.append({})
        elif local == "Value":
            self._number = int(attributes.get("number", "0"))
        elif local == "PersonName":
            self._number = int(attributes.get("number", "0"))
            self._name = {}
        elif local in _GROUPS:
            self._group = {}
        elif local == "BulkData":
            self._element()["BulkDataURI"] = attributes.get("uri") or attributes.get("uuid", "")

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, _name: str) -> None:
        local = self._path.pop()
        text = "".join(self._text)
        self._text = []
        if local == "DicomAttribute":
            self._elements.pop()
        elif local == "Item":
            self._values().append(self._data_sets.pop())
        elif local == "Value":
            self._add_value(_value(self._element()["vr"], text))
        elif local == "PersonName":
            self._add_value(self._name)
        elif local in _GROUPS:
            components = [self._group.get(component, "") for component in _COMPONENTS]
            self._name[local] = "^".join(components).rstrip("^")
        elif local in _COMPONENTS:
            self._group[local] = text
        elif local == "InlineBinary":
            self._element()["InlineBinary"] = "".join(text.split())

    def _start_attribute(self, attributes: dict[str, str]) -> None:
        tag = attributes.get("tag") or _tag_of(attributes.get("keyword", ""))
        element: Json = {"vr": attributes.get("vr", "")}
        self._elements.append(element)
        self._data_sets[-1][_in_its_block(tag.upper(), attributes, self._data_sets[-1])] = element

    def _element(self) -> Json:
        if not self._elements:
            raise RequestInvalid("the metadata have a value outside of an attribute")
        return self._elements[-1]

    def _add_value(self, value: Any) -> None:
        """Numbers that are passed over are empty values."""
        values = self._values()
        missing = self._number - 1 - len(values)
        if missing > _MAX_EMPTY_VALUES:
            raise RequestInvalid("the metadata have a value with too high a number")
        values.extend([None] * missing)
        values.append(value)

    def _values(self) -> list[Any]:
        values: list[Any] = self._element().setdefault("Value", [])
        return values


def _tag_of(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise RequestInvalid("the metadata have an attribute without a tag")
    return f"{tag:08X}"


def _in_its_block(tag: str, attributes: dict[str, str], data_set: Json) -> str:
    """A private attribute is named by its creator: find the block that this one reserved."""
    creator = attributes.get("privateCreator")
    if not creator or len(tag) != len("GGGGEEEE") or tag[4:6] != "00":
        return tag
    for known, element in data_set.items():
        if known[:6] == f"{tag[:4]}00" and element.get("Value") == [creator]:
            return f"{tag[:4]}{known[6:]}{tag[6:]}"
    raise RequestInvalid("the metadata have a private attribute before its private creator")


def _value(vr: str, text: str) -> Any:
    if vr in _INTEGERS:
        return int(text)
    if vr in _DECIMALS:
        return float(text)
    return text

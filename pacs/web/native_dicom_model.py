"""DICOM data sets as XML: the Native DICOM Model, made from DICOM JSON. PS3.19 A.1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag

from pacs.dicom.json import JsonDataSet

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
# Characters that no XML document may hold, not even escaped; old machines leave them in texts.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def native_dicom_model(data_set: JsonDataSet) -> bytes:
    """The XML document of one data set, in UTF-8."""
    root = Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _add_attributes(root, data_set)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_attributes(parent: Element, data_set: JsonDataSet) -> None:
    for tag, element in sorted(data_set.items()):
        attribute = SubElement(parent, "DicomAttribute", _names(tag, element["vr"], data_set))
        if "BulkDataURI" in element:
            SubElement(attribute, "BulkData", {"uri": element["BulkDataURI"]})
        elif "InlineBinary" in element:
            SubElement(attribute, "InlineBinary").text = element["InlineBinary"]
        else:
            _add_values(attribute, element["vr"], element.get("Value", ()))


def _names(tag: str, vr: str, data_set: JsonDataSet) -> dict[str, str]:
    """The XML attributes of an element; a private one is named by its creator, not its block."""
    number = int(tag, 16)
    block = number >> 8 & 0xFF
    if number >> 16 & 1 and block:
        creators = data_set.get(f"{tag[:4]}00{block:02X}", {}).get("Value") or [""]
        creator = _text(creators[0] or "")
        return {"tag": f"{tag[:4]}00{tag[6:]}", "vr": vr, "privateCreator": creator}
    keyword = keyword_for_tag(number)
    named = {"tag": tag, "vr": vr}
    return {**named, "keyword": keyword} if keyword else named


def _add_values(attribute: Element, vr: str, values: Sequence[Any]) -> None:
    for number, value in enumerate(values, start=1):
        place = {"number": str(number)}
        if value is None:
            continue
        if vr == "SQ":
            _add_attributes(SubElement(attribute, "Item", place), value)
        elif vr == "PN":
            _add_name(SubElement(attribute, "PersonName", place), value)
        else:
            SubElement(attribute, "Value", place).text = _text(str(value))


def _add_name(parent: Element, name: Mapping[str, str]) -> None:
    for group in _GROUPS:
        if group in name:
            written = SubElement(parent, group)
            for component, text in zip(_COMPONENTS, name[group].split("^"), strict=False):
                if text:
                    SubElement(written, component).text = _text(text)


def _text(text: str) -> str:
    return _NOT_XML.sub("", text)

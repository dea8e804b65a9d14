"""DICOM JSON: the one writer for QIDO-RS, metadata and STOW-RS answers. PS3.18 Annex F."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pacs.dicom.character_sets import CharacterSet, parse_character_set
from pacs.dicom.elements import RawDataSet, RawElement

JsonElement = dict[str, Any]
JsonDataSet = dict[str, JsonElement]

BulkDataUri = Callable[[str], str]
"""Gives the URI of a bulk value from its path, such as `00880200/1/7FE00010`."""

INLINE_LIMIT_BYTES = 1024
SPECIFIC_CHARACTER_SET = 0x00080005
_BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SINGLE_TEXT = frozenset({"LT", "ST", "UR", "UT"})
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_NUMBERS: Mapping[str, str] = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}


def json_tag(tag: int) -> str:
    return f"{tag:08X}"


def json_attribute(vr: str, value: object) -> JsonElement:
    """An element from a value of ours: text, number, several of them, or None for empty."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    written = [_json_value(vr, item) for item in values]
    return {"vr": vr, "Value": written} if any(item is not None for item in written) else {"vr": vr}


def _json_value(vr: str, value: object) -> object:
    if vr == "PN" and isinstance(value, str):
        return _person_name(value)
    if vr in ("IS", "DS") and isinstance(value, str):
        return _number(vr, value)
    return value if value != "" else None


def json_data_set(
    data_set: RawDataSet, *, bulk_data_uri: BulkDataUri, assumed: str | None = None
) -> JsonDataSet:
    """A whole data set; text comes out in UTF-8 and says so, bulk values become URIs.

    Group lengths and Data Set Trailing Padding are left out.
    """
    writer = _Writer(bulk_data_uri)
    character_set = parse_character_set(data_set.raw(SPECIFIC_CHARACTER_SET), assumed=assumed)
    written = writer.data_set(data_set, character_set, "")
    if any(character_set.terms) or _is_beyond_ascii(written):
        written[json_tag(SPECIFIC_CHARACTER_SET)] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return dict(sorted(written.items()))


def _is_beyond_ascii(value: object) -> bool:
    if isinstance(value, str):
        return not value.isascii()
    if isinstance(value, dict):
        return any(_is_beyond_ascii(item) for item in value.values())
    return isinstance(value, list) and any(_is_beyond_ascii(item) for item in value)


class _Writer:
    def __init__(self, bulk_data_uri: BulkDataUri) -> None:
        self._bulk_data_uri = bulk_data_uri

    def data_set(self, data_set: RawDataSet, inherited: CharacterSet, path: str) -> JsonDataSet:
        own = data_set.raw(SPECIFIC_CHARACTER_SET)
        character_set = (
            parse_character_set(own, assumed=inherited.assumed) if own.strip(b" \0") else inherited
        )
        return {
            json_tag(element.tag): self._element(element, character_set, path)
            for element in data_set
            if element.tag & 0xFFFF and element.tag != 0xFFFCFFFC
        }

    def _element(self, element: RawElement, character_set: CharacterSet, path: str) -> JsonElement:
        here = f"{path}{json_tag(element.tag)}"
        if element.items is not None:
            items = [
                self.data_set(item, character_set, f"{here}/{number}/")
                for number, item in enumerate(element.items, start=1)
            ]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        if element.tag in _PIXEL_TAGS or element.vr in _BULK_VRS:
            return self._bulk(element, here)
        values = element_values(element, character_set)
        if values is None:
            return self._bulk(RawElement(element.tag, "UN", element.value, element.offset), here)
        return json_attribute(element.vr, values)

    def _bulk(self, element: RawElement, here: str) -> JsonElement:
        if not element.value:
            return {"vr": element.vr}
        if len(element.value) > INLINE_LIMIT_BYTES or element.tag in _PIXEL_TAGS:
            return {"vr": element.vr, "BulkDataURI": self._bulk_data_uri(here)}
        return {"vr": element.vr, "InlineBinary": base64.b64encode(element.value).decode()}


def element_values(element: RawElement, character_set: CharacterSet) -> list[Any] | None:
    """The values of a leaf, as JSON will show them; None when its bytes do not fit its VR."""
    if element.vr in _NUMBERS:
        return _binary_numbers(element)
    if element.vr == "AT":
        return _tags(element.value)
    text = character_set.decode(bytes(element.value), element.vr).text.rstrip(" \0")
    if element.vr in _SINGLE_TEXT:
        return [text] if text else []
    if not text:
        return []
    return [part.strip(" \0") or None for part in text.split("\\")]


def _binary_numbers(element: RawElement) -> list[Any] | None:
    code = _NUMBERS[element.vr]
    count, rest = divmod(len(element.value), struct.calcsize(f"<{code}"))
    if rest:
        return None
    numbers = struct.unpack(f"<{count}{code}", element.value)
    # JSON has no NaN and no infinity. PS3.18 F.2.2 leaves them as text.
    return [
        str(number) if isinstance(number, float) and not math.isfinite(number) else number
        for number in numbers
    ]


def _tags(value: memoryview) -> list[Any] | None:
    if len(value) % 4:
        return None
    words = struct.unpack(f"<{len(value) // 2}H", value)
    return [
        f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)
    ]


def _number(vr: str, text: str) -> object:
    """IS and DS as numbers; what is none stays text, so that nothing is lost."""
    try:
        number = int(text) if vr == "IS" else float(text)
    except ValueError:
        return text
    if isinstance(number, float):
        if not math.isfinite(number):
            return text
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    return number


def _person_name(text: str) -> Mapping[str, str] | None:
    groups: Iterable[tuple[str, str]] = zip(_PN_GROUPS, text.split("="), strict=False)
    return {name: group.rstrip("^ ") for name, group in groups if group.strip("^ ")} or None

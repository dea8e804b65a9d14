"""The identifiers of C-FIND, C-MOVE and C-GET: read from bytes, checked against the model, written.

PS3.4 C.4.1.1.3, C.4.2.1.4, C.4.3.1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pacs.dicom.character_sets import CharacterSet, parse_character_set
from pacs.dicom.element_walk import HeaderLimits
from pacs.dicom.element_writer import write_element
from pacs.dicom.elements import RawDataSet, RawElement, read_elements
from pacs.dicom.hierarchy import UNIQUE_KEY, Level, attribute_of_keyword
from pacs.dicom.transfer_syntaxes import transfer_syntax
from pacs.errors import InstanceRefused, QueryInvalid
from pacs.scp.presentation_contexts import QueryModel
from pacs.storage.interfaces import Value

QUERY_RETRIEVE_LEVEL = 0x00080052
SPECIFIC_CHARACTER_SET = 0x00080005
RETRIEVE_AE_TITLE = 0x00080054
INSTANCE_AVAILABILITY = 0x00080056
FAILED_SOP_INSTANCE_UID_LIST = 0x00080058

_LIMITS = HeaderLimits(max_depth=16, max_elements=10_000, max_inflated_bytes=1 << 20)
_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT"})
_LOCALISED_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i"}
# What the 16 bit length of most VRs can say.
_LONGEST_VALUE_BYTES = 65_534
_ONE_VALUE_WITH_BACKSLASH = frozenset({"LT", "ST", "UT"})


@dataclass(frozen=True)
class Key:
    """One attribute of an identifier.

    values  decoded, without padding; empty when all match.
    items   the keys in each item of a sequence.
    """

    tag: int
    vr: str
    values: tuple[str, ...]
    items: tuple[tuple[Key, ...], ...] = ()


@dataclass(frozen=True)
class Identifier:
    """What is asked for, at which level."""

    level: Level
    keys: tuple[Key, ...]

    def values(self, level: Level) -> tuple[str, ...]:
        """The values given for the unique key of a level."""
        tag = _unique_tag(level)
        return next((key.values for key in self.keys if key.tag == tag), ())


@dataclass(frozen=True)
class Field:
    """One attribute of a response. element  written instead of the value, text in UTF-8."""

    tag: int
    vr: str
    value: Value = None
    element: RawElement | None = None


def read_identifier(
    raw: memoryview,
    transfer_syntax_uid: str,
    model: QueryModel,
    *,
    assumed_character_set: str | None = None,
) -> Identifier:
    """Read an identifier.

    Raises QueryInvalid when it cannot be understood or has no level of this model.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax is None:
        raise QueryInvalid(f"transfer syntax {transfer_syntax_uid} is not known")
    try:
        elements = read_elements(raw, syntax, _LIMITS)
    except InstanceRefused as error:
        raise QueryInvalid(f"the identifier is not readable: {error.message}") from error
    characters = parse_character_set(
        elements.raw(SPECIFIC_CHARACTER_SET), assumed=assumed_character_set
    )
    keys = tuple(
        _key(element, characters)
        for element in elements
        if element.tag not in (SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL)
        and element.tag & 0xFFFF != 0
    )
    return Identifier(_level(elements, model), keys)


def _level(elements: RawDataSet, model: QueryModel) -> Level:
    word = elements.raw(QUERY_RETRIEVE_LEVEL).decode("ascii", "replace").strip("\0 ").upper()
    if not word:
        raise QueryInvalid("Query/Retrieve Level (0008,0052) is missing")
    if word not in (level.value for level in model.levels):
        raise QueryInvalid(f"Query/Retrieve Level {word!r} is none of this model's")
    return Level(word)


def _key(element: RawElement, characters: CharacterSet) -> Key:
    items = tuple(tuple(_key(one, characters) for one in item) for item in element.items or ())
    return Key(element.tag, element.vr, element_values(element, characters), items)


def element_values(element: RawElement, characters: CharacterSet) -> tuple[str, ...]:
    """Decoded, without padding, empty ones left out; none of a sequence."""
    if element.items is not None:
        return ()
    if element.vr in _NUMBERS:
        return _numbers(element)
    text = characters.decode(bytes(element.value), element.vr).text
    parts = [text] if element.vr in _ONE_VALUE_WITH_BACKSLASH else text.split("\\")
    return tuple(part for part in (part.strip("\0 ") for part in parts) if part)


def _numbers(element: RawElement) -> tuple[str, ...]:
    code = "<" + _NUMBERS[element.vr]
    size = struct.calcsize(code)
    whole = len(element.value) - len(element.value) % size
    return tuple(str(number) for (number,) in struct.iter_unpack(code, element.value[:whole]))


def check_keys_above(identifier: Identifier, model: QueryModel) -> None:
    """Every level above the asked one is named by exactly one value. PS3.4 C.4.1.2.1, C.4.2.2.1.

    Raises QueryInvalid.
    """
    for level in model.levels[: model.levels.index(identifier.level)]:
        values = identifier.values(level)
        if len(values) != 1 or set(values[0]) & set("*?"):
            keyword = UNIQUE_KEY[level]
            raise QueryInvalid(f"{keyword} needs one value at level {identifier.level.value}")


def _unique_tag(level: Level) -> int:
    attribute = attribute_of_keyword(UNIQUE_KEY[level])
    if attribute is None:
        raise KeyError(UNIQUE_KEY[level])
    return attribute.tag


def write_identifier(fields: Iterable[Field], transfer_syntax_uid: str) -> bytes:
    """Encode fields in ascending order; text as UTF-8, which is declared where it matters."""
    ordered = sorted(fields, key=lambda field: field.tag)
    if any(_needs_utf_8(field) for field in ordered):
        declared = Field(SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192")
        ordered = sorted([declared, *ordered], key=lambda field: field.tag)
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax is None:
        raise QueryInvalid(f"transfer syntax {transfer_syntax_uid} is not known")
    order = "<" if syntax.little_endian else ">"
    write = _explicit if syntax.explicit_vr else _implicit
    return b"".join(
        write_element(field.element, syntax)
        if field.element is not None
        else write(field, _encode(field, order), order)
        for field in ordered
    )


def uids_that_fit(uids: Iterable[str]) -> tuple[str, ...]:
    """As many of the UIDs as one element can hold."""
    fitting: list[str] = []
    room = _LONGEST_VALUE_BYTES
    for uid in uids:
        room -= len(uid) + 1
        if room < 0:
            break
        fitting.append(uid)
    return tuple(fitting)


def _needs_utf_8(field: Field) -> bool:
    if field.element is not None:
        return not _is_ascii(field.element)
    return any(not text.isascii() for text in _texts(field.value))


def _is_ascii(element: RawElement) -> bool:
    if element.items is not None:
        return all(_is_ascii(one) for item in element.items for one in item)
    return element.vr not in _LOCALISED_VRS or bytes(element.value).isascii()


def _texts(value: Value) -> Sequence[str]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def _encode(field: Field, order: str) -> bytes:
    if field.vr in _NUMBERS:
        code = order + _NUMBERS[field.vr]
        return b"".join(struct.pack(code, number) for number in _whole_numbers(field.value))
    raw = "\\".join(_texts(field.value)).encode()[:_LONGEST_VALUE_BYTES]
    return raw + (b"\0" if field.vr == "UI" else b" ") * (len(raw) % 2)


def _whole_numbers(value: Value) -> list[int]:
    return [int(text) for text in _texts(value) if text.lstrip("-").isdigit()]


def _explicit(field: Field, raw: bytes, order: str) -> bytes:
    group, element, vr = field.tag >> 16, field.tag & 0xFFFF, field.vr.encode()
    if field.vr in _LONG_VRS:
        return struct.pack(order + "HH2sHI", group, element, vr, 0, len(raw)) + raw
    return struct.pack(order + "HH2sH", group, element, vr, len(raw)) + raw


def _implicit(field: Field, raw: bytes, order: str) -> bytes:
    return struct.pack(order + "HHI", field.tag >> 16, field.tag & 0xFFFF, len(raw)) + raw

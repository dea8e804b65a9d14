"""Elements of a tree written in a transfer syntax that is not deflated. PS3.5 Section 7."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pacs.dicom.elements import SWAPPED_WORDS, RawDataSet, RawElement, swap_words
from pacs.dicom.transfer_syntaxes import TransferSyntax

_SHORT_VRS = frozenset(
    "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905
)
_LONGEST_SHORT = 0xFFFE
_ITEM = 0xFFFEE000
_PADDED_WITH_NUL = frozenset({"UI", "OB", "UN"})


def write_data_set(data_set: RawDataSet, syntax: TransferSyntax) -> bytes:
    """All elements, by tag."""
    elements = sorted(data_set, key=lambda element: element.tag)
    return b"".join(write_element(element, syntax) for element in elements)


def write_element(element: RawElement, syntax: TransferSyntax) -> bytes:
    """One element with all in it, lengths given."""
    if element.items is not None:
        return _with_header(element.tag, "SQ", _items(element.items, syntax), syntax)
    value = element.value
    if not syntax.little_endian and element.vr in SWAPPED_WORDS:
        value = swap_words(value, SWAPPED_WORDS[element.vr])
    padding = b"\0" if element.vr in _PADDED_WITH_NUL else b" "
    return _with_header(element.tag, element.vr, bytes(value) + padding * (len(value) % 2), syntax)


def _items(items: Iterable[RawDataSet], syntax: TransferSyntax) -> bytes:
    return b"".join(
        _tag(_ITEM, syntax) + _packed("I", len(written), syntax) + written
        for written in (write_data_set(item, syntax) for item in items)
    )


def _with_header(tag: int, vr: str, value: bytes, syntax: TransferSyntax) -> bytes:
    head = _tag(tag, syntax)
    if not syntax.explicit_vr:
        return head + _packed("I", len(value), syntax) + value
    if vr in _SHORT_VRS and len(value) <= _LONGEST_SHORT:
        return head + vr.encode() + _packed("H", len(value), syntax) + value
    # What is too long for its VR is written as UN. PS3.5 6.2.2.
    name = "UN" if vr in _SHORT_VRS else vr
    return head + name.encode() + b"\0\0" + _packed("I", len(value), syntax) + value


def _tag(tag: int, syntax: TransferSyntax) -> bytes:
    return _packed("H", tag >> 16, syntax) + _packed("H", tag & 0xFFFF, syntax)


def _packed(code: str, number: int, syntax: TransferSyntax) -> bytes:
    return struct.pack(("<" if syntax.little_endian else ">") + code, number)

"""The header scan: finds the attributes the archive keeps, without building a data set.

Values are found, not interpreted; each byte is looked at at most once.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pacs.dicom.character_sets import CharacterSet, parse_character_set
from pacs.dicom.element_walk import ElementWalk, HeaderLimits, PixelElement
from pacs.dicom.hierarchy import ATTRIBUTES, Kind
from pacs.dicom.transfer_syntaxes import TransferSyntax
from pacs.errors import InstanceUnreadable, LimitExceeded

SPECIFIC_CHARACTER_SET = 0x00080005
_MAX_VALUE_BYTES = 64 * 1024


@dataclass(frozen=True)
class ScannedHeader:
    """Raw values of the wanted top-level elements, without padding removed.

    Of a duplicated element the first is kept.
    """

    values: Mapping[int, bytes]
    pixels: PixelElement | None
    little_endian: bool
    element_count: int

    def raw(self, tag: int) -> bytes:
        return self.values.get(tag, b"")

    def character_set(self, *, assumed: str | None = None) -> CharacterSet:
        return parse_character_set(self.raw(SPECIFIC_CHARACTER_SET), assumed=assumed)


@cache
def wanted_tags() -> frozenset[int]:
    stored = {attribute.tag for attribute in ATTRIBUTES if attribute.kind is Kind.STORED}
    return frozenset(stored | {SPECIFIC_CHARACTER_SET})


class _HeaderWalk(ElementWalk):
    """Keeps the values of wanted elements at the top level."""

    def __init__(self, data: memoryview, syntax: TransferSyntax, limits: HeaderLimits) -> None:
        super().__init__(data, syntax, limits)
        self.values: dict[int, bytes] = {}
        self._wanted = wanted_tags()

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:
        del vr  # the values kept here are read by their attribute's VR
        if tag not in self._wanted or self.depth or tag in self.values:
            return
        if end - value <= _MAX_VALUE_BYTES:
            self.values[tag] = bytes(self.data[value:end])


def scan_header(
    data: memoryview, syntax: TransferSyntax, limits: HeaderLimits | None = None
) -> ScannedHeader:
    """Walk a whole data set that is not (or no longer) deflated.

    Raises InstanceUnreadable when it cannot be followed to its end, LimitExceeded when it is too
    deep or has too many elements.
    """
    walk = _HeaderWalk(data, syntax, limits or HeaderLimits())
    walk.run()
    return ScannedHeader(walk.values, walk.pixels, syntax.little_endian, walk.count)


def inflate(data: memoryview, limit_bytes: int) -> bytes:
    """The data set within a deflated one. Raises InstanceUnreadable, LimitExceeded. PS3.5 A.5."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, limit_bytes)
    except zlib.error as error:
        raise InstanceUnreadable(f"the deflated data set is damaged: {error}") from error
    if inflater.unconsumed_tail:
        raise LimitExceeded(f"the data set inflates to more than {limit_bytes} bytes")
    if not inflater.eof:
        raise InstanceUnreadable("the deflated data set ends too early")
    return inflated

"""Walking over the elements of an encoded data set, once, without recursion and within limits.

What is found is told to visitor methods of a subclass; nothing is interpreted. PS3.5 Section 7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

from pydicom._dicom_dict import DicomDictionary

from pacs.dicom.transfer_syntaxes import TransferSyntax
from pacs.errors import InstanceUnreadable, LimitExceeded

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
_PIXEL_TAGS = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})

_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR"}) | {
    b"UT",
    b"UV",
}
_SHORT = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"}
) | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}


@dataclass(frozen=True)
class HeaderLimits:
    """How much structure is accepted of one data set.

    max_depth             of nested sequences.
    max_elements          in all, nested ones included.
    max_inflated_bytes    of a deflated data set.
    """

    max_depth: int = 64
    max_elements: int = 1_000_000
    max_inflated_bytes: int = 1 << 30


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data element is. length is None when undefined (encapsulated)."""

    tag: int
    element_offset: int
    value_offset: int
    length: int | None


@cache
def _sequence_tags() -> frozenset[int]:
    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


@dataclass
class _Open:
    """A sequence or an item that has begun. end is None when it ends by a delimiter."""

    end: int | None
    is_item: bool
    explicit: bool


class ElementWalk:
    """One pass over the elements. Subclasses say what is done with a leaf and at a border.

    After `run`: `pixels` is the top-level pixel element, `count` the number of elements.
    `run` raises InstanceUnreadable when the data set cannot be followed to its end, LimitExceeded
    when it is too deep or has too many elements.
    """

    def __init__(self, data: memoryview, syntax: TransferSyntax, limits: HeaderLimits) -> None:
        self.pixels: PixelElement | None = None
        self.count = 0
        self.data = data
        self._end = len(data)
        self._limits = limits
        self._explicit = syntax.explicit_vr
        order = "<" if syntax.little_endian else ">"
        self._tag = struct.Struct(order + "HH").unpack_from
        self._u16 = struct.Struct(order + "H").unpack_from
        self._u32 = struct.Struct(order + "I").unpack_from
        self._open: list[_Open] = []

    def run(self) -> None:
        position = 0
        while True:
            position = self._leave_what_ended(position)
            if position >= self._end:
                break
            position = self._element(position)
        if any(level.end is None for level in self._open):
            raise InstanceUnreadable("the data set ends within a sequence")

    def _leave_what_ended(self, position: int) -> int:
        while self._open:
            end = self._open[-1].end
            if end is None or position < end:
                break
            if position > end:
                raise InstanceUnreadable(f"an element crosses the end of its sequence at {end}")
            self._leave()
        return position

    def _leave(self) -> None:
        self._explicit = self._open.pop().explicit
        self.visit_end()

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:
        """An element that is no sequence, its value data[value:end]. vr None: implicit."""

    def visit_sequence(self, tag: int) -> None:
        """A sequence begins."""

    def visit_item(self) -> None:
        """An item of the innermost sequence begins."""

    def visit_end(self) -> None:
        """The innermost open sequence or item ends."""

    @property
    def depth(self) -> int:
        """Open sequences and items; 0 at the top level."""
        return len(self._open)

    def _element(self, position: int) -> int:
        if position + 8 > self._end:
            raise InstanceUnreadable(f"the data set ends within an element at byte {position}")
        group, number = self._tag(self.data, position)
        tag: int = group << 16 | number
        self.count += 1
        if self.count > self._limits.max_elements:
            raise LimitExceeded(f"the data set has over {self._limits.max_elements} elements")
        if group == 0xFFFE:
            return self._item_or_delimiter(tag, position)
        vr, length, value = self._length(tag, position)
        if length == _UNDEFINED:
            return self._enter_undefined(tag, vr, position, value)
        return self._defined(tag, vr, position, value, length)

    def _defined(self, tag: int, vr: bytes | None, position: int, value: int, length: int) -> int:
        end = value + length
        if end > self._end:
            raise InstanceUnreadable(
                f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) says it has {length} bytes, "
                f"but only {self._end - value} follow: the data set was cut short"
            )
        if vr == b"SQ" or (vr is None and length and tag in _sequence_tags()):
            self._enter(end, is_item=False)
            self.visit_sequence(tag)
            return value
        if tag in _PIXEL_TAGS and not self._open and self.pixels is None:
            self.pixels = PixelElement(tag, position, value, length)
        self.visit_leaf(tag, vr, value, end)
        return end

    def _length(self, tag: int, position: int) -> tuple[bytes | None, int, int]:
        """VR (None when implicit), length, and where the value begins."""
        if not self._explicit:
            return None, self._u32(self.data, position + 4)[0], position + 8
        vr = bytes(self.data[position + 4 : position + 6])
        if vr in _SHORT:
            return vr, self._u16(self.data, position + 6)[0], position + 8
        if vr in _LONG or self._is_unknown_long(vr, position):
            if position + 12 > self._end:
                raise InstanceUnreadable(f"the data set ends within an element at byte {position}")
            return vr, self._u32(self.data, position + 8)[0], position + 12
        if not (vr.isalpha() and vr.isupper()):
            raise InstanceUnreadable(
                f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) at byte {position} has no VR; "
                "the data set is not in the transfer syntax it was announced in"
            )
        return vr, self._u16(self.data, position + 6)[0], position + 8

    def _is_unknown_long(self, vr: bytes, position: int) -> bool:
        """A VR newer than this table has a 32 bit length after two zero bytes. PS3.5 7.1.2."""
        return vr.isalpha() and vr.isupper() and self._u16(self.data, position + 6)[0] == 0

    def _enter_undefined(self, tag: int, vr: bytes | None, position: int, value: int) -> int:
        if tag in _PIXEL_TAGS and not self._open:
            self.pixels = PixelElement(tag, position, value, None)
            return self._pass_fragments(tag, vr, value)
        if vr in (None, b"SQ", b"UN"):
            self._enter(None, is_item=False)
            self.visit_sequence(tag)
            # Of UN with undefined length the content is Implicit VR. PS3.5 6.2.2 Note 4.
            self._explicit = self._explicit and vr != b"UN"
            return value
        if vr in (b"OB", b"OW"):
            return self._pass_fragments(tag, vr, value)
        raise InstanceUnreadable(
            f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) of undefined length is no sequence"
        )

    def _enter(self, end: int | None, *, is_item: bool) -> None:
        if self._open and end is not None:
            parent = self._open[-1].end
            if parent is not None and end > parent:
                raise InstanceUnreadable("a sequence is longer than the one it lies in")
        self._open.append(_Open(end, is_item, self._explicit))
        if len(self._open) > 2 * self._limits.max_depth:
            raise LimitExceeded(
                f"the data set nests sequences deeper than {self._limits.max_depth} levels"
            )

    def _item_or_delimiter(self, tag: int, position: int) -> int:
        length: int = self._u32(self.data, position + 4)[0]
        value = position + 8
        if tag == _ITEM and self._open and not self._open[-1].is_item:
            if length != _UNDEFINED and value + length > self._end:
                raise InstanceUnreadable("a sequence item is longer than the data set")
            self._enter(None if length == _UNDEFINED else value + length, is_item=True)
            self.visit_item()
            return value
        if tag in (_ITEM_END, _SEQUENCE_END) and self._open:
            ends_item = tag == _ITEM_END
            if self._open[-1].is_item == ends_item:
                # A delimiter where a length was given too is superfluous but seen.
                self._leave()
                return value
        if tag == _SEQUENCE_END:
            return value
        raise InstanceUnreadable(f"a sequence item stands where none can be, at byte {position}")

    def _pass_fragments(self, tag: int, vr: bytes | None, value: int) -> int:
        end = self._skip_fragments(value)
        self.visit_leaf(tag, vr, value, end)
        return end

    def _skip_fragments(self, position: int) -> int:
        """Pass the items of an encapsulated value. A delimiter missing at the end is forgiven."""
        while position + 8 <= self._end:
            group, number = self._tag(self.data, position)
            length: int = self._u32(self.data, position + 4)[0]
            tag = group << 16 | number
            position += 8
            self.count += 1
            if tag == _SEQUENCE_END:
                return position
            if tag != _ITEM or length > self._end - position:
                raise InstanceUnreadable("the encapsulated pixel data is cut short or damaged")
            position += length
        if position != self._end:
            raise InstanceUnreadable("the encapsulated pixel data is cut short")
        return position

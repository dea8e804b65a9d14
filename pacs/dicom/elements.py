"""A data set as a tree of raw elements: tags, VRs and values, normalised to little endian.

Nested as deep as the header walk allows, so that reading it recursively is safe.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.datadict import mask_match, private_dictionary_VR

from pacs.dicom.element_walk import ElementWalk, HeaderLimits
from pacs.dicom.transfer_syntaxes import TransferSyntax

SWAPPED_WORDS = {"AT": "H", "FD": "d", "FL": "f", "OD": "d", "OF": "f", "OL": "I", "OV": "Q"}
SWAPPED_WORDS |= {"OW": "H", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
"""The VRs whose values turn round with the byte order, and the words they are made of."""

_PIXEL_REPRESENTATION = 0x00280103


@dataclass
class RawElement:
    """One element. Of a sequence `items` holds the items and `value` is empty.

    offset  where the value begins in the data set that was read.
    """

    tag: int
    vr: str
    value: memoryview
    offset: int
    items: list[RawDataSet] | None = None


@dataclass
class RawDataSet:
    """The elements of a data set or item by tag, in the order sent; of a duplicate the first."""

    elements: dict[int, RawElement] = field(default_factory=dict)

    def raw(self, tag: int) -> bytes:
        element = self.elements.get(tag)
        return bytes(element.value) if element else b""

    def __iter__(self) -> Iterator[RawElement]:
        return iter(self.elements.values())


def read_elements(
    data: memoryview, syntax: TransferSyntax, limits: HeaderLimits | None = None
) -> RawDataSet:
    """The tree of a data set that is not deflated. Raises as `scan_header`."""
    walk = _TreeWalk(data, syntax, limits or HeaderLimits())
    walk.run()
    return walk.root


class _TreeWalk(ElementWalk):
    def __init__(self, data: memoryview, syntax: TransferSyntax, limits: HeaderLimits) -> None:
        super().__init__(data, syntax, limits)
        self.root = RawDataSet()
        self._swap = not syntax.little_endian
        self._path: list[RawDataSet | RawElement] = [self.root]

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:
        data_set = self._path[-1]
        if not isinstance(data_set, RawDataSet):
            return
        name = vr.decode() if vr is not None else self._implicit_vr(tag, data_set)
        content = self.data[value:end]
        if name == "UN":
            # Whoever did not know the VR wrote the value as Implicit VR Little Endian has it.
            # PS3.5 6.2.2 Note 2.
            known = self._implicit_vr(tag, data_set)
            name = known if known != "SQ" else name
        elif self._swap and name in SWAPPED_WORDS:
            content = swap_words(content, SWAPPED_WORDS[name])
        data_set.elements.setdefault(tag, RawElement(tag, name, content, value))

    def visit_sequence(self, tag: int) -> None:
        data_set = self._path[-1]
        element = RawElement(tag, "SQ", memoryview(b""), 0, items=[])
        if isinstance(data_set, RawDataSet):
            data_set.elements.setdefault(tag, element)
        self._path.append(element)

    def visit_item(self) -> None:
        sequence, item = self._path[-1], RawDataSet()
        if isinstance(sequence, RawElement) and sequence.items is not None:
            sequence.items.append(item)
        self._path.append(item)

    def visit_end(self) -> None:
        self._path.pop()

    def _implicit_vr(self, tag: int, data_set: RawDataSet) -> str:
        if tag >> 16 & 1:
            return _private_vr(tag, data_set)
        if tag & 0xFFFF == 0:
            return "UL"
        vr = _dictionary_vr(tag)
        return vr if len(vr) == 2 else self._settle(vr, data_set)

    def _settle(self, vr: str, data_set: RawDataSet) -> str:
        """Of `US or SS` by Pixel Representation, of `OB or OW` the implicit one. PS3.5 A.1."""
        if vr.startswith("US"):
            representation = data_set.raw(_PIXEL_REPRESENTATION) or self.root.raw(
                _PIXEL_REPRESENTATION
            )
            signed = representation[:1] == b"\1" and "SS" in vr
            return "SS" if signed else "US"
        return "OW"


def swap_words(value: memoryview, typecode: str) -> memoryview:
    """The other byte order; a rest that fills no word stays as it is."""
    words = array(typecode)
    whole = len(value) - len(value) % words.itemsize
    words.frombytes(value[:whole])
    words.byteswap()
    return memoryview(words.tobytes() + bytes(value[whole:]))


def _private_vr(tag: int, data_set: RawDataSet) -> str:
    element = tag & 0xFFFF
    if 0x10 <= element <= 0xFF:
        return "LO"
    creator_tag = (tag & 0xFFFF0000) | (element >> 8)
    creator = data_set.raw(creator_tag).decode("ascii", "replace").strip("\0 ")
    try:
        return private_dictionary_VR(tag, creator) if creator else "UN"
    except KeyError:
        return "UN"


@lru_cache(maxsize=8192)
def _dictionary_vr(tag: int) -> str:
    entry = DicomDictionary.get(tag)
    if entry is None:
        mask = mask_match(tag)
        entry = RepeatersDictionary.get(mask) if mask is not None else None
    return sys.intern(entry[0]) if entry else "UN"

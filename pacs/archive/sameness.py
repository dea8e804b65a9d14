"""Whether two instances with one SOP Instance UID say the same, though their bytes differ.

Only asked when digests differ, as when a study comes again in another transfer syntax.
"""

from __future__ import annotations

from collections.abc import Iterator

from pacs.dicom.elements import RawDataSet, RawElement

# What changes when pixels are coded otherwise without loss; the pixels themselves are compared.
_ABOUT_CODING = frozenset(
    {
        0x00280004,  # Photometric Interpretation
        0x00280006,  # Planar Configuration
        0x7FE00001,  # Extended Offset Table
        0x7FE00002,  # Extended Offset Table Lengths
        0x7FE00003,  # Encapsulated Pixel Data Value Total Length
        0x7FE00008,
        0x7FE00009,
        0x7FE00010,
        0xFFFCFFFC,
    }
)


def have_same_elements(one: RawDataSet, other: RawDataSet) -> bool:
    """Whether all elements but the pixels are equal, padding, VR and group lengths aside."""
    return _comparable(one) == _comparable(other)


Comparable = tuple[tuple[int, object], ...]


def _comparable(data_set: RawDataSet) -> Comparable:
    return tuple(sorted(_pairs(data_set), key=lambda pair: pair[0]))


def _pairs(data_set: RawDataSet) -> Iterator[tuple[int, object]]:
    for element in data_set:
        if element.tag & 0xFFFF and element.tag not in _ABOUT_CODING:
            yield element.tag, _content(element)


def _content(element: RawElement) -> object:
    if element.items is not None:
        return tuple(_comparable(item) for item in element.items)
    return bytes(element.value).rstrip(b"\0 ")

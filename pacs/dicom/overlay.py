"""Attributes laid over a data set on its way out: its header is rewritten, its pixels are not.

What is not touched keeps its very bytes. The values from before are told in Original Attributes
Sequence, PS3.3 C.12.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydicom.datadict import dictionary_VR, tag_for_keyword

from pacs.dicom.character_sets import CharacterSet, codec_of_term, parse_character_set
from pacs.dicom.element_walk import ElementWalk, HeaderLimits
from pacs.dicom.element_writer import write_element
from pacs.dicom.elements import RawDataSet, RawElement, read_elements
from pacs.dicom.transfer_syntaxes import TransferSyntax

_SPECIFIC_CHARACTER_SET = 0x00080005
_ORIGINAL_ATTRIBUTES_SEQUENCE = 0x04000561
_MODIFIED_ATTRIBUTES_SEQUENCE = 0x04000550
_ATTRIBUTE_MODIFICATION_DATETIME = 0x04000562
_MODIFYING_SYSTEM = 0x04000563
_SOURCE_OF_PREVIOUS_VALUES = 0x04000564
_REASON_FOR_MODIFICATION = 0x04000565
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_UTF_8 = "ISO_IR 192"
_ESCAPE = b"\x1b"


@dataclass(frozen=True)
class Overlay:
    """What lies over a study: attributes by keyword, "" to empty one, and when that was decided."""

    attributes: Mapping[str, str]
    at: datetime


def lay_over(
    header: bytes | memoryview, syntax: TransferSyntax, overlay: Overlay, *, system: str
) -> bytes:
    """The header of a data set, all that comes before its pixels, with the overlay over it.

    header  not deflated (any more); of a data set without pixels the whole of it.
    system  who modified it, for Modifying System.
    Raises as read_elements.
    """
    view = memoryview(header)
    tree = read_elements(view, syntax)
    declared = parse_character_set(tree.raw(_SPECIFIC_CHARACTER_SET))
    replaced = dict(_replacements(tree, overlay, declared))
    if any(element is None for element in replaced.values()):
        declared = CharacterSet((_UTF_8,))
        _recode(tree, parse_character_set(tree.raw(_SPECIFIC_CHARACTER_SET)), replaced)
        replaced[_SPECIFIC_CHARACTER_SET] = _text(_SPECIFIC_CHARACTER_SET, "CS", _UTF_8)
        replaced |= dict(_replacements(tree, overlay, declared))
    changed = {tag: element for tag, element in replaced.items() if element is not None}
    changed[_ORIGINAL_ATTRIBUTES_SEQUENCE] = _originals(
        changed.get(_ORIGINAL_ATTRIBUTES_SEQUENCE) or _own(tree, _ORIGINAL_ATTRIBUTES_SEQUENCE),
        tree,
        overlay,
        system,
    )
    return _woven(view, syntax, changed)


def _replacements(
    tree: RawDataSet, overlay: Overlay, character_set: CharacterSet
) -> Iterator[tuple[int, RawElement | None]]:
    """The new elements; None where the character set has no letters for the text."""
    for keyword, text in overlay.attributes.items():
        tag = tag_for_keyword(keyword)
        if tag is None or (not text and tag not in tree.elements):
            continue
        vr = dictionary_VR(tag)
        encoded = _encoded(text, vr, character_set)
        yield tag, None if encoded is None else RawElement(tag, vr, memoryview(encoded), 0)


def _encoded(text: str, vr: str, character_set: CharacterSet) -> bytes | None:
    if text.isascii():
        return text.encode("ascii")
    # With code extensions there would be escape sequences to write: UTF-8 needs none.
    codec = codec_of_term(character_set.terms[0]) if len(character_set.terms) == 1 else None
    if vr not in _TEXT_VRS or codec is None or codec.startswith("iso2022"):
        return None
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _text(tag: int, vr: str, text: str) -> RawElement:
    return RawElement(tag, vr, memoryview(text.encode("ascii", "replace")), 0)


# --- into UTF-8 ----------------------------------------------------------------------------------


def _recode(
    tree: RawDataSet, character_set: CharacterSet, changed: dict[int, RawElement | None]
) -> None:
    """Write all text of the data set in UTF-8; notes the top-level elements that change by it."""
    for tag, element in list(tree.elements.items()):
        if _recode_element(element, character_set):
            changed.setdefault(tag, element)


def _recode_element(element: RawElement, character_set: CharacterSet) -> bool:
    """Whether anything had to be changed."""
    if element.items is not None:
        changes = [_recode_item(item, character_set) for item in element.items]
        return any(changes)
    raw = bytes(element.value)
    if element.vr not in _TEXT_VRS or (raw.isascii() and _ESCAPE not in raw):
        return False
    text = character_set.decode(raw, element.vr).text.rstrip("\0 ")
    element.value = memoryview(text.encode("utf-8"))
    return True


def _recode_item(item: RawDataSet, inherited: CharacterSet) -> bool:
    own = item.raw(_SPECIFIC_CHARACTER_SET).strip(b"\0 ")
    character_set = parse_character_set(own) if own else inherited
    changes = [_recode_element(element, character_set) for element in item]
    if own and own != _UTF_8.encode():
        item.elements[_SPECIFIC_CHARACTER_SET] = _text(_SPECIFIC_CHARACTER_SET, "CS", _UTF_8)
        return True
    return any(changes)


# --- what was there before -----------------------------------------------------------------------


def _own(tree: RawDataSet, tag: int) -> RawElement | None:
    return tree.elements.get(tag)


def _originals(
    before: RawElement | None, tree: RawDataSet, overlay: Overlay, system: str
) -> RawElement:
    """Original Attributes Sequence with one more item. PS3.3 Table C.12-1."""
    tags = (tag_for_keyword(keyword) for keyword in overlay.attributes)
    modified = RawDataSet({tag: tree.elements[tag] for tag in tags if tag in tree.elements})
    at = overlay.at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
    item = RawDataSet(
        {
            _MODIFIED_ATTRIBUTES_SEQUENCE: RawElement(
                _MODIFIED_ATTRIBUTES_SEQUENCE, "SQ", memoryview(b""), 0, items=[modified]
            ),
            _ATTRIBUTE_MODIFICATION_DATETIME: _text(_ATTRIBUTE_MODIFICATION_DATETIME, "DT", at),
            _MODIFYING_SYSTEM: _text(_MODIFYING_SYSTEM, "LO", system),
            _SOURCE_OF_PREVIOUS_VALUES: _text(_SOURCE_OF_PREVIOUS_VALUES, "LO", ""),
            _REASON_FOR_MODIFICATION: _text(_REASON_FOR_MODIFICATION, "CS", "CORRECT"),
        }
    )
    items = [*(before.items if before is not None and before.items else ()), item]
    return RawElement(_ORIGINAL_ATTRIBUTES_SEQUENCE, "SQ", memoryview(b""), 0, items=items)


# --- weaving -------------------------------------------------------------------------------------


class _TopLevelWalk(ElementWalk):
    """Notes where each element of the top level begins."""

    def __init__(self, data: memoryview, syntax: TransferSyntax) -> None:
        super().__init__(data, syntax, HeaderLimits())
        self.starts: list[tuple[int, int]] = []

    def _element(self, position: int) -> int:
        if not self.depth:
            group, number = self._tag(self.data, position)
            self.starts.append((group << 16 | number, position))
        return super()._element(position)


def _woven(view: memoryview, syntax: TransferSyntax, changed: Mapping[int, RawElement]) -> bytes:
    """The bytes as they are, changed elements in their places. Group lengths are left out."""
    walk = _TopLevelWalk(view, syntax)
    walk.run()
    ends = [start for _, start in walk.starts[1:]] + [len(view)]
    pieces = [
        (tag, bytes(view[start:end]))
        for (tag, start), end in zip(walk.starts, ends, strict=True)
        if tag & 0xFFFF and tag not in changed
    ]
    pieces += [(tag, write_element(element, syntax)) for tag, element in changed.items()]
    return b"".join(piece for _, piece in sorted(pieces, key=lambda piece: piece[0]))

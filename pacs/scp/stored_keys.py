"""Keys of a query that no column answers: matched and answered from the headers of instances.

Only below a single study, and for a bounded number of matches: each costs a look into an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pacs.archive.metadata import Metadata
from pacs.dicom.character_sets import CharacterSet, parse_character_set
from pacs.dicom.elements import RawDataSet, RawElement
from pacs.dicom.hierarchy import Level
from pacs.errors import InstanceRefused, NotFound, ObjectDamaged, TryAgain
from pacs.scp.identifiers import SPECIFIC_CHARACTER_SET, Identifier, Key, element_values
from pacs.storage.interfaces import Match, Selection

_LEVELS = frozenset({Level.SERIES, Level.IMAGE})
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_RANGE_VRS = frozenset({"DA", "DT", "TM"})
_MOST_LOOKS = 200

Answers = Mapping[int, RawElement]
"""By tag; text in UTF-8. What the instance has not is left out."""


class StoredKeys:
    """For one query; counts its looks."""

    def __init__(self, metadata: Metadata, identifier: Identifier, keys: Iterable[Key]) -> None:
        self._metadata = metadata
        self._keys = tuple(keys)
        below_one_study = len(identifier.values(Level.STUDY)) == 1
        is_possible = bool(self._keys) and identifier.level in _LEVELS and below_one_study
        self._looks_left = _MOST_LOOKS if is_possible else 0

    def answers(self, match: Match) -> Answers | None:
        """None when nothing could be looked at. Raises NotMatching."""
        if not self._looks_left:
            return None
        self._looks_left -= 1
        header = self._header(match)
        if header is None:
            return None
        characters = parse_character_set(header.raw(SPECIFIC_CHARACTER_SET))
        if not all(_fits(key, header, characters) for key in self._keys):
            raise NotMatching
        return {
            key.tag: _answer(key, header.elements[key.tag], characters)
            for key in self._keys
            if key.tag in header.elements
        }

    def _header(self, match: Match) -> RawDataSet | None:
        try:
            return self._metadata.first_header(_selection(match))
        except (InstanceRefused, NotFound, ObjectDamaged, TryAgain):
            # One object that cannot be read must not hide the list; FF01 says what is missing.
            return None


class NotMatching(Exception):
    """The instance has another value than the one asked for."""


def _selection(match: Match) -> Selection:
    def uids(keyword: str) -> tuple[str, ...]:
        value = match.values.get(keyword)
        return (str(value),) if value else ()

    return Selection(
        study_instance_uids=uids("StudyInstanceUID"),
        series_instance_uids=uids("SeriesInstanceUID"),
        sop_instance_uids=uids("SOPInstanceUID"),
    )


def _fits(key: Key, data_set: RawDataSet, characters: CharacterSet) -> bool:
    """Sequence matching: one item must fit all keys of the item asked. PS3.4 C.2.2.2.6."""
    element = data_set.elements.get(key.tag)
    if key.items:
        asked = key.items[0]
        if not any(_has_condition(one) for one in asked):
            return True
        items = element.items if element is not None else None
        return any(all(_fits(one, item, characters) for one in asked) for item in items or ())
    if not key.values:
        return True
    stored = element_values(element, characters) if element is not None else ()
    return any(_is_like(value, wanted, key.vr) for value in stored for wanted in key.values)


def _has_condition(key: Key) -> bool:
    return bool(key.values) or any(_has_condition(one) for item in key.items for one in item)


def _is_like(value: str, wanted: str, vr: str) -> bool:
    if vr in _RANGE_VRS and "-" in wanted:
        first, _, last = wanted.partition("-")
        return (not first or value >= first) and (not last or value[: len(last)] <= last)
    if vr == "UI":
        return value == wanted
    if vr == "PN":
        value, wanted = value.casefold(), wanted.casefold()
    pattern = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def _answer(key: Key, element: RawElement, characters: CharacterSet) -> RawElement:
    """The element with what was asked of it, text in UTF-8."""
    if element.items is None:
        if element.vr not in _TEXT_VRS:
            return element
        text = characters.decode(bytes(element.value), element.vr).text
        return replace(element, value=memoryview(text.encode()))
    asked = {one.tag: one for one in key.items[0]} if key.items else {}
    items = [
        RawDataSet(
            {
                one.tag: _answer(asked.get(one.tag, _ANYTHING), one, characters)
                for one in item
                if (one.tag in asked or not asked) and one.tag != SPECIFIC_CHARACTER_SET
            }
        )
        for item in element.items
    ]
    return replace(element, items=items)


_ANYTHING = Key(0, "", ())

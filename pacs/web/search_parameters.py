"""The parameters of a QIDO-RS search, read into a query and what to return. PS3.18 8.3.4."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pacs.dicom.hierarchy import (
    ATTRIBUTES,
    UNIQUE_KEY,
    Attribute,
    Level,
    attribute_of_keyword,
    attribute_of_tag,
    default_web_attributes,
    levels_down_to,
)
from pacs.dicom.matching import AnyOf, Criterion, Order, Query, parse_criterion
from pacs.errors import QueryInvalid
from pacs.web.config import WebLimits

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NOT_SHOWN = re.compile(r"[^A-Za-z0-9_.]")
# Answered elsewhere: by the choice of the media type.
_ABOUT_THE_ANSWER = frozenset({"accept", "charset"})
_BOOLEANS = {"true": True, "false": False}

_ORDER: Mapping[Level, tuple[Order, ...]] = {
    Level.STUDY: (Order("study_date", descending=True), Order("study_time", descending=True)),
    Level.SERIES: (Order("series_number"),),
    Level.IMAGE: (Order("instance_number"),),
}


@dataclass(frozen=True)
class Search:
    """A search as asked.

    returned  the attributes of the answer, in the order of their tags.
    ignored   parameters that were not understood, as far as they can be shown.
    cut_to    the limit that took the place of a larger one, or None.
    """

    query: Query
    returned: tuple[Attribute, ...]
    ignored: tuple[str, ...]
    cut_to: int | None = None


@dataclass
class _Reading:
    """What was read so far."""

    values: dict[Attribute, list[str]] = field(default_factory=dict)
    included: list[Attribute] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)


def parse_search(
    level: Level,
    within: Mapping[Level, str],
    parameters: Iterable[tuple[str, str]],
    *,
    limits: WebLimits,
) -> Search:
    """Read a search at `level` below the UIDs of the path (`within`).

    Raises QueryInvalid for a value that a supported parameter cannot have; what is not supported
    is ignored and named, as PS3.18 8.3 wants it.
    """
    reading = _read(level, parameters)
    fuzzy = _boolean(reading, "fuzzymatching")
    asked_limit = _count(reading, "limit")
    limit = limits.default_matches if asked_limit is None else asked_limit
    query = Query(
        level=level,
        criteria=(*_path_criteria(within), *_criteria(reading, fuzzy=fuzzy)),
        order=_ORDER[level],
        limit=min(limit, limits.max_matches),
        offset=_count(reading, "offset") or 0,
        with_total=True,
    )
    cut = limits.max_matches if limit > limits.max_matches else None
    return Search(query, _returned(level, within, reading), tuple(reading.ignored), cut)


def _read(level: Level, parameters: Iterable[tuple[str, str]]) -> _Reading:
    reading = _Reading()
    for name, value in parameters:
        if "\0" in value:
            raise QueryInvalid("a value of the query holds a NUL character")
        if name == "includefield":
            reading.included += _fields(level, value)
        elif name in ("fuzzymatching", "limit", "offset"):
            _keep_option(reading, name, value)
        elif name not in _ABOUT_THE_ANSWER:
            _keep_key(reading, level, name, value)
    return reading


def _keep_option(reading: _Reading, name: str, value: str) -> None:
    if name in reading.options:
        raise QueryInvalid(f"the parameter {name} is given twice")
    reading.options[name] = value


def _keep_key(reading: _Reading, level: Level, name: str, value: str) -> None:
    attribute = _attribute(name)
    if attribute is None or attribute.level not in levels_down_to(level):
        reading.ignored.append(_NOT_SHOWN.sub("?", name)[:64])
        return
    reading.values.setdefault(attribute, []).extend(_split(attribute, value))


def _attribute(name: str) -> Attribute | None:
    """By keyword, or by the eight digits of the tag."""
    return attribute_of_tag(int(name, 16)) if _TAG.fullmatch(name) else attribute_of_keyword(name)


def _split(attribute: Attribute, value: str) -> list[str]:
    """The values of one parameter; a comma parts only what cannot hold one itself."""
    if attribute.vr in ("UI", "CS"):
        return re.split(r"[\\,]", value)
    return value.split("\\")


def _fields(level: Level, value: str) -> list[Attribute]:
    """Unknown names are passed over: the archive simply has no value to return for them."""
    found: list[Attribute] = []
    for name in filter(None, (piece.strip() for piece in value.split(","))):
        if name == "all":
            found += [each for each in ATTRIBUTES if each.level in levels_down_to(level)]
        attribute = _attribute(name)
        if attribute is not None and attribute.level in levels_down_to(level):
            found.append(attribute)
    return found


def _criteria(reading: _Reading, *, fuzzy: bool) -> list[Criterion]:
    parsed = (
        parse_criterion(attribute, values, fuzzy=fuzzy)
        for attribute, values in reading.values.items()
    )
    return [criterion for criterion in parsed if criterion is not None]


def _path_criteria(within: Mapping[Level, str]) -> list[Criterion]:
    """The UIDs of the path, taken literally."""
    return [
        Criterion(attribute, AnyOf((uid,)))
        for level, uid in within.items()
        for attribute in _unique_keys([level])
    ]


def _returned(
    level: Level, within: Mapping[Level, str], reading: _Reading
) -> tuple[Attribute, ...]:
    """Default attributes, those matched and those asked for. PS3.18 10.6.3.3.

    What belongs to a level above comes along unless the path already names that level.
    """
    wanted = {*reading.included, *reading.values, *default_web_attributes(level)}
    for above in levels_down_to(level)[:-1]:
        if not _is_fixed(above, within):
            wanted.update(default_web_attributes(above))
    wanted.update(_unique_keys(levels_down_to(level)[1:]))
    return tuple(sorted(wanted, key=lambda attribute: attribute.tag))


def _is_fixed(level: Level, within: Mapping[Level, str]) -> bool:
    """A path that names a study names its patient too."""
    return level in within or (level is Level.PATIENT and Level.STUDY in within)


def _unique_keys(levels: Sequence[Level]) -> list[Attribute]:
    return [each for each in ATTRIBUTES if each.keyword in {UNIQUE_KEY[level] for level in levels}]


def _boolean(reading: _Reading, name: str) -> bool:
    text = reading.options.get(name, "false").lower()
    if text not in _BOOLEANS:
        raise QueryInvalid(f"{name} is true or false, not {text[:20]!r}")
    return _BOOLEANS[text]


def _count(reading: _Reading, name: str) -> int | None:
    text = reading.options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise QueryInvalid(f"{name} is a whole number from 0, not {text[:20]!r}")
    return int(text)

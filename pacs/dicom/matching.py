"""What a query asks: criteria parsed from the keys of C-FIND, QIDO-RS and the viewer.

Parsing only; how a criterion is answered is the index's affair. PS3.4 C.2.2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time

from pacs.dicom.hierarchy import Attribute, Level
from pacs.dicom.person_names import fold_person_name, name_words
from pacs.errors import QueryInvalid


@dataclass(frozen=True)
class SingleValue:
    """Equal to this text; case counts."""

    value: str


@dataclass(frozen=True)
class AnyOf:
    """Equal to one of these: a list of UIDs, or several values."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Wildcard:
    """`*` stands for any characters or none, `?` for exactly one; case counts."""

    pattern: str


@dataclass(frozen=True)
class NamePattern:
    """A folded person name in which `*` and `?` stand for characters.

    spaced  whether the asker wrote no `^`: then the components of a stored name are compared as
            if parted by spaces, so that `dang thi ngoc anh` finds `ĐẶNG^THỊ NGỌC ÁNH`.
    words   folded words a name must have, as prefixes, for fuzzy matching; else empty.
    """

    pattern: str
    spaced: bool
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class DateRange:
    """Inclusive; an open end is None."""

    start: date | None
    end: date | None


@dataclass(frozen=True)
class TimeRange:
    """Inclusive; an open end is None."""

    start: time | None
    end: time | None


@dataclass(frozen=True)
class IntegerValue:
    value: int


Condition = SingleValue | AnyOf | Wildcard | NamePattern | DateRange | TimeRange | IntegerValue


@dataclass(frozen=True)
class Criterion:
    attribute: Attribute
    condition: Condition


@dataclass(frozen=True)
class Order:
    """Sort by a column of the attribute table or one of the archive's own (`received_at`, ...)."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """What is asked, at which level.

    criteria      all must hold; those of levels above narrow too.
    search_words  folded words of the viewer's search box: each must begin a word of the patient's
                  name, or begin the patient ID or the accession number.
    order         first things first; the index adds what makes the order total.
    limit         None for all.
    with_total    whether the number of all matches is wanted beside the page.
    """

    level: Level
    criteria: tuple[Criterion, ...] = ()
    search_words: tuple[str, ...] = ()
    order: tuple[Order, ...] = field(default=())
    limit: int | None = None
    offset: int = 0
    with_total: bool = False


_TEXT_WITH_WILDCARDS = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_INTEGERS = frozenset({"IS", "US", "UL", "SS", "SL"})


def parse_criterion(
    attribute: Attribute, values: Iterable[str], *, fuzzy: bool = False
) -> Criterion | None:
    """Turn the values of one key into a criterion; None when it matches everything.

    Raises QueryInvalid when the value is not of the attribute's kind.
    """
    texts = tuple(text for text in (value.strip(" \0") for value in values) if text)
    if not texts or texts == ("*",):
        return None
    return Criterion(attribute, _parse_condition(attribute, texts, fuzzy=fuzzy))


def _parse_condition(attribute: Attribute, texts: tuple[str, ...], *, fuzzy: bool) -> Condition:
    if attribute.vr == "UI":
        return AnyOf(texts)
    if len(texts) > 1:
        return AnyOf(texts)
    text = texts[0]
    if attribute.vr == "PN":
        return parse_name(text, fuzzy=fuzzy)
    if attribute.vr == "DA":
        return parse_date_range(attribute.keyword, text)
    if attribute.vr == "TM":
        return parse_time_range(attribute.keyword, text)
    if attribute.vr in _INTEGERS:
        return _parse_integer(attribute.keyword, text)
    if attribute.vr in _TEXT_WITH_WILDCARDS and ("*" in text or "?" in text):
        return Wildcard(text)
    return SingleValue(text)


def parse_name(text: str, *, fuzzy: bool = False) -> NamePattern:
    folded = fold_person_name(text)
    words = tuple(name_words(text.replace("*", " ").replace("?", " "))) if fuzzy else ()
    return NamePattern(pattern=folded, spaced="^" not in folded, words=words)


def _parse_integer(keyword: str, text: str) -> IntegerValue:
    try:
        return IntegerValue(int(text))
    except ValueError as error:
        raise QueryInvalid(f"{keyword} is matched by a whole number, not by {text!r}") from error


_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")


def parse_date_range(keyword: str, text: str) -> DateRange:
    """`20260131`, `20260101-20260131`, `-20260131`, `20260101-`. PS3.4 C.2.2.2.5."""
    whole = _DATE.fullmatch(text)
    if whole:
        day = _parse_date(keyword, text)
        return DateRange(day, day)
    first, dash, last = text.partition("-")
    if not dash or not (first.strip() or last.strip()):
        raise QueryInvalid(
            f"{keyword} is matched by YYYYMMDD or YYYYMMDD-YYYYMMDD, not by {text!r}"
        )
    return DateRange(_parse_date(keyword, first), _parse_date(keyword, last))


def _parse_date(keyword: str, text: str) -> date | None:
    if not text.strip():
        return None
    found = _DATE.fullmatch(text.strip())
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise QueryInvalid(f"{keyword} has no date {text!r}; write YYYYMMDD")


_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")


def parse_time_range(keyword: str, text: str) -> TimeRange:
    """`0915`, `0900-1030`, `-1030`, `0900-`; a time left short covers all it leaves open."""
    first, dash, last = text.partition("-")
    if not dash:
        return TimeRange(_parse_time(keyword, first), _parse_time(keyword, first, latest=True))
    if not (first.strip() or last.strip()):
        raise QueryInvalid(f"{keyword} is matched by HHMMSS or HHMMSS-HHMMSS, not by {text!r}")
    return TimeRange(_parse_time(keyword, first), _parse_time(keyword, last, latest=True))


def _parse_time(keyword: str, text: str, *, latest: bool = False) -> time | None:
    if not text.strip():
        return None
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise QueryInvalid(f"{keyword} has no time {text!r}; write HHMMSS")
    hour, minute, second, fraction = found.groups()
    rest = 59 if latest else 0
    pad = "9" if latest else "0"
    micro = int((fraction or "").ljust(6, pad))
    seconds = int(second) if second is not None else rest
    try:
        return time(int(hour), int(minute) if minute is not None else rest, min(seconds, 59), micro)
    except ValueError as error:
        raise QueryInvalid(f"{keyword} has no time {text!r}; write HHMMSS") from error

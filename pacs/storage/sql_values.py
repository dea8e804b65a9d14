"""What columns hold for the values of a data set: cleaned text and what helps to search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from pacs.dicom.hierarchy import Attribute, Kind, Level, attributes_of
from pacs.dicom.person_names import fold, fold_person_name, name_words
from pacs.storage.interfaces import Value
from pacs.storage.sql_schema import FOLDED_KEYWORDS, NUMBER_VRS, companion_columns

Row = dict[str, object]

LIST_SEPARATOR = "\\"
_INDEXED_CHARACTERS = 600  # PostgreSQL cannot index much more than 2,700 bytes
_WORDS = 300
WORD_CHARACTERS = 64
_INT64 = 2**63

_DAY = re.compile(r"(\d{4})[.]?(\d{2})[.]?(\d{2})")
_CLOCK = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")


def clean_text(value: Value) -> str | None:
    """Text a database can keep; several values joined by a backslash; None when empty."""
    if value is None:
        return None
    if isinstance(value, tuple):
        text = LIST_SEPARATOR.join(value)
        if not text.strip(LIST_SEPARATOR):
            return None
    else:
        text = str(value)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "") or None


def number_of(value: Value) -> int | None:
    """The whole number a value is, when a column can hold it."""
    try:
        number = int(value)  # type: ignore[arg-type]  # a tuple or None is a TypeError: no number
    except (TypeError, ValueError):
        return None
    return number if -_INT64 <= number < _INT64 else None


def day_of(text: str) -> str | None:
    """`20260131`, or None when the text is no date."""
    found = _DAY.fullmatch(text.strip())
    return "".join(found.groups()) if found else None


def clock_of(text: str) -> str | None:
    """`081500.000000`, or None when the text is no time; what is left out counts as zero."""
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return None
    hour, minute, second, fraction = (part or "" for part in found.groups())
    return f"{hour}{minute or '00'}{second or '00'}.{fraction:0<6}"


def searchable_name(text: str) -> str:
    r"""A person name as it is searched: `=dang^thi ngoc anh=dang thi ngoc anh=`.

    Every component group of every value stands between `=`, first as it is, then with its
    components parted by spaces, for those who type no `^`.
    """
    folded = [fold_person_name(name) for name in text.split(LIST_SEPARATOR)]
    groups = [group for name in folded for group in name.split("=") if group]
    spaced = [" ".join(group.replace("^", " ").split()) for group in groups]
    both = dict.fromkeys([*groups, *spaced])
    return f"={'='.join(both)}="[:_INDEXED_CHARACTERS] if both else ""


def searchable_words(text: str | None) -> tuple[str, ...]:
    """The words a patient is found by."""
    words = (word[:WORD_CHARACTERS] for word in name_words(text or ""))
    return tuple(dict.fromkeys(words))[:_WORDS]


def level_row(level: Level, values: Mapping[str, Value]) -> Row:
    """The attribute columns of one level."""
    row: Row = {}
    for keyword, fill in _fillers(level):
        fill(values.get(keyword), row)
    return row


def joined_list(texts: Iterable[str]) -> str:
    r"""`\CT\SR\`; empty text for an empty list."""
    found = sorted(set(filter(None, texts)))
    return f"\\{LIST_SEPARATOR.join(found)}\\" if found else ""


def split_list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(LIST_SEPARATOR)))


Filler = Callable[[Value, Row], None]


@cache
def _fillers(level: Level) -> tuple[tuple[str, Filler], ...]:
    return tuple(
        (attribute.keyword, _filler(attribute))
        for attribute in attributes_of(level)
        if attribute.kind is Kind.STORED
    )


def _filler(attribute: Attribute) -> Filler:
    column = attribute.column
    if attribute.vr in NUMBER_VRS:

        def fill_number(value: Value, row: Row) -> None:
            row[column] = number_of(value)

        return fill_number
    companions = companion_columns(attribute)
    limit = _INDEXED_CHARACTERS if attribute.keyword in FOLDED_KEYWORDS else None
    if not companions:

        def fill_text(value: Value, row: Row) -> None:
            row[column] = clean_text(value)

        return fill_text
    [(kind, companion)] = companions
    derive = _folded if attribute.keyword in FOLDED_KEYWORDS else _DERIVED[kind]

    def fill_both(value: Value, row: Row) -> None:
        text = clean_text(value)
        row[column] = text if text is None else text[:limit]
        row[companion] = None if text is None else derive(text)

    return fill_both


def _folded(text: str) -> str:
    return fold(text)[:_INDEXED_CHARACTERS]


_DERIVED: Mapping[str, Callable[[str], object]] = {
    "folded": searchable_name,
    "day": day_of,
    "clock": clock_of,
    "number": number_of,
}

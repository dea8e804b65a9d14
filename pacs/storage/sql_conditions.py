"""How each kind of condition of dicom.matching is asked of the columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import time
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, Table, and_, exists, or_, select, true, union

from pacs.dicom.hierarchy import LEVELS, Attribute, Kind, Level
from pacs.dicom.matching import (
    AnyOf,
    Condition,
    Criterion,
    DateRange,
    IntegerValue,
    NamePattern,
    SingleValue,
    TimeRange,
    Wildcard,
    parse_name,
)
from pacs.dicom.person_names import fold, name_words
from pacs.errors import QueryInvalid
from pacs.storage.sql_patterns import Patterns, Truth, begins_with, between_separators
from pacs.storage.sql_schema import (
    NUMBER_VRS,
    companion_columns,
    instances,
    patients,
    series,
    studies,
)
from pacs.storage.sql_schema import (
    name_words as words,
)
from pacs.storage.sql_values import LIST_SEPARATOR, WORD_CHARACTERS, day_of, number_of

TABLES: dict[Level, Table] = {
    Level.PATIENT: patients,
    Level.STUDY: studies,
    Level.SERIES: series,
    Level.IMAGE: instances,
}

IS_HELD: dict[Level, ColumnElement[bool]] = {
    Level.PATIENT: patients.c.id.in_(
        select(studies.c.patient_row).where(studies.c.number_of_study_related_instances > 0)
    ),
    Level.STUDY: studies.c.number_of_study_related_instances > 0,
    Level.SERIES: series.c.number_of_series_related_instances > 0,
    Level.IMAGE: instances.c.in_trash.is_(False),
}
"""What is in the trash only is not there."""

_WORD_BREAK = re.compile(r"[\s^=,.\-]+")
_BEFORE_WORDS = ("=", "^", " ", "-", ",", ".")


IsRare = Callable[[Select[Any]], bool]
"""Whether a statement that selects studies finds few."""


def home_table(attribute: Attribute, level: Level) -> Table:
    """Where the attribute is looked up by a query of this level: below the patient level, the
    study's own copy says what the patient is called."""
    if attribute.level is Level.PATIENT and level is not Level.PATIENT:
        return studies
    return TABLES[attribute.level]


class Conditions:
    """Turns criteria into SQL for one of the two databases.

    What few studies have is looked up in an index first; what many have is checked study by study
    as they come in their order, which finds a page soon. `is_rare` tells which, for a statement
    that selects one row for each study that would be looked up.
    """

    def __init__(self, *, is_sqlite: bool, is_rare: IsRare) -> None:
        self._patterns = Patterns(is_sqlite=is_sqlite)
        self._is_rare = is_rare

    def of_criterion(self, criterion: Criterion, level: Level) -> Truth:
        """The criterion, asked of a query of this level."""
        attribute = criterion.attribute
        table = home_table(attribute, level)
        if attribute.kind is Kind.COUNTED and attribute.level is Level.PATIENT:
            raise QueryInvalid(f"{attribute.keyword} is counted for answers and cannot be matched")
        condition = self._of_condition(attribute, criterion.condition, table)
        if LEVELS.index(attribute.level) <= LEVELS.index(level):
            return condition
        return _something_below(level, attribute.level, condition)

    def _has_name_word(self, prefix: str) -> Truth:
        begins = begins_with(words.c.word, prefix[:WORD_CHARACTERS])
        lookup = select(words.c.study_row).where(begins)
        return studies.c.id.in_(lookup) if self._is_rare(lookup) else _has_word(begins)

    def _of_condition(self, attribute: Attribute, condition: Condition, table: Table) -> Truth:
        column: ColumnElement[Any] = table.c[attribute.column]
        match condition:
            case SingleValue(value):
                return self._equals_one(attribute, (value,), table)
            case AnyOf(values):
                return self._equals_one(attribute, values, table)
            case Wildcard(pattern):
                if attribute.many:
                    column = between_separators(column, LIST_SEPARATOR)
                    pattern = f"*{LIST_SEPARATOR}{pattern}{LIST_SEPARATOR}*"
                return self._patterns.matches(column, pattern)
            case NamePattern():
                return self._of_name(attribute, condition, table)
            case DateRange(start, end):
                days = (f"{day:%Y%m%d}" if day else None for day in (start, end))
                return _within(_companion(attribute, table), *days)
            case TimeRange(start, end):
                return _within(_companion(attribute, table), _clock(start), _clock(end))
            case IntegerValue(value):
                return _number_column(attribute, table) == value
            case _:
                assert_never(condition)

    def _equals_one(self, attribute: Attribute, values: Sequence[str], table: Table) -> Truth:
        column = table.c[attribute.column]
        if attribute.vr == "PN":
            return or_(*(self._of_name(attribute, parse_name(value), table) for value in values))
        if attribute.vr in NUMBER_VRS or attribute.vr == "IS":
            numbers = [number for number in map(number_of, values) if number is not None]
            return _number_column(attribute, table).in_(numbers)
        if attribute.vr == "DA":
            days = [day_of(value) or value for value in values]
            return _companion(attribute, table).in_(days)
        if attribute.keyword == "ModalitiesInStudy":
            return self._has_modality(values)
        if attribute.many:
            listed = between_separators(column, LIST_SEPARATOR)
            separated = [f"{LIST_SEPARATOR}{value}{LIST_SEPARATOR}" for value in values]
            return or_(*(self._patterns.contains(listed, value) for value in separated))
        return column.in_(values)

    def _has_modality(self, values: Sequence[str]) -> Truth:
        listed = [f"{LIST_SEPARATOR}{value}{LIST_SEPARATOR}" for value in values]
        has_one = or_(
            *(self._patterns.contains(studies.c.modalities_in_study, value) for value in listed)
        )
        lookup = select(series.c.study_row).where(series.c.modality.in_(values))
        # A series whose instances lie in the trash is still there: the list decides.
        return and_(studies.c.id.in_(lookup), has_one) if self._is_rare(lookup) else has_one

    def _of_name(self, attribute: Attribute, name: NamePattern, table: Table) -> Truth:
        if name.words:
            return and_(*(self._of_name_word(attribute, word, table) for word in name.words))
        if not name.pattern.strip("*"):
            return true()
        folded = _companion(attribute, table)
        matches = self._patterns.matches(folded, f"*={name.pattern}=*")
        leading = _leading_word(name.pattern)
        if attribute.keyword != "PatientName" or table is not studies or not leading:
            return matches
        # Who has the name has its first word too, and for words there is an index.
        lookup = select(words.c.study_row).where(begins_with(words.c.word, leading))
        return and_(studies.c.id.in_(lookup), matches) if self._is_rare(lookup) else matches

    def _of_name_word(self, attribute: Attribute, word: str, table: Table) -> Truth:
        if attribute.keyword == "PatientName" and table is studies:
            return self._has_name_word(word)
        folded = _companion(attribute, table)
        return or_(*(self._patterns.contains(folded, f"{mark}{word}") for mark in _BEFORE_WORDS))


def of_search_word(word: str, level: Level, *, is_rare: IsRare) -> Truth:
    """Whether a word of the search box begins a word of the name, the ID or the number."""
    begins_id = begins_with(studies.c.patient_id_folded, fold(word))
    begins_number = begins_with(studies.c.accession_number_folded, fold(word))
    pieces = [begins_with(words.c.word, piece[:WORD_CHARACTERS]) for piece in name_words(word)]
    lookups = [select(studies.c.id).where(begins) for begins in (begins_id, begins_number)]
    if pieces:
        lookups.append(_lookup_words(pieces))
    if all(is_rare(lookup) for lookup in lookups):
        found: Truth = studies.c.id.in_(union(*lookups))
    else:
        by_name = [and_(*map(_has_word, pieces))] if pieces else []
        found = or_(begins_id, begins_number, *by_name)
    if level is Level.PATIENT:
        return patients.c.id.in_(select(studies.c.patient_row).where(found))
    return found


def _lookup_words(begins: Sequence[Truth]) -> Select[Any]:
    """The studies whose patient has a word for each of the beginnings."""
    lookup = select(words.c.study_row).where(begins[0])
    for other in begins[1:]:
        lookup = lookup.where(words.c.study_row.in_(select(words.c.study_row).where(other)))
    return lookup


def _has_word(begins: Truth) -> Truth:
    return exists().where(words.c.study_row == studies.c.id, begins).correlate(studies)


def _leading_word(pattern: str) -> str:
    """The literal beginning of a name pattern, up to the end of its first word."""
    literal_part = re.split(r"[*?]", pattern, maxsplit=1)[0]
    return _WORD_BREAK.split(literal_part, maxsplit=1)[0][:WORD_CHARACTERS]


def _something_below(level: Level, lower: Level, condition: Truth) -> Truth:
    """Whether something at a lower level fulfils the condition."""
    if lower is Level.IMAGE:
        condition = condition & instances.c.in_trash.is_(False)
        if level is Level.SERIES:
            return series.c.id.in_(select(instances.c.series_row).where(condition))
        condition = series.c.id.in_(select(instances.c.series_row).where(condition))
    if lower in {Level.SERIES, Level.IMAGE}:
        if level is Level.STUDY:
            return studies.c.id.in_(select(series.c.study_row).where(condition))
        condition = studies.c.id.in_(select(series.c.study_row).where(condition))
    return patients.c.id.in_(select(studies.c.patient_row).where(condition))


def _companion(attribute: Attribute, table: Table) -> ColumnElement[Any]:
    [(_, name)] = companion_columns(attribute)
    return table.c[name]


def _number_column(attribute: Attribute, table: Table) -> ColumnElement[Any]:
    if attribute.vr == "IS" and attribute.kind is Kind.STORED:
        return _companion(attribute, table)
    return table.c[attribute.column]


def _clock(moment: time | None) -> str | None:
    return f"{moment:%H%M%S.%f}" if moment else None


def _within(column: ColumnElement[Any], start: str | None, end: str | None) -> Truth:
    limits: list[Truth] = [column.is_not(None)]
    if start is not None:
        limits.append(column >= start)
    if end is not None:
        limits.append(column <= end)
    return and_(*limits)

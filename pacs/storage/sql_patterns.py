"""Text comparisons that mean the same on both databases: case counts, `*` and `?` are wild."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from pacs.errors import QueryInvalid

_LAST_CHARACTER = "\U0010ffff"
_PATTERN_LIMIT = 1024
_PARAMETERS = 1000
_STARS = re.compile(r"\*+")

Text = ColumnElement[Any]
Truth = ColumnElement[bool]


def one_of(column: Text, texts: Sequence[str]) -> Truth:
    """Whether the column is one of the texts, however many they are."""
    if len(texts) <= _PARAMETERS:
        return column.in_(texts)
    return _IsInJson(column, literal(json.dumps(list(texts))))


class _IsInJson(FunctionElement[bool]):
    """Whether a column is in a JSON array: a statement cannot have any number of parameters."""

    inherit_cache = True
    type = Boolean()


@compiles(_IsInJson, "postgresql")
def _is_in_json_postgresql(element: _IsInJson, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT json_array_elements_text(CAST({texts} AS json)))"


@compiles(_IsInJson, "sqlite")
def _is_in_json_sqlite(element: _IsInJson, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608  names and marks


def begins_with(column: Text, prefix: str) -> Truth:
    """A range, so that the index on the column answers it. The prefix is literal text."""
    return and_(column >= prefix, column < prefix + _LAST_CHARACTER)


class Patterns:
    """Spells comparisons in the words of one of the two databases."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite

    def contains(self, column: Text, text: str) -> Truth:
        """Whether the text is part of the column. The text is literal."""
        find = func.instr if self._is_sqlite else func.strpos
        return find(column, text) > 0

    def matches(self, column: Text, pattern: str) -> Truth:
        """Whether the whole column is as the pattern says: `*` any characters, `?` exactly one."""
        if len(pattern) > _PATTERN_LIMIT:
            raise QueryInvalid(f"a pattern may have {_PATTERN_LIMIT} characters")
        pattern = _STARS.sub("*", pattern)
        if self._is_sqlite:
            # LIKE takes a and A for the same letter on SQLite; GLOB does not.
            return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
        return column.like(_as_like(pattern), escape="\\")


def _as_like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def between_separators(column: Text, separator: str) -> Text:
    """The column with the separator before and behind, to look for one of its values."""
    return literal(separator) + column + literal(separator)

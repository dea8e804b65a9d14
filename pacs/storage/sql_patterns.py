"""Text comparisons that mean the same on both databases: case counts, `*` and `?` are wild."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal

from pacs.errors import QueryInvalid

_LAST_CHARACTER = "\U0010ffff"
_PATTERN_LIMIT = 1024
_STARS = re.compile(r"\*+")

Text = ColumnElement[Any]
Truth = ColumnElement[bool]


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

"""Real parts that fail at a chosen call: the way to bring about what hardly ever happens.

store = failing(FolderObjects(folder), "put", StorageFull("no room"), on_call=2)
"""

from __future__ import annotations

import itertools
import threading
from typing import Any, TypeVar, cast

_T = TypeVar("_T")


def failing(
    part: _T,
    method: str,
    error: Exception,
    *,
    on_call: int = 1,
    times: int | None = 1,
    after: bool = False,
) -> _T:
    """The part itself, but some calls of one of its methods raise `error`.

    on_call  the first call that fails, counted from 1.
    times    how many calls fail from there on; None for all.
    after    whether the call is carried out before it fails: the answer was lost on the way.
    """
    getattr(part, method)  # a misspelt name must not make a test that cannot fail
    last = None if times is None else on_call + times - 1
    return cast(_T, _FailingPart(part, method, error, first=on_call, last=last, after=after))


class _FailingPart:
    def __init__(
        self, part: Any, method: str, error: Exception, *, first: int, last: int | None, after: bool
    ) -> None:
        self._part = part
        self._method = method
        self._error = error
        self._first = first
        self._last = last
        self._after = after
        self._calls = itertools.count(1)
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._call if name == self._method else found

    def _call(self, *arguments: Any, **keywords: Any) -> Any:
        with self._lock:
            number = next(self._calls)
        fails = number >= self._first and (self._last is None or number <= self._last)
        act = getattr(self._part, self._method)
        if not fails:
            return act(*arguments, **keywords)
        if self._after:
            act(*arguments, **keywords)
        raise self._error

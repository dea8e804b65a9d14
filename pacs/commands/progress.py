"""Long work shown as it goes: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 10.0


class Shown(Protocol):
    """Takes how far the work is."""

    def __call__(self, done: int, total: int | None, note: str = "") -> None: ...


@contextmanager
def shown(what: str) -> Iterator[Shown]:
    """Show the progress of some work on stderr, so that stdout keeps the results alone."""
    if sys.stderr.isatty():
        with _bar(what) as bar:
            yield bar
    else:
        yield _Lines(what)


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + _LINE_EVERY_S

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LINE_EVERY_S
        of = f" of {total}" if total is not None else ""
        typer.echo(f"{self._what}: {done}{of} {note}".rstrip(), err=True)


@contextmanager
def _bar(what: str) -> Iterator[Shown]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} {task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, note="")

        def show(done: int, total: int | None, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield show

"""What all commands share: settings, an opened archive, and errors told in one sentence."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from pacs.errors import ArchiveError, RequestInvalid, SettingsInvalid
from pacs.settings import Settings, read_settings
from pacs.wiring import Archive, open_archive

FOUND_OR_FAILED = 1
USED_WRONGLY = 2

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@contextmanager
def archive_of(settings: Settings | None = None) -> Iterator[Archive]:
    """The archive that the settings describe, closed afterwards."""
    archive = open_archive(settings or read_settings())
    try:
        yield archive
    finally:
        archive.close()


def told_plainly(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn the archive's errors into a sentence on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except (SettingsInvalid, RequestInvalid) as error:
            complain(str(error))
            sys.exit(USED_WRONGLY)
        except ArchiveError as error:
            complain(str(error))
            sys.exit(FOUND_OR_FAILED)

    return run


def complain(sentence: str) -> None:
    print(f"pacs: {sentence}", file=sys.stderr)

"""A log that cannot be written stops nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pacs.commands.forgiving import Forgiving


def test_a_full_disk_under_the_log_is_forgiven() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        stream = io.TextIOWrapper(full, write_through=True)
        with pytest.raises(OSError, match="No space left"):
            stream.write("x" * 100_000)

        written = Forgiving(stream).write("x" * 100_000)
        Forgiving(stream).flush()

        assert written == 100_000


def test_what_can_be_written_is_written(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log = Forgiving(stream)

        log.write("a line\n")
        log.flush()

        assert (tmp_path / "log").read_text() == "a line\n"

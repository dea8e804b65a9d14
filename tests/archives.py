"""Archives for tests: the engines alone, or with both doors open, on real stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs.settings import Settings
from pacs.wiring import Archive, open_archive


def settings_for(folder: Path, **more: Any) -> Settings:
    """Embedded defaults in a folder, ports chosen by the system, deadlines short."""
    given = {
        "data_dir": folder,
        "dicom_port": 0,
        "http_port": 0,
        "decoder_workers": 1,
        "pdu_deadline_s": 5.0,
        **more,
    }
    return Settings(**given)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Engines on a folder and SQLite, without doors."""
    opened = open_archive(settings_for(tmp_path / "data"))
    opened.reception.sweep()
    yield opened
    opened.close()

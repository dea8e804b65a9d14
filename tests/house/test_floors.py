"""Imports go down the floors of docs/architecture.md, and each library lives in one room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.needs import PROJECT


def test_every_contract_is_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")

    told = subprocess.run([lint_imports, "--no-cache"], cwd=PROJECT, capture_output=True, text=True)

    assert told.returncode == 0, told.stdout
    assert "0 broken" in told.stdout

"""Imports go down the floors of docs/architecture.md, and each library lives in one room."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.needs import PROJECT


def test_every_contract_is_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")

    told = subprocess.run([lint_imports, "--no-cache"], cwd=PROJECT, capture_output=True, text=True)

    assert told.returncode == 0, told.stdout
    assert "0 broken" in told.stdout


def test_every_room_stands_on_a_floor() -> None:
    """A room that the layers do not name could import anything."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = set(re.findall(r"pacs\.(\w+)", " ".join(layers)))

    rooms = {path.stem for path in (PROJECT / "pacs").iterdir() if _is_room(path)}

    assert rooms <= named


def _is_room(path: Path) -> bool:
    is_module = path.suffix == ".py" and path.stem != "__init__"
    return is_module or (path / "__init__.py").is_file()

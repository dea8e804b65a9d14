"""What the pages say is what the code does; links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pacs.settings import Settings
from tests.house.conformance_tables import TABLES
from tests.house.conformance_tables import table_of_page as table_of_statement
from tests.house.settings_table import settings_table, table_of_page
from tests.needs import PROJECT

PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """To mend: python -m tests.house.settings_table."""
    assert table_of_page() == settings_table()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = [link for link in _LINK.findall(page.read_text()) if "://" not in link]

    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bPACS_[A-Z0-9_]+\b", page.read_text()))
    known = {f"PACS_{field.upper()}" for field in Settings.model_fields}
    others = {"PACS_SETTINGS", "PACS_SKIP_VIEWER", "PACS_TEST_STRICT"}

    assert {name.removesuffix("_FILE") for name in named} <= known | others


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", page.read_text(), re.MULTILINE))

    assert named <= targets


def test_every_room_of_the_architecture_exists() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    named = re.findall(r"`((?:archive|dicom|pixels|scp|scu|storage|web|workers)/\w+)`", text)

    assert len(named) > 15
    for room in named:
        path = PROJECT / "pacs" / room

        assert path.with_suffix(".py").is_file() or path.is_dir(), room


def test_every_decision_is_listed() -> None:
    folder = PROJECT / "docs/decisions"
    listed = set(_LINK.findall((folder / "README.md").read_text()))

    assert listed == {page.name for page in folder.glob("[0-9]*.md")}


@pytest.mark.parametrize("name", TABLES)
def test_the_conformance_statement_says_what_the_code_does(name: str) -> None:
    """To mend: python -m tests.house.conformance_tables."""
    assert table_of_statement(name) == TABLES[name]()

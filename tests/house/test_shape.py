"""The house keeps its shape: rooms, names, sizes, and nothing that belongs to one machine."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import PROJECT

ROOMS = ("archive", "demo", "dicom", "pixels", "scp", "scu", "storage", "web", "workers")
NAMELESS = {"utils", "util", "helpers", "common", "misc", "manager", "base"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60

# Tables of the standard may be as long as the standard makes them.
TABLES = {"pacs/dicom/hierarchy.py", "pacs/dicom/transfer_syntaxes.py", "pacs/dicom/sop_classes.py"}

OF_ONE_MACHINE = re.compile(rb"/(?:home|Users|work|root)/[a-z]|\b10\.\d+\.\d+\.\d+:\d")
REGISTRY = re.compile(rb"https?://[^\s\"']*(?:pypi|pythonhosted|npmjs|registry)", re.IGNORECASE)


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, also those about to be added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    paths = (PROJECT / line for line in told.stdout.splitlines())
    return [path for path in paths if path.is_file()]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code, without the docstring."""
    assert function.end_lineno is not None
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    words = (first.end_lineno or first.lineno) - first.lineno + 1 if is_docstring else 0
    return function.end_lineno - function.lineno + 1 - words


@pytest.fixture(scope="module")
def modules() -> list[Path]:
    return tracked("pacs/*.py", "pacs/**/*.py")


def test_every_room_is_there() -> None:
    missing = [room for room in ROOMS if not (PROJECT / "pacs" / room / "__init__.py").is_file()]

    assert not missing


def test_every_module_has_a_name(modules: list[Path]) -> None:
    nameless = [name_of(path) for path in modules if path.stem in NAMELESS]

    assert not nameless


def test_every_module_says_what_it_knows(modules: list[Path]) -> None:
    silent = [
        name_of(path) for path in modules if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert not silent


def test_no_module_is_too_long(modules: list[Path]) -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules}
    too_long = {
        name: lines
        for name, lines in lengths.items()
        if lines > LONGEST_MODULE and name not in TABLES and "/migrations/" not in name
    }

    assert not too_long


def test_functions_are_short(modules: list[Path]) -> None:
    lengths = {
        f"{name_of(path)}:{function.name}": length_of(function)
        for path in modules
        if "/migrations/" not in name_of(path)
        for function in functions(path)
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION}

    assert statistics.median(lengths.values()) <= 8
    assert not too_long


def test_everything_is_caught_only_at_the_doors(modules: list[Path]) -> None:
    """To catch all and go on is for the outer edge of a door, once each, and for no engine."""
    catching = [
        name_of(path)
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node)
    ]

    assert len(catching) == len(set(catching))
    assert not [name for name in catching if name.startswith(("pacs/archive", "pacs/dicom"))]


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Whether all errors are caught here and none leaves: cleaning up and raising is no sin."""
    if any(isinstance(node, ast.Raise) for node in handler.body):
        return False
    if handler.type is None:
        return True
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(named & {"Exception", "BaseException"})


def test_only_sql_modules_speak_sql() -> None:
    speaking = [
        name_of(path)
        for path in (PROJECT / "pacs" / "storage").glob("*.py")
        if re.search(r"^(?:from|import) (?:sqlalchemy|alembic|sqlite3)", path.read_text(), re.M)
    ]

    assert speaking
    assert not [name for name in speaking if not Path(name).name.startswith("sql_")]


def test_nothing_names_a_machine_it_was_made_on() -> None:
    pattern = OF_ONE_MACHINE
    found = [name_of(path) for path in tracked() if pattern.search(path.read_bytes())]

    assert not [name for name in found if name != name_of(Path(__file__))]


def test_lock_files_name_no_registry() -> None:
    locks = [*tracked("*.lock"), PROJECT / "viewer" / "package-lock.json"]

    assert len(locks) >= 3
    assert not [name_of(path) for path in locks if REGISTRY.search(path.read_bytes())]


def test_the_version_is_the_same_everywhere() -> None:
    project = re.search(r'^version = "(.+)"', (PROJECT / "pyproject.toml").read_text(), re.M)
    package = re.search(r'__version__ = "(.+)"', (PROJECT / "pacs/__init__.py").read_text())

    assert project
    assert package
    assert project[1] == package[1]
    assert f"pacs:{project[1]}" in (PROJECT / "Makefile").read_text()

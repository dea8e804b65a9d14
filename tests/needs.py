"""Finds the programs and materials a test needs, and tells at the end which tests went without.

A test asks with the fixture `need("storescu")`. Where the thing is missing the test is skipped with
a reason that names it; with PACS_TEST_STRICT=1 every skip is a failure, so that continuous
integration cannot pass by not looking.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent

DEBIAN_PACKAGE_OF: dict[str, str] = {
    "echoscu": "dcmtk",
    "storescu": "dcmtk",
    "dcmsend": "dcmtk",
    "storescp": "dcmtk",
    "findscu": "dcmtk",
    "movescu": "dcmtk",
    "getscu": "dcmtk",
    "termscu": "dcmtk",
    "dcmdump": "dcmtk",
    "dcm2json": "dcmtk",
    "dcmconv": "dcmtk",
    "dcmftest": "dcmtk",
    "dcmj2pnm": "dcmtk",
    "dcml2pnm": "dcmtk",
    "dcmdjpeg": "dcmtk",
    "dcmcjpeg": "dcmtk",
    "dcmdrle": "dcmtk",
    "dcmcrle": "dcmtk",
    "dcmdjpls": "dcmtk",
    "dcmcjpls": "dcmtk",
    "dcmqrscp": "dcmtk",
    "dciodvfy": "dicom3tools",
    "gdcmconv": "libgdcm-tools",
    "gdcmscu": "libgdcm-tools",
    "gdcmdump": "libgdcm-tools",
    "gdcmraw": "libgdcm-tools",
    "gdcminfo": "libgdcm-tools",
    "Orthanc": "orthanc",
    "chromium": "chromium",
    "openssl": "openssl",
    "strace": "strace",
    "node": "nodejs",
}
"""Programs tests may need, and what brings them on Debian 12."""

MATERIALS: dict[str, Path] = {
    "corpus": PROJECT.parent / "shared" / "corpus",
    "conformance": PROJECT.parent / "shared" / "conformance",
    "viewer build": PROJECT / "pacs" / "web" / "static" / "index.html",
}
"""Things tests may need that no package brings."""

Need = Callable[[str], Path]


def locate(name: str) -> Path | None:
    """Where the program or material is, or None."""
    if name in MATERIALS:
        return MATERIALS[name] if MATERIALS[name].exists() else None
    found = shutil.which(name, path=os.pathsep.join(_program_folders()))
    return Path(found) if found else None


def describe_missing(name: str) -> str:
    """The reason of a skip: what is missing and what would bring it."""
    if name in MATERIALS:
        return f"needs {name}: nothing at {MATERIALS[name]}"
    return f"needs {name}: not found (Debian package {DEBIAN_PACKAGE_OF[name]})"


def _program_folders() -> list[str]:
    """The search path and the system's folders, without those of Python environments.

    pynetdicom installs programs called storescu, findscu ... beside the interpreter; a peer that
    shares our library would be no peer.
    """
    ours = {str(Path(sys.executable).parent), str(Path(sys.prefix) / "bin")}
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/sbin"]
    return [folder for folder in folders if folder and folder not in ours]


def is_strict() -> bool:
    return os.environ.get("PACS_TEST_STRICT", "") == "1"


@pytest.fixture(scope="session")
def need() -> Need:
    """Ask for a program or material by name: its path, or the test is skipped and says why."""

    def path_of(name: str) -> Path:
        if name not in MATERIALS and name not in DEBIAN_PACKAGE_OF:
            raise LookupError(f"tests/needs.py does not know {name!r}; add it to its tables")
        path = locate(name)
        if path is None:
            pytest.skip(describe_missing(name))
        return path

    return path_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = yield
    return _refuse_skip(report) if is_strict() else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    report = yield
    return _refuse_skip(report) if is_strict() else report


def _refuse_skip(report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although PACS_TEST_STRICT=1: {reason_of(report)}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List every test that did not run, by name and reason: a skip must not hide in a number."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"could not run: {len(skipped)}")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {reason_of(report)}")


def reason_of(report: Any) -> str:
    """Why pytest skipped: `longrepr` is (file, line, reason) for a skip."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(reason).removeprefix("Skipped: ")

"""What sets up a machine knows when there is nothing to do and finds a Node that works."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hatch_build
from tests.needs import PROJECT


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        ("v18.20.4\n", False),
        ("v20.18.1\n", False),
        ("v20.19.0\n", True),
        ("v21.7.3\n", False),
        ("v22.11.0\n", False),
        ("v22.12.0\n", True),
        ("v24.1.0\n", True),
        ("", False),
    ],
)
def test_node_is_as_new_as_vite_asks(version: str, *, is_enough: bool) -> None:
    assert hatch_build.is_new_enough(version) is is_enough


def test_packages_count_as_installed_only_in_the_versions_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hatch_build, "VIEWER", tmp_path)
    _lock(tmp_path / "package-lock.json", {"node_modules/a": "1.0.0", "node_modules/b": "2.0.0"})

    assert not hatch_build.are_packages_installed()
    _lock(tmp_path / "node_modules/.package-lock.json", {"node_modules/a": "1.0.0"})
    assert not hatch_build.are_packages_installed()
    _lock(
        tmp_path / "node_modules/.package-lock.json",
        {"node_modules/a": "1.0.0", "node_modules/b": "2.0.0", "node_modules/c": "3.0.0"},
    )
    assert hatch_build.are_packages_installed()


def test_a_changed_source_makes_the_build_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.ts").write_text("one")
    monkeypatch.setattr(hatch_build, "VIEWER", tmp_path)
    monkeypatch.setattr(hatch_build, "STAMP", tmp_path / "stamp")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/built.js").write_text("is no source")
    monkeypatch.setattr(hatch_build, "STAMP", tmp_path / "dist/stamp")
    hatch_build.STAMP.write_text(hatch_build.digest_of_sources())
    assert hatch_build.is_fresh()

    (tmp_path / "src/main.ts").write_text("two")

    assert not hatch_build.is_fresh()


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]

    assert not _unmet(asked, PROJECT / "requirements.lock")


def test_the_image_gets_what_runs_and_nothing_that_tests() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    locked = _versions(PROJECT / "requirements-image.lock")

    assert not _unmet(asked, PROJECT / "requirements-image.lock")
    assert locked.items() <= _versions(PROJECT / "requirements.lock").items()
    assert "pytest" not in locked


def test_the_image_is_built_from_files_that_reach_the_builder() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    sources = [source for line in copies for source in line.split()]
    let_through = (PROJECT / ".dockerignore").read_text().splitlines()

    assert len(sources) >= 6
    for source in sources:
        assert (PROJECT / source).exists()
        assert f"!{source.split('/')[0]}" in let_through


def test_every_make_target_says_what_it_does() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)

    assert phony
    assert sorted(phony[1].split()) == sorted(explained)


def test_continuous_integration_refuses_skips_and_runs_both_tiers() -> None:
    script = (PROJECT / ".ci/run").read_text()

    assert "PACS_TEST_STRICT=1" in script
    assert re.search(r"^  make test$", script, re.MULTILINE)
    assert re.search(r"^  make test-peers$", script, re.MULTILINE)


def _versions(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def _unmet(requirements: list[str], lock: Path) -> list[str]:
    """The requirements that no version of the lock file meets."""
    locked = _versions(lock)
    parsed = [Requirement(each) for each in requirements]
    return [
        str(each)
        for each in parsed
        if locked.get(canonicalize_name(each.name), "0") not in each.specifier
        or canonicalize_name(each.name) not in locked
    ]


def _lock(path: Path, versions: dict[str, str]) -> None:
    path.parent.mkdir(exist_ok=True)
    packages = {name: {"version": version} for name, version in versions.items()}
    path.write_text(json.dumps({"packages": {"": {}, **packages}}))

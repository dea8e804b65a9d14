"""`pacs backup`, `pacs backup drill` and `pacs restore`, as they are typed and what they tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pacs.__main__ import app
from tests.archives import RunningArchive
from tests.builders import ct_series
from tests.encodings import file_bytes

Pacs = Callable[..., Result]


@pytest.fixture
def pacs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pacs:
    """Runs `pacs` in this process; `data` names the data folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, data: str = "data") -> Result:
        runner = CliRunner(env={"PACS_DATA_DIR": str(tmp_path / data), "COLUMNS": "200"})
        return runner.invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def backup(pacs: Pacs, tmp_path: Path) -> Path:
    """A backup of three slices."""
    (tmp_path / "files").mkdir()
    for number, ds in enumerate(ct_series(3)):
        (tmp_path / "files" / f"{number}.dcm").write_bytes(file_bytes(ds))
    assert pacs("import", tmp_path / "files").exit_code == 0
    assert pacs("backup", "--to", tmp_path / "backup").exit_code == 0
    return tmp_path / "backup"


def flip_an_object(backup: Path) -> None:
    path = next(one for one in (backup / "objects" / "o").rglob("*") if one.is_file())
    data = bytearray(path.read_bytes())
    data[-10] ^= 0xFF
    path.write_bytes(bytes(data))


def test_a_backup_says_what_it_holds_and_what_to_keep_elsewhere(pacs: Pacs, backup: Path) -> None:
    result = pacs("backup", "--to", backup)

    assert result.exit_code == 0
    assert f"3 objects and the index are in {backup}" in result.stdout
    assert "to keep elsewhere: pacs.toml" in result.stdout


def test_it_comes_back_on_an_empty_machine(pacs: Pacs, backup: Path) -> None:
    restored = pacs("restore", "--from", backup, data="new")
    again = pacs("restore", "--from", backup, data="new")

    assert restored.exit_code == 0
    assert "restored 3 objects" in restored.stdout
    assert pacs("check", "--deep", data="new").exit_code == 0
    assert again.exit_code == 2
    assert "not empty" in again.stderr


def test_a_drill_tells_what_was_compared_and_how_long_it_took(
    pacs: Pacs, backup: Path, tmp_path: Path
) -> None:
    result = pacs("backup", "drill", "--from", backup, "--aside", tmp_path)

    assert result.exit_code == 0
    assert "restored 3 objects" in result.stdout
    assert "compared" in result.stdout
    assert "the drill took" in result.stdout
    assert "the backup is good" in result.stdout
    assert not list(tmp_path.glob("pacs-drill-*"))


def test_a_drill_of_references_reads_the_archive_at_work(pacs: Pacs, backup: Path) -> None:
    apart = backup.with_name("by-reference")
    assert pacs("backup", "--to", apart, "--objects", "reference").exit_code == 0

    good = pacs("backup", "drill", "--from", apart)
    flip_an_object(backup.with_name("data"))
    bad = pacs("backup", "drill", "--from", apart)

    assert good.exit_code == 0
    assert "3 objects" in good.stdout
    assert bad.exit_code == 1


def test_drill_and_restore_find_a_flipped_byte(pacs: Pacs, backup: Path) -> None:
    flip_an_object(backup)

    drilled = pacs("backup", "drill", "--from", backup)
    restored = pacs("restore", "--from", backup, data="new")

    for result in (drilled, restored):
        assert result.exit_code == 1
        assert "is not what was stored" in result.stdout
        assert "good" not in result.stdout


def test_a_row_that_is_not_as_it_was_fails_the_manifest(pacs: Pacs, backup: Path) -> None:
    [run] = (backup / "runs").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["rows"]["instances"] = 4
    (run / "manifest.json").write_text(json.dumps(manifest))

    result = pacs("backup", "drill", "--from", backup)

    assert result.exit_code == 1
    assert "manifest" in result.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("backup",), "--to"),
        (("backup", "--to", "data/backup"), "data folder"),
        (("backup", "drill", "--from", "nowhere"), "no finished backup"),
        (("restore", "--from", "nowhere"), "no finished backup"),
    ],
)
def test_a_wrong_use_is_told(pacs: Pacs, words: tuple[str, ...], complaint: str) -> None:
    result = pacs(*words)

    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_backup_beside_a_running_archive_is_whole(
    pacs: Pacs, running_archive: RunningArchive, tmp_path: Path
) -> None:
    """The service holds the same data folder and has received by C-STORE."""
    running_archive.send(*ct_series(2))

    made = pacs("backup", "--to", tmp_path / "backup")
    running_archive.send(*ct_series(2))
    drilled = pacs("backup", "drill", "--from", tmp_path / "backup")

    assert made.exit_code == 0
    assert drilled.exit_code == 0
    assert "restored 2 objects" in drilled.stdout

"""The command line: what is typed, what is told, and with which exit code."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner, Result

from pacs.__main__ import app
from tests.builders import ct_series, ct_slice
from tests.encodings import file_bytes


class CommandLine:
    """Runs `pacs` in this process, with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.environment = {"PACS_DATA_DIR": str(self.data_dir), "COLUMNS": "200"}

    def __call__(self, *words: object, stdin: str | None = None, **more: str) -> Result:
        runner = CliRunner(env={**self.environment, **more})
        return runner.invoke(app, [str(word) for word in words], input=stdin)


@pytest.fixture
def pacs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three slices, a text file that calls itself DICOM, and an empty file."""
    made = tmp_path / "from a CD"
    (made / "SERIES 1").mkdir(parents=True)
    for number, ds in enumerate(ct_series(3)):
        (made / "SERIES 1" / f"IM{number}").write_bytes(file_bytes(ds))
    (made / "readme.dcm").write_text("Đây không phải ảnh DICOM")
    (made / "empty").touch()
    return made


def test_a_folder_is_imported_and_what_is_not_dicom_is_named(
    pacs: CommandLine, folder: Path
) -> None:
    result = pacs("import", folder)

    assert result.exit_code == 0
    assert "5 files: 3 new, 2 not DICOM, skipped" in result.output
    assert "readme.dcm" in result.output


def test_importing_twice_changes_nothing(pacs: CommandLine, folder: Path) -> None:
    pacs("import", folder)

    result = pacs("import", folder)

    assert result.exit_code == 0
    assert "3 known already" in result.output


def test_a_zip_is_imported(pacs: CommandLine, folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "study.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("IM*"):
            archive.write(file, file.relative_to(folder))

    result = pacs("import", packed)

    assert "3 files: 3 new" in result.output


def test_a_dicomdir_stands_for_what_lies_beside_it(pacs: CommandLine, folder: Path) -> None:
    directory = folder / "DICOMDIR"
    directory.write_bytes(
        file_bytes(ct_slice()).replace(
            b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0", 1
        )
    )

    result = pacs("import", directory)

    assert "3 new" in result.output
    assert "a DICOMDIR lists instances but is none" in result.output


def test_what_is_refused_is_named_and_fails_the_command(pacs: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "cut.dcm"
    file.write_bytes(file_bytes(ct_slice())[:-50])

    result = pacs("import", file)

    assert result.exit_code == 1
    assert "cut short" in result.output


def test_an_encrypted_zip_is_refused_with_a_reason(pacs: CommandLine, tmp_path: Path) -> None:
    packed = tmp_path / "locked.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("IM1", file_bytes(ct_slice()))
    # Bit 0 of the flags in both headers says that the entry is encrypted.
    data = bytearray(packed.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    packed.write_bytes(data)

    result = pacs("import", packed)

    assert result.exit_code == 1
    assert "encrypted" in result.output


def test_a_missing_path_is_a_wrong_use(pacs: CommandLine) -> None:
    result = pacs("import", "nowhere")

    assert result.exit_code == 2
    assert "there is no nowhere" in result.stderr


def test_an_exported_study_is_what_was_imported(
    pacs: CommandLine, folder: Path, tmp_path: Path
) -> None:
    imported = [pydicom.dcmread(file) for file in folder.rglob("IM*")]
    pacs("import", folder)

    result = pacs("export", "--study", study_of(imported), "--to", tmp_path / "out")

    exported = [pydicom.dcmread(file) for file in (tmp_path / "out").rglob("*.dcm")]
    assert result.exit_code == 0
    assert by_instance(exported) == by_instance(imported)


def study_of(data_sets: Sequence[Dataset]) -> str:
    return str(data_sets[0].StudyInstanceUID)


def by_instance(data_sets: Sequence[Dataset]) -> dict[str, Dataset]:
    return {str(ds.SOPInstanceUID): Dataset(ds) for ds in data_sets}


def test_exporting_an_unknown_study_fails_with_a_sentence(
    pacs: CommandLine, tmp_path: Path
) -> None:
    result = pacs("export", "--study", "1.2.3", "--to", tmp_path / "out")

    assert result.exit_code == 1
    assert "there is no study 1.2.3" in result.stderr


def test_a_token_is_all_that_is_printed(pacs: CommandLine) -> None:
    pacs("user", "add", "lan", "--role", "radiologist", stdin="mat-khau-dai\n")

    result = pacs("token", "create", "--user", "lan")

    assert result.exit_code == 0
    assert len(result.stdout.split()) == 1


def test_users_are_added_listed_and_disabled(pacs: CommandLine) -> None:
    pacs("user", "add", "lan", "--role", "radiologist", "--password", "mat-khau-dai")
    pacs("user", "disable", "lan")

    result = pacs("user", "list")

    assert result.stdout == "lan\tradiologist\tdisabled\tlan\n"


def test_a_short_password_is_a_wrong_use(pacs: CommandLine) -> None:
    result = pacs("user", "add", "lan", "--password", "123")

    assert result.exit_code == 2
    assert "password" in result.stderr


def test_peers_are_added_listed_and_removed(pacs: CommandLine) -> None:
    pacs("peer", "add", "CT1", "10.0.0.5", 104, "--may", "echo,store")

    listed = pacs("peer", "list")
    removed = pacs("peer", "remove", "CT1")

    assert listed.stdout == "CT1\t10.0.0.5\t104\techo,store\n"
    assert removed.exit_code == 0
    assert pacs("peer", "remove", "CT1").exit_code == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("peer", "add", "CT1", "h", "104", "--may", "everything"), "everything"),
        (("peer", "add", "A TITLE FAR TOO LONG", "h", "104"), "AE title"),
    ],
)
def test_a_peer_that_cannot_be_is_a_wrong_use(
    pacs: CommandLine, words: tuple[str, ...], complaint: str
) -> None:
    result = pacs(*words)

    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("PACS_HTTP_PORTT", "80", "PACS_HTTP_PORTT is no setting"),
        ("PACS_DICOM_PORT", "high", "PACS_DICOM_PORT"),
        ("PACS_TIMEZONE", "Hanoi", "Asia/Ho_Chi_Minh"),
        ("PACS_S3_ENDPOINT", "localhost:1", "PACS_S3_ACCESS_KEY"),
        ("PACS_AE_TITLE", "A\\B", "AE title"),
    ],
)
def test_a_bad_setting_stops_the_start_with_what_to_write(
    pacs: CommandLine, setting: str, value: str, complaint: str
) -> None:
    result = pacs("user", "list", **{setting: value})

    assert result.exit_code == 2
    assert complaint in result.stderr


def test_anonymous_access_from_the_network_is_refused_at_the_start(pacs: CommandLine) -> None:
    result = pacs("serve", PACS_AUTH="none", PACS_HTTP_HOST="0.0.0.0")

    assert result.exit_code == 2
    assert "PACS_AUTH=required" in result.stderr


def test_the_doctor_says_what_is_set_up(pacs: CommandLine) -> None:
    result = pacs("doctor", PACS_DICOM_PORT="0", PACS_HTTP_PORT="0")

    assert "the database answers" in result.stdout
    assert "the object store answers" in result.stdout


def test_settings_come_from_a_file_and_the_environment_wins(
    pacs: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "pacs.toml").write_text('ae_title = "BVDK"\ndicom_port = 99999\n')

    refused = pacs("user", "list")
    accepted = pacs("user", "list", PACS_DICOM_PORT="104")

    assert refused.exit_code == 2
    assert "PACS_DICOM_PORT" in refused.stderr
    assert accepted.exit_code == 0

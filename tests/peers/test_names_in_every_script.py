"""Names of many scripts, as public samples declare them, found and shown right through findscu."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from pydicom import dcmread

from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Sender
from pacs.wiring import Archive
from tests.builders import ct_slice, vietnamese_patient
from tests.encodings import file_bytes
from tests.needs import Need
from tests.peers.programs import at, run

# What each sample's maker wrote into it, from the corpus's own manifest.
NAMES = {
    "vn-utf8-nfc": "Nguyễn^Thị Hồng Ánh",
    "vn-utf8-nfd": unicodedata.normalize("NFD", "Trần^Văn Đức"),
    "ja-87": "鈴木^花子",
    "ja-13-87": "鈴木^花子",
    "ko-149": "김^민수",
    "greek": "Παπαδόπουλος^Γιώργος",
    "cyrillic": "Иванов^Пётр",
    "gb18030": "李^小明",
    "gbk": "陈^静",
}


def imported(archive: Archive, file: bytes) -> None:
    sender = Sender(how="import", actor="test")
    archive.ingest.ingest_file(memoryview(file), sender=sender, scope=system_scope("test"))


def answered(need: Need, door: DicomServer, name: str) -> str:
    """What findscu shows of the studies of a name that is asked for in UTF-8."""
    done = run(
        *(need("findscu"), "-S", "-k", "SpecificCharacterSet=ISO_IR 192"),
        *("-k", "QueryRetrieveLevel=STUDY", "-k", f"PatientName={name}"),
        *("-k", "StudyInstanceUID", *at(door)),
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize(("sample", "name"), NAMES.items(), ids=NAMES)
def test_a_name_is_found_by_itself_and_comes_back_in_its_own_letters(
    need: Need, archive: Archive, door: DicomServer, sample: str, name: str
) -> None:
    file = Path(need("corpus"), "derived", "charset", f"{sample}.dcm")
    imported(archive, file.read_bytes())
    study = str(dcmread(file, stop_before_pixels=True).StudyInstanceUID)

    shown = answered(need, door, name)

    assert study in shown
    assert name.partition("^")[0] in shown


def test_utf8_that_nobody_declared_is_found_and_shown(
    need: Need, archive: Archive, door: DicomServer
) -> None:
    ds = ct_slice(**vietnamese_patient())
    undeclared = file_bytes(ds).replace(b"ISO_IR 192", b" " * 10)
    imported(archive, undeclared)

    shown = answered(need, door, "dang thi ngoc anh")

    assert str(ds.StudyInstanceUID) in shown
    assert "ĐẶNG^THỊ NGỌC ÁNH" in shown

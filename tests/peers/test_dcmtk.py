"""DCMTK as requestor and as destination."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from pacs.peers import Peer
from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection, StoredInstance
from pacs.wiring import Archive
from tests.builders import ct_series, ct_slice, vietnamese_patient
from tests.doors import OpenDoor
from tests.encodings import compressed, data_set_bytes, file_bytes
from tests.needs import Need
from tests.peers.programs import at, free_port, run, running


def written(folder: Path, data_sets: Sequence[Dataset]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, ds in enumerate(data_sets):
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(file_bytes(ds))
    return files


def stored(archive: Archive, study_instance_uid: str) -> list[StoredInstance]:
    selection = Selection(study_instance_uids=(study_instance_uid,))
    return archive.retrieval.instances(selection, system_scope())


def bytes_of(archive: Archive, instance: StoredInstance) -> bytes:
    return b"".join(archive.retrieval.data_set_chunks(instance))


def sent(need: Need, door: DicomServer, folder: Path, *data_sets: Dataset) -> None:
    done = run(need("storescu"), "-R", *at(door), *written(folder, data_sets))
    assert done.returncode == 0, done.stdout


def test_echoscu_is_answered(need: Need, door: DicomServer) -> None:
    done = run(need("echoscu"), "-v", *at(door))

    assert done.returncode == 0
    assert "Received Echo Response (Success)" in done.stdout


def test_echoscu_hears_why_it_is_rejected(need: Need, door: DicomServer) -> None:
    done = run(need("echoscu"), "-v", "-aec", "OTHER", "127.0.0.1", door.port)

    assert done.returncode != 0
    assert "Called AE Title Not Recognized" in done.stdout


@pytest.mark.parametrize("fast_lane", [True, False], ids=["fast-lane", "slow-lane"])
@pytest.mark.parametrize("pdu", [4096, 16384, 131072])
def test_storescu_sends_a_folder(
    need: Need, open_door: OpenDoor, archive: Archive, tmp_path: Path, pdu: int, fast_lane: bool
) -> None:
    door = open_door(fast_lane=fast_lane)
    series = ct_series(5, **vietnamese_patient())
    written(tmp_path / "in", series)

    done = run(need("storescu"), "--max-send-pdu", pdu, "+sd", "+r", *at(door), tmp_path / "in")

    assert done.returncode == 0, done.stdout
    kept = stored(archive, series[0].StudyInstanceUID)
    assert {bytes_of(archive, instance) for instance in kept} == {
        data_set_bytes(ds) for ds in series
    }


@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        ("-xr", "1.2.840.10008.1.2.5"),
        ("-xs", "1.2.840.10008.1.2.4.70"),
        ("-xt", "1.2.840.10008.1.2.4.80"),
        ("-xv", "1.2.840.10008.1.2.4.90"),
        ("-xd", "1.2.840.10008.1.2.1.99"),
        ("-xb", "1.2.840.10008.1.2.2"),
    ],
)
def test_storescu_sends_other_syntaxes_as_they_are(
    need: Need, door: DicomServer, archive: Archive, tmp_path: Path, option: str, syntax: str
) -> None:
    native = syntax in ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
    ds = ct_slice() if native else compressed(ct_slice(), syntax)
    file = tmp_path / "in.dcm"
    file.write_bytes(file_bytes(ds, syntax) if native else file_bytes(ds))

    done = run(need("storescu"), option, *at(door), file)

    assert done.returncode == 0, done.stdout
    (instance,) = stored(archive, ds.StudyInstanceUID)
    assert instance.transfer_syntax_uid == syntax


def test_dcmsend_sends_and_counts(
    need: Need, door: DicomServer, archive: Archive, tmp_path: Path
) -> None:
    series = ct_series(4)
    written(tmp_path / "in", series)

    done = run(need("dcmsend"), "-v", "--scan-directories", *at(door), tmp_path / "in")

    assert done.returncode == 0, done.stdout
    assert "with status SUCCESS  : 4" in done.stdout
    assert len(stored(archive, series[0].StudyInstanceUID)) == 4


def test_findscu_finds_a_vietnamese_name(need: Need, door: DicomServer, tmp_path: Path) -> None:
    ds = ct_slice(**vietnamese_patient())
    sent(need, door, tmp_path / "in", ds)

    done = run(
        *(need("findscu"), "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"),
        *("-k", "PatientName=DANG*", "-k", "SpecificCharacterSet=ISO_IR 192", *at(door)),
    )

    assert done.returncode == 0, done.stdout
    assert ds.StudyInstanceUID in done.stdout
    assert "ĐẶNG^THỊ NGỌC ÁNH" in done.stdout


@pytest.mark.parametrize("model", ["-P", "-S"])
def test_findscu_walks_down_the_levels(
    need: Need, door: DicomServer, tmp_path: Path, model: str
) -> None:
    series = ct_series(3, **vietnamese_patient())
    sent(need, door, tmp_path / "in", *series)
    keys = [
        f"PatientID={series[0].PatientID}",
        f"StudyInstanceUID={series[0].StudyInstanceUID}",
        f"SeriesInstanceUID={series[0].SeriesInstanceUID}",
        "SOPInstanceUID",
    ]
    asked = [word for key in keys for word in ("-k", key)]

    done = run(need("findscu"), model, "-k", "QueryRetrieveLevel=IMAGE", *asked, *at(door))

    assert done.returncode == 0, done.stdout
    assert all(ds.SOPInstanceUID in done.stdout for ds in series)


def test_getscu_brings_a_study_back(need: Need, door: DicomServer, tmp_path: Path) -> None:
    series = ct_series(3, **vietnamese_patient())
    sent(need, door, tmp_path / "in", *series)
    out = tmp_path / "out"
    out.mkdir()
    study = f"StudyInstanceUID={series[0].StudyInstanceUID}"

    done = run(
        *(need("getscu"), "-S", "-od", out, "-k", "QueryRetrieveLevel=STUDY", "-k", study),
        *at(door),
    )

    assert done.returncode == 0, done.stdout
    brought = {ds.SOPInstanceUID: ds for ds in map(dcmread, out.iterdir())}
    assert brought.keys() == {ds.SOPInstanceUID for ds in series}
    assert all(brought[ds.SOPInstanceUID].PixelData == ds.PixelData for ds in series)


def test_movescu_has_a_study_sent_to_storescp(
    need: Need, door: DicomServer, archive: Archive, tmp_path: Path
) -> None:
    series = ct_series(3)
    sent(need, door, tmp_path / "in", *series)
    out = tmp_path / "out"
    out.mkdir()
    port = free_port()
    archive.peers.add_peer(Peer("STORESCP", "127.0.0.1", port))
    study = f"StudyInstanceUID={series[0].StudyInstanceUID}"

    with running([need("storescp"), "-aet", "STORESCP", "-od", out, port], port=port):
        done = run(
            *(need("movescu"), "-S", "-aem", "STORESCP", "-k", "QueryRetrieveLevel=STUDY"),
            *("-k", study, *at(door)),
        )

    assert done.returncode == 0, done.stdout
    assert {dcmread(file).SOPInstanceUID for file in out.iterdir()} == {
        ds.SOPInstanceUID for ds in series
    }


def test_movescu_hears_of_an_unknown_destination(
    need: Need, door: DicomServer, tmp_path: Path
) -> None:
    ds = ct_slice()
    sent(need, door, tmp_path / "in", ds)

    done = run(
        *(need("movescu"), "-v", "-S", "-aem", "NOBODY", "-k", "QueryRetrieveLevel=STUDY"),
        *("-k", f"StudyInstanceUID={ds.StudyInstanceUID}", *at(door)),
    )

    assert done.returncode != 0
    assert "MoveDestinationUnknown" in done.stdout

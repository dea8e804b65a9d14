"""Orthanc as client and as server, over DIMSE."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.peers import Peer
from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.scu.association import Target
from pacs.scu.echo import echo
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.builders import ct_series, vietnamese_patient
from tests.encodings import compressed, data_set_bytes, file_bytes
from tests.needs import Need
from tests.peers.programs import Orthanc, running_orthanc
from tests.scp.sending import STUDY_ROOT_MOVE, associated, keys, store


@pytest.fixture
def orthanc(need: Need, door: DicomServer, archive: Archive, tmp_path: Path) -> Iterator[Orthanc]:
    with running_orthanc(need("Orthanc"), tmp_path, door) as orthanc:
        archive.peers.add_peer(Peer("ORTHANC", "127.0.0.1", orthanc.dicom_port))
        yield orthanc


def test_each_answers_the_echo_of_the_other(orthanc: Orthanc) -> None:
    orthanc.ask("/modalities/pacs/echo", {})

    echo(Target("ORTHANC", "127.0.0.1", orthanc.dicom_port), calling_ae_title="PACS")


def test_orthanc_sends_a_series_and_finds_it(orthanc: Orthanc, archive: Archive) -> None:
    series = ct_series(3, **vietnamese_patient())
    for ds in series:
        orthanc.ask("/instances", file_bytes(ds))

    sent = orthanc.ask("/modalities/pacs/store", orthanc.ask("/series"))
    query = orthanc.ask(
        "/modalities/pacs/query",
        {"Level": "Study", "Query": {"PatientName": "*NGOC*", "StudyInstanceUID": ""}},
    )
    answer = orthanc.ask(f"{query['Path']}/answers/0/content?simplify")

    assert sent["FailedInstancesCount"] == 0
    assert answer["StudyInstanceUID"] == series[0].StudyInstanceUID
    assert answer["PatientName"] == "ĐẶNG^THỊ NGỌC ÁNH"
    selection = Selection(study_instance_uids=(series[0].StudyInstanceUID,))
    assert len(archive.retrieval.instances(selection, system_scope())) == 3


def test_orthanc_has_a_study_moved_to_itself(orthanc: Orthanc, door: DicomServer) -> None:
    series = ct_series(3)
    store(door, *series)
    query = orthanc.ask(
        "/modalities/pacs/query",
        {"Level": "Study", "Query": {"StudyInstanceUID": series[0].StudyInstanceUID}},
    )

    orthanc.ask(f"{query['Path']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})

    assert _kept(orthanc) == {data_set_bytes(ds) for ds in series}


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"])
def test_compressed_instances_reach_orthanc_as_they_are(
    orthanc: Orthanc, door: DicomServer, syntax: str
) -> None:
    series = [compressed(ds, syntax) for ds in ct_series(2)]
    store(door, *series)

    with associated(door, (STUDY_ROOT_MOVE, None)) as association:
        asked = keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID)
        *_, (final, _) = association.send_c_move(asked, "ORTHANC", STUDY_ROOT_MOVE)

    assert final.Status == 0x0000
    assert _kept(orthanc) == {data_set_bytes(ds) for ds in series}


def _kept(orthanc: Orthanc) -> set[bytes]:
    """The data sets that Orthanc holds, without file meta information."""
    return {_without_head(orthanc.file(instance)) for instance in orthanc.ask("/instances")}


def _without_head(file: bytes) -> bytes:
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]

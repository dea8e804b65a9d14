"""C-MOVE: instances go to a known peer, and the requestor is told how it goes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom import AE, evt

from pacs.peers import Peer
from pacs.scope import Right, system_scope
from pacs.scp.admission import Admit
from pacs.scp.server import DicomServer, DicomServerConfig
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for
from tests.builders import ct_series, ct_slice, mr_slice, sr
from tests.doors import OpenDoor, engines_of
from tests.encodings import data_set_bytes
from tests.scp.sending import (
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    associated,
    keys,
    store,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


@dataclass
class Destination:
    """A storage SCP of pynetdicom's that notes what it gets and answers as told."""

    port: int = 0
    received: list[Any] = field(default_factory=list)
    answer: Callable[[Any], int] = lambda event: 0x0000  # noqa: ARG005


OpenDestination = Callable[..., Destination]


@pytest.fixture
def open_destination(archive: Archive) -> Iterator[OpenDestination]:
    """Opens a storage SCP that is known to the archive as DEST."""
    servers = []

    def open_one(syntaxes: list[str] | None = None, **peer: Any) -> Destination:
        destination = Destination()

        def keep(event: Any) -> int:
            destination.received.append(event)
            return destination.answer(event)

        entity = AE("DEST")
        for uid in ("1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.4", CT):
            entity.add_supported_context(uid, syntaxes or [ImplicitVRLittleEndian, RLELossless])
        server: Any = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)]
        )
        servers.append(server)
        destination.port = server.server_address[1]
        archive.peers.add_peer(Peer("DEST", "127.0.0.1", destination.port, **peer))
        return destination

    yield open_one
    for server in servers:
        server.shutdown()


def move(
    door: DicomServer,
    identifier: Dataset,
    *,
    to: str = "DEST",
    model: str = STUDY_ROOT_MOVE,
    **more: Any,
) -> tuple[Any, list[Any], Dataset | None]:
    """Final status, pending statuses and final identifier of a C-MOVE with message ID 7."""
    with associated(door, (model, None), **more) as association:
        assert association.is_established
        answers = list(association.send_c_move(identifier, to, model, msg_id=7))
    *pending, (status, failed) = answers
    return status, [told for told, _ in pending], failed


def of_study(ds: Dataset) -> Dataset:
    return keys("STUDY", StudyInstanceUID=ds.StudyInstanceUID)


def test_from_one_archive_to_another_without_changing_a_byte(
    door: DicomServer, archive: Archive, tmp_path: Path
) -> None:
    sent = [*ct_series(3), sr(), mr_slice()]
    sent[-1].compress(RLELossless)
    store(door, *sent)
    second = open_archive(settings_for(tmp_path / "second"))
    second.reception.sweep()
    other = DicomServer(
        DicomServerConfig(ae_title="SECOND", port=0, admit=Admit.ANYONE),
        engines_of(second),
        now=second.now,
    )
    other.start()
    archive.peers.add_peer(Peer("SECOND", "127.0.0.1", other.port))
    uids = [ds.StudyInstanceUID for ds in sent]

    status, _, _ = move(door, keys("STUDY", StudyInstanceUID=uids), to="SECOND")

    found = second.retrieval.instances(Selection(study_instance_uids=tuple(uids)), system_scope())
    arrived = {
        instance.identity.sop_instance_uid: b"".join(second.retrieval.data_set_chunks(instance))
        for instance in found
    }
    other.stop()
    second.close()
    assert status.Status == 0x0000
    assert arrived == {ds.SOPInstanceUID: data_set_bytes(ds) for ds in sent}


def test_every_response_counts_and_the_last_has_nothing_remaining(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    open_destination()
    series = ct_series(4)
    store(door, *series)

    status, pending, failed = move(door, of_study(series[0]))

    assert [told.NumberOfRemainingSuboperations for told in pending] == [3, 2, 1, 0]
    assert [told.NumberOfCompletedSuboperations for told in pending] == [1, 2, 3, 4]
    assert status.Status == 0x0000
    assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (4, 0)
    assert "NumberOfRemainingSuboperations" not in status
    assert not failed


def test_the_destination_is_told_on_whose_behalf(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    ds = ct_slice()
    store(door, ds)

    move(door, of_study(ds), calling="READER")

    (event,) = destination.received
    assert event.request.MoveOriginatorApplicationEntityTitle == "READER"
    assert event.request.MoveOriginatorMessageID == 7
    assert event.assoc.requestor.ae_title.strip() == "PACS"


def test_refused_ones_are_counted_and_named_and_the_others_arrive(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    series = ct_series(5)
    store(door, *series)
    unwanted = {series[1].SOPInstanceUID, series[3].SOPInstanceUID}
    destination.answer = lambda event: (
        0xA700 if event.request.AffectedSOPInstanceUID in unwanted else 0x0000
    )

    status, _, failed = move(door, of_study(series[0]))

    assert status.Status == 0xB000
    assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (3, 2)
    assert failed is not None
    assert set(failed.FailedSOPInstanceUIDList) == unwanted


def test_an_unknown_destination_is_said_to_be_unknown(door: DicomServer) -> None:
    ds = ct_slice()
    store(door, ds)

    status, _, _ = move(door, of_study(ds), to="NOBODY")

    assert status.Status == 0xA801
    assert "NOBODY" in status.ErrorComment


def test_a_destination_nobody_answers_at_fails_everything(
    door: DicomServer, archive: Archive
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        archive.peers.add_peer(Peer("DEAD", "127.0.0.1", closed.getsockname()[1]))
        series = ct_series(2)
        store(door, *series)

        status, _, failed = move(door, of_study(series[0]), to="DEAD")

    assert status.Status == 0xA702
    assert status.NumberOfFailedSuboperations == 2
    assert failed is not None
    assert len(failed.FailedSOPInstanceUIDList) == 2


def test_a_destination_that_takes_the_connection_and_says_nothing_fails_in_time(
    door: DicomServer, archive: Archive
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        archive.peers.add_peer(Peer("MUTE", "127.0.0.1", mute.getsockname()[1]))
        ds = ct_slice()
        store(door, ds)

        with associated(door, (VERIFICATION, None)) as meanwhile:
            status, _, _ = move(door, of_study(ds), to="MUTE")
            alive = meanwhile.send_c_echo()

    assert status.Status == 0xA702
    assert alive.Status == 0x0000


def test_a_destination_that_breaks_off_is_called_again_for_the_rest(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    series = ct_series(4)
    store(door, *series)
    victim = series[1].SOPInstanceUID

    def abort_once(event: Any) -> int:
        if event.request.AffectedSOPInstanceUID == victim:
            event.assoc.abort()
        return 0x0000

    destination.answer = abort_once

    status, _, failed = move(door, of_study(series[0]))

    assert status.Status == 0xB000
    assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (3, 1)
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == victim


def test_a_destination_that_always_breaks_off_is_given_up(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    destination.answer = lambda event: event.assoc.abort() or 0x0000
    series = ct_series(6)
    store(door, *series)

    status, _, _ = move(door, of_study(series[0]))

    assert status.Status == 0xA702
    assert status.NumberOfFailedSuboperations == 6
    assert len(destination.received) == 3


def test_compressed_goes_compressed_where_it_is_taken(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination([ImplicitVRLittleEndian, RLELossless])
    ds = ct_slice()
    ds.compress(RLELossless)
    store(door, ds)

    move(door, of_study(ds))

    (event,) = destination.received
    assert event.context.transfer_syntax == RLELossless
    assert event.request.DataSet.getvalue() == data_set_bytes(ds)


def test_compressed_goes_native_where_only_that_is_taken(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination([ImplicitVRLittleEndian])
    ds = ct_slice()
    native = ds.pixel_array.tobytes()
    ds.compress(RLELossless)
    store(door, ds)

    status, _, _ = move(door, of_study(ds))

    (event,) = destination.received
    assert status.Status == 0x0000
    assert event.context.transfer_syntax == ImplicitVRLittleEndian
    assert event.request.DataSet.getvalue().endswith(native)


def test_what_the_destination_prefers_is_sent(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination(
        [RLELossless, ExplicitVRLittleEndian], preferred_transfer_syntax=ExplicitVRLittleEndian
    )
    ds = ct_slice()
    ds.compress(RLELossless)
    store(door, ds)

    move(door, of_study(ds))

    (event,) = destination.received
    assert event.context.transfer_syntax == ExplicitVRLittleEndian


def test_more_classes_than_contexts_take_several_associations(
    door: DicomServer, archive: Archive, tmp_path: Path
) -> None:
    study = ct_slice().StudyInstanceUID
    many = [
        ct_slice(rows=4, columns=4, study_instance_uid=study, sop_class_uid=f"{CT}.{number}")
        for number in range(1, 71)
    ]
    for part in (many[:60], many[60:]):
        assert {answer.Status for answer in store(door, *part)} == {0x0000}
    second = open_archive(settings_for(tmp_path / "second"))
    other = DicomServer(
        DicomServerConfig(ae_title="SECOND", port=0, admit=Admit.ANYONE),
        engines_of(second),
        now=second.now,
    )
    other.start()
    archive.peers.add_peer(Peer("SECOND", "127.0.0.1", other.port))

    status, _, _ = move(door, keys("STUDY", StudyInstanceUID=study), to="SECOND")

    other.stop()
    second.close()
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 70)


def test_all_studies_of_a_patient_go_together(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    store(door, ct_slice(patient_id="P1"), ct_slice(patient_id="P1"), ct_slice(patient_id="P2"))

    status, _, _ = move(door, keys("PATIENT", PatientID="P1"), model=PATIENT_ROOT_MOVE)

    assert status.Status == 0x0000
    assert len(destination.received) == 2


def test_who_may_not_move_is_told_so(
    open_door: OpenDoor, archive: Archive, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    archive.peers.add_peer(Peer("FINDER", "127.0.0.1", 104, frozenset({Right.FIND})))
    archive.peers.add_peer(Peer("MOVER", "127.0.0.1", 104, frozenset({Right.MOVE, Right.STORE})))
    door = open_door(admit=Admit.REGISTERED)
    ds = ct_slice()
    store(door, ds, calling="MOVER")

    refused, _, _ = move(door, of_study(ds), calling="FINDER")
    granted, _, _ = move(door, of_study(ds), calling="MOVER")

    assert refused.Status == 0x0124
    assert granted.Status == 0x0000
    assert len(destination.received) == 1


def test_cancelled_it_stops_with_counts_that_add_up(
    door: DicomServer, open_destination: OpenDestination
) -> None:
    destination = open_destination()
    series = ct_series(12)
    store(door, *series)

    with associated(door, (STUDY_ROOT_MOVE, None)) as association:
        told = []
        asked = of_study(series[0])
        for status, _ in association.send_c_move(asked, "DEST", STUDY_ROOT_MOVE, msg_id=7):
            told.append(status)
            if len(told) == 2:
                association.send_c_cancel(7, None, STUDY_ROOT_MOVE)
        alive = association.is_established

    final = told[-1]
    assert final.Status == 0xFE00
    assert alive
    assert final.NumberOfCompletedSuboperations == len(destination.received)
    assert final.NumberOfCompletedSuboperations + final.NumberOfRemainingSuboperations == 12

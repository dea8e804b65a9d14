"""C-GET: instances come back on the same association."""

from __future__ import annotations

import socket

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from pacs.scp.server import DicomServer
from tests.builders import ct_series, ct_slice, sr
from tests.doors import OpenDoor
from tests.encodings import data_set_bytes
from tests.scp.raw_peer import CT, EXPLICIT, RawPeer, command, item, p_data, pdv
from tests.scp.sending import STUDY_ROOT_GET, associated, get, keys, store

SR = "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_what_is_taken_as_stored_comes_back_byte_for_byte(door: DicomServer, syntax: str) -> None:
    ds = ct_slice()
    sent = data_set_bytes(ds, syntax)
    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(3, CT, (syntax,))])
        peer.store(ds.SOPInstanceUID, sent)
        assert peer.status() == 0x0000

    received, status, _ = get(
        door, keys("STUDY", StudyInstanceUID=ds.StudyInstanceUID), [(CT, [syntax])]
    )

    assert received == [(syntax, sent)]
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 1)


def test_a_study_comes_whole_and_is_counted(door: DicomServer) -> None:
    series = ct_series(5)
    report = sr(study_instance_uid=series[0].StudyInstanceUID)
    store(door, *series, report)

    received, status, failed = get(
        door,
        keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID),
        [(CT, [EXPLICIT]), (SR, [EXPLICIT])],
    )

    assert len(received) == 6
    assert status.Status == 0x0000
    assert _counts(status) == (6, 0, 0)
    assert "NumberOfRemainingSuboperations" not in status
    assert not failed


def test_a_class_the_requestor_does_not_take_fails_and_is_named(door: DicomServer) -> None:
    series = ct_series(2)
    report = sr(study_instance_uid=series[0].StudyInstanceUID)
    store(door, *series, report)

    received, status, failed = get(
        door, keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID), [(CT, [EXPLICIT])]
    )

    assert len(received) == 2
    assert status.Status == 0xB000
    assert _counts(status) == (2, 1, 0)
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == report.SOPInstanceUID


def test_only_the_named_series_or_images_come(door: DicomServer) -> None:
    series = ct_series(4)
    other = ct_slice(study_instance_uid=series[0].StudyInstanceUID)
    store(door, *series, other)
    within = {"StudyInstanceUID": series[0].StudyInstanceUID}
    of_series = {**within, "SeriesInstanceUID": series[0].SeriesInstanceUID}
    two = [series[1].SOPInstanceUID, series[3].SOPInstanceUID]

    whole, _, _ = get(door, keys("SERIES", **of_series), [(CT, [EXPLICIT])])
    some, _, _ = get(door, keys("IMAGE", **of_series, SOPInstanceUID=two), [(CT, [EXPLICIT])])

    assert len(whole) == 4
    assert len(some) == 2


def test_what_the_requestor_calls_a_warning_is_counted_as_one(door: DicomServer) -> None:
    series = ct_series(2)
    store(door, *series)

    _, status, _ = get(
        door,
        keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID),
        [(CT, [EXPLICIT])],
        answer=0xB007,
    )

    assert status.Status == 0xB000
    assert _counts(status) == (0, 0, 2)


def test_when_nothing_is_taken_the_status_is_a_failure(door: DicomServer) -> None:
    ds = ct_slice()
    store(door, ds)

    _, status, failed = get(
        door,
        keys("STUDY", StudyInstanceUID=ds.StudyInstanceUID),
        [(CT, [EXPLICIT])],
        answer=0xA700,
    )

    assert status.Status == 0xA702
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == ds.SOPInstanceUID


def test_an_unknown_study_ends_without_sub_operations(door: DicomServer) -> None:
    received, status, _ = get(door, keys("STUDY", StudyInstanceUID="1.2.3"), [(CT, [EXPLICIT])])

    assert received == []
    assert (status.Status, _counts(status)) == (0x0000, (0, 0, 0))


@pytest.mark.parametrize(
    "identifier",
    [
        keys("STUDY", StudyInstanceUID=""),
        keys("STUDY", StudyInstanceUID="1.*"),
        keys("SERIES", SeriesInstanceUID="1.2"),
        keys("IMAGE", StudyInstanceUID="1.2", SOPInstanceUID="1.2.3"),
    ],
)
def test_what_does_not_name_instances_is_refused(door: DicomServer, identifier: object) -> None:
    _, status, _ = get(door, identifier, [(CT, [EXPLICIT])])  # type: ignore[arg-type] # parametrized

    assert status.Status == 0xA900


def test_uncompressed_when_the_requestor_takes_nothing_else(door: DicomServer) -> None:
    ds = ct_slice()
    native = ds.pixel_array
    ds.compress(RLELossless)
    store(door, ds)

    received, status, _ = get(
        door,
        keys("STUDY", StudyInstanceUID=ds.StudyInstanceUID),
        [(CT, [ImplicitVRLittleEndian])],
    )

    ((syntax, data_set),) = received
    assert status.Status == 0x0000
    assert syntax == ImplicitVRLittleEndian
    assert data_set.endswith(native.tobytes())


def test_as_stored_where_the_requestor_offers_both(door: DicomServer) -> None:
    ds = ct_slice()
    ds.compress(RLELossless)
    store(door, ds)

    received, _, _ = get(
        door,
        keys("STUDY", StudyInstanceUID=ds.StudyInstanceUID),
        [(CT, [ExplicitVRLittleEndian]), (CT, [RLELossless])],
    )

    assert received == [(RLELossless, data_set_bytes(ds))]


def test_cancelled_it_stops_with_counts_that_add_up(door: DicomServer) -> None:
    series = ct_series(12)
    store(door, *series)
    seen = []

    def cancel_after_two(event: object) -> int:
        seen.append(event)
        if len(seen) == 2:
            event.assoc.send_c_cancel(1, None, STUDY_ROOT_GET)  # type: ignore[attr-defined]
        return 0x0000

    _, status, _ = get(
        door,
        keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID),
        [(CT, [EXPLICIT])],
        answer=cancel_after_two,
    )

    assert status.Status == 0xFE00
    assert sum(_counts(status)) + status.NumberOfRemainingSuboperations == 12


def test_the_requestors_pdu_length_is_kept(door: DicomServer) -> None:
    ds = ct_slice()
    store(door, ds)
    role = item(0x54, len(CT).to_bytes(2, "big") + CT.encode() + b"\x00\x01")

    with RawPeer(door.port) as peer:
        peer.associate(
            contexts=[(1, STUDY_ROOT_GET, (EXPLICIT,)), (3, CT, (EXPLICIT,))],
            maximum_pdu=4096,
            more=role,
        )
        peer.send(_get_request(ds.StudyInstanceUID))
        lengths = []
        last = False
        while not last:
            _, body = peer.receive()
            lengths.append(len(body))
            last = body[5] == 2

    assert max(lengths) <= 4096
    assert len(lengths) == 4


def test_a_requestor_that_takes_nothing_is_cut_off(open_door: OpenDoor) -> None:
    door = open_door(pdu_deadline_s=0.5)
    large = ct_slice(rows=2048, columns=4096)
    store(door, large)
    role = item(0x54, len(CT).to_bytes(2, "big") + CT.encode() + b"\x00\x01")
    with RawPeer(door.port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate(contexts=[(1, STUDY_ROOT_GET, (EXPLICIT,)), (3, CT, (EXPLICIT,))], more=role)

        peer.send(_get_request(large.StudyInstanceUID))

        assert door.wait_until_idle(timeout_s=10)


def test_a_peer_that_vanishes_within_it_harms_nobody(door: DicomServer) -> None:
    series = ct_series(5)
    store(door, *series)
    role = item(0x54, len(CT).to_bytes(2, "big") + CT.encode() + b"\x00\x01")
    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(1, STUDY_ROOT_GET, (EXPLICIT,)), (3, CT, (EXPLICIT,))], more=role)
        peer.send(_get_request(series[0].StudyInstanceUID))
        peer.receive()

    with associated(door, ("1.2.840.10008.1.1", None)) as association:
        assert association.send_c_echo().Status == 0x0000


def _get_request(study_instance_uid: str) -> bytes:
    identifier = data_set_bytes_of_keys(study_instance_uid)
    request = command(sop_class=STUDY_ROOT_GET, field=0x0010, message_id=1, priority=0, data_set=1)
    return p_data(pdv(1, 3, request)) + p_data(pdv(1, 2, identifier))


def data_set_bytes_of_keys(study_instance_uid: str) -> bytes:
    level = b"STUDY "
    uid = study_instance_uid.encode() + b"\0" * (len(study_instance_uid) % 2)
    return (
        b"\x08\x00\x52\x00CS"
        + len(level).to_bytes(2, "little")
        + level
        + b"\x20\x00\x0d\x00UI"
        + len(uid).to_bytes(2, "little")
        + uid
    )


def _counts(status: object) -> tuple[int, int, int]:
    return (
        status.NumberOfCompletedSuboperations,  # type: ignore[attr-defined]
        status.NumberOfFailedSuboperations,  # type: ignore[attr-defined]
        status.NumberOfWarningSuboperations,  # type: ignore[attr-defined]
    )

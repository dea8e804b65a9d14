"""C-STORE through both lanes: what comes in, what is answered, and what is kept."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from pacs.scope import system_scope
from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection, StoredInstance
from pacs.wiring import Archive
from tests.builders import ct_slice, sr, us_cine, vietnamese_patient
from tests.doors import OpenDoor
from tests.encodings import NATIVE, data_set_bytes
from tests.scp.raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    VERIFICATION,
    RawPeer,
    command,
    p_data,
    pdv,
    store_rq,
)
from tests.scp.sending import store


@pytest.fixture
def door(open_door: OpenDoor, fast_lane: bool) -> DicomServer:
    return open_door(fast_lane=fast_lane)


def instances(archive: Archive, sop_instance_uid: str) -> list[StoredInstance]:
    selection = Selection(sop_instance_uids=(sop_instance_uid,))
    return archive.retrieval.instances(selection, system_scope())


def stored_bytes(archive: Archive, sop_instance_uid: str) -> bytes:
    (instance,) = instances(archive, sop_instance_uid)
    return b"".join(archive.retrieval.data_set_chunks(instance))


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
def test_the_bytes_are_kept_as_they_came(door: DicomServer, archive: Archive, syntax: str) -> None:
    ds = ct_slice(**vietnamese_patient())
    sent = data_set_bytes(ds, syntax)

    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(3, CT, (syntax,))])
        peer.store(ds.SOPInstanceUID, sent)
        status = peer.status()

    assert status == 0x0000
    assert stored_bytes(archive, ds.SOPInstanceUID) == sent
    (instance,) = instances(archive, ds.SOPInstanceUID)
    assert instance.transfer_syntax_uid == syntax
    assert (instance.sender.how, instance.sender.actor) == ("C-STORE", "RAWPEER")


@pytest.mark.parametrize("fragment", [1, 7, 2000, 100_000])
def test_fragments_of_any_size_are_joined(
    door: DicomServer, archive: Archive, fragment: int
) -> None:
    ds = ct_slice(rows=16, columns=16) if fragment == 1 else ct_slice(rows=256, columns=256)
    sent = data_set_bytes(ds)

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.store(ds.SOPInstanceUID, sent, fragment=fragment)
        status = peer.status()

    assert status == 0x0000
    assert stored_bytes(archive, ds.SOPInstanceUID) == sent


def test_a_whole_message_may_come_in_one_pdu_and_the_next_behind_it(
    door: DicomServer, archive: Archive
) -> None:
    first, second = ct_slice(), ct_slice()

    with RawPeer(door.port) as peer:
        peer.associate()
        pdus = [
            p_data(
                pdv(3, 1, store_rq(ds.SOPInstanceUID)[:30]),
                pdv(3, 3, store_rq(ds.SOPInstanceUID)[30:]),
                pdv(3, 0, data_set_bytes(ds)[:100]),
                pdv(3, 2, data_set_bytes(ds)[100:]),
            )
            for ds in (first, second)
        ]
        peer.send(b"".join(pdus))
        statuses = [peer.status(), peer.status()]

    assert statuses == [0x0000, 0x0000]
    assert stored_bytes(archive, second.SOPInstanceUID) == data_set_bytes(second)


def test_the_response_names_the_request_and_the_instance(door: DicomServer) -> None:
    ds = ct_slice()

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_rq(ds.SOPInstanceUID, message_id=4711))))
        peer.send(p_data(pdv(3, 2, data_set_bytes(ds))))
        response = peer.response()

    assert response[0x0100] == b"\x01\x80"
    assert int.from_bytes(response[0x0120], "little") == 4711
    assert response[0x0800] == b"\x01\x01"
    assert response[0x0002].rstrip(b"\0").decode() == CT
    assert response[0x1000].rstrip(b"\0").decode() == ds.SOPInstanceUID


def test_sent_again_it_is_acknowledged_and_kept_once(door: DicomServer, archive: Archive) -> None:
    ds = ct_slice()

    statuses = [response.Status for response in store(door, ds, ds)]

    assert statuses == [0x0000, 0x0000]
    assert len(instances(archive, ds.SOPInstanceUID)) == 1


def test_other_content_under_a_known_uid_is_a_warning_with_a_comment(
    door: DicomServer, archive: Archive
) -> None:
    first = ct_slice()
    other = ct_slice(
        sop_instance_uid=first.SOPInstanceUID,
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=first.SeriesInstanceUID,
        instance_number=99,
    )

    first_answer, answer = store(door, first, other)

    assert first_answer.Status == 0x0000
    assert answer.Status == 0xB000
    assert "other content" in answer.ErrorComment
    assert stored_bytes(archive, first.SOPInstanceUID) == data_set_bytes(first)


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_without_identifiers_it_is_refused_for_good(door: DicomServer, missing: str) -> None:
    ds = ct_slice()
    delattr(ds, missing)

    (answer,) = store(door, ds)

    assert answer.Status == 0xA900
    assert answer.ErrorComment


def test_command_and_data_set_must_name_the_same_instance(
    door: DicomServer, archive: Archive
) -> None:
    ds = ct_slice()

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.store(generate_uid(), data_set_bytes(ds))
        status = peer.status()

    assert status == 0xA900
    assert instances(archive, ds.SOPInstanceUID) == []


def test_an_instance_must_come_on_a_context_of_its_class(door: DicomServer) -> None:
    ds = ct_slice()

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(1, 3, store_rq(ds.SOPInstanceUID))))
        peer.send(p_data(pdv(1, 2, data_set_bytes(ds, IMPLICIT))))
        status = peer.status()
        alive = peer.echo_status()

    assert status == 0x0122
    assert alive == 0x0000


def test_a_private_class_is_stored_like_any_other(door: DicomServer, archive: Archive) -> None:
    private = "1.2.840.113619.4.27"
    ds = ct_slice(sop_class_uid=private)

    with RawPeer(door.port) as peer:
        peer.associate(contexts=[(3, private, (EXPLICIT,))])
        peer.send(p_data(pdv(3, 3, store_rq(ds.SOPInstanceUID, sop_class=private))))
        peer.send(p_data(pdv(3, 2, data_set_bytes(ds))))
        status = peer.status()

    assert status == 0x0000
    assert instances(archive, ds.SOPInstanceUID)[0].identity.sop_class_uid == private


@pytest.mark.parametrize(
    "garbage", [b"\xde\xad\xbe\xef" * 100, b"", data_set_bytes(ct_slice())[:-7]]
)
def test_what_is_no_data_set_is_a_failure_and_the_association_goes_on(
    door: DicomServer, garbage: bytes
) -> None:
    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_rq(generate_uid()))))
        peer.send(p_data(pdv(3, 2, garbage)))
        status = peer.status()
        alive = peer.echo_status()

    assert status >> 12 == 0xC or status == 0xA900
    assert alive == 0x0000


def test_too_large_an_instance_is_read_to_its_end_and_refused(
    open_door: OpenDoor, archive: Archive, fast_lane: bool
) -> None:
    archive.reception.size_limit_bytes = 5000
    door = open_door(fast_lane=fast_lane)
    large, small = ct_slice(rows=256, columns=256), ct_slice(rows=8, columns=8)

    statuses = [response.Status for response in store(door, large, small)]

    assert statuses == [0xC000, 0x0000]


def test_a_large_instance_waits_in_a_file_that_is_gone_afterwards(
    door: DicomServer, archive: Archive
) -> None:
    archive.reception.memory_limit_bytes = 1000
    ds = ct_slice(rows=256, columns=256)

    (answer,) = store(door, ds)

    assert answer.Status == 0x0000
    assert stored_bytes(archive, ds.SOPInstanceUID) == data_set_bytes(ds, ExplicitVRLittleEndian)
    assert list(archive.reception.folder.iterdir()) == []


def test_an_abort_within_a_data_set_leaves_nothing(door: DicomServer, archive: Archive) -> None:
    archive.reception.memory_limit_bytes = 100
    ds = ct_slice()

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_rq(ds.SOPInstanceUID))))
        peer.send(p_data(pdv(3, 0, data_set_bytes(ds)[:5000])))
    assert door.wait_until_idle(timeout_s=10)

    assert instances(archive, ds.SOPInstanceUID) == []
    assert list(archive.reception.folder.iterdir()) == []


def test_other_requests_take_turns_with_instances(door: DicomServer) -> None:
    series: list[Dataset] = [ct_slice(), ct_slice()]

    with RawPeer(door.port) as peer:
        peer.associate()
        answers = []
        for ds in series:
            peer.store(ds.SOPInstanceUID, data_set_bytes(ds))
            answers.append(peer.status())
            answers.append(peer.echo_status())

    assert answers == [0x0000] * 4


def test_an_operation_nobody_offers_is_refused_by_name(door: DicomServer) -> None:
    n_get = command(sop_class=VERIFICATION, field=0x0110, message_id=5, data_set=0x0101)

    with RawPeer(door.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(1, 3, n_get)))
        response = peer.response()

    assert response[0x0100] == b"\x10\x81"
    assert int.from_bytes(response[0x0900], "little") == 0x0211


def test_several_classes_share_an_association(door: DicomServer, archive: Archive) -> None:
    mixed = [sr(), us_cine(frames=2), ct_slice()]

    statuses = {response.Status for response in store(door, *mixed)}

    assert statuses == {0x0000}
    assert all(instances(archive, ds.SOPInstanceUID) for ds in mixed)

"""The one way in: what is stored, recognised, set aside or refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from pacs.archive.ingest import Receipt, ReceiptKind, ReceivedInstance
from pacs.errors import (
    IdentifiersMismatch,
    IdentifiersMissing,
    InstanceUnreadable,
    NotAllowed,
)
from pacs.scope import ActorKind, Scope, system_scope
from pacs.storage.interfaces import Selection, Sender
from pacs.wiring import Archive
from tests.builders import ct_slice, us_still, vietnamese_patient
from tests.encodings import NATIVE, compressed, data_set_bytes

SENDER = Sender(how="C-STORE", actor="CT1", address="127.0.0.1")
SCOPE = system_scope("test")


def encoded(ds: Dataset, syntax: str) -> bytes:
    if syntax in NATIVE:
        return data_set_bytes(ds, syntax)
    return data_set_bytes(compressed(ds, syntax))


def receive(
    archive: Archive, ds: Dataset, syntax: str = ExplicitVRLittleEndian, **more: str | None
) -> Receipt:
    received = ReceivedInstance(
        data_set=memoryview(encoded(ds, syntax)),
        transfer_syntax_uid=str(syntax),
        sop_class_uid=more.get("sop_class_uid", ds.get("SOPClassUID")),
        sop_instance_uid=more.get("sop_instance_uid", ds.get("SOPInstanceUID")),
        sender=SENDER,
        study_instance_uid=more.get("study_instance_uid"),
    )
    return archive.ingest.ingest(received, SCOPE)


def stored_bytes(archive: Archive, sop_instance_uid: str) -> bytes:
    instance = archive.index.find(sop_instance_uid)
    assert instance is not None
    return b"".join(archive.retrieval.data_set_chunks(instance))


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
    ],
)
def test_the_bytes_come_back_as_they_came(archive: Archive, syntax: str) -> None:
    ds = ct_slice(**vietnamese_patient())
    sent = encoded(ds, syntax)

    receipt = receive(archive, ds, syntax)

    assert receipt.kind is ReceiptKind.STORED
    assert stored_bytes(archive, ds.SOPInstanceUID) == sent


def test_the_same_instance_again_is_success_and_nothing_new(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)

    receipt = receive(archive, ds)

    assert receipt.kind is ReceiptKind.SAME
    assert len(list(archive.store.entries("o/"))) == 1


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless])
def test_the_same_picture_in_another_lossless_syntax_is_the_same(
    archive: Archive, syntax: str
) -> None:
    ds = ct_slice()
    receive(archive, ds)

    receipt = receive(archive, ds, syntax)

    assert receipt.kind is ReceiptKind.SAME


def test_a_lossy_copy_never_equals_the_lossless_one(archive: Archive) -> None:
    ds = us_still()
    receive(archive, ds)

    receipt = receive(archive, ds, JPEGBaseline8Bit)

    assert receipt.kind is ReceiptKind.CONFLICT


def test_other_content_under_a_known_uid_is_kept_as_a_conflict(archive: Archive) -> None:
    first = ct_slice(patient_id="A")
    other = ct_slice(patient_id="B", sop_instance_uid=first.SOPInstanceUID)
    receive(archive, first)

    receipt = receive(archive, other)

    assert receipt.kind is ReceiptKind.CONFLICT
    assert stored_bytes(archive, first.SOPInstanceUID) == data_set_bytes(
        first, ExplicitVRLittleEndian
    )
    assert len(archive.index.conflicts()) == 1


def test_the_same_conflict_again_adds_nothing(archive: Archive) -> None:
    first = ct_slice(patient_id="A")
    other = ct_slice(patient_id="B", sop_instance_uid=first.SOPInstanceUID)
    receive(archive, first)
    receive(archive, other)

    receipt = receive(archive, other)

    assert receipt.kind is ReceiptKind.CONFLICT
    assert len(archive.index.conflicts()) == 1
    assert len(list(archive.store.entries("o/"))) == 2


@pytest.mark.parametrize(
    "absent", ["study_instance_uid", "series_instance_uid", "sop_instance_uid"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_an_instance_without_a_uid_is_refused(
    archive: Archive, absent: str, value: str | None
) -> None:
    attributes: dict[str, Any] = {absent: value}
    ds = ct_slice(**attributes)

    with pytest.raises(IdentifiersMissing):
        receive(archive, ds)

    assert list(archive.store.entries()) == []


def test_uids_that_are_paths_are_refused(archive: Archive) -> None:
    ds = ct_slice()
    ds["StudyInstanceUID"]._value = "../../../etc/passwd"

    with pytest.raises(IdentifiersMissing, match="no UID"):
        receive(archive, ds)


@pytest.mark.parametrize("announced", ["sop_class_uid", "sop_instance_uid", "study_instance_uid"])
def test_an_announcement_that_names_another_instance_is_refused(
    archive: Archive, announced: str
) -> None:
    with pytest.raises(IdentifiersMismatch):
        receive(archive, ct_slice(), **{announced: generate_uid()})


def test_a_truncated_data_set_is_refused(archive: Archive) -> None:
    ds = ct_slice()
    data = memoryview(data_set_bytes(ds, ExplicitVRLittleEndian))[:-100]
    received = ReceivedInstance(data, ExplicitVRLittleEndian, None, None, SENDER)

    with pytest.raises(InstanceUnreadable, match="cut short"):
        archive.ingest.ingest(received, SCOPE)


def test_an_unknown_transfer_syntax_is_refused_by_name(archive: Archive) -> None:
    received = ReceivedInstance(memoryview(b"\x08\x00"), "1.2.999.1", None, None, SENDER)

    with pytest.raises(InstanceUnreadable, match=r"1\.2\.999\.1"):
        archive.ingest.ingest(received, SCOPE)


def test_nobody_stores_without_the_right(archive: Archive) -> None:
    nobody = Scope(actor="X", kind=ActorKind.MACHINE)
    data = memoryview(data_set_bytes(ct_slice(), ExplicitVRLittleEndian))

    with pytest.raises(NotAllowed):
        archive.ingest.ingest(
            ReceivedInstance(data, ExplicitVRLittleEndian, None, None, SENDER), nobody
        )


def test_of_many_at_once_with_one_uid_one_is_stored_and_the_others_are_the_same(
    archive: Archive,
) -> None:
    ds = ct_slice()

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: receive(archive, ds), range(8)))

    kinds = sorted(receipt.kind for receipt in receipts)
    assert kinds == [ReceiptKind.SAME] * 7 + [ReceiptKind.STORED]
    selection = Selection(sop_instance_uids=(ds.SOPInstanceUID,))
    assert len(archive.retrieval.instances(selection, SCOPE)) == 1


def test_the_file_head_says_who_sent_it_and_when(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)

    instance = archive.index.find(ds.SOPInstanceUID)

    assert instance is not None
    head = b"".join(archive.store.read(instance.stored.key, length=instance.stored.head_size))
    assert b"CT1" in head
    assert instance.stored.data_set_sha256.encode() in head
    assert ds.StudyInstanceUID not in instance.stored.key

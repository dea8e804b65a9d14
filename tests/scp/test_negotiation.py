"""Which presentation contexts are accepted, and with which transfer syntax."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pacs.scp.presentation_contexts import (
    Service,
    choose_transfer_syntax,
    is_storage,
    service_of,
)
from pacs.scp.server import DicomServer
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for
from tests.scp.raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    VERIFICATION,
    RawPeer,
    answered_contexts,
    item,
)
from tests.scp.sending import STUDY_ROOT_FIND, associated, find, keys

BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
PRIVATE_CLASS = "1.2.840.113619.4.27"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One archive for all: what is tested here ends before it is asked anything."""
    opened = open_archive(settings_for(tmp_path_factory.mktemp("archive") / "data"))
    opened.reception.sweep()
    yield opened
    opened.close()


def test_every_storage_class_that_pynetdicom_knows_is_storage() -> None:
    known = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}

    refused = {uid for uid in known if not is_storage(uid)}

    assert refused == set()


@pytest.mark.parametrize(
    ("abstract_syntax", "service"),
    [
        ("1.2.840.10008.1.1", Service.VERIFICATION),
        (STUDY_ROOT_FIND, Service.FIND),
        ("1.2.840.10008.5.1.4.1.2.3.3", Service.GET),
        ("1.2.840.10008.5.1.4.1.1.9999", Service.STORAGE),
        (PRIVATE_CLASS, Service.STORAGE),
        ("1.2.840.10008.1.20.1", Service.COMMITMENT),
        ("1.2.840.10008.1.20.2", None),
        ("1.2.840.10008.5.1.4.31", None),
        ("1.2.840.10008.3.1.2.3.3", None),
        ("1.2.840.10008.5.1.4.1.1.200.4", None),
        ("1.2.840.10008.1.3.10", Service.STORAGE),
    ],
)
def test_what_is_neither_a_service_of_ours_nor_storage_is_refused(
    abstract_syntax: str, service: Service | None
) -> None:
    assert service_of(abstract_syntax) is service


def test_every_transfer_syntax_of_the_table_can_be_negotiated_alone(door: DicomServer) -> None:
    contexts = [
        (2 * number + 1, CT, (uid,)) for number, uid in enumerate(sorted(TRANSFER_SYNTAXES))
    ]

    with RawPeer(door.port) as peer:
        answers = answered_contexts(peer.associate(contexts=contexts))

    assert answers == {context_id: (0, uid) for context_id, _, (uid,) in contexts}


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([IMPLICIT, EXPLICIT], EXPLICIT),
        ([BIG_ENDIAN, IMPLICIT], IMPLICIT),
        ([JPEG_2000, EXPLICIT], JPEG_2000),
        ([IMPLICIT, JPEG_2000], IMPLICIT),
        (["1.2.3.4", JPEG_2000], JPEG_2000),
        (["1.2.3.4"], None),
    ],
)
def test_the_first_storable_syntax_is_taken_but_explicit_rather_than_implicit(
    proposed: list[str], chosen: str | None
) -> None:
    assert choose_transfer_syntax(Service.STORAGE, proposed) == chosen


def test_who_wants_to_receive_is_given_an_uncompressed_syntax() -> None:
    chosen = choose_transfer_syntax(
        Service.STORAGE, [JPEG_2000, IMPLICIT, EXPLICIT], requestor_receives=True
    )

    assert chosen == EXPLICIT


def test_each_context_is_answered_for_itself(door: DicomServer) -> None:
    contexts = (
        (1, CT, (JPEG_2000,)),
        (3, CT, (IMPLICIT,)),
        (5, CT, ("1.2.3.4",)),
        (7, "1.2.840.10008.5.1.4.31", (IMPLICIT,)),
        (9, PRIVATE_CLASS, (EXPLICIT,)),
        (11, STUDY_ROOT_FIND, ("1.2.3.4",)),
    )

    with RawPeer(door.port) as peer:
        answers = answered_contexts(peer.associate(contexts=contexts))

    assert {context_id: result for context_id, (result, _) in answers.items()} == {
        1: 0,
        3: 0,
        5: 4,
        7: 3,
        9: 0,
        11: 4,
    }
    assert (answers[1][1], answers[3][1], answers[9][1]) == (JPEG_2000, IMPLICIT, EXPLICIT)


def test_the_longest_list_of_contexts_is_answered_whole(door: DicomServer) -> None:
    contexts = [(number, CT, (IMPLICIT,)) for number in range(1, 256, 2)]

    with RawPeer(door.port) as peer:
        answers = answered_contexts(peer.associate(contexts=contexts))

    assert sorted(answers) == list(range(1, 256, 2))


def test_the_requestor_may_receive_on_storage_contexts(door: DicomServer) -> None:
    with associated(door, (CT, [EXPLICIT]), roles=[CT]) as association:
        (context,) = association.accepted_contexts

        assert context.as_scp


def test_relational_queries_are_granted_when_asked_for(door: DicomServer) -> None:
    wish = SOPClassExtendedNegotiation()
    wish.sop_class_uid = STUDY_ROOT_FIND
    wish.service_class_application_information = b"\x01\x01\x01\x01"

    with associated(door, (STUDY_ROOT_FIND, None), ext_neg=[wish]) as association:
        granted = association.acceptor.sop_class_extended[STUDY_ROOT_FIND]
    series_without_study = keys("SERIES", Modality="CT", SeriesInstanceUID="")
    _, relational = find(door, series_without_study, ext_neg=[wish])
    _, hierarchical = find(door, series_without_study)

    assert granted == b"\x01\x00\x01\x00"
    assert relational.Status == 0x0000
    assert hierarchical.Status == 0xA900


def test_unknown_items_of_a_request_are_ignored(door: DicomServer) -> None:
    with RawPeer(door.port) as peer:
        peer.associate(more=item(0x7E, b"whatever"))

        assert peer.echo_status() == 0x0000


def test_uids_padded_to_even_length_are_understood(door: DicomServer) -> None:
    with RawPeer(door.port) as peer:
        answers = answered_contexts(
            peer.associate(contexts=[(1, VERIFICATION + "\0", (IMPLICIT + "\0",))])
        )

    assert answers[1][0] == 0

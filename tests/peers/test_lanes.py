"""Both ways of receiving give the archive the same bytes, for every file of the shared corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pacs.archive.ingest import Receipt, ReceiptKind, ReceivedInstance
from pacs.dicom.identity import InstanceIdentity
from pacs.peers import Peer
from pacs.scp.admission import Admit
from pacs.scp.server import DicomServer, DicomServerConfig
from pacs.scu.send import Sender
from pacs.wiring import Archive
from tests.doors import engines_of
from tests.needs import Need
from tests.peers.corpus import Sample, samples

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


class Witness:
    """In the place of the ingest engine: notes what it is given and keeps nothing."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def ingest(self, received: ReceivedInstance, _scope: object) -> Receipt:
        uid = received.sop_instance_uid or ""
        digest = hashlib.sha256(received.data_set).hexdigest()
        self.seen.append((uid, received.transfer_syntax_uid, digest))
        return Receipt(ReceiptKind.STORED, InstanceIdentity("1", "2", uid, "3"))


@pytest.fixture(params=[True, False], ids=["fast-lane", "slow-lane"])
def witnessed(
    request: pytest.FixtureRequest, archive: Archive
) -> Iterator[tuple[DicomServer, Witness]]:
    witness: Any = Witness()
    config = DicomServerConfig(ae_title="PACS", port=0, admit=Admit.ANYONE, fast_lane=request.param)
    door = DicomServer(config, replace(engines_of(archive), ingest=witness), now=archive.now)
    door.start()
    yield door, witness
    door.stop()


def test_each_file_arrives_as_it_was_sent(
    need: Need, witnessed: tuple[DicomServer, Witness]
) -> None:
    door, witness = witnessed
    valid = [sample for sample in samples(need("corpus")) if sample.is_valid]
    peer = Peer("PACS", "127.0.0.1", door.port)

    sent = Sender(calling_ae_title="CORPUS").send(peer, [sample.outgoing() for sample in valid])
    statuses = {result.status for result in sent}

    assert statuses == {0x0000}
    assert witness.seen == [_expected(sample) for sample in valid]


def _expected(sample: Sample) -> tuple[str, str, str]:
    outgoing = sample.outgoing()
    digest = hashlib.sha256(sample.data_set()).hexdigest()
    return outgoing.sop_instance_uid, sample.transfer_syntax_uid, digest

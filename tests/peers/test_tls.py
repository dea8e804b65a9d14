"""DCMTK over TLS, calling and being called; certificates are looked at on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs.destinations import Delivery, Outgoing
from pacs.errors import PeerUnreachable
from pacs.peers import Peer
from pacs.scp.server import DicomServer
from pacs.scu.send import Sender
from pacs.storage.interfaces import Selection
from pacs.tls import client_context, server_context
from pacs.wiring import Archive
from tests.builders import ct_series
from tests.certificates import Certificates, Identity
from tests.doors import SHORT, OpenDoor
from tests.encodings import data_set_bytes, file_bytes, transfer_syntax_of
from tests.needs import Need
from tests.peers.programs import at, free_port, run, running


@pytest.fixture
def tls_door(open_door: OpenDoor, certificates: Certificates) -> DicomServer:
    """A TLS port that wants certificates of the hospital's CA."""
    own = certificates.archive
    return open_door(tls=server_context(own.certificate, own.key, client_ca=certificates.ca))


def shown(identity: Identity, certificates: Certificates) -> list[str | Path]:
    return ["+tls", identity.key, identity.certificate, "+cf", certificates.ca]


def test_dcmtk_stores_over_tls(
    need: Need, tls_door: DicomServer, archive: Archive, certificates: Certificates, tmp_path: Path
) -> None:
    slices = ct_series(5)
    files = []
    for number, ds in enumerate(slices):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(file_bytes(ds))

    done = run(need("storescu"), *shown(certificates.modality, certificates), *at(tls_door), *files)

    assert done.returncode == 0, done.stdout
    stored = archive.index.instances(Selection((str(slices[0].StudyInstanceUID),)))
    assert len(list(stored)) == len(slices)


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_dcmtk_echoes_with_every_profile_of_the_standard(
    need: Need, tls_door: DicomServer, certificates: Certificates, profile: str
) -> None:
    shown_to_us = shown(certificates.modality, certificates)

    done = run(need("echoscu"), *shown_to_us, profile, *at(tls_door))

    assert done.returncode == 0, done.stdout


def test_a_certificate_of_another_ca_is_refused(
    need: Need, tls_door: DicomServer, certificates: Certificates
) -> None:
    done = run(need("echoscu"), *shown(certificates.stranger, certificates), *at(tls_door))

    assert done.returncode != 0


def test_a_caller_without_certificate_is_refused_where_one_is_wanted(
    need: Need, tls_door: DicomServer, certificates: Certificates
) -> None:
    done = run(need("echoscu"), "+tla", "+cf", certificates.ca, *at(tls_door))

    assert done.returncode != 0


def test_a_caller_without_certificate_is_served_where_none_is_wanted(
    need: Need, open_door: OpenDoor, certificates: Certificates
) -> None:
    own = certificates.archive
    door = open_door(tls=server_context(own.certificate, own.key, client_ca=None))

    done = run(need("echoscu"), "+tla", "+cf", certificates.ca, *at(door))

    assert done.returncode == 0, done.stdout


def test_a_plain_caller_gets_no_answer_on_the_tls_port(need: Need, tls_door: DicomServer) -> None:
    done = run(need("echoscu"), "-ta", 5, *at(tls_door))

    assert done.returncode != 0


def sending(certificates: Certificates, identity: Identity) -> Sender:
    context = client_context(identity.certificate, identity.key, peer_ca=certificates.ca)
    return Sender(calling_ae_title="PACS", deadlines=SHORT, tls=context)


def outgoing(count: int) -> list[Outgoing]:
    found = []
    for ds in ct_series(count, rows=256, columns=256):
        raw = data_set_bytes(ds)
        found.append(
            Outgoing(
                str(ds.SOPClassUID),
                str(ds.SOPInstanceUID),
                str(transfer_syntax_of(ds)),
                lambda _syntax, raw=raw: iter((raw,)),  # type: ignore[misc] # bound now
            )
        )
    return found


def test_we_send_to_dcmtk_over_tls(need: Need, certificates: Certificates, tmp_path: Path) -> None:
    port = free_port()
    own = certificates.modality
    command: list[str | Path | int] = [need("storescp"), "-od", tmp_path]
    command += [*shown(own, certificates), port]
    peer = Peer("STORESCP", "127.0.0.1", port, tls=True)

    with running(command, port=port):
        results = list(sending(certificates, certificates.archive).send(peer, outgoing(20)))

    assert {result.delivery for result in results} == {Delivery.COMPLETED}
    assert len(list(tmp_path.iterdir())) == 20


def test_we_send_nothing_to_a_machine_whose_certificate_we_do_not_trust(
    need: Need, certificates: Certificates, tmp_path: Path
) -> None:
    port = free_port()
    command: list[str | Path | int] = [need("storescp"), "-od", tmp_path, "-ic"]
    command += [*shown(certificates.stranger, certificates), port]
    peer = Peer("STORESCP", "127.0.0.1", port, tls=True)

    with running(command, port=port), pytest.raises(PeerUnreachable):
        list(sending(certificates, certificates.archive).send(peer, outgoing(1)))

    assert not list(tmp_path.iterdir())


def test_two_archives_talk_over_tls(
    tls_door: DicomServer, archive: Archive, certificates: Certificates
) -> None:
    peer = Peer("PACS", "127.0.0.1", tls_door.port, tls=True)
    instances = outgoing(10)

    results = list(sending(certificates, certificates.modality).send(peer, instances))

    assert [result.delivery for result in results] == [Delivery.COMPLETED] * 10
    wanted = Selection(sop_instance_uids=tuple(one.sop_instance_uid for one in instances))
    assert len(list(archive.index.instances(wanted))) == 10

"""DIMSE over TLS: both lanes, both directions, and peers that do not shake hands."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from pacs.errors import PeerUnreachable
from pacs.scp.server import DicomServer
from pacs.scu.association import Deadlines, Target
from pacs.scu.echo import echo
from tests.builders import ct_series, ct_slice
from tests.doors import OpenDoor
from tests.encodings import data_set_bytes
from tests.needs import Need
from tests.peers.programs import run
from tests.scp.raw_peer import CT, EXPLICIT, RawPeer
from tests.scp.sending import get, keys, store

SHORT = Deadlines(connect_s=2, negotiate_s=2, send_s=2, respond_s=2)


@pytest.fixture(scope="session")
def certificate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    key, chain, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    made = run(
        *(need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", key, "-out", chain),
    )
    assert made.returncode == 0, made.stdout
    both.write_bytes(key.read_bytes() + chain.read_bytes())
    return both


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """What a client needs to trust our door."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def door(open_door: OpenDoor, certificate: Path, fast_lane: bool) -> DicomServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return open_door(tls=context, fast_lane=fast_lane, pdu_deadline_s=1.0)


def test_a_series_goes_in_and_comes_out(door: DicomServer, trusting: ssl.SSLContext) -> None:
    series = ct_series(4, rows=256, columns=256)

    stored = store(door, *series, tls_args=(trusting, "127.0.0.1"))
    received, status, _ = get(
        door,
        keys("STUDY", StudyInstanceUID=series[0].StudyInstanceUID),
        [(CT, [EXPLICIT])],
        tls_args=(trusting, "127.0.0.1"),
    )

    assert {answer.Status for answer in stored} == {0x0000}
    assert status.Status == 0x0000
    assert {data_set for _, data_set in received} == {data_set_bytes(ds) for ds in series}


def test_our_own_requestor_speaks_tls(door: DicomServer, trusting: ssl.SSLContext) -> None:
    target = Target("PACS", "127.0.0.1", door.port, trusting)

    echo(target, calling_ae_title="TESTSCU", deadlines=SHORT)


def test_who_does_not_trust_us_does_not_get_through(door: DicomServer) -> None:
    stranger = Target("PACS", "127.0.0.1", door.port, ssl.create_default_context())

    with pytest.raises(PeerUnreachable):
        echo(stranger, calling_ae_title="TESTSCU", deadlines=SHORT)


def test_plain_dicom_and_silence_are_ended_and_hold_nobody_up(
    door: DicomServer, trusting: ssl.SSLContext
) -> None:
    with RawPeer(door.port) as silent, RawPeer(door.port) as plain:
        plain.send(b"\x01\x00\x00\x00\x00\x10" + bytes(16))

        (answer,) = store(door, ct_slice(), tls_args=(trusting, "127.0.0.1"))

        assert answer.Status == 0x0000
        assert silent.receive()[0] == 0
        plain.socket.settimeout(5)
        while plain.socket.recv(100):
            continue

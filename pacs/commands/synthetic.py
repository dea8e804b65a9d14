"""`pacs demo`: sends synthetic studies to a running archive, through its C-STORE door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from pacs.demo.studies import INSTANCES, STUDIES, TRANSFER_SYNTAX_UID, encode, synthetic_instances
from pacs.destinations import Delivery, Outgoing
from pacs.errors import NotAcceptable, PeerUnreachable
from pacs.peers import Peer
from pacs.scu.association import Deadlines
from pacs.scu.send import Sender
from pacs.settings import Settings

_CALLING_AE_TITLE = "SYNTHETIC"


def send_demo(settings: Settings) -> Iterator[str]:
    """Send to the archive that the settings describe; it must be running."""
    yield from send_synthetic_studies(settings, settings.dicom_port)


def send_synthetic_studies(settings: Settings, port: int) -> Iterator[str]:
    """Send all, telling what is done. Raises PeerUnreachable, with what to do."""
    yield f"sending {STUDIES} synthetic studies to {settings.ae_title} ..."
    sender = Sender(
        calling_ae_title=_CALLING_AE_TITLE,
        deadlines=Deadlines(respond_s=settings.peer_deadline_s),
    )
    peer = Peer(settings.ae_title, settings.dicom_host, port)
    outgoing = list(_instances(settings))
    failed = [done for done in sender.send(peer, outgoing) if done.delivery is Delivery.FAILED]
    if failed:
        raise PeerUnreachable(
            f"{len(failed)} of {len(outgoing)} synthetic instances were not stored: "
            f"{failed[0].message}"
        )
    yield f"{STUDIES} studies with {INSTANCES} instances are stored"


def _instances(settings: Settings) -> Iterator[Outgoing]:
    now = datetime.now(ZoneInfo(settings.timezone))
    for data_set in synthetic_instances(now=now, new_uid=_new_uid):
        yield Outgoing(
            sop_class_uid=str(data_set.SOPClassUID),
            sop_instance_uid=str(data_set.SOPInstanceUID),
            transfer_syntax_uid=TRANSFER_SYNTAX_UID,
            data_set=_as_encoded(encode(data_set)),
        )


def _as_encoded(encoded: bytes) -> Callable[[str], Iterator[bytes]]:
    def pieces(transfer_syntax_uid: str) -> Iterator[bytes]:
        if transfer_syntax_uid != TRANSFER_SYNTAX_UID:
            raise NotAcceptable(f"synthetic studies are not made in {transfer_syntax_uid}")
        return iter((encoded,))

    return pieces


def _new_uid() -> str:
    """A UID derived from a UUID. PS3.5 B.2."""
    return f"2.25.{uuid4().int}"

"""What an object says of the instance in it: its head is written so that the index can be made
again from objects alone, and read back here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from pacs.archive.reception import ReceivedBytes, Reception
from pacs.dicom.element_walk import HeaderLimits, PixelElement
from pacs.dicom.header import ScannedHeader, inflate, scan_header
from pacs.dicom.identity import InstanceIdentity, strip_uid
from pacs.dicom.part10 import FileHead, build_file_head, read_own_head
from pacs.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from pacs.dicom.values import number_of_frames, read_values
from pacs.errors import InstanceRefused, ObjectDamaged
from pacs.storage.interfaces import (
    InstanceRecord,
    ObjectReader,
    PixelLocation,
    Sender,
    StoredBytes,
)

_SOP_INSTANCE_UID, _SOP_CLASS_UID = 0x00080018, 0x00080016
_STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E


@dataclass(frozen=True)
class Origin:
    """Where an instance came from, as its head tells.

    set_aside    it came second under a known SOP Instance UID and is kept as a conflict.
    replaces     the key of a damaged object with the same content that this one stands for.
    split_from   the key of the conflict that this instance was made of.
    """

    received: datetime
    sender: Sender
    data_set_sha256: str
    assumed_character_set: str | None = None
    set_aside: bool = False
    replaces: str | None = None
    split_from: str | None = None


@dataclass(frozen=True)
class ReadBack:
    """An object that was read whole and found to hold what was put into it."""

    record: InstanceRecord
    origin: Origin


def head_of(identity: InstanceIdentity, transfer_syntax_uid: str, origin: Origin) -> bytes:
    """Preamble and file meta information of an object."""
    sender = origin.sender
    told: dict[str, Any] = {
        "received": origin.received.isoformat(),
        "how": sender.how,
        "actor": sender.actor,
        "address": sender.address,
        "data_set_sha256": origin.data_set_sha256,
    }
    if origin.assumed_character_set:
        told["assumed_character_set"] = origin.assumed_character_set
    if origin.set_aside:
        told["set_aside"] = True
    if origin.replaces:
        told["replaces"] = origin.replaces
    if origin.split_from:
        told["split_from"] = origin.split_from
    return build_file_head(
        sop_class_uid=identity.sop_class_uid,
        sop_instance_uid=identity.sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
        source_ae_title=sender.actor if sender.how == "C-STORE" else None,
        private_information=orjson.dumps(told),
    )


def read_origin(private_information: bytes | None, key: str) -> Origin:
    """Raises ObjectDamaged when the head does not tell."""
    try:
        told = orjson.loads(private_information or b"")
        return Origin(
            received=datetime.fromisoformat(told["received"]),
            sender=Sender(told["how"], told["actor"], told["address"]),
            data_set_sha256=told["data_set_sha256"],
            assumed_character_set=told.get("assumed_character_set"),
            set_aside=told.get("set_aside", False),
            replaces=told.get("replaces"),
            split_from=told.get("split_from"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ObjectDamaged(f"the head of object {key} does not tell where it came from") from error


def record_of(
    header: ScannedHeader,
    identity: InstanceIdentity,
    *,
    transfer_syntax_uid: str,
    stored: StoredBytes,
    origin: Origin,
) -> InstanceRecord:
    """What the index is told of an instance."""
    read = read_values(header, assumed=origin.assumed_character_set)
    return InstanceRecord(
        identity=identity,
        transfer_syntax_uid=transfer_syntax_uid,
        stored=stored,
        pixels=pixel_location(header.pixels) if header.pixels else None,
        number_of_frames=number_of_frames(header),
        received=origin.received,
        sender=origin.sender,
        values=read.by_keyword,
        text_guessed=read.guessed,
    )


def pixel_location(pixels: PixelElement) -> PixelLocation:
    return PixelLocation(
        tag=pixels.tag,
        offset=pixels.value_offset,
        length=pixels.length,
        header_length=pixels.element_offset,
    )


class ObjectsBack:
    """Reads objects back into what the index is told of them. Safe for several threads."""

    def __init__(
        self,
        find_store: Callable[[str], ObjectReader | None],
        *,
        spool: Reception,
        limits: HeaderLimits,
    ) -> None:
        self._find_store = find_store
        self._spool = spool
        self._limits = limits

    def origin(self, store: ObjectReader, key: str, size_bytes: int) -> Origin:
        """Read the head alone. Raises ObjectDamaged, ObjectMissing, TryAgain."""
        length = min(size_bytes, 4096)
        head = b"".join(store.read(key, length=length))
        return self._origin(head, key)

    def read(self, store_name: str, key: str) -> ReadBack:
        """Read the whole object and compare it with the digest in its head.

        Raises ObjectDamaged, ObjectMissing, TryAgain.
        """
        store = self._find_store(store_name)
        if store is None:
            raise ObjectDamaged(f"object {key} lies in the store '{store_name}', not known here")
        with self._spool.open() as received:
            for piece in store.read(key):
                received.write(piece)
            return self._read_back(received, store_name, key)

    def _read_back(self, received: ReceivedBytes, store_name: str, key: str) -> ReadBack:
        view = received.view()
        try:
            head = read_own_head(view)
            origin = read_origin(head.private_information, key)
            data_set = view[head.data_set_offset :]
            if hashlib.sha256(data_set).hexdigest() != origin.data_set_sha256:
                raise ObjectDamaged(f"the data set of object {key} is not what was stored")
            stored = StoredBytes(
                store=store_name,
                key=key,
                offset=0,
                head_size=head.data_set_offset,
                data_set_size=len(data_set),
                head_sha256=hashlib.sha256(view[: head.data_set_offset]).hexdigest(),
                data_set_sha256=origin.data_set_sha256,
            )
            record = self._record(data_set, head, stored, origin)
            return ReadBack(record, origin)
        except InstanceRefused as error:
            raise ObjectDamaged(f"object {key} holds no instance: {error}") from error

    def _record(
        self, data_set: memoryview, head: FileHead, stored: StoredBytes, origin: Origin
    ) -> InstanceRecord:
        syntax = transfer_syntax(head.transfer_syntax_uid)
        if syntax is None:
            raise ObjectDamaged(f"object {stored.key} is in no transfer syntax we know")
        header = self._scan(data_set, syntax)
        identity = InstanceIdentity(
            strip_uid(header.raw(_STUDY_INSTANCE_UID)),
            strip_uid(header.raw(_SERIES_INSTANCE_UID)),
            strip_uid(header.raw(_SOP_INSTANCE_UID)),
            strip_uid(header.raw(_SOP_CLASS_UID)) or head.sop_class_uid or "",
        )
        return record_of(
            header, identity, transfer_syntax_uid=syntax.uid, stored=stored, origin=origin
        )

    def _scan(self, data_set: memoryview, syntax: TransferSyntax) -> ScannedHeader:
        plain = data_set
        if syntax.deflated:
            plain = memoryview(inflate(data_set, self._limits.max_inflated_bytes))
        return scan_header(plain, syntax, self._limits)

    def _origin(self, head: bytes, key: str) -> Origin:
        try:
            return read_origin(read_own_head(head).private_information, key)
        except InstanceRefused as error:
            raise ObjectDamaged(f"object {key} has no head: {error}") from error

"""The one way in: C-STORE, STOW-RS and import end here.

An instance is acknowledged only when this returns a receipt: then bytes and row are durable.
"""

from __future__ import annotations

import enum
import hashlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pacs.archive.records import Origin, head_of, pixel_location, record_of
from pacs.archive.sameness import have_same_elements
from pacs.audit import Action, Auditor
from pacs.dicom.element_walk import HeaderLimits
from pacs.dicom.elements import read_elements
from pacs.dicom.header import ScannedHeader, inflate, scan_header
from pacs.dicom.identity import InstanceIdentity, is_usable_uid, strip_uid
from pacs.dicom.part10 import read_file_head
from pacs.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)
from pacs.errors import (
    IdentifiersMismatch,
    IdentifiersMissing,
    InstanceRefused,
    InstanceUnreadable,
    ObjectDamaged,
    ObjectMissing,
    StoreUnavailable,
    TryAgain,
)
from pacs.pixels.interfaces import PixelDecoder
from pacs.scope import Right, Scope
from pacs.storage.encoded import encoded_from_bytes
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import (
    AddResult,
    InstanceIndex,
    InstanceRecord,
    ObjectStore,
    Sender,
    StoredBytes,
    StoredInstance,
)
from pacs.storage.object_keys import instance_key

_SOP_CLASS_UID = 0x00080016
_REQUIRED = {
    "Study Instance UID": 0x0020000D,
    "Series Instance UID": 0x0020000E,
    "SOP Instance UID": 0x00080018,
}
_COMPARED_IN_FULL_BYTES = 512 << 20


@dataclass(frozen=True)
class ReceivedInstance:
    """What a door hands over.

    data_set   the bytes as received, without preamble and file meta information.
    sop_class_uid, sop_instance_uid   as announced by the command set or the file meta; None where
               nothing was announced.
    study_instance_uid   the study that the sender said it stores to, or None.
    assumed_character_set   of a sender that declares none.
    """

    data_set: memoryview
    transfer_syntax_uid: str
    sop_class_uid: str | None
    sop_instance_uid: str | None
    sender: Sender
    study_instance_uid: str | None = None
    assumed_character_set: str | None = None


class ReceiptKind(enum.StrEnum):
    STORED = "stored"
    SAME = "same"
    CONFLICT = "conflict"
    RESTORED = "restored"


@dataclass(frozen=True)
class Receipt:
    """What became of the instance. message  what the sender should be told beside success."""

    kind: ReceiptKind
    identity: InstanceIdentity
    message: str | None = None


@dataclass(frozen=True)
class _Examined:
    """An instance whose header was read and found acceptable. plain is never deflated."""

    received: ReceivedInstance
    syntax: TransferSyntax
    plain: memoryview
    header: ScannedHeader
    identity: InstanceIdentity
    data_set_sha256: str


class Ingest:
    """Takes instances in. Safe to call from several threads.

    restore         brings an instance back from the trash because it was sent again, and writes
                    that down.
    replace_object  lets a row name another object with the same content.
    set_aside       keeps a damaged object that nothing names any more, and writes that down.
    """

    def __init__(
        self,
        *,
        store: ObjectStore,
        reader: InstanceReader,
        index: InstanceIndex,
        restore: Callable[[StoredInstance, Sender], None],
        replace_object: Callable[[StoredInstance, StoredBytes], bool],
        set_aside: Callable[[StoredBytes], None],
        decoder: PixelDecoder,
        auditor: Auditor,
        limits: HeaderLimits,
        now: Callable[[], datetime],
        new_uuid: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._reader = reader
        self._index = index
        self._restore = restore
        self._replace_object = replace_object
        self._set_former_aside = set_aside
        self._decoder = decoder
        self._auditor = auditor
        self._limits = limits
        self._now = now
        self._new_uuid = new_uuid
        # Inflating is the one step that needs more memory than the sender sent: one at a time.
        self._inflating = threading.Lock()

    def ingest_file(
        self,
        data: memoryview,
        *,
        sender: Sender,
        scope: Scope,
        study_instance_uid: str | None = None,
    ) -> Receipt:
        """Take in a DICOM file (PS3.10). Errors as `ingest`."""
        head = read_file_head(data)
        received = ReceivedInstance(
            data_set=data[head.data_set_offset :],
            transfer_syntax_uid=head.transfer_syntax_uid,
            sop_class_uid=head.sop_class_uid,
            sop_instance_uid=head.sop_instance_uid,
            sender=sender,
            study_instance_uid=study_instance_uid,
        )
        return self.ingest(received, scope)

    def ingest(self, received: ReceivedInstance, scope: Scope) -> Receipt:
        """Store the instance, or recognise it. Everything is durable when this returns.

        Raises NotAllowed; InstanceRefused and its kin when it must not be sent again as it is;
        StorageFull, StoreUnavailable, IndexUnavailable when it may.
        """
        scope.require(Right.STORE)
        try:
            examined = self._examine(received)
        except InstanceRefused as refused:
            self._auditor.refuse(scope, Action.STORE, refused)
            raise
        receipt = self._keep(examined)
        self._auditor.touch(
            scope,
            Action.STORE,
            receipt.identity.study_instance_uid,
            details={"how": received.sender.how},
        )
        return receipt

    def _examine(self, received: ReceivedInstance) -> _Examined:
        syntax = transfer_syntax(received.transfer_syntax_uid)
        if syntax is None:
            raise InstanceUnreadable(
                f"transfer syntax {received.transfer_syntax_uid} is none of the standard's"
            )
        plain = received.data_set
        if syntax.deflated:
            with self._inflating:
                plain = memoryview(inflate(plain, self._limits.max_inflated_bytes))
        header = scan_header(plain, syntax, self._limits)
        identity = _identify(header, received)
        digest = hashlib.sha256(received.data_set).hexdigest()
        return _Examined(received, syntax, plain, header, identity, digest)

    def _keep(self, examined: _Examined) -> Receipt:
        existing = self._index.find(examined.identity.sop_instance_uid)
        if existing is not None:
            return self._keep_again(examined, existing)
        record = self._put(examined, _origin(examined, self._now()))
        added = self._index.add(record)
        if added.result is AddResult.ADDED:
            return Receipt(ReceiptKind.STORED, examined.identity)
        # Somebody else was faster between our look and our write.
        if added.existing is not None and self._is_same(examined, added.existing):
            self._discard(record)
            return Receipt(ReceiptKind.SAME, examined.identity)
        if added.existing is not None:
            self._set_aside(examined, added.existing)
        # Written as if it were the first, which it turned out not to be: its head would mislead.
        self._discard(record)
        return _conflict_receipt(examined)

    def _keep_again(self, examined: _Examined, existing: StoredInstance) -> Receipt:
        if self._is_same(examined, existing):
            return self._recognise(examined, existing)
        self._set_aside(examined, existing)
        return _conflict_receipt(examined)

    def _recognise(self, examined: _Examined, existing: StoredInstance) -> Receipt:
        self._mend(examined, existing)
        if existing.in_trash:
            self._restore(existing, examined.received.sender)
            return Receipt(ReceiptKind.RESTORED, examined.identity)
        return Receipt(ReceiptKind.SAME, examined.identity)

    def _mend(self, examined: _Examined, existing: StoredInstance) -> None:
        """Before a sender is told that we have it: is it still whole? If not, now it is."""
        same_syntax = existing.transfer_syntax_uid == examined.syntax.uid
        if not same_syntax or existing.stored.data_set_sha256 != examined.data_set_sha256:
            return  # then both were just read and compared in full
        try:
            deque(self._reader.data_set(existing.stored), maxlen=0)
        except (ObjectMissing, ObjectDamaged):
            origin = replace(
                _origin(examined, existing.received),
                sender=existing.sender,
                replaces=existing.stored.key,
            )
            record = self._put(examined, origin)
            if self._replace_object(existing, record.stored):
                self._set_former_aside(existing.stored)
            else:
                self._discard(record)
        except TryAgain:
            return  # a store that is away does not make what was acknowledged untrue

    def _set_aside(self, examined: _Examined, existing: StoredInstance) -> None:
        """Keep as a conflict, unless exactly this was kept before."""
        uid = examined.identity.sop_instance_uid
        if self._index.has_conflict(uid, examined.syntax.uid, examined.data_set_sha256):
            return
        record = self._put(examined, replace(_origin(examined, self._now()), set_aside=True))
        if not self._index.add_conflict(record, existing):
            self._discard(record)

    def _is_same(self, examined: _Examined, existing: StoredInstance) -> bool:
        """Equal bytes in the same syntax, or equal elements and equal decoded pixels."""
        same_syntax = existing.transfer_syntax_uid == examined.syntax.uid
        if same_syntax and existing.stored.data_set_sha256 == examined.data_set_sha256:
            return True
        if max(existing.stored.data_set_size, len(examined.plain)) > _COMPARED_IN_FULL_BYTES:
            return False
        try:
            return self._says_the_same(examined, existing)
        except (ObjectMissing, ObjectDamaged):
            # What is damaged cannot be compared. Kept as a conflict, the newcomer is not lost.
            return False

    def _says_the_same(self, examined: _Examined, existing: StoredInstance) -> bool:
        syntax = transfer_syntax(existing.transfer_syntax_uid)
        if syntax is None:
            return False
        stored = memoryview(b"".join(self._reader.data_set(existing.stored)))
        if syntax.deflated:
            with self._inflating:
                stored = memoryview(inflate(stored, self._limits.max_inflated_bytes))
        ours = read_elements(stored, syntax, self._limits)
        theirs = read_elements(examined.plain, examined.syntax, self._limits)
        if not have_same_elements(ours, theirs):
            return False
        if existing.pixels is None or examined.header.pixels is None:
            return existing.pixels is None and examined.header.pixels is None
        return self._decoder.same_pixels(
            encoded_from_bytes(stored, _undeflated(syntax), existing.pixels),
            encoded_from_bytes(
                examined.plain,
                _undeflated(examined.syntax),
                pixel_location(examined.header.pixels),
            ),
        )

    def _put(self, examined: _Examined, origin: Origin) -> InstanceRecord:
        # Object first, index second: an orphan object is found by check and costs space; an index
        # row without an object costs a diagnosis.
        head = head_of(examined.identity, examined.syntax.uid, origin)
        key = instance_key(self._now(), self._new_uuid())
        data_set = examined.received.data_set
        size = len(head) + len(data_set)
        self._store.put(key, (head, data_set), size_bytes=size)
        stored = StoredBytes(
            store=self._store.name,
            key=key,
            offset=0,
            head_size=len(head),
            data_set_size=len(data_set),
            head_sha256=hashlib.sha256(head).hexdigest(),
            data_set_sha256=examined.data_set_sha256,
        )
        return record_of(
            examined.header,
            examined.identity,
            transfer_syntax_uid=examined.syntax.uid,
            stored=stored,
            origin=origin,
        )

    def _discard(self, record: InstanceRecord) -> None:
        """Remove an object that certainly no row names; if that fails it is found as an orphan."""
        try:
            self._store.delete(record.stored.key)
        except StoreUnavailable:
            return


def _identify(header: ScannedHeader, received: ReceivedInstance) -> InstanceIdentity:
    uids = {name: strip_uid(header.raw(tag)) for name, tag in _REQUIRED.items()}
    for name, uid in uids.items():
        if not uid:
            raise IdentifiersMissing(f"the instance has no {name}; nothing was stored")
        if not is_usable_uid(uid):
            raise IdentifiersMissing(f"the {name} {uid[:80]!r} is no UID; nothing was stored")
    study, series, instance = uids.values()
    sop_class = strip_uid(header.raw(_SOP_CLASS_UID)) or strip_uid(received.sop_class_uid or "")
    if not sop_class or not is_usable_uid(sop_class):
        raise IdentifiersMissing(f"instance {instance} has no SOP Class UID; nothing was stored")
    _compare("SOP Instance UID", received.sop_instance_uid, instance)
    _compare("SOP Class UID", received.sop_class_uid, sop_class)
    _compare("Study Instance UID", received.study_instance_uid, study)
    return InstanceIdentity(study, series, instance, sop_class)


def _compare(name: str, announced: str | None, found: str) -> None:
    if announced and strip_uid(announced) != found:
        raise IdentifiersMismatch(
            f"{name} {strip_uid(announced)[:80]} was announced, but the data set has {found}; "
            "nothing was stored"
        )


def _conflict_receipt(examined: _Examined) -> Receipt:
    uid = examined.identity.sop_instance_uid
    return Receipt(
        ReceiptKind.CONFLICT,
        examined.identity,
        message=f"instance {uid} is already stored with other content; kept aside as a conflict",
    )


def _origin(examined: _Examined, received: datetime) -> Origin:
    return Origin(
        received=received,
        sender=examined.received.sender,
        data_set_sha256=examined.data_set_sha256,
        assumed_character_set=examined.received.assumed_character_set,
    )


def _undeflated(syntax: TransferSyntax) -> str:
    deflated = syntax.uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_LITTLE_ENDIAN if deflated else syntax.uid

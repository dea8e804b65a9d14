"""Storage commitment as data sets: what is asked for, and what is reported. PS3.4 J.3."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pacs.dicom.element_walk import HeaderLimits
from pacs.dicom.elements import RawDataSet, read_elements
from pacs.dicom.identity import strip_uid
from pacs.dicom.messages import CommandField, Element, encode_command
from pacs.dicom.transfer_syntaxes import transfer_syntax
from pacs.errors import InstanceRefused, RequestInvalid

STORAGE_COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST_COMMITMENT = 1
"""The Action Type ID of the one action there is."""

ALL_COMMITTED = 1
SOME_FAILED = 2
"""Event Type IDs of a report."""

_TRANSACTION_UID = 0x00081195
_REFERENCED_SOP_SEQUENCE = 0x00081199
_FAILED_SOP_SEQUENCE = 0x00081198
_REFERENCED_SOP_CLASS_UID = 0x00081150
_REFERENCED_SOP_INSTANCE_UID = 0x00081155
_FAILURE_REASON = 0x00081197
_ITEM = 0xFFFEE000
_LIMITS = HeaderLimits(max_depth=8, max_elements=1_000_000, max_inflated_bytes=1 << 20)


@dataclass(frozen=True)
class Reference:
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class FailedReference:
    """reason  a Failure Reason (0008,1197). PS3.3 C.14.1.1."""

    reference: Reference
    reason: int


@dataclass(frozen=True)
class CommitmentRequest:
    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class CommitmentReport:
    """What became of a request: every reference is in one of the two lists."""

    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[FailedReference, ...] = ()

    @property
    def event_type(self) -> int:
        return SOME_FAILED if self.failed else ALL_COMMITTED


def read_commitment_request(raw: memoryview, transfer_syntax_uid: str) -> CommitmentRequest:
    """Read the Action Information. Raises RequestInvalid when something needed is missing."""
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax is None:
        raise RequestInvalid(f"transfer syntax {transfer_syntax_uid} is not known")
    try:
        elements = read_elements(raw, syntax, _LIMITS)
    except InstanceRefused as error:
        raise RequestInvalid(f"the request is not readable: {error.message}") from error
    transaction_uid = strip_uid(elements.raw(_TRANSACTION_UID))
    if not transaction_uid:
        raise RequestInvalid("Transaction UID (0008,1195) is missing")
    sequence = elements.elements.get(_REFERENCED_SOP_SEQUENCE)
    references = tuple(_reference(item) for item in (sequence.items if sequence else None) or ())
    if not references:
        raise RequestInvalid("Referenced SOP Sequence (0008,1199) is missing or empty")
    return CommitmentRequest(transaction_uid, tuple(dict.fromkeys(references)))


def _reference(item: RawDataSet) -> Reference:
    found = Reference(
        strip_uid(item.raw(_REFERENCED_SOP_CLASS_UID)),
        strip_uid(item.raw(_REFERENCED_SOP_INSTANCE_UID)),
    )
    if not found.sop_class_uid or not found.sop_instance_uid:
        raise RequestInvalid("a reference lacks its SOP Class or SOP Instance UID")
    return found


def write_commitment_report(report: CommitmentReport, transfer_syntax_uid: str) -> bytes:
    """The Event Information. PS3.4 Table J.3-2."""
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax is None:
        raise RequestInvalid(f"transfer syntax {transfer_syntax_uid} is not known")
    writer = _Writer("<" if syntax.little_endian else ">", explicit=syntax.explicit_vr)
    written = [writer.uid(_TRANSACTION_UID, report.transaction_uid)]
    if report.failed:
        written.append(
            writer.sequence(_FAILED_SOP_SEQUENCE, (writer.failed(one) for one in report.failed))
        )
    if report.committed:
        items = (writer.reference(one) for one in report.committed)
        written.append(writer.sequence(_REFERENCED_SOP_SEQUENCE, items))
    return b"".join(written)


def encode_report_command(event_type: int, *, message_id: int) -> bytes:
    """The command set of N-EVENT-REPORT. PS3.7 10.3.1."""
    return encode_command(
        {
            Element.AFFECTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH_MODEL,
            Element.COMMAND_FIELD: CommandField.N_EVENT_REPORT_RQ,
            Element.MESSAGE_ID: message_id,
            Element.COMMAND_DATA_SET_TYPE: 0x0001,
            Element.AFFECTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
            Element.EVENT_TYPE_ID: event_type,
        }
    )


@dataclass(frozen=True)
class _Writer:
    order: str
    explicit: bool

    def reference(self, reference: Reference) -> bytes:
        return self.uid(_REFERENCED_SOP_CLASS_UID, reference.sop_class_uid) + self.uid(
            _REFERENCED_SOP_INSTANCE_UID, reference.sop_instance_uid
        )

    def failed(self, failed: FailedReference) -> bytes:
        reason = struct.pack(f"{self.order}H", failed.reason)
        return self.reference(failed.reference) + self._element(_FAILURE_REASON, b"US", reason)

    def uid(self, tag: int, uid: str) -> bytes:
        raw = uid.encode("ascii", "replace")
        return self._element(tag, b"UI", raw + b"\0" * (len(raw) % 2))

    def sequence(self, tag: int, items: Iterable[bytes]) -> bytes:
        content = b"".join(
            self._tag(_ITEM) + struct.pack(f"{self.order}I", len(item)) + item for item in items
        )
        if not self.explicit:
            return self._element(tag, b"SQ", content)
        head = struct.pack(f"{self.order}2sHI", b"SQ", 0, len(content))
        return self._tag(tag) + head + content

    def _element(self, tag: int, vr: bytes, raw: bytes) -> bytes:
        if self.explicit:
            return self._tag(tag) + struct.pack(f"{self.order}2sH", vr, len(raw)) + raw
        return self._tag(tag) + struct.pack(f"{self.order}I", len(raw)) + raw

    def _tag(self, tag: int) -> bytes:
        return struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)

"""DIMSE messages as bytes: command sets, and how a message is cut into P-DATA-TF PDUs.

PS3.7 Section 6.3 and Annex E (command sets), PS3.8 9.3.5 and Annex E (presentation data values).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pacs.errors import RequestInvalid

P_DATA_TF = 0x04
NO_DATA_SET = 0x0101
COMMAND_FRAGMENT = 0x01
LAST_FRAGMENT = 0x02

PDU_HEADER = struct.Struct(">BxI")
PDV_HEADER = struct.Struct(">IBB")
_ELEMENT_HEADER = struct.Struct("<HHI")
_COMMENT_LENGTH = 64


class CommandField(enum.IntEnum):
    """The kind of a message, (0000,0100). PS3.7 E.1."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_GET_RQ = 0x0110
    N_SET_RQ = 0x0120
    N_ACTION_RQ = 0x0130
    N_CREATE_RQ = 0x0140
    N_DELETE_RQ = 0x0150
    C_CANCEL_RQ = 0x0FFF


RESPONSE_BIT = 0x8000


class Element(enum.IntEnum):
    """Element numbers of group 0000. PS3.7 E.1."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008
    NUMBER_OF_REMAINING_SUB_OPERATIONS = 0x1020
    NUMBER_OF_COMPLETED_SUB_OPERATIONS = 0x1021
    NUMBER_OF_FAILED_SUB_OPERATIONS = 0x1022
    NUMBER_OF_WARNING_SUB_OPERATIONS = 0x1023
    MOVE_ORIGINATOR_AE_TITLE = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


_UIDS = frozenset(
    {
        Element.AFFECTED_SOP_CLASS_UID,
        Element.REQUESTED_SOP_CLASS_UID,
        Element.AFFECTED_SOP_INSTANCE_UID,
        Element.REQUESTED_SOP_INSTANCE_UID,
    }
)


@dataclass(frozen=True)
class Command:
    """A command set: raw values by element number, padding included."""

    values: Mapping[int, bytes]

    def number(self, element: Element) -> int | None:
        """The value of a US element, or None when it is absent or no number."""
        raw = self.values.get(element, b"")
        return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else None

    def text(self, element: Element) -> str:
        """The value without padding; empty when it is absent."""
        return self.values.get(element, b"").decode("ascii", "replace").strip("\0 ")

    @property
    def field(self) -> int:
        return self.number(Element.COMMAND_FIELD) or 0

    @property
    def message_id(self) -> int:
        return self.number(Element.MESSAGE_ID) or 0

    @property
    def answered_message_id(self) -> int:
        """Of a response or C-CANCEL: the request it is about."""
        return self.number(Element.MESSAGE_ID_BEING_RESPONDED_TO) or 0

    @property
    def status(self) -> int | None:
        return self.number(Element.STATUS)

    @property
    def sop_class_uid(self) -> str:
        return self.text(Element.AFFECTED_SOP_CLASS_UID) or self.text(
            Element.REQUESTED_SOP_CLASS_UID
        )

    @property
    def sop_instance_uid(self) -> str:
        return self.text(Element.AFFECTED_SOP_INSTANCE_UID) or self.text(
            Element.REQUESTED_SOP_INSTANCE_UID
        )

    @property
    def has_data_set(self) -> bool:
        return self.number(Element.COMMAND_DATA_SET_TYPE) != NO_DATA_SET

    @property
    def is_response(self) -> bool:
        return bool(self.field & RESPONSE_BIT)


def decode_command(raw: bytes | bytearray | memoryview) -> Command:
    """Read a command set, always Implicit VR Little Endian. Raises RequestInvalid. PS3.7 6.3.1."""
    values: dict[int, bytes] = {}
    position = 0
    while position < len(raw):
        if position + 8 > len(raw):
            raise RequestInvalid("the command set ends within an element")
        group, element, length = _ELEMENT_HEADER.unpack_from(raw, position)
        end = position + 8 + length
        if group != 0 or end > len(raw):
            raise RequestInvalid(f"the command set is not readable at byte {position}")
        values[element] = bytes(raw[position + 8 : end])
        position = end
    command = Command(values)
    if command.number(Element.COMMAND_FIELD) is None:
        raise RequestInvalid("the command set has no Command Field")
    return command


def encode_command(values: Mapping[Element, int | str]) -> bytes:
    """Write a command set: numbers as US, text padded to even length, the group length in front."""
    body = b"".join(_encode(element, values[element]) for element in sorted(values))
    return _ELEMENT_HEADER.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


def _encode(element: Element, value: int | str) -> bytes:
    if isinstance(value, int):
        raw = struct.pack("<H", value)
    else:
        raw = value.encode("ascii", "replace")
        raw += (b"\0" if element in _UIDS else b" ") * (len(raw) % 2)
    return _ELEMENT_HEADER.pack(0, element, len(raw)) + raw


def encode_response(
    request: Command,
    status: int,
    *,
    comment: str | None = None,
    data_set_follows: bool = False,
    counts: Mapping[Element, int] | None = None,
) -> bytes:
    """The command set that answers `request`, with the UIDs it named. PS3.7 9.3 and 10.3."""
    values: dict[Element, int | str] = {
        Element.COMMAND_FIELD: request.field | RESPONSE_BIT,
        Element.MESSAGE_ID_BEING_RESPONDED_TO: request.message_id,
        Element.COMMAND_DATA_SET_TYPE: 0x0001 if data_set_follows else NO_DATA_SET,
        Element.STATUS: status,
        **(counts or {}),
    }
    if request.sop_class_uid:
        values[Element.AFFECTED_SOP_CLASS_UID] = request.sop_class_uid
    if request.sop_instance_uid:
        values[Element.AFFECTED_SOP_INSTANCE_UID] = request.sop_instance_uid
    if comment:
        values[Element.ERROR_COMMENT] = comment[:_COMMENT_LENGTH]
    return encode_command(values)


def encode_store_request(
    sop_class_uid: str,
    sop_instance_uid: str,
    *,
    message_id: int,
    originator: tuple[str, int] | None = None,
) -> bytes:
    """The command set of a C-STORE request.

    originator  AE title and message ID of the C-MOVE request that caused it. PS3.7 9.3.1.1.
    """
    values: dict[Element, int | str] = {
        Element.AFFECTED_SOP_CLASS_UID: sop_class_uid,
        Element.COMMAND_FIELD: CommandField.C_STORE_RQ,
        Element.MESSAGE_ID: message_id,
        Element.PRIORITY: 0,
        Element.COMMAND_DATA_SET_TYPE: 0x0001,
        Element.AFFECTED_SOP_INSTANCE_UID: sop_instance_uid,
    }
    if originator is not None:
        values[Element.MOVE_ORIGINATOR_AE_TITLE] = originator[0]
        values[Element.MOVE_ORIGINATOR_MESSAGE_ID] = originator[1]
    return encode_command(values)


def encode_message(
    context_id: int,
    command: bytes,
    data_set: Iterable[bytes] | None,
    *,
    maximum_pdu_bytes: int,
) -> Iterator[bytes]:
    """The P-DATA-TF PDUs of one message; each holds one presentation data value.

    data_set           in pieces of any size; None when the message has none.
    maximum_pdu_bytes  what the receiver announced; never 0 (no limit) here.
    """
    room = maximum_pdu_bytes - PDV_HEADER.size
    room -= room % 2
    if room < 2:
        raise RequestInvalid(f"a maximum PDU length of {maximum_pdu_bytes} leaves no room for data")
    yield from _pdus(context_id, COMMAND_FRAGMENT, (command,), room)
    if data_set is not None:
        yield from _pdus(context_id, 0, data_set, room)


def _pdus(context_id: int, kind: int, pieces: Iterable[bytes], room: int) -> Iterator[bytes]:
    held = b""
    for fragment in _cut(pieces, room):
        if held:
            yield _pdu(context_id, kind, held)
        held = fragment
    yield _pdu(context_id, kind | LAST_FRAGMENT, held)


def _cut(pieces: Iterable[bytes], room: int) -> Iterator[bytes]:
    """Full fragments of `room` bytes, only the last one shorter."""
    rest = b""
    for piece in pieces:
        whole = memoryview(rest + piece if rest else piece)
        full = len(whole) - len(whole) % room
        for start in range(0, full, room):
            yield bytes(whole[start : start + room])
        rest = bytes(whole[full:])
    if rest:
        yield rest


def _pdu(context_id: int, flags: int, fragment: bytes) -> bytes:
    length = len(fragment) + 2
    return (
        PDU_HEADER.pack(P_DATA_TF, length + 4)
        + PDV_HEADER.pack(length, context_id, flags)
        + fragment
    )

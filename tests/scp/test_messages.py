"""Laws of messages: what is cut is joined again, and noise is refused, never misread."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.messages import (
    PDU_HEADER,
    PDV_HEADER,
    CommandField,
    Element,
    decode_command,
    encode_command,
    encode_message,
    encode_response,
    encode_store_request,
)
from pacs.errors import LimitExceeded, RequestInvalid
from pacs.scp.assembly import Message, MessageAssembly

STORE = encode_store_request("1.2.840.10008.5.1.4.1.1.2", "1.2.3", message_id=7)

NUMBERS = st.integers(0, 0xFFFF)
UIDS = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9}){0,12}", fullmatch=True)


class Memory:
    """A place for a data set that counts how often it was opened and closed."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self.limit = limit
        self.kept = bytearray()
        self.open = 0

    def __call__(self) -> Memory:
        self.open += 1
        self.kept.clear()
        return self

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.open -= 1

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        if len(self.kept) + len(chunk) > self.limit:
            raise LimitExceeded("too large")
        self.kept += chunk

    def view(self) -> memoryview:
        return memoryview(bytes(self.kept))


def fragments(pdus: list[bytes]) -> list[tuple[int, int, bytes]]:
    """Context ID, flags and data of each presentation data value."""
    found = []
    for pdu in pdus:
        kind, length = PDU_HEADER.unpack_from(pdu)
        assert (kind, length) == (4, len(pdu) - PDU_HEADER.size)
        size, context_id, flags = PDV_HEADER.unpack_from(pdu, PDU_HEADER.size)
        data = pdu[PDU_HEADER.size + PDV_HEADER.size :]
        assert size == len(data) + 2
        found.append((context_id, flags, data))
    return found


def joined(assembly: MessageAssembly, pdus: list[bytes]) -> list[Message]:
    messages = (assembly.add(*fragment) for fragment in fragments(pdus))
    return [message for message in messages if message is not None]


@given(message_id=NUMBERS, status=NUMBERS, sop_class=UIDS, sop_instance=UIDS)
def test_a_response_says_what_it_answers(
    message_id: int, status: int, sop_class: str, sop_instance: str
) -> None:
    request = decode_command(encode_store_request(sop_class, sop_instance, message_id=message_id))

    response = decode_command(encode_response(request, status, comment="x" * 100))

    assert response.field == CommandField.C_STORE_RSP
    assert response.answered_message_id == message_id
    assert response.status == status
    assert (response.sop_class_uid, response.sop_instance_uid) == (sop_class, sop_instance)
    assert len(response.text(Element.ERROR_COMMENT)) == 64
    assert not response.has_data_set


def test_the_group_length_counts_what_follows() -> None:
    raw = encode_command({Element.COMMAND_FIELD: 0x0030, Element.AFFECTED_SOP_CLASS_UID: "1.2.3"})

    assert struct.unpack_from("<HHII", raw) == (0, 0, 4, len(raw) - 12)
    assert len(raw) % 2 == 0


@given(
    data_set=st.binary(max_size=3000),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    maximum=st.integers(8, 700),
)
def test_what_was_cut_for_sending_is_joined_on_arrival(
    data_set: bytes, cuts: list[int], maximum: int
) -> None:
    edges = [0, *sorted(min(cut, len(data_set)) for cut in cuts), len(data_set)]
    pieces = [data_set[start:end] for start, end in itertools.pairwise(edges)]
    memory = Memory()
    assembly = MessageAssembly(memory, message_deadline_s=60)

    pdus = list(encode_message(5, STORE, pieces, maximum_pdu_bytes=maximum))
    (message,) = joined(assembly, pdus)

    assert bytes(message.data_set()) == data_set
    assert message.context_id == 5
    assert message.command.sop_instance_uid == "1.2.3"
    assert max(len(pdu) - PDU_HEADER.size for pdu in pdus) <= maximum
    assert all(len(data) % 2 == 0 for *_, data in fragments(pdus)[:-1])
    message.close()
    assert memory.open == 0


@given(noise=st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60))))
def test_noise_is_refused_or_waited_for_but_never_leaks(
    noise: list[tuple[int, int, bytes]],
) -> None:
    memory = Memory()
    assembly = MessageAssembly(memory, message_deadline_s=60)

    try:
        for fragment in noise:
            message = assembly.add(*fragment)
            if message is not None:
                message.close()
    except RequestInvalid:
        pass
    assembly.drop()

    assert memory.open == 0
    assert assembly.is_between_messages


@given(raw=st.binary(max_size=200))
def test_bytes_are_a_command_or_refused(raw: bytes) -> None:
    try:
        command = decode_command(raw)
    except RequestInvalid:
        return

    assert Element.COMMAND_FIELD in command.values


def test_what_cannot_be_kept_is_read_to_its_end_and_the_reason_remembered() -> None:
    memory = Memory(limit=10)
    assembly = MessageAssembly(memory, message_deadline_s=60)

    pdus = list(encode_message(1, STORE, [bytes(100)], maximum_pdu_bytes=40))
    (message,) = joined(assembly, pdus)

    assert isinstance(message.failure, LimitExceeded)
    assert memory.open == 0
    assert assembly.is_between_messages


def test_a_receiver_without_room_for_data_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="leaves no room"):
        list(encode_message(1, STORE, None, maximum_pdu_bytes=7))

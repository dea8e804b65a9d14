"""One request being answered: what a service sees of the association, and all it may do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pacs.dicom.messages import Command, CommandField, Element, encode_message, encode_response
from pacs.dicom.statuses import CANCEL, PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED, SUCCESS
from pacs.scp.admission import Caller
from pacs.scp.assembly import Message

_LARGEST_PDU_BYTES = 256 * 1024
_PENDING = frozenset({PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED})


@dataclass(frozen=True)
class AcceptedContext:
    """A presentation context both sides agreed on.

    we_may_send  whether we may be the SCU: the requestor takes C-GET's sub-operations on it.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntax_uid: str
    we_may_send: bool


class Link(Protocol):
    """The association, as far as an exchange needs it."""

    @property
    def contexts(self) -> Sequence[AcceptedContext]: ...

    @property
    def peer_maximum_pdu_bytes(self) -> int:
        """What the peer announced; 0 for no limit."""
        ...

    def write(self, pdus: Iterable[bytes]) -> None:
        """Raises PeerUnreachable."""
        ...

    def next_response(self) -> Message:
        """The next message, waited for. Raises PeerUnreachable when none comes in time."""
        ...

    def is_cancelled(self, message_id: int) -> bool: ...

    def is_relational(self, abstract_syntax: str) -> bool: ...

    def is_fuzzy(self, abstract_syntax: str) -> bool: ...


class Exchange:
    """A request, who asks, and the ways to answer. All sending raises PeerUnreachable."""

    def __init__(
        self, link: Link, message: Message, context: AcceptedContext, caller: Caller
    ) -> None:
        self.link = link
        self.message = message
        self.context = context
        self.caller = caller
        self.has_failed = False

    @property
    def command(self) -> Command:
        return self.message.command

    @property
    def name(self) -> str:
        """The kind of request, such as `c_store`."""
        try:
            return CommandField(self.command.field).name.lower().removesuffix("_rq")
        except ValueError:
            return f"unknown_{self.command.field:04x}"

    @property
    def is_cancelled(self) -> bool:
        """Whether the requestor sent C-CANCEL for this request."""
        return self.link.is_cancelled(self.command.message_id)

    @property
    def is_relational(self) -> bool:
        """Whether relational queries or retrievals were negotiated. PS3.4 C.5.1.1."""
        return self.link.is_relational(self.context.abstract_syntax)

    @property
    def is_fuzzy(self) -> bool:
        """Whether fuzzy matching of names was negotiated."""
        return self.link.is_fuzzy(self.context.abstract_syntax)

    def respond(
        self,
        status: int,
        *,
        comment: str | None = None,
        identifier: bytes | None = None,
        counts: Mapping[Element, int] | None = None,
    ) -> None:
        """Send one response; only a pending one leaves the request open."""
        if status not in (*_PENDING, SUCCESS, CANCEL) and status >> 12 != 0xB:
            self.has_failed = True
        command = encode_response(
            self.command,
            status,
            comment=comment,
            data_set_follows=identifier is not None,
            counts=counts,
        )
        self.send(self.context.context_id, command, None if identifier is None else (identifier,))

    def send(self, context_id: int, command: bytes, data_set: Iterable[bytes] | None) -> None:
        """Send a message on a context of this association."""
        announced = self.link.peer_maximum_pdu_bytes or _LARGEST_PDU_BYTES
        self.link.write(
            encode_message(
                context_id,
                command,
                data_set,
                maximum_pdu_bytes=min(announced, _LARGEST_PDU_BYTES),
            )
        )


Service = Callable[[Exchange], None]

"""C-GET: instances go back on the association they are asked for on. PS3.4 C.4.3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pacs.archive.retrieve import Retrieval
from pacs.destinations import Delivered, Delivery, Outgoing, delivered
from pacs.dicom.messages import Command, CommandField, encode_store_request
from pacs.dicom.statuses import PROCESSING_FAILURE, failure_of
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import ArchiveError, NotAcceptable, PeerUnreachable, RequestInvalid
from pacs.scope import Right
from pacs.scp.exchange import AcceptedContext, Exchange
from pacs.scp.presentation_contexts import Service
from pacs.scp.retrieval import Tally, outgoing, read_selection, with_right_to_read

_CONVERTED_TO = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


class GetService:
    """Sends what is asked for as C-STORE sub-operations, and tells the requestor how it goes."""

    def __init__(self, retrieval: Retrieval) -> None:
        self._retrieval = retrieval

    def __call__(self, exchange: Exchange) -> None:
        try:
            scope = with_right_to_read(exchange.caller.scope, Right.RETRIEVE)
            found = self._retrieval.instances(read_selection(exchange, Service.GET), scope)
        except ArchiveError as error:
            exchange.respond(failure_of(error).retrieve, comment=error.message)
            return
        tally = Tally(exchange, remaining=len(found))
        for instance in found:
            tally.count(_send(exchange, outgoing(self._retrieval, instance), _message_id(tally)))
            if exchange.is_cancelled and tally.remaining:
                tally.cancel()
                return
        tally.finish()


def _message_id(tally: Tally) -> int:
    """Message IDs of ours, from 1, for as long as 16 bits last."""
    done = tally.completed + tally.warnings + len(tally.failed)
    return done % 0xFFFF + 1


def _send(exchange: Exchange, instance: Outgoing, message_id: int) -> Delivered:
    """One sub-operation. Raises PeerUnreachable or RequestInvalid when the association must end."""
    try:
        context, data_set = _prepare(exchange, instance)
    except ArchiveError as error:
        return Delivered(instance.sop_instance_uid, Delivery.FAILED, message=error.message)
    command = encode_store_request(
        instance.sop_class_uid, instance.sop_instance_uid, message_id=message_id
    )
    exchange.send(context.context_id, command, _unfinished_breaks(data_set))
    return delivered(instance.sop_instance_uid, _awaited_status(exchange, message_id))


def _prepare(exchange: Exchange, instance: Outgoing) -> tuple[AcceptedContext, Iterator[bytes]]:
    """Find a context the instance can go out on, and read its first part in that syntax."""
    context = _context_for(instance, exchange.link.contexts)
    return context, instance.read(context.transfer_syntax_uid)


def _context_for(instance: Outgoing, contexts: Sequence[AcceptedContext]) -> AcceptedContext:
    """As stored if the requestor takes that, else converted to an uncompressed syntax."""
    usable = {
        context.transfer_syntax_uid: context
        for context in contexts
        if context.we_may_send and context.abstract_syntax == instance.sop_class_uid
    }
    for transfer_syntax_uid in (instance.transfer_syntax_uid, *_CONVERTED_TO):
        if transfer_syntax_uid in usable:
            return usable[transfer_syntax_uid]
    raise NotAcceptable("the requestor takes this SOP class in no fitting transfer syntax")


def _unfinished_breaks(data_set: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from data_set
    except ArchiveError as error:
        raise PeerUnreachable(
            f"a message could not be finished, so the association must end: {error.message}"
        ) from error


def _awaited_status(exchange: Exchange, message_id: int) -> int:
    message = exchange.link.next_response()
    try:
        command: Command = message.command
    finally:
        message.close()
    is_answer = command.field == CommandField.C_STORE_RSP
    if not is_answer or command.answered_message_id != message_id:
        raise RequestInvalid("another response came than the one awaited")
    return command.status if command.status is not None else PROCESSING_FAILURE

"""N-ACTION of the Storage Commitment Push Model: are these instances safe with you? PS3.4 J.3.2."""

from __future__ import annotations

from pacs.archive.commitment import Commitment
from pacs.dicom.commitment import (
    PUSH_MODEL_INSTANCE,
    REQUEST_COMMITMENT,
    STORAGE_COMMITMENT_PUSH_MODEL,
    CommitmentReport,
    CommitmentRequest,
    encode_report_command,
    read_commitment_request,
    write_commitment_report,
)
from pacs.dicom.messages import Element
from pacs.dicom.statuses import (
    INVALID_ARGUMENT,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    NO_SUCH_SOP_CLASS,
    PROCESSING_FAILURE,
    SUCCESS,
    failure_of,
)
from pacs.errors import ArchiveError, PeerUnknown, RequestInvalid, TryAgain
from pacs.scp.exchange import Exchange

_MESSAGE_ID = 1


class CommitmentService:
    """Answers at once; the report follows, on a new association unless the peer wants it here."""

    def __init__(self, commitment: Commitment) -> None:
        self._commitment = commitment

    def __call__(self, exchange: Exchange) -> None:
        refusal = _refusal(exchange)
        if refusal is not None:
            exchange.respond(refusal)
            return
        caller = exchange.caller
        try:
            request = _read(exchange)
            peer = self._commitment.accept(request, caller.ae_title, caller.scope)
        except RequestInvalid as error:
            exchange.respond(INVALID_ARGUMENT, comment=error.message)
            return
        except PeerUnknown as error:
            exchange.respond(PROCESSING_FAILURE, comment=error.message)
            return
        except ArchiveError as error:
            exchange.respond(failure_of(error).reason, comment=error.message)
            return
        exchange.respond(SUCCESS, counts={Element.ACTION_TYPE_ID: REQUEST_COMMITMENT})
        if peer.reports_here:
            self._report_here(exchange, request)

    def _report_here(self, exchange: Exchange, request: CommitmentRequest) -> None:
        """Report now if all can be decided now; else the waiting job does it, as for others."""
        try:
            report = self._commitment.judge_now(request)
        except TryAgain:
            return
        if report is not None and _is_taken(exchange, report):
            self._commitment.reported_here(request, exchange.caller.ae_title)


def _refusal(exchange: Exchange) -> int | None:
    """The status when this is not the one action we know."""
    command = exchange.command
    if exchange.context.abstract_syntax != STORAGE_COMMITMENT_PUSH_MODEL:
        return NO_SUCH_SOP_CLASS
    if command.sop_class_uid != STORAGE_COMMITMENT_PUSH_MODEL:
        return NO_SUCH_SOP_CLASS
    if command.sop_instance_uid != PUSH_MODEL_INSTANCE:
        return NO_SUCH_INSTANCE
    is_known = command.number(Element.ACTION_TYPE_ID) == REQUEST_COMMITMENT
    return None if is_known else NO_SUCH_ACTION


def _read(exchange: Exchange) -> CommitmentRequest:
    if exchange.message.failure is not None:
        raise exchange.message.failure
    return read_commitment_request(
        exchange.message.data_set(), exchange.context.transfer_syntax_uid
    )


def _is_taken(exchange: Exchange, report: CommitmentReport) -> bool:
    """Send N-EVENT-REPORT on this association; whether the peer took it. PS3.4 J.3.3."""
    written = write_commitment_report(report, exchange.context.transfer_syntax_uid)
    exchange.send(
        exchange.context.context_id,
        encode_report_command(report.event_type, message_id=_MESSAGE_ID),
        (written,),
    )
    answer = exchange.link.next_response()
    try:
        return answer.command.status == SUCCESS
    finally:
        answer.close()

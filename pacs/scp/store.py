"""C-STORE: an instance comes in. Both lanes end here. PS3.4 Annex B."""

from __future__ import annotations

from pacs.archive.ingest import Ingest, ReceiptKind, ReceivedInstance
from pacs.dicom.statuses import COERCION, SOP_CLASS_NOT_SUPPORTED, SUCCESS, failure_of
from pacs.errors import ArchiveError
from pacs.scp.exchange import Exchange
from pacs.storage.interfaces import Sender

# The standard calls B000 "coercion of data elements"; it is the one warning that says "kept, but
# look", and the comment says what to look at.
_KEPT_ASIDE = COERCION


class StoreService:
    """Gives what was received to the ingest engine, and answers when that says it is safe."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def __call__(self, exchange: Exchange) -> None:
        announced = exchange.command.sop_class_uid
        if announced != exchange.context.abstract_syntax:
            # pynetdicom does not compare; a CT sent on the Verification context would come through.
            exchange.respond(
                SOP_CLASS_NOT_SUPPORTED, comment="SOP class is not that of the context"
            )
            return
        try:
            status, comment = self._take_in(exchange)
        except ArchiveError as error:
            status, comment = failure_of(error).store, error.message
        exchange.respond(status, comment=comment)

    def _take_in(self, exchange: Exchange) -> tuple[int, str | None]:
        message = exchange.message
        if message.failure is not None:
            raise message.failure
        caller = exchange.caller
        received = ReceivedInstance(
            data_set=message.data_set(),
            transfer_syntax_uid=exchange.context.transfer_syntax_uid,
            sop_class_uid=exchange.command.sop_class_uid,
            sop_instance_uid=exchange.command.sop_instance_uid or None,
            sender=Sender(how="C-STORE", actor=caller.ae_title, address=caller.address),
            assumed_character_set=caller.assumed_character_set,
        )
        receipt = self._ingest.ingest(received, caller.scope)
        if receipt.kind is ReceiptKind.CONFLICT:
            return _KEPT_ASIDE, "kept aside: this UID is stored with other content"
        return SUCCESS, None

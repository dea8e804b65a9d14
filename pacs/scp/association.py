"""One association that a peer opened: admitted, negotiated, served, and told of in the log.

pynetdicom negotiates, releases and aborts; what is asked goes to a service as an Exchange.
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ABORT, A_P_ABORT, A_RELEASE

from pacs.associations import FailedAssociation
from pacs.dicom.messages import CommandField
from pacs.dicom.statuses import PROCESSING_FAILURE
from pacs.errors import PeerUnreachable, RequestInvalid, TryAgain
from pacs.scp.admission import Admission, Caller, Request
from pacs.scp.assembly import Message, MessageAssembly, OpenBody
from pacs.scp.diary import Diary
from pacs.scp.exchange import AcceptedContext, Exchange, Service
from pacs.scp.extended_negotiation import agree_on_extended_negotiation
from pacs.scp.negotiation import accepted, narrow_contexts
from pacs.scp.presentation_contexts import service_of
from pacs.scp.upper_layer import BoundedUpperLayer, MessageProvider, WiredSocket
from pacs.scp.wire import Wire

log = structlog.get_logger(__name__)

_UNRECOGNIZED_OPERATION = 0x0211
_MAX_CANCELLED = 16


@dataclass(frozen=True)
class Household:
    """What all associations of one server share.

    services      by the command field of the request.
    open_instance opens the place for the data set of a C-STORE request.
    """

    admission: Admission
    services: Mapping[int, Service]
    open_instance: OpenBody
    maximum_pdu_bytes: int
    pdu_deadline_s: float
    message_deadline_s: float
    response_timeout_s: float
    fast_lane: bool
    failed: Callable[[FailedAssociation], None]
    now: Callable[[], datetime]
    opened: Callable[[ArchiveAssociation], None]
    closed: Callable[[ArchiveAssociation], None]


class ArchiveAssociation(Association):
    """An association in which we are the acceptor."""

    def __init__(self, ae: Any, household: Household) -> None:
        super().__init__(ae, MODE_ACCEPTOR)
        self.household = household
        self.session = uuid.uuid4().hex
        self.caller: Caller | None = None
        self.is_stopping = False
        self._is_serving = False
        self.relational: set[str] = set()
        self.fuzzy: set[str] = set()
        self.assembly = MessageAssembly(
            household.open_instance, message_deadline_s=household.message_deadline_s
        )
        self._cancelled: set[int] = set()
        self._diary = Diary()
        self._replace_providers(ae, household)

    def _replace_providers(self, ae: Any, household: Household) -> None:
        self.dul = self.upper_layer = BoundedUpperLayer(
            self, maximum_pdu_bytes=household.maximum_pdu_bytes, fast_lane=household.fast_lane
        )
        self.dimse = self.messages = MessageProvider(self)
        # The timers belong to the upper layer that was just replaced.
        self.acse_timeout = ae.acse_timeout
        self.network_timeout = ae.network_timeout

    def prepare(self, server: Any, connection: Any, *, local: Any, remote: Any) -> None:
        """Take over an accepted connection; a TLS handshake is done here, on its own thread."""
        self._server = server
        # pynetdicom finds the associations of a server by this word.
        self.name = f"AcceptorThread@{self.session}"
        self.acceptor.maximum_length = self.household.maximum_pdu_bytes
        self.acceptor.ae_title = server.ae_title
        self.acceptor.address_info = local
        self.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        self.acceptor.implementation_version_name = self.ae.implementation_version_name
        self.requestor.address_info = remote
        self._diary.address = str(remote.address)
        self.bind(evt.EVT_REQUESTED, lambda event: event.assoc.admit())
        self.bind(evt.EVT_SOP_EXTENDED, agree_on_extended_negotiation)
        self.bind(evt.EVT_ACSE_SENT, self._give_place_back)
        self._attach(connection)

    def _attach(self, connection: Any) -> None:
        connection.settimeout(self.household.pdu_deadline_s)
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        wire = Wire(connection, pdu_deadline_s=self.household.pdu_deadline_s)
        self.set_socket(WiredSocket(self, connection, wire))

    def end_soon(self) -> None:
        """End at the next pause between messages: the archive stops."""
        self.is_stopping = True

    def cut_off(self) -> None:
        """Close the connection, whatever goes on."""
        self.note_trouble("the archive stopped")
        self.upper_layer.cut_off()

    # --- the life of the association -----------------------------------------------------------

    def run_reactor(self) -> None:
        self.household.opened(self)
        try:
            super().run_reactor()
        finally:
            self.assembly.drop()
            self.household.admission.leave(self.session)
            self._tell_outcome()
            self.household.closed(self)

    def _give_place_back(self, event: Any) -> None:
        # Before the peer hears of the end: it may call again at once.
        if isinstance(event.primitive, A_RELEASE | A_ABORT | A_P_ABORT):
            self.household.admission.leave(self.session)

    def admit(self) -> None:
        """Decide on the A-ASSOCIATE-RQ that has come: choose contexts, or reject."""
        request: Any = self.requestor.primitive
        proposed = list(request.presentation_context_definition_list)
        self._diary.request = self._request(request, proposed)
        decision = self.household.admission.decide(self._diary.request)
        if isinstance(decision, Caller):
            self.caller = decision
            # Not before: without a decision, as after a defect, nothing is supported.
            roles = self.requestor.role_selection.items()
            receiving = {str(uid) for uid, role in roles if role.scp_role}
            self.acceptor.supported_contexts = narrow_contexts(proposed, receiving)
            return
        self._diary.refusal = decision
        self.acse.send_reject(decision.result, decision.source, decision.reason)
        # Waits until the rejection is on its way: what follows would close the connection at once.
        self.kill()

    def _request(self, primitive: Any, proposed: list[Any]) -> Request:
        services = (service_of(str(context.abstract_syntax)) for context in proposed)
        return Request(
            application_context=str(primitive.application_context_name),
            called_ae_title=primitive.called_ae_title,
            calling_ae_title=primitive.calling_ae_title,
            address=self._diary.address,
            session=self.session,
            wanted=tuple(str(service) for service in services if service is not None),
        )

    def _tell_outcome(self) -> None:
        self._diary.has_contexts = bool(self._accepted_cx)
        self._diary.log_outcome(released=self.is_released)
        failure = self._diary.failure(self.household.now())
        if failure is None or self.is_stopping:
            return
        try:
            self.household.failed(failure)
        except TryAgain:
            # What happened is in the log; the row is a convenience.
            return

    # --- messages in ---------------------------------------------------------------------------

    def note_trouble(self, why: str) -> None:
        """Remember for the log why the association broke."""
        self._diary.note_trouble(why)

    @property
    def may_end_now(self) -> bool:
        """Whether the archive stops and no request of this peer is under way."""
        idle = self.has_nothing_to_do and not self._is_serving
        return self.is_stopping and idle and self.assembly.is_between_messages

    @property
    def has_nothing_to_do(self) -> bool:
        """Whether neither a message nor a primitive of the upper layer waits for our thread."""
        return self.messages.is_empty and self.dul.to_user_queue.empty()

    def take_fragment(
        self, context_id: int, flags: int, fragment: bytes | memoryview, *, on_reader: bool
    ) -> None:
        """Take a fragment of a message; serve or queue the message when it is complete.

        on_reader  whether the caller's thread is the fast lane, which serves C-STORE itself.
        Raises RequestInvalid when the association must be aborted.
        """
        message = self.assembly.add(context_id, flags, fragment)
        if message is None:
            return
        if context_id not in self._accepted_cx:
            message.close()
            raise RequestInvalid(f"a message came on context {context_id}, which is not accepted")
        if message.command.field == CommandField.C_CANCEL_RQ:
            self._note_cancel(message.command.answered_message_id)
            return
        if not message.command.is_response:
            self._cancelled.discard(message.command.message_id)
        if on_reader and message.command.field == CommandField.C_STORE_RQ:
            self._serve(message)
        else:
            self.messages.queue_message(message)

    def _note_cancel(self, message_id: int) -> None:
        if len(self._cancelled) < _MAX_CANCELLED:
            self._cancelled.add(message_id)

    def _serve_request(self, msg: Any, context_id: int) -> None:  # noqa: ARG002 # pynetdicom's
        self._is_serving = True
        self._serve(msg)
        self._is_serving = False
        # Work of ours is no silence of the peer.
        self.dul._idle_timer.restart()

    def _serve(self, message: Message) -> None:
        """Answer one request. The outermost edge of the door: nothing is raised from here."""
        exchange = self._exchange(message)
        try:
            self._serve_exchange(exchange)
        except (PeerUnreachable, RequestInvalid) as error:
            self.break_off(str(error))
        except Exception:
            log.exception("a request failed unexpectedly", **self._diary.whence())
            self._answer_defect(exchange)
        finally:
            message.close()
            self._diary.count(exchange.name, failed=exchange.has_failed)

    def _serve_exchange(self, exchange: Exchange) -> None:
        service = self.household.services.get(exchange.command.field)
        if service is not None:
            service(exchange)
        elif exchange.command.is_response:
            raise RequestInvalid("a response came that nothing was asked for")
        else:
            exchange.respond(_UNRECOGNIZED_OPERATION)

    def _answer_defect(self, exchange: Exchange) -> None:
        try:
            exchange.respond(PROCESSING_FAILURE)
        except (PeerUnreachable, RequestInvalid) as error:
            self.break_off(str(error))

    def break_off(self, why: str) -> None:
        """Abort, from whichever thread: what was sent so far cannot be continued."""
        self.note_trouble(why)
        self.upper_layer.abort_soon()

    # --- what services see of us (exchange.Link) -------------------------------------------------

    def _exchange(self, message: Message) -> Exchange:
        if self.caller is None:
            raise RuntimeError("a message came before the caller was admitted")
        context = accepted(self._accepted_cx[message.context_id])
        return Exchange(self, message, context, self.caller)

    @property
    def contexts(self) -> Sequence[AcceptedContext]:
        return [accepted(context) for context in self.accepted_contexts]

    @property
    def peer_maximum_pdu_bytes(self) -> int:
        return int(self.requestor.maximum_length or 0)

    def write(self, pdus: Iterable[bytes]) -> None:
        if not self.is_established:
            raise PeerUnreachable("the association is over")
        self.upper_layer.wire.write(pdus)

    def next_response(self) -> Message:
        message = self.messages.next_message(self.household.response_timeout_s)
        if not message.command.is_response:
            message.close()
            raise RequestInvalid("a request came where the answer to a sub-operation belongs")
        return message

    def is_cancelled(self, message_id: int) -> bool:
        return message_id in self._cancelled

    def is_relational(self, abstract_syntax: str) -> bool:
        return abstract_syntax in self.relational

    def is_fuzzy(self, abstract_syntax: str) -> bool:
        return abstract_syntax in self.fuzzy

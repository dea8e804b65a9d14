"""Who may associate: the titles, the peers we know, and the number of places."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pacs.associations import Cause
from pacs.errors import TryAgain
from pacs.peers import PEER_RIGHTS, Peer
from pacs.scope import ActorKind, Scope
from pacs.storage.interfaces import PeerDirectory

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"


class Admit(enum.StrEnum):
    """`anyone`: every calling AE title may use every service; `registered`: only known peers."""

    ANYONE = "anyone"
    REGISTERED = "registered"


@dataclass(frozen=True)
class Refusal:
    """Result, source and reason of an A-ASSOCIATE-RJ, and the words for our log. PS3.8 9.3.4."""

    result: int
    source: int
    reason: int
    why: str
    cause: Cause


_UNKNOWN_CONTEXT_NAME = Refusal(
    1, 1, 2, "application context name not supported", Cause.UNKNOWN_APPLICATION_CONTEXT
)
_NOT_OUR_TITLE = Refusal(1, 1, 7, "called AE title is not ours", Cause.WRONG_CALLED_TITLE)
_UNKNOWN_CALLER = Refusal(
    1, 1, 3, "calling AE title is not registered; see 'pacs peer add'", Cause.UNKNOWN_CALLER
)
_BUSY = Refusal(2, 3, 2, "as many associations as allowed are open", Cause.BUSY)
_CANNOT_LOOK_UP = Refusal(2, 3, 1, "the directory of peers does not answer", Cause.DIRECTORY_AWAY)

REFUSALS = (_UNKNOWN_CONTEXT_NAME, _NOT_OUR_TITLE, _UNKNOWN_CALLER, _BUSY, _CANNOT_LOOK_UP)
"""All of them, for the conformance statement."""


@dataclass(frozen=True)
class Request:
    """What an A-ASSOCIATE-RQ says about its sender. wanted  services, in words."""

    application_context: str
    called_ae_title: str
    calling_ae_title: str
    address: str
    session: str
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caller:
    """An admitted requestor."""

    ae_title: str
    address: str
    scope: Scope
    assumed_character_set: str | None = None


class Admission:
    """Decides on association requests and counts the places taken. Safe for several threads."""

    def __init__(
        self,
        *,
        ae_title: str,
        admit: Admit,
        maximum_associations: int,
        peers: PeerDirectory,
        now: Callable[[], datetime],
    ) -> None:
        self._ae_title = ae_title
        self._admit = admit
        self._maximum_associations = maximum_associations
        self._peers = peers
        self._now = now
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def decide(self, request: Request) -> Caller | Refusal:
        """Admit the caller, who then holds a place until `leave`, or say why not."""
        if request.application_context != APPLICATION_CONTEXT:
            return _UNKNOWN_CONTEXT_NAME
        # The called title is ours in every mode: a wrong one means a wrongly set up modality.
        if request.called_ae_title.strip() != self._ae_title:
            return _NOT_OUR_TITLE
        decision = self._recognise(request)
        if isinstance(decision, Caller) and not self._take_place(request.session):
            return _BUSY
        return decision

    def leave(self, session: str) -> None:
        """Give the place back; nothing happens when none was taken."""
        with self._lock:
            self._taken.discard(session)

    def _take_place(self, session: str) -> bool:
        with self._lock:
            if len(self._taken) >= self._maximum_associations:
                return False
            self._taken.add(session)
            return True

    def _recognise(self, request: Request) -> Caller | Refusal:
        title = request.calling_ae_title.strip()
        try:
            peer = self._peers.peer(title)
        except TryAgain:
            if self._admit is Admit.REGISTERED:
                return _CANNOT_LOOK_UP
            peer = None
        if self._admit is Admit.ANYONE:
            return _caller(request, peer, PEER_RIGHTS)
        if peer is None:
            self._record_knock(request, title)
            return _UNKNOWN_CALLER
        return _caller(request, peer, peer.rights)

    def _record_knock(self, request: Request, title: str) -> None:
        wanted = ",".join(dict.fromkeys(request.wanted))
        try:
            self._peers.record_knock(title, request.address, wanted, self._now())
        except TryAgain:
            # The refusal matters, its record does not: the caller will knock again.
            return


def _caller(request: Request, peer: Peer | None, rights: Iterable[object]) -> Caller:
    title = request.calling_ae_title.strip()
    scope = Scope(
        actor=title,
        kind=ActorKind.MACHINE,
        rights=frozenset(right for right in PEER_RIGHTS if right in set(rights)),
        address=request.address,
        session=request.session,
    )
    return Caller(title, request.address, scope, peer.assumed_character_set if peer else None)

"""The machines around the archive, as an administrator sees them: known, knocking, in trouble."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pacs.associations import FailedAssociation, FailedAssociations
from pacs.audit import Action, Auditor, Outcome
from pacs.errors import NotFound, PeerUnknown
from pacs.peers import Peer
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Knock, PeerDirectory

DEFAULT_PORT = 104
"""The well-known port of DICOM; what a machine that knocks listens on, it does not tell."""

_RIGHT_OF_SERVICE: dict[str, Right] = {
    "verification": Right.ECHO,
    "storage": Right.STORE,
    "find": Right.FIND,
    "move": Right.MOVE,
    "get": Right.RETRIEVE,
    "commitment": Right.COMMITMENT,
}


class Machines:
    """Every method raises NotAllowed unless the scope may administer, and IndexUnavailable."""

    def __init__(
        self,
        *,
        peers: PeerDirectory,
        failures: FailedAssociations,
        echo: Callable[[Peer], None],
        auditor: Auditor,
    ) -> None:
        self._peers = peers
        self._failures = failures
        self._echo = echo
        self._auditor = auditor

    def peers(self, scope: Scope) -> Sequence[Peer]:
        scope.require(Right.ADMINISTER)
        return self._peers.peers()

    def put(self, peer: Peer, scope: Scope) -> None:
        """Add a peer, or replace the one with the same title."""
        scope.require(Right.ADMINISTER)
        self._peers.add_peer(peer)
        self._note(scope, f"peer {peer.ae_title} put")

    def remove(self, ae_title: str, scope: Scope) -> None:
        """Raises PeerUnknown."""
        scope.require(Right.ADMINISTER)
        if not self._peers.remove_peer(ae_title):
            raise _unknown(ae_title)
        self._note(scope, f"peer {ae_title} removed")

    def echo(self, ae_title: str, scope: Scope) -> Peer:
        """Ask a peer whether it hears us; who answered. Raises PeerUnknown, PeerUnreachable."""
        scope.require(Right.ADMINISTER)
        peer = self._peers.peer(ae_title)
        if peer is None:
            raise _unknown(ae_title)
        self._echo(peer)
        return peer

    def knocks(self, scope: Scope) -> Sequence[Knock]:
        """Who called without being known, the newest first."""
        scope.require(Right.ADMINISTER)
        return self._peers.knocks()

    def accept(self, ae_title: str, scope: Scope, *, port: int = DEFAULT_PORT) -> Peer:
        """Register who knocked last under this title, with the rights it asked for.

        Raises NotFound when nobody did.
        """
        scope.require(Right.ADMINISTER)
        knock = next((one for one in self._peers.knocks() if one.ae_title == ae_title), None)
        if knock is None:
            raise NotFound(f"nobody knocked under the title {ae_title}; see 'pacs peer list'")
        asked = {_RIGHT_OF_SERVICE.get(word.strip()) for word in knock.wanted.split(",")}
        rights = frozenset(right for right in asked if right is not None) | {Right.ECHO}
        peer = Peer(ae_title, knock.address, port, rights)
        self._peers.add_peer(peer)
        self._note(scope, f"peer {ae_title} accepted")
        return peer

    def failures(self, scope: Scope, *, limit: int = 100) -> Sequence[FailedAssociation]:
        """Associations that were refused or broke, the newest first."""
        scope.require(Right.ADMINISTER)
        return self._failures.newest(limit)

    def _note(self, scope: Scope, what: str) -> None:
        self._auditor.record(scope, Action.CHANGE, Outcome.SUCCESS, details={"what": what})


def _unknown(ae_title: str) -> PeerUnknown:
    return PeerUnknown(f"no peer has the title {ae_title}; see 'pacs peer list'")

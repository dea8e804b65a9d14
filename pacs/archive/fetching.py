"""Brings studies in from other archives: asks what they have, and has it sent to us.

What comes arrives through the C-STORE door, like everything a machine sends.
"""

from __future__ import annotations

from collections.abc import Sequence

from pacs.archive.jobs import JobKind, Jobs, Running
from pacs.errors import PeerUnknown, PeerUnreachable, RequestInvalid
from pacs.peers import Peer
from pacs.remote import Moved, RemoteArchives, RemoteQuery, RemoteStudy
from pacs.scope import Right, Scope
from pacs.storage.interfaces import PeerDirectory

FETCHING = "fetch"


class Fetching:
    """Safe to call from several threads."""

    def __init__(self, *, remote: RemoteArchives, peers: PeerDirectory, jobs: Jobs) -> None:
        self._remote = remote
        self._peers = peers
        self._jobs = jobs
        jobs.add_kind(FETCHING, JobKind(self._fetch, is_long=True))

    def find(self, ae_title: str, query: RemoteQuery, scope: Scope) -> Sequence[RemoteStudy]:
        """What the other archive has.

        Raises NotAllowed, PeerUnknown, PeerUnreachable, RequestInvalid, NotAcceptable.
        """
        scope.require(Right.STORE)
        if query == RemoteQuery():
            raise RequestInvalid("say which studies: by patient, study, accession number or date")
        return self._remote.find_studies(self._peer(ae_title), query)

    def fetch(self, ae_title: str, study_instance_uid: str, scope: Scope) -> str:
        """Let a study be fetched; the subject of the job. Raises NotAllowed, PeerUnknown."""
        scope.require(Right.STORE)
        self._peer(ae_title)
        subject = f"{study_instance_uid} < {ae_title}"
        self._jobs.enqueue(FETCHING, subject, {"study": study_instance_uid, "peer": ae_title})
        return subject

    def _fetch(self, running: Running) -> None:
        peer = self._peer(running.payload["peer"])
        last: Moved | None = None
        for moved in self._remote.move_study(peer, running.payload["study"]):
            last = moved
            running.progress(moved.completed + moved.warning, moved.done + (moved.remaining or 0))
        if last is not None and last.failed:
            raise PeerUnreachable(
                f"{peer.ae_title} could not send {last.failed} of {last.done} instances"
            )

    def _peer(self, ae_title: str) -> Peer:
        peer = self._peers.peer(ae_title)
        if peer is None:
            raise PeerUnknown(f"no peer has the title {ae_title}; see 'pacs peer list'")
        return peer

"""The promise that other archives can be asked for studies, and the values it takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pacs.peers import Peer


@dataclass(frozen=True)
class RemoteQuery:
    """Which studies; what is empty matches all. Wildcards and ranges as C-FIND has them."""

    study_instance_uids: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""
    study_date: str = ""
    accession_number: str = ""
    modality: str = ""


@dataclass(frozen=True)
class RemoteStudy:
    """What another archive says of a study; empty where it says nothing."""

    study_instance_uid: str
    patient_id: str = ""
    patient_name: str = ""
    study_date: str = ""
    study_description: str = ""
    modalities: tuple[str, ...] = ()
    instances: int | None = None


@dataclass(frozen=True)
class Moved:
    """How far the other archive is. remaining  None when it does not say."""

    remaining: int | None
    completed: int
    failed: int
    warning: int

    @property
    def done(self) -> int:
        return self.completed + self.failed + self.warning


class RemoteArchives(Protocol):
    """Every wait has a deadline. PeerUnreachable from all methods."""

    def find_studies(self, peer: Peer, query: RemoteQuery) -> Sequence[RemoteStudy]:
        """Raises RequestInvalid when too much matches, NotAcceptable when the peer refuses."""
        ...

    def move_study(self, peer: Peer, study_instance_uid: str) -> Iterator[Moved]:
        """Let the peer send a study to us; tells how far it is, the last is the outcome.

        Closing the iterator ends the association. Raises NotAcceptable when the peer refuses.
        """
        ...

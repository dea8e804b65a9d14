"""On whose behalf the archive acts, and what they may do; every engine call carries one Scope."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from pacs.errors import NotAllowed


class Right(enum.StrEnum):
    """One thing an actor may do."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    RETRIEVE = "retrieve"
    MOVE = "move"
    COMMITMENT = "commitment"
    DELETE = "delete"
    CORRECT = "correct"
    SHARE = "share"
    ADMINISTER = "administer"


class ActorKind(enum.StrEnum):
    PERSON = "person"
    PROGRAM = "program"
    MACHINE = "machine"
    SYSTEM = "system"


class Role(enum.StrEnum):
    """What a user is in the hospital; the table below says what follows from it."""

    ADMINISTRATOR = "administrator"
    RADIOLOGIST = "radiologist"
    TECHNICIAN = "technician"
    CLINICIAN = "clinician"
    MACHINE = "machine"


_READ = frozenset({Right.ECHO, Right.FIND, Right.RETRIEVE})

RIGHTS_OF_ROLE: dict[Role, frozenset[Right]] = {
    Role.ADMINISTRATOR: frozenset(Right),
    Role.RADIOLOGIST: _READ | {Right.STORE, Right.MOVE, Right.CORRECT, Right.SHARE},
    Role.TECHNICIAN: _READ | {Right.STORE, Right.MOVE, Right.CORRECT},
    Role.CLINICIAN: _READ,
    Role.MACHINE: _READ | {Right.STORE, Right.MOVE, Right.COMMITMENT},
}


@dataclass(frozen=True)
class Scope:
    """Who asks (`actor`, such as a user name or an AE title), from where, and with which rights.

    address  where the request came from, an IP address, or None for the archive itself.
    session  what ties several requests of one sign-in or association together, for the audit trail.
    """

    actor: str
    kind: ActorKind
    rights: frozenset[Right] = field(default_factory=frozenset)
    address: str | None = None
    session: str | None = None

    def may(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raise NotAllowed unless the actor has the right."""
        if right not in self.rights:
            raise NotAllowed(
                f"{self.kind} {self.actor} has not the right '{right}'; "
                "an administrator can give it"
            )


def system_scope(actor: str = "archive") -> Scope:
    """The archive acting for itself: start-up, import from the command line, background work."""
    return Scope(actor=actor, kind=ActorKind.SYSTEM, rights=frozenset(Right))

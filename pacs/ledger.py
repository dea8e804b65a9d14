"""What people decided, as values: written to the object store before it takes effect.

The index can be made again from the objects and these decisions. Each is one small JSON object,
`ledger/YYYY/MM/DD/<uuid>.json`, never changed and never removed; it holds identifiers of patients
where the decision was about them, so it is as confidential as the images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol

import orjson

from pacs.errors import ObjectDamaged
from pacs.storage.interfaces import Conflict, InstanceRecord, StoredInstance

VERSION = 1


@dataclass(frozen=True)
class Delete:
    """The instances go to the trash; whoever arrived after the decision is not meant."""

    sop_instance_uids: tuple[str, ...]


@dataclass(frozen=True)
class Restore:
    """The instances come back from the trash, because they were sent again."""

    sop_instance_uids: tuple[str, ...]


@dataclass(frozen=True)
class Undo:
    """Another decision is taken back."""

    decision_id: str


@dataclass(frozen=True)
class Keep:
    """Of a conflict the present instance stays; the newcomer's bytes remain as history."""

    conflict_key: str


@dataclass(frozen=True)
class Replace:
    """Of a conflict the newcomer is served from now on; the former bytes remain as history."""

    conflict_key: str


@dataclass(frozen=True)
class Split:
    """Of a conflict the newcomer becomes an instance of its own, under these UIDs and this key."""

    conflict_key: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    key: str


@dataclass(frozen=True)
class Correct:
    """The attributes (by keyword) of a study are these on every way out."""

    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Merge:
    """All studies of a patient, also those to come, belong to the patient of these attributes."""

    patient_id: str
    issuer_of_patient_id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Hold:
    """The study must not be deleted until this is undone."""


@dataclass(frozen=True)
class Empty:
    """The instances are gone for good, and the objects are deleted.

    founders  what the rows of studies and series said that lost the instance they came from.
    """

    sop_instance_uids: tuple[str, ...]
    keys: tuple[str, ...]
    founders: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SetAside:
    """The objects cannot be used and are kept as they are, for somebody who knows more."""

    keys: tuple[str, ...]


Body = Delete | Restore | Undo | Keep | Replace | Split | Correct | Merge | Hold | Empty | SetAside

KINDS: Mapping[str, type[Any]] = {
    "delete": Delete,
    "restore": Restore,
    "undo": Undo,
    "keep": Keep,
    "replace": Replace,
    "split": Split,
    "correct": Correct,
    "merge": Merge,
    "hold": Hold,
    "empty": Empty,
    "set-aside": SetAside,
}
_KIND_OF = {body: kind for kind, body in KINDS.items()}


@dataclass(frozen=True)
class Decision:
    """One decision. `at` rises from decision to decision; `actor` is who decided, `reason` why."""

    decision_id: str
    at: datetime
    actor: str
    reason: str
    body: Body
    study_instance_uid: str | None = None

    @property
    def kind(self) -> str:
        return _KIND_OF[type(self.body)]


@dataclass(frozen=True)
class Decided:
    """A decision as the index knows it. undone_by  the decision that took it back."""

    decision: Decision
    undone_by: str | None = None


@dataclass(frozen=True)
class ObjectPlace:
    """Where an object lies that a decision is about."""

    store: str
    size_bytes: int


@dataclass(frozen=True)
class Material:
    """What the index must be told beside the decision, by key: it never opens an object.

    records  what the objects say that the decision brings in.
    places   where the objects are that the decision takes out and that are still there.
    """

    records: Mapping[str, InstanceRecord] = field(default_factory=dict)
    places: Mapping[str, ObjectPlace] = field(default_factory=dict)


def encode_decision(decision: Decision) -> bytes:
    """The JSON object that is written to the ledger."""
    written = {
        "version": VERSION,
        "id": decision.decision_id,
        "at": decision.at.isoformat(),
        "actor": decision.actor,
        "reason": decision.reason,
        "study_instance_uid": decision.study_instance_uid,
        "kind": decision.kind,
        decision.kind: asdict(decision.body),
    }
    return orjson.dumps(written, option=orjson.OPT_INDENT_2)


def decode_decision(data: bytes, key: str) -> Decision:
    """Raises ObjectDamaged when this is no decision that this program can follow."""
    try:
        read = orjson.loads(data)
        if read["version"] != VERSION:
            raise ObjectDamaged(
                f"{key} was written by another version of this program (ledger version "
                f"{read['version']}); use that version"
            )
        return Decision(
            decision_id=read["id"],
            at=datetime.fromisoformat(read["at"]),
            actor=read["actor"],
            reason=read["reason"],
            body=_body(read["kind"], read[read["kind"]]),
            study_instance_uid=read["study_instance_uid"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ObjectDamaged(f"{key} is no decision of the ledger; restore it") from error


def _body(kind: str, read: Mapping[str, Any]) -> Body:
    wanted = KINDS[kind]
    values = {name.name: read[name.name] for name in fields(wanted)}
    body: Body = wanted(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
    )
    return body


class DecisionIndex(Protocol):
    """Where decisions take effect. What a call wrote is durable when it returns."""

    def decide(self, decision: Decision, material: Material) -> bool:
        """Let the decision take effect, once: False when it had before.

        What the decision names and the index does not hold is passed over. IndexUnavailable.
        """
        ...

    def decision(self, decision_id: str) -> Decided | None: ...

    def decisions(
        self, *, kinds: Sequence[str] = (), study_instance_uid: str | None = None
    ) -> Sequence[Decided]:
        """Oldest first; empty kinds: all."""
        ...

    def newest_decision_at(self) -> datetime | None: ...

    def conflict(self, conflict_key: str) -> Conflict | None:
        """The conflict whose bytes set aside lie under this key, resolved or not."""
        ...

    def conflict_resolved_by(self, decision_id: str) -> Conflict | None:
        """The conflict that this decision resolved."""
        ...

    def in_trash(self, decision_id: str) -> Sequence[StoredInstance]:
        """What a decision put into the trash and still lies there."""
        ...

    def founders(self, sop_instance_uids: Sequence[str]) -> Mapping[str, Any]:
        """What an Empty of these must remember; see there."""
        ...

    def history_of(self, sop_instance_uids: Sequence[str]) -> Sequence[Conflict]:
        """All conflicts of these instances, resolved or not."""
        ...

    def held_studies(self, study_instance_uids: Sequence[str]) -> Sequence[str]:
        """Which of these studies must not be deleted."""
        ...

    def dead_objects(self) -> Sequence[tuple[str, str, datetime]]:
        """(key, store, since when) of the objects that no row needs any more."""
        ...

    def forget_dead(self, keys: Sequence[str]) -> None:
        """These objects are deleted."""
        ...

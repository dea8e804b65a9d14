"""The one way to forget: into the trash with a reason, back again, for good when a person says so.

Only this deletes objects, only those no row holds, only after the grace time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pacs.archive.decisions import Decisions
from pacs.errors import NotFound, ObjectMissing, RequestInvalid
from pacs.ledger import (
    Decided,
    Decision,
    DecisionIndex,
    Delete,
    Empty,
    Hold,
    ObjectPlace,
    Restore,
    SetAside,
)
from pacs.scope import Right, Scope, system_scope
from pacs.storage.interfaces import (
    InstanceIndex,
    ObjectStore,
    Selection,
    Sender,
    StoredBytes,
    StoredInstance,
)

GRACE = timedelta(hours=24)
"""How long an object stays after no row needs it: whoever reads it now, or a backup, may finish."""


@dataclass(frozen=True)
class Trashed:
    """What one deletion put into the trash and still lies there."""

    decision: Decision
    instance_count: int
    size_bytes: int


class Removal:
    """Moves instances to the trash and out of it. Safe to call from several threads."""

    def __init__(
        self,
        *,
        decisions: Decisions,
        index: InstanceIndex,
        decision_index: DecisionIndex,
        stores: Mapping[str, ObjectStore],
        now: Callable[[], datetime],
    ) -> None:
        self._decisions = decisions
        self._index = index
        self._decision_index = decision_index
        self._stores = stores
        self._now = now

    def delete(self, selection: Selection, scope: Scope, *, reason: str) -> list[Decision]:
        """Put what is selected into the trash, one decision for each study.

        Raises NotAllowed, NotFound; RequestInvalid without a reason or for a study on hold.
        """
        scope.require(Right.DELETE)
        if not reason.strip():
            raise RequestInvalid("a deletion needs a reason")
        by_study: dict[str, list[str]] = {}
        for instance in self._index.instances(selection):
            names = instance.identity
            by_study.setdefault(names.study_instance_uid, []).append(names.sop_instance_uid)
        if not by_study:
            raise NotFound("the archive holds nothing of what is to be deleted")
        self._refuse_held(list(by_study))
        return [
            self._decisions.decide(
                Delete(tuple(uids)), scope, reason=reason, study_instance_uid=study
            )
            for study, uids in by_study.items()
        ]

    def _refuse_held(self, study_instance_uids: list[str]) -> None:
        held = self._decision_index.held_studies(study_instance_uids)
        if held:
            raise RequestInvalid(
                f"study {held[0]} is on hold and cannot be deleted; undo the hold first"
            )

    def hold(self, study_instance_uid: str, scope: Scope, *, reason: str) -> Decision:
        """Keep a study from being deleted, until this is undone."""
        scope.require(Right.ADMINISTER)
        if not any(self._index.series_states(Selection((study_instance_uid,)))):
            raise NotFound(f"there is no study {study_instance_uid}")
        return self._decisions.decide(
            Hold(), scope, reason=reason, study_instance_uid=study_instance_uid
        )

    def undo(self, decision_id: str, scope: Scope, *, reason: str = "") -> Decision:
        """Take back a deletion or a hold."""
        found = self._decisions.find(decision_id).decision
        if not isinstance(found.body, Delete | Hold):
            raise RequestInvalid(f"decision {decision_id} is neither a deletion nor a hold")
        scope.require(Right.DELETE if isinstance(found.body, Delete) else Right.ADMINISTER)
        return self._decisions.undo(decision_id, scope, reason=reason)

    def restore_sent_again(self, instance: StoredInstance, sender: Sender) -> None:
        """What was deleted was sent again: it comes back, and the ledger says so."""
        self._decisions.decide(
            Restore((instance.identity.sop_instance_uid,)),
            system_scope(sender.actor),
            reason=f"sent again by {sender.how}",
            study_instance_uid=instance.identity.study_instance_uid,
        )

    def set_aside(self, stored: StoredBytes) -> None:
        """A damaged object whose place a good one took stays, for whoever looks into it."""
        store = self._stores.get(stored.store)
        if store is None:
            return
        try:
            place = ObjectPlace(stored.store, store.size_bytes(stored.key))
        except ObjectMissing:
            return
        self._decisions.decide(
            SetAside((stored.key,)),
            system_scope(),
            reason="damaged; a good copy took its place",
            places={stored.key: place},
        )

    def trash(self, scope: Scope) -> list[Trashed]:
        """What lies in the trash, oldest deletion first."""
        scope.require(Right.DELETE)
        return [found for found, _ in self._lying(self._now())]

    def preview(self, older_than: timedelta, scope: Scope) -> list[Trashed]:
        """What `empty` would remove for good."""
        scope.require(Right.DELETE)
        return [found for found, _ in self._lying(self._now() - older_than)]

    def empty(self, older_than: timedelta, scope: Scope, *, reason: str) -> list[Trashed]:
        """Remove for good what lay in the trash for longer; the objects go after the grace time.

        Raises NotAllowed; RequestInvalid when a person must first say what becomes of a conflict.
        """
        scope.require(Right.ADMINISTER)
        emptied = []
        for found, instances in list(self._lying(self._now() - older_than)):
            self._refuse_held(list({one.identity.study_instance_uid for one in instances}))
            self._forget(found.decision, instances, scope, reason)
            emptied.append(found)
        return emptied

    def _lying(self, before: datetime) -> Iterator[tuple[Trashed, list[StoredInstance]]]:
        for one in self._standing():
            if one.decision.at > before:
                continue
            lying = list(self._decision_index.in_trash(one.decision.decision_id))
            if lying:
                size = sum(instance.stored.size_bytes for instance in lying)
                yield Trashed(one.decision, len(lying), size), lying

    def _standing(self) -> Iterator[Decided]:
        # What a split put into the trash when it was undone lies under the decision that undid it.
        deletions = self._decisions.all(("delete", "undo"))
        return (one for one in deletions if one.undone_by is None)

    def _forget(
        self,
        deletion: Decision,
        instances: list[StoredInstance],
        scope: Scope,
        reason: str,
    ) -> None:
        uids = tuple(one.identity.sop_instance_uid for one in instances)
        history = self._decision_index.history_of(uids)
        waiting = {one.newcomer.key for one in self._index.conflicts()}
        undecided = [one for one in history if one.newcomer.key in waiting]
        if undecided:
            raise RequestInvalid(
                f"instance {undecided[0].existing.identity.sop_instance_uid} has a conflict that "
                "nobody decided; see 'pacs conflict list'"
            )
        gone = [one.stored for one in instances] + [one.newcomer for one in history]
        self._decisions.decide(
            Empty(uids, tuple(one.key for one in gone), self._decision_index.founders(uids)),
            scope,
            reason=reason or f"deleted before: {deletion.reason}",
            study_instance_uid=deletion.study_instance_uid,
            places={one.key: _place(one) for one in gone},
        )

    def collect(self) -> int:
        """Delete the objects that no row needs, once the grace time is over; tells how many.

        Raises StoreUnavailable, IndexUnavailable; calling again goes on.
        """
        before, count = self._now() - GRACE, 0
        for key, store_name, since in self._decision_index.dead_objects():
            store = self._stores.get(store_name)
            if store is not None and since <= before:
                store.delete(key)
                self._decision_index.forget_dead([key])
                count += 1
        return count


def _place(stored: StoredBytes) -> ObjectPlace:
    return ObjectPlace(stored.store, stored.size_bytes)

"""Makes an instance of its own from one that came under the UID of another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from pacs.archive.overlaid import data_set
from pacs.archive.records import ObjectsBack, ReadBack, head_of
from pacs.dicom.identity import InstanceIdentity
from pacs.dicom.overlay import Overlay
from pacs.errors import NotFound, ObjectMissing
from pacs.ledger import DecisionIndex, Split
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectStore, StoredInstance
from pacs.storage.object_keys import instance_key


class SplitOffs:
    """Writes the objects of instances that are split off."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        index: DecisionIndex,
        reader: InstanceReader,
        objects: ObjectsBack,
        now: Callable[[], datetime],
        new_uuid: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._index = index
        self._reader = reader
        self._objects = objects
        self._now = now
        self._new_uuid = new_uuid

    def plan(self, conflict_key: str, *, new_study: bool) -> Split:
        """Under which UIDs the newcomer of a conflict would live.

        Derived from the old ones, so that several of one series come together again in one series.
        """
        found = self._read(conflict_key)
        names = found.record.identity
        study = names.study_instance_uid
        digest = found.record.stored.data_set_sha256
        return Split(
            conflict_key=conflict_key,
            study_instance_uid=_derived(study) if new_study else study,
            series_instance_uid=_derived(study, names.series_instance_uid),
            sop_instance_uid=_derived(names.sop_instance_uid, digest),
            key=instance_key(self._now(), self._new_uuid()),
        )

    def write(self, split: Split) -> None:
        """Put the object of the split, unless it is there."""
        try:
            self._store.size_bytes(split.key)
        except ObjectMissing:
            self._put(split)

    def _put(self, split: Split) -> None:
        found = self._read(split.conflict_key)
        changed = replace(_as_instance(found), overlay=_overlay(split, found))
        rewritten = b"".join(data_set(self._reader, changed))
        identity = InstanceIdentity(
            split.study_instance_uid,
            split.series_instance_uid,
            split.sop_instance_uid,
            found.record.identity.sop_class_uid,
        )
        origin = replace(
            found.origin,
            data_set_sha256=hashlib.sha256(rewritten).hexdigest(),
            set_aside=False,
            split_from=split.conflict_key,
        )
        head = head_of(identity, found.record.transfer_syntax_uid, origin)
        self._store.put(split.key, (head, rewritten), size_bytes=len(head) + len(rewritten))

    def _read(self, conflict_key: str) -> ReadBack:
        conflict = self._index.conflict(conflict_key)
        if conflict is None:
            raise NotFound(f"there is no conflict whose bytes lie under {conflict_key}")
        return self._objects.read(conflict.newcomer.store, conflict_key)


def _overlay(split: Split, found: ReadBack) -> Overlay:
    changed = {
        "SeriesInstanceUID": split.series_instance_uid,
        "SOPInstanceUID": split.sop_instance_uid,
    }
    if split.study_instance_uid != found.record.identity.study_instance_uid:
        changed["StudyInstanceUID"] = split.study_instance_uid
    return Overlay(changed, found.origin.received)


def _as_instance(found: ReadBack) -> StoredInstance:
    """The newcomer as if it were served, to read it the way instances are read."""
    record = found.record
    return StoredInstance(
        instance_id=0,
        series_id=0,
        identity=record.identity,
        transfer_syntax_uid=record.transfer_syntax_uid,
        stored=record.stored,
        pixels=record.pixels,
        number_of_frames=record.number_of_frames,
        received=record.received,
        sender=record.sender,
    )


def _derived(*parts: str) -> str:
    """A UID that follows from others. PS3.5 B.2."""
    return f"2.25.{uuid5(NAMESPACE_OID, '/'.join(parts)).int}"

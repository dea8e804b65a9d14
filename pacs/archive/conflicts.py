"""Two contents under one SOP Instance UID: listed, compared side by side, decided by a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pydicom.datadict import keyword_for_tag

from pacs.archive.decisions import Decisions
from pacs.archive.records import ObjectsBack
from pacs.audit import Action, Auditor
from pacs.dicom.character_sets import CharacterSet, parse_character_set
from pacs.dicom.elements import RawDataSet, RawElement, read_elements
from pacs.dicom.json import SPECIFIC_CHARACTER_SET, element_values
from pacs.dicom.transfer_syntaxes import transfer_syntax
from pacs.errors import NotFound, ObjectDamaged, ObjectMissing, RequestInvalid
from pacs.ledger import Decision, Keep, Replace, Split
from pacs.pixels.interfaces import EncodedInstance, PixelDecoder
from pacs.scope import Right, Scope
from pacs.storage.encoded import encoded_from_store
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import Conflict, InstanceIndex, StoredInstance

_SHOWN_CHARACTERS = 120
_NO_TEXT = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN"})


class SplitPlan(Protocol):
    """Under which UIDs the newcomer of a conflict would live."""

    def plan(self, conflict_key: str, *, new_study: bool) -> Split: ...


@dataclass(frozen=True)
class Difference:
    """An attribute that is not the same in both; None where one has not got it."""

    tag: int
    keyword: str
    present: str | None
    newcomer: str | None


@dataclass(frozen=True)
class Comparison:
    """Both sides of a conflict. same_pixels  None when neither has any, or one cannot be read.

    trouble  what kept us from comparing all.
    """

    conflict: Conflict
    differences: tuple[Difference, ...]
    same_pixels: bool | None
    trouble: str | None = None


class Conflicts:
    """Lists and resolves. Safe to call from several threads."""

    def __init__(
        self,
        *,
        index: InstanceIndex,
        decisions: Decisions,
        splits: SplitPlan,
        reader: InstanceReader,
        objects: ObjectsBack,
        decoder: PixelDecoder,
        auditor: Auditor,
    ) -> None:
        self._index = index
        self._decisions = decisions
        self._splits = splits
        self._reader = reader
        self._objects = objects
        self._decoder = decoder
        self._auditor = auditor

    def waiting(self, scope: Scope) -> list[Conflict]:
        """Those nobody has decided, oldest first."""
        scope.require(Right.CORRECT)
        return list(self._index.conflicts())

    def compare(self, conflict_id: int, scope: Scope) -> Comparison:
        """What is different. Raises NotAllowed, NotFound, TryAgain."""
        conflict = self._find(conflict_id, scope)
        study = conflict.existing.identity.study_instance_uid
        self._auditor.touch(scope, Action.RETRIEVE, study, details={"conflict": conflict_id})
        try:
            present = encoded_from_store(self._reader, conflict.existing)
            newcomer = encoded_from_store(self._reader, self._newcomer(conflict))
            differences = tuple(_differences(present, newcomer))
            return Comparison(conflict, differences, self._same_pixels(present, newcomer))
        except (ObjectMissing, ObjectDamaged) as error:
            return Comparison(conflict, (), None, trouble=str(error))

    def keep(self, conflict_id: int, scope: Scope, *, reason: str) -> Decision:
        """What is served stays; the newcomer's bytes remain as history."""
        conflict = self._find(conflict_id, scope)
        return self._decide(Keep(conflict.newcomer.key), conflict, scope, reason)

    def replace(self, conflict_id: int, scope: Scope, *, reason: str) -> Decision:
        """The newcomer is served from now on; the former bytes remain as history."""
        conflict = self._find(conflict_id, scope)
        return self._decide(Replace(conflict.newcomer.key), conflict, scope, reason)

    def split(
        self, conflict_id: int, scope: Scope, *, reason: str, new_study: bool = False
    ) -> Decision:
        """The newcomer becomes an instance of its own, in a new series, perhaps in a new study."""
        conflict = self._find(conflict_id, scope)
        plan = self._splits.plan(conflict.newcomer.key, new_study=new_study)
        return self._decide(plan, conflict, scope, reason)

    def undo(self, decision_id: str, scope: Scope, *, reason: str = "") -> Decision:
        """Take a resolution back; the conflict is open again."""
        scope.require(Right.CORRECT)
        found = self._decisions.find(decision_id).decision
        if not isinstance(found.body, Keep | Replace | Split):
            raise RequestInvalid(f"decision {decision_id} resolved no conflict")
        return self._decisions.undo(decision_id, scope, reason=reason)

    def _decide(
        self, body: Keep | Replace | Split, conflict: Conflict, scope: Scope, reason: str
    ) -> Decision:
        study = conflict.existing.identity.study_instance_uid
        return self._decisions.decide(body, scope, reason=reason, study_instance_uid=study)

    def _find(self, conflict_id: int, scope: Scope) -> Conflict:
        scope.require(Right.CORRECT)
        for conflict in self._index.conflicts():
            if conflict.conflict_id == conflict_id:
                return conflict
        raise NotFound(f"there is no open conflict {conflict_id}; see 'pacs conflict list'")

    def _newcomer(self, conflict: Conflict) -> StoredInstance:
        stored = conflict.newcomer
        record = self._objects.read(stored.store, stored.key).record
        return StoredInstance(
            instance_id=0,
            series_id=0,
            identity=record.identity,
            transfer_syntax_uid=record.transfer_syntax_uid,
            stored=stored,
            pixels=record.pixels,
            number_of_frames=record.number_of_frames,
            received=record.received,
            sender=record.sender,
        )

    def _same_pixels(self, present: EncodedInstance, newcomer: EncodedInstance) -> bool | None:
        tags = {present.pixel_tag, newcomer.pixel_tag}
        if tags == {None}:
            return None
        return None not in tags and self._decoder.same_pixels(present, newcomer)


def _differences(present: EncodedInstance, newcomer: EncodedInstance) -> Iterator[Difference]:
    trees = [_tree(present), _tree(newcomer)]
    sets = [parse_character_set(tree.raw(SPECIFIC_CHARACTER_SET)) for tree in trees]
    for tag in sorted(set(trees[0].elements) | set(trees[1].elements)):
        if not tag & 0xFFFF:
            continue
        ours, theirs = (
            _shown(tree.elements.get(tag), characters)
            for tree, characters in zip(trees, sets, strict=True)
        )
        if ours != theirs or not _same_content(*(tree.elements.get(tag) for tree in trees)):
            yield Difference(tag, keyword_for_tag(tag) or "", ours, theirs)


def _tree(encoded: EncodedInstance) -> RawDataSet:
    syntax = transfer_syntax(encoded.transfer_syntax_uid)
    if syntax is None:
        raise ObjectDamaged(f"transfer syntax {encoded.transfer_syntax_uid} is not known")
    return read_elements(memoryview(encoded.header), syntax)


def _shown(element: RawElement | None, character_set: CharacterSet) -> str | None:
    """The value as people read it; of what is no text only how much there is."""
    if element is None:
        return None
    if element.items is not None:
        return f"{len(element.items)} items"
    values = None if element.vr in _NO_TEXT else element_values(element, character_set)
    if values is None:
        return f"{len(element.value)} bytes"
    text = "\\".join("" if value is None else str(value) for value in values)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _same_content(one: RawElement | None, other: RawElement | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.items is None or other.items is None:
        texts = one.vr not in _NO_TEXT and other.vr not in _NO_TEXT
        return texts or bytes(one.value) == bytes(other.value)
    if len(one.items) != len(other.items):
        return False
    return all(
        _same_item(first, second) for first, second in zip(one.items, other.items, strict=True)
    )


def _same_item(one: RawDataSet, other: RawDataSet) -> bool:
    if set(one.elements) != set(other.elements):
        return False
    return all(
        _same_content(element, other.elements[tag])
        and bytes(element.value).rstrip(b"\0 ") == bytes(other.elements[tag].value).rstrip(b"\0 ")
        for tag, element in one.elements.items()
    )

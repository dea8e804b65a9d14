"""What a check can find wrong, and what is asked of the index to find it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pacs.storage.interfaces import InstanceRecord, StoredBytes, StoredInstance


class FindingKind(enum.StrEnum):
    """The ways in which objects and index can disagree."""

    MISSING = "missing"
    """a row without its object"""
    TRUNCATED = "wrong-size"
    """an object that is shorter or longer than it was"""
    DAMAGED = "damaged"
    """an object whose bytes changed"""
    ORPHAN = "orphan"
    """an object without a row"""
    LOOSE_ROW = "loose-row"
    """a row of an object that no instance and no conflict holds"""
    WRONG_COUNTS = "wrong-counts"
    """counts, lists or revisions of a study or series that its instances contradict"""
    UNDECIDED = "not-in-effect"
    """a written decision that never took effect"""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. subject  the key of an object, or the UID of a study."""

    kind: FindingKind
    subject: str
    sentence: str
    sop_instance_uid: str | None = None


@dataclass(frozen=True)
class Noted:
    """A finding that was written down; `seen` is when it was last true."""

    finding: Finding
    found: datetime
    seen: datetime


@dataclass(frozen=True)
class HeldObject:
    """An object that an instance or a conflict holds, as the index knows it."""

    stored: StoredBytes
    sop_instance_uid: str


class IntegrityIndex(Protocol):
    """What checks and repairs ask of the index. Raises IndexUnavailable."""

    def days(self, store: str) -> Sequence[str]:
        """The prefixes (`o/2026/01/31/`) under which this store should have objects."""
        ...

    def held(self, store: str, *, after: str, prefix: str, limit: int) -> Sequence[HeldObject]:
        """Objects of this store by key, after a key and under a prefix."""
        ...

    def still_held(self, key: str) -> HeldObject | None:
        """The same for one key, wherever it is by now."""
        ...

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these objects have a row of any kind."""
        ...

    def loose_rows(self, older_than: datetime) -> Iterator[Finding]: ...

    def wrong_counts(self) -> Iterator[Finding]: ...

    def count_again(self, study_instance_uids: Sequence[str]) -> None: ...

    def drop_loose_row(self, key: str) -> None: ...

    def note(self, findings: Sequence[Finding], at: datetime) -> None:
        """Write down, or renew, what was found."""
        ...

    def settle(self, findings: Sequence[Finding]) -> None:
        """These are mended, or proved wrong."""
        ...

    def noted(self) -> Sequence[Noted]: ...

    def replace_object(self, instance: StoredInstance, stored: StoredBytes) -> bool:
        """Let the row name another object with the same content; False when it changed meanwhile.

        Nothing names the former object then: the caller sets it aside.
        """
        ...

    def fact(self, name: str) -> str | None:
        """Something the archive remembers about itself."""
        ...

    def remember(self, facts: Mapping[str, str]) -> None: ...


class RebuildIndex(Protocol):
    """What making the index again asks of an empty one."""

    def is_empty(self) -> bool: ...

    def add_many(self, records: Sequence[InstanceRecord]) -> Sequence[InstanceRecord]:
        """Add all at once, in the order received; gives back those whose UID was known."""
        ...

    def finish(self, now: datetime) -> None:
        """Raise revisions above all that were given out, and call patients by their studies."""
        ...

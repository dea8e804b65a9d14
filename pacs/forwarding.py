"""Rules by which studies are sent on, and the promise that remembers them and what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Protocol

from pacs.errors import RequestInvalid


@dataclass(frozen=True)
class TimeOfDay:
    """From the first (included) to the last (left out); past midnight when the last is earlier."""

    first: time
    last: time

    def holds(self, clock: time) -> bool:
        if self.first <= self.last:
            return self.first <= clock < self.last
        return clock >= self.first or clock < self.last

    def __str__(self) -> str:
        return f"{self.first:%H:%M}-{self.last:%H:%M}"


def parse_time_of_day(text: str) -> TimeOfDay:
    """Read `07:00-17:30`. Raises RequestInvalid."""
    first, _, last = text.partition("-")
    try:
        return TimeOfDay(time.fromisoformat(first.strip()), time.fromisoformat(last.strip()))
    except ValueError as error:
        raise RequestInvalid(f"{text!r} is no time of day; write it like 07:00-17:30") from error


@dataclass(frozen=True)
class Conditions:
    """What an instance must be to be sent on; each that is given must hold, one value of it is
    enough. `*` and `?` stand for characters, case does not count.

    calling_ae_titles  who stored it by C-STORE.
    received  when it came, by the clock on the hospital's wall.
    """

    calling_ae_titles: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    station_names: tuple[str, ...] = ()
    institution_names: tuple[str, ...] = ()
    received: TimeOfDay | None = None


@dataclass(frozen=True)
class Rule:
    """Send what fits to this peer. Only what arrives after the rule was made."""

    name: str
    ae_title: str
    created: datetime
    conditions: Conditions = field(default_factory=Conditions)
    enabled: bool = True


@dataclass(frozen=True)
class Sent:
    """What a peer acknowledged: with which content, and when."""

    data_set_sha256: str
    at: datetime


class ForwardingStore(Protocol):
    """Durable on return. IndexUnavailable from all methods."""

    def put_rule(self, rule: Rule) -> None:
        """Add, or replace the one with the same name."""
        ...

    def remove_rule(self, name: str) -> bool: ...

    def rules(self) -> Sequence[Rule]: ...

    def position(self) -> int | None:
        """Up to which change of the feed studies were looked at; None when never."""
        ...

    def move_position(self, cursor: int) -> None: ...

    def sent(self, ae_title: str, sop_instance_uids: Iterable[str]) -> Mapping[str, Sent]:
        """What of these the peer has acknowledged, by SOP Instance UID."""
        ...

    def note_sent(self, ae_title: str, digests: Mapping[str, str], at: datetime) -> None:
        """digests  of the data sets, by SOP Instance UID."""
        ...

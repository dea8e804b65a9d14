"""The audit trail: nobody waits for it to look at pictures, and nothing is left out of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pacs.audit import Action, AuditEvent, Auditor, Outcome
from pacs.errors import IdentifiersMissing, IndexUnavailable, InstanceUnreadable
from pacs.scope import system_scope
from tests.faults import failing

SCOPE = system_scope("test")


class Trail:
    """Keeps events in a list."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        self.events.append(event)


def auditor_on(trail: Trail) -> Auditor:
    return Auditor(trail, now=lambda: datetime(2026, 1, 31, tzinfo=UTC))


def test_looking_goes_on_while_the_trail_cannot_be_written() -> None:
    trail = Trail()
    auditor = auditor_on(failing(trail, "record", IndexUnavailable("disk full"), times=2))

    auditor.touch(SCOPE, Action.RETRIEVE, "1.2.3")
    auditor.touch(SCOPE, Action.RETRIEVE, "1.2.4")

    assert auditor.owed == 2
    assert trail.events == []


def test_what_is_owed_is_written_once_the_trail_can_be_written_again() -> None:
    trail = Trail()
    auditor = auditor_on(failing(trail, "record", IndexUnavailable("disk full"), times=2))
    for study in ("1.2.3", "1.2.4", "1.2.5"):
        auditor.touch(SCOPE, Action.RETRIEVE, study)

    studies = [event.study_instance_uid for event in trail.events]

    assert sorted(map(str, studies)) == ["1.2.3", "1.2.4", "1.2.5"]
    assert auditor.owed == 0


def test_nothing_is_changed_without_the_trail() -> None:
    auditor = auditor_on(failing(Trail(), "record", IndexUnavailable("disk full")))

    with pytest.raises(IndexUnavailable):
        auditor.touch(SCOPE, Action.DELETE, "1.2.3")


def test_a_flood_of_refusals_is_counted_and_not_written_one_by_one() -> None:
    trail = Trail()
    auditor = auditor_on(trail)

    for _ in range(20_000):
        auditor.refuse(SCOPE, Action.STORE, InstanceUnreadable("no DICOM"))

    assert len(trail.events) < 30
    assert trail.events[-1].details == {"why": "no DICOM", "times": 16_384}
    assert trail.events[-1].outcome is Outcome.FAILURE


def test_each_of_a_few_refusals_is_told_and_so_is_another_reason_after_a_flood() -> None:
    trail = Trail()
    auditor = auditor_on(trail)
    for number in range(3):
        auditor.refuse(SCOPE, Action.STORE, InstanceUnreadable(f"no DICOM in {number}"))
    for _ in range(100):
        auditor.refuse(SCOPE, Action.STORE, InstanceUnreadable("no DICOM"))

    auditor.refuse(SCOPE, Action.STORE, IdentifiersMissing("no UID"))

    told = [event.details["why"] for event in trail.events]
    assert told[:3] == ["no DICOM in 0", "no DICOM in 1", "no DICOM in 2"]
    assert told[-1] == "no UID"

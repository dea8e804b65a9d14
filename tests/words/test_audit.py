"""The audit trail: nobody waits for it to look at pictures, and nothing is left out of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pacs.audit import Action, AuditEvent, Auditor
from pacs.errors import IndexUnavailable
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

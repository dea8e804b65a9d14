"""What the stores of forwarding and of failed associations promise, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pacs.associations import Cause, FailedAssociation, sentence
from pacs.forwarding import Conditions, Rule, Sent, parse_time_of_day
from pacs.storage.sql_associations import SqlFailedAssociations
from pacs.storage.sql_database import Database
from pacs.storage.sql_forwarding import SqlForwarding

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def forwarding(database: Database) -> SqlForwarding:
    return SqlForwarding(database)


def test_a_rule_comes_back_as_it_was_put(forwarding: SqlForwarding) -> None:
    conditions = Conditions(
        calling_ae_titles=("CT*",),
        modalities=("CT", "MR"),
        institution_names=("BV Bạch Mai",),
        received=parse_time_of_day("22:00-06:30"),
    )
    rule = Rule("đêm", "CENTER", NOW, conditions, enabled=False)

    forwarding.put_rule(rule)

    assert forwarding.rules() == [rule]


def test_a_rule_replaces_the_one_with_its_name(forwarding: SqlForwarding) -> None:
    forwarding.put_rule(Rule("a", "CENTER", NOW))

    forwarding.put_rule(Rule("a", "OTHER", LATER))

    assert [(rule.ae_title, rule.created) for rule in forwarding.rules()] == [("OTHER", LATER)]
    assert forwarding.remove_rule("a")
    assert not forwarding.remove_rule("a")


def test_the_position_in_the_feed_is_remembered(forwarding: SqlForwarding) -> None:
    forwarding.move_position(7)
    forwarding.move_position(12)

    assert forwarding.position() == 12


def test_what_was_sent_is_known_by_peer_and_instance(forwarding: SqlForwarding) -> None:
    uids = {f"1.2.{number}": f"digest {number}" for number in range(1200)}
    forwarding.note_sent("CENTER", uids, NOW)
    forwarding.note_sent("CENTER", {"1.2.3": "other"}, LATER)
    forwarding.note_sent("CENTER", {}, LATER)

    sent = forwarding.sent("CENTER", [*uids, "9.9"])

    assert len(sent) == 1200
    assert (sent["1.2.3"], sent["1.2.4"]) == (Sent("other", LATER), Sent("digest 4", NOW))
    assert not forwarding.sent("OTHER", uids)


def failed(calling: str = "CT1", at: datetime = NOW, detail: str = "") -> FailedAssociation:
    cause = Cause.UNKNOWN_CALLER
    return FailedAssociation(at, cause, calling, "PACS", "10.0.0.9", "storage", detail)


def test_the_same_trouble_again_raises_its_count(database: Database) -> None:
    store = SqlFailedAssociations(database)
    store.record(failed())
    store.record(failed("MR1"))

    store.record(failed(at=LATER))

    newest = [(one.calling_ae_title, one.at, one.times) for one in store.newest(10)]
    assert newest == [("CT1", LATER, 2), ("MR1", NOW, 1)]


def test_only_the_newest_troubles_are_kept(database: Database) -> None:
    store = SqlFailedAssociations(database, kept=3)
    for number in range(6):
        store.record(failed(f"CT{number}", NOW + timedelta(seconds=number)))

    assert [one.calling_ae_title for one in store.newest(10)] == ["CT5", "CT4", "CT3"]


def test_callers_cannot_break_the_record_with_what_they_call_themselves(
    database: Database,
) -> None:
    store = SqlFailedAssociations(database)

    store.record(failed("CT\0\udcff", detail="{who}"))

    [kept] = store.newest(1)
    assert kept.calling_ae_title == "CT?"


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_cause_is_told_in_both_languages(cause: Cause, language: str) -> None:
    told = sentence(FailedAssociation(NOW, cause, "CT1", "X", "10.0.0.9", ""), language)

    assert "CT1" in told
    assert "{" not in told

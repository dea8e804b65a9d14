"""What a PeerDirectory and an AuditTrail promise, asked of both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pacs.audit import Action, AuditEvent, Outcome
from pacs.peers import PEER_RIGHTS, Peer
from pacs.scope import ActorKind, Right, Scope
from pacs.storage.sql_audit import SqlAudit
from pacs.storage.sql_committer import Committer
from pacs.storage.sql_database import Database
from pacs.storage.sql_peers import SqlPeers

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
CT = Peer("CT1", "192.0.2.7", 104)
VIEWER = Peer(
    "VIEWER",
    "viewer.example",
    11112,
    rights=frozenset({Right.FIND, Right.MOVE}),
    tls=True,
    assumed_character_set="ISO_IR 192",
    preferred_transfer_syntax="1.2.840.10008.1.2.1",
    facility="A",
)


@pytest.fixture
def directory(database: Database) -> SqlPeers:
    return SqlPeers(database)


@pytest.fixture
def trail(database: Database) -> Iterator[SqlAudit]:
    with closing(Committer(database)) as committer:
        yield SqlAudit(database, committer)


# --- peers -------------------------------------------------------------------------------------


def test_peers_come_back_as_added(directory: SqlPeers) -> None:
    directory.add_peer(VIEWER)
    directory.add_peer(CT)

    assert directory.peers() == [CT, VIEWER]
    assert directory.peer("VIEWER") == VIEWER
    assert directory.peer("ct1") is None


def test_a_peer_with_the_same_title_is_replaced(directory: SqlPeers) -> None:
    directory.add_peer(VIEWER)
    changed = Peer("VIEWER", "192.0.2.9", 104, rights=frozenset())

    directory.add_peer(changed)

    assert directory.peers() == [changed]


def test_a_removed_peer_is_gone(directory: SqlPeers) -> None:
    directory.add_peer(CT)

    assert directory.remove_peer("CT1")
    assert not directory.remove_peer("CT1")
    assert directory.peer("CT1") is None


def test_all_rights_come_back(directory: SqlPeers) -> None:
    directory.add_peer(CT)

    found = directory.peer("CT1")

    assert found is not None
    assert found.rights == PEER_RIGHTS


def test_knocks_are_counted_by_title_and_address(directory: SqlPeers) -> None:
    for minutes, address in ((0, "192.0.2.1"), (1, "192.0.2.1"), (2, "192.0.2.2")):
        at = NOW + timedelta(minutes=minutes)
        directory.record_knock("MR1", address, "C-STORE", at)

    newest, oldest = directory.knocks()

    assert (newest.address, newest.times) == ("192.0.2.2", 1)
    assert (oldest.address, oldest.times) == ("192.0.2.1", 2)
    assert (oldest.first_seen, oldest.last_seen) == (NOW, NOW + timedelta(minutes=1))


def test_who_is_registered_does_not_knock_any_more(directory: SqlPeers) -> None:
    directory.record_knock("CT1", "192.0.2.1", "C-STORE", NOW)

    directory.add_peer(CT)

    assert directory.knocks() == []


def test_endless_knocking_does_not_fill_the_disk(database: Database) -> None:
    directory = SqlPeers(database, knocks_kept=3)

    for number in range(5):
        at = NOW + timedelta(seconds=number)
        directory.record_knock(f"T{number}", "192.0.2.1", "C-ECHO", at)

    assert [knock.ae_title for knock in directory.knocks()] == ["T4", "T3", "T2"]


# --- audit -------------------------------------------------------------------------------------


def event(minutes: int = 0, study: str | None = "1.2.3") -> AuditEvent:
    return AuditEvent(
        at=NOW + timedelta(minutes=minutes),
        action=Action.RETRIEVE,
        outcome=Outcome.SUCCESS,
        scope=Scope("lan", ActorKind.PERSON, address="192.0.2.7", session="abc"),
        study_instance_uid=study,
        patient_id="BN\0 01",
        details={"instances": 3, "note": "Đ\0"},
    )


def test_an_event_comes_back_as_recorded(trail: SqlAudit) -> None:
    trail.record(event())

    [found] = trail.events()

    assert found.patient_id == "BN 01"  # a NUL cannot be kept as text
    assert (found.at, found.action, found.outcome) == (NOW, Action.RETRIEVE, Outcome.SUCCESS)
    assert found.scope == event().scope
    assert found.details == event().details


def test_events_are_found_by_study_and_time_newest_first(trail: SqlAudit) -> None:
    for minutes, study in ((0, "1"), (1, "2"), (2, "1"), (3, None)):
        trail.record(event(minutes, study))

    def minutes_of(events: list[AuditEvent]) -> list[float]:
        return [(one.at - NOW).total_seconds() / 60 for one in events]

    assert minutes_of(list(trail.events())) == [3, 2, 1, 0]
    assert minutes_of(list(trail.events(study_instance_uid="1"))) == [2, 0]
    assert minutes_of(list(trail.events(since=NOW + timedelta(minutes=2)))) == [3, 2]
    assert minutes_of(list(trail.events(limit=1))) == [3]


def test_many_threads_record_at_once(trail: SqlAudit) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(trail.record, (event(number) for number in range(64))))

    assert len(trail.events()) == 64

"""What SpoolRows and NodeDirectory promise, asked of both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pacs.nodes import Backlog, Node, spool_name
from pacs.storage.interfaces import InstanceRecord
from pacs.storage.sql_database import Database
from pacs.storage.sql_index import SqlInstanceIndex
from pacs.storage.sql_nodes import SqlNodes
from pacs.storage.sql_spool import SqlSpoolRows
from tests.contracts.records import RECEIVED, record

HERE = spool_name("here")
ELSEWHERE = spool_name("elsewhere")


@pytest.fixture
def rows(database: Database) -> SqlSpoolRows:
    return SqlSpoolRows(database)


def in_store(name: str, one: InstanceRecord | None = None) -> InstanceRecord:
    one = one or record()
    return replace(one, stored=replace(one.stored, store=name))


def test_what_waits_in_a_spool_comes_in_the_order_of_arrival(
    index: SqlInstanceIndex, rows: SqlSpoolRows
) -> None:
    arrived = [in_store(HERE) for _ in range(3)]
    for one in (*arrived, in_store(ELSEWHERE), in_store("s3")):
        index.add(one)

    waiting = rows.waiting(HERE, after=0, limit=10)

    assert [one.stored for one in waiting] == [one.stored for one in arrived]


def test_paging_through_a_spool_loses_nothing(index: SqlInstanceIndex, rows: SqlSpoolRows) -> None:
    arrived = [in_store(HERE) for _ in range(5)]
    for one in arrived:
        index.add(one)

    keys, after = [], 0
    while page := rows.waiting(HERE, after=after, limit=2):
        keys += [one.stored.key for one in page]
        after = page[-1].row

    assert keys == [one.stored.key for one in arrived]


def test_a_conflict_waits_like_an_instance(index: SqlInstanceIndex, rows: SqlSpoolRows) -> None:
    first = in_store("s3")
    index.add(first)
    existing = index.find(first.identity.sop_instance_uid)
    assert existing is not None
    newcomer = replace(in_store(HERE, record(content="other")), identity=first.identity)
    index.add_conflict(newcomer, existing)

    [waiting] = rows.waiting(HERE, after=0, limit=10)

    assert waiting.stored == newcomer.stored


def test_a_moved_object_waits_no_more_and_its_row_says_where_it_is(
    index: SqlInstanceIndex, rows: SqlSpoolRows
) -> None:
    moved, left = in_store(HERE), in_store(HERE)
    index.add(moved)
    index.add(left)

    rows.moved([moved.stored.key], spool=HERE, to="s3")

    found = index.find(moved.identity.sop_instance_uid)
    assert found is not None
    assert found.stored == replace(moved.stored, store="s3")
    assert [one.stored for one in rows.waiting(HERE, after=0, limit=10)] == [left.stored]


def test_an_object_that_is_elsewhere_by_now_is_not_moved(
    index: SqlInstanceIndex, rows: SqlSpoolRows
) -> None:
    one = in_store(ELSEWHERE)
    index.add(one)

    rows.moved([one.stored.key], spool=HERE, to="s3")

    assert rows.stores_of([one.stored.key]) == {one.stored.key: ELSEWHERE}


def test_where_an_object_is_stays_unsaid_when_no_row_names_it(rows: SqlSpoolRows) -> None:
    assert rows.stores_of(["o/2026/01/31/nobody"]) == {}


def test_the_backlog_tells_how_much_waits_and_since_when(
    index: SqlInstanceIndex, rows: SqlSpoolRows
) -> None:
    older = in_store(HERE, record(received=RECEIVED - timedelta(hours=1)))
    index.add(older)
    index.add(in_store(HERE))
    index.add(in_store("s3"))

    backlog = rows.backlog(HERE)

    assert backlog == Backlog(2, 2 * older.stored.size_bytes, older.received)
    assert rows.backlog(ELSEWHERE) == Backlog()


def test_the_studies_that_are_only_in_a_spool_are_named(
    index: SqlInstanceIndex, rows: SqlSpoolRows
) -> None:
    waiting = [in_store(HERE, record(study="1.2.3")) for _ in range(2)]
    for one in (*waiting, in_store("s3", record(study="1.2.4"))):
        index.add(one)

    assert rows.studies_waiting(HERE) == {"1.2.3": 2}


def test_a_node_says_where_it_is_and_that_it_is_still_there(database: Database) -> None:
    nodes = SqlNodes(database)
    nodes.announce(Node("a", "http://one:8080", RECEIVED))

    nodes.announce(Node("a", "http://two:8080", RECEIVED + timedelta(minutes=1)))

    assert nodes.nodes() == [Node("a", "http://two:8080", RECEIVED + timedelta(minutes=1))]
    assert nodes.node("b") is None


def test_all_nodes_share_one_secret(database: Database) -> None:
    secrets = {SqlNodes(database).secret() for _ in range(2)}

    assert len(secrets) == 1
    assert len(secrets.pop()) >= 32

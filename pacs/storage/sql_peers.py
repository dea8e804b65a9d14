"""The Application Entities we know and those that knocked, in SQL tables: the PeerDirectory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select

from pacs.peers import Peer
from pacs.scope import Right
from pacs.storage.interfaces import Knock
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_statement
from pacs.storage.sql_schema import knocks, peers
from pacs.storage.sql_values import clean_text


class SqlPeers:
    """The PeerDirectory. Of those that knock the newest `knocks_kept` are remembered."""

    def __init__(self, database: Database, *, knocks_kept: int = 1000) -> None:
        self._database = database
        self._knocks_kept = knocks_kept

    def add_peer(self, peer: Peer) -> None:
        values = _peer_values(peer)
        with self._database.writing() as connection:
            statement = insert_statement(connection, peers).values(values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["ae_title"], set_=values)
            )
            # Whom we know does not knock any more.
            connection.execute(delete(knocks).where(knocks.c.ae_title == peer.ae_title))

    def remove_peer(self, ae_title: str) -> bool:
        with self._database.writing() as connection:
            done = connection.execute(delete(peers).where(peers.c.ae_title == ae_title))
        return bool(done.rowcount)

    def peer(self, ae_title: str) -> Peer | None:
        with self._database.reading() as connection:
            row = connection.execute(select(peers).where(peers.c.ae_title == ae_title)).first()
        return _peer(row) if row else None

    def peers(self) -> Sequence[Peer]:
        with self._database.reading() as connection:
            rows = connection.execute(select(peers).order_by(peers.c.ae_title)).all()
        return [_peer(row) for row in rows]

    def record_knock(self, ae_title: str, address: str, wanted: str, at: datetime) -> None:
        """Count the knock; only the newest callers are kept, so that nobody can fill the disk."""
        values = {
            "ae_title": clean_text(ae_title) or "",
            "address": clean_text(address) or "",
            "wanted": clean_text(wanted) or "",
            "first_seen": at,
            "last_seen": at,
            "times": 1,
        }
        oldest_kept = (
            select(knocks.c.last_seen)
            .order_by(knocks.c.last_seen.desc())
            .offset(self._knocks_kept - 1)
            .limit(1)
            .scalar_subquery()
        )
        with self._database.writing() as connection:
            statement = insert_statement(connection, knocks).values(values)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["ae_title", "address"],
                    set_={
                        "wanted": values["wanted"],
                        "last_seen": at,
                        "times": knocks.c.times + 1,
                    },
                )
            )
            connection.execute(delete(knocks).where(knocks.c.last_seen < oldest_kept))

    def knocks(self) -> Sequence[Knock]:
        """The newest first."""
        statement = select(knocks).order_by(
            knocks.c.last_seen.desc(), knocks.c.ae_title, knocks.c.address
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Knock(row.ae_title, row.address, row.wanted, row.first_seen, row.last_seen, row.times)
            for row in rows
        ]


def _peer_values(peer: Peer) -> dict[str, Any]:
    return {
        "ae_title": peer.ae_title,
        "host": peer.host,
        "port": peer.port,
        "rights": ",".join(sorted(right.value for right in peer.rights)),
        "tls": peer.tls,
        "assumed_character_set": peer.assumed_character_set,
        "preferred_transfer_syntax": peer.preferred_transfer_syntax,
        "facility": peer.facility,
        "reports_here": peer.reports_here,
        "associations": peer.associations,
    }


def _peer(row: Row[Any]) -> Peer:
    return Peer(
        ae_title=row.ae_title,
        host=row.host,
        port=row.port,
        rights=frozenset(Right(word) for word in row.rights.split(",") if word),
        tls=row.tls,
        assumed_character_set=row.assumed_character_set,
        preferred_transfer_syntax=row.preferred_transfer_syntax,
        facility=row.facility,
        reports_here=row.reports_here,
        associations=row.associations,
    )

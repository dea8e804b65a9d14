"""The nodes of one archive: how they know each other, and the objects that wait on their disks.

A node answers once an instance is durable in its spool; later the object moves to the store where
it stays, and the row with it. Until then the row says `spool:<node>`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pacs.storage.interfaces import StoredBytes

SPOOL_PREFIX = "spool:"
SPOOL_PATH = "/internal/spool/"
"""Where a node gives objects of its spool to the others, over HTTP."""

TIME_HEADER = "X-Pacs-Time"
SIGNATURE_HEADER = "X-Pacs-Signature"
_CLOCKS_DIFFER_AT_MOST = timedelta(minutes=5)


def spool_name(node: str) -> str:
    """What rows call the spool of this node."""
    return f"{SPOOL_PREFIX}{node}"


def node_of_spool(store: str) -> str | None:
    """The node whose spool a row names, None when it names another kind of store."""
    return store.removeprefix(SPOOL_PREFIX) if store.startswith(SPOOL_PREFIX) else None


@dataclass(frozen=True)
class Node:
    """url  how other nodes reach its web door."""

    name: str
    url: str
    last_seen: datetime


class NodeDirectory(Protocol):
    """Which nodes there are. IndexUnavailable from all methods."""

    def announce(self, node: Node) -> None:
        """Say that the node is there; replaces what it said before."""
        ...

    def node(self, name: str) -> Node | None: ...

    def nodes(self) -> Sequence[Node]: ...

    def secret(self) -> bytes:
        """What all nodes of the archive share and nobody else knows; made when first asked for."""
        ...


@dataclass(frozen=True)
class SpooledObject:
    """An object that waits in a spool. row  rises with the order of arrival."""

    row: int
    stored: StoredBytes


@dataclass(frozen=True)
class Backlog:
    """How much waits in a spool, and since when."""

    objects: int = 0
    size_bytes: int = 0
    oldest: datetime | None = None


class SpoolRows(Protocol):
    """What the index knows of objects in spools: its rows are the queue. IndexUnavailable."""

    def waiting(self, spool: str, *, after: int, limit: int) -> Sequence[SpooledObject]:
        """Objects of the spool with a row beyond `after`, in the order of arrival."""
        ...

    def backlog(self, spool: str) -> Backlog: ...

    def studies_waiting(self, spool: str) -> dict[str, int]:
        """How many instances of each study are only in the spool, by Study Instance UID."""
        ...

    def moved(self, keys: Sequence[str], *, spool: str, to: str) -> None:
        """Let the rows of these objects say where they are now, all or none. Durable on return."""
        ...

    def stores_of(self, keys: Iterable[str]) -> dict[str, str]:
        """Where these objects are by the index; what no row names is left out."""
        ...


def sign_request(secret: bytes, target: str, seconds: int) -> str:
    """What shows that a node asks. target  path and query; seconds  since 1970."""
    return hmac.new(secret, f"GET {target} {seconds}".encode(), hashlib.sha256).hexdigest()


def is_signed(secret: bytes, target: str, *, time: str, signature: str, now: datetime) -> bool:
    """Whether a node that shares the secret asked this, not long ago."""
    if not time.isascii() or not time.isdigit():
        return False
    if abs(now.timestamp() - int(time)) > _CLOCKS_DIFFER_AT_MOST.total_seconds():
        return False
    expected = sign_request(secret, target, int(time))
    return hmac.compare_digest(expected.encode(), signature.encode())

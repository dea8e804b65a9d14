"""Where the objects of an installation are: the stores by the names that rows use."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pacs.nodes import node_of_spool
from pacs.storage.interfaces import ObjectReader, ObjectStore
from pacs.storage.spool_objects import SpoolObjects


class Stores:
    """All stores that this process can reach.

    final       where objects stay.
    spool       of this node, where they wait before that; None when they do not.
    former      where objects stayed under earlier settings; these are only read.
    find_spool  gives a reader of another node's spool.
    """

    def __init__(
        self,
        final: ObjectStore,
        *,
        spool: SpoolObjects | None = None,
        former: Iterable[ObjectStore] = (),
        find_spool: Callable[[str], ObjectReader],
    ) -> None:
        self.final = final
        self.spool = spool
        own = (final, *((spool,) if spool else ()), *former)
        self.own: dict[str, ObjectStore] = {store.name: store for store in own}
        self._find_spool = find_spool
        self._spools: dict[str, ObjectReader] = {}

    @property
    def incoming(self) -> ObjectStore:
        """Where a new object is put before its instance is acknowledged."""
        return self.spool if self.spool is not None and self.spool.takes else self.final

    def find(self, name: str) -> ObjectReader | None:
        """The store of this name, or None when nobody here knows it."""
        if name in self.own:
            return self.own[name]
        node = node_of_spool(name)
        if node is None:
            return None
        if name not in self._spools:
            self._spools[name] = self._find_spool(node)
        return self._spools[name]

    def close(self) -> None:
        """Let other processes of this node empty the spool."""
        if self.spool is not None:
            self.spool.close()

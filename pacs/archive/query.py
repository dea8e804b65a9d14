"""The one way to ask: QIDO-RS, C-FIND, the worklist and whatever comes later end here."""

from __future__ import annotations

from collections.abc import Sequence

from pacs.audit import Action, Auditor
from pacs.dicom.matching import Query
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Change, Page, QueryIndex


class QueryEngine:
    """Answers from the index alone. Safe to call from several threads."""

    def __init__(self, *, index: QueryIndex, auditor: Auditor) -> None:
        self._index = index
        self._auditor = auditor

    def search(self, query: Query, scope: Scope) -> Page:
        """The matches the scope may see. Raises NotAllowed, IndexUnavailable."""
        scope.require(Right.FIND)
        page = self._index.search(query, scope)
        asked = sorted(criterion.attribute.keyword for criterion in query.criteria)
        # Which keys were asked, never their values: those name patients.
        self._auditor.touch(
            scope,
            Action.QUERY,
            "",
            details={"level": query.level.value, "keys": " ".join(asked)},
        )
        return page

    def changes(self, since: int, scope: Scope, *, limit: int = 100) -> Sequence[Change]:
        """What changed after the cursor, oldest first. Raises NotAllowed, IndexUnavailable."""
        scope.require(Right.FIND)
        return self._index.changes(since, limit=limit)

    def change_cursor(self, scope: Scope) -> int:
        """Where the change feed stands now. Raises NotAllowed, IndexUnavailable."""
        scope.require(Right.FIND)
        return self._index.change_cursor()

"""C-FIND at all levels of Patient Root, Study Root and Patient/Study Only. PS3.4 C.4.1."""

from __future__ import annotations

from collections.abc import Iterator

from pacs.archive.metadata import Metadata
from pacs.archive.query import QueryEngine
from pacs.dicom.hierarchy import (
    UNIQUE_KEY,
    Attribute,
    Level,
    attribute_of_keyword,
    attribute_of_tag,
    levels_down_to,
)
from pacs.dicom.matching import Criterion, Order, Query, parse_criterion
from pacs.dicom.statuses import (
    CANCEL,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUCCESS,
    failure_of,
)
from pacs.errors import ArchiveError, QueryInvalid
from pacs.scp.exchange import Exchange
from pacs.scp.identifiers import (
    INSTANCE_AVAILABILITY,
    QUERY_RETRIEVE_LEVEL,
    RETRIEVE_AE_TITLE,
    Field,
    Identifier,
    Key,
    check_keys_above,
    read_identifier,
    write_identifier,
)
from pacs.scp.presentation_contexts import QUERY_MODELS, QueryModel, Service
from pacs.scp.stored_keys import Answers, NotMatching, StoredKeys
from pacs.storage.interfaces import Match

_ANSWERED_BY_US = frozenset({RETRIEVE_AE_TITLE, INSTANCE_AVAILABILITY})


class FindService:
    """Answers queries, a page of the index at a time."""

    def __init__(
        self, query: QueryEngine, metadata: Metadata, *, ae_title: str, page_size: int
    ) -> None:
        self._query = query
        self._metadata = metadata
        self._ae_title = ae_title
        self._page_size = page_size

    def __call__(self, exchange: Exchange) -> None:
        try:
            status = self._answer(exchange)
        except ArchiveError as error:
            exchange.respond(failure_of(error).find, comment=error.message)
            return
        exchange.respond(status)

    def _answer(self, exchange: Exchange) -> int:
        """Send the pending responses; the status of the final one."""
        model = QUERY_MODELS.get(exchange.context.abstract_syntax)
        if model is None or model.service is not Service.FIND:
            raise QueryInvalid("C-FIND is not asked on this context")
        identifier = _read(exchange, model)
        unindexed = _unindexed(identifier)
        stored = StoredKeys(self._metadata, identifier, unindexed)
        for match in self._matches(exchange, _criteria(identifier, fuzzy=exchange.is_fuzzy)):
            if exchange.is_cancelled:
                return CANCEL
            try:
                answers = stored.answers(match)
            except NotMatching:
                continue
            is_complete = not unindexed or answers is not None
            pending = PENDING if is_complete else PENDING_OPTIONAL_KEYS_UNSUPPORTED
            fields = self._fields(identifier, match, answers or {})
            written = write_identifier(fields, exchange.context.transfer_syntax_uid)
            exchange.respond(pending, identifier=written)
        return SUCCESS

    def _matches(
        self, exchange: Exchange, asked: tuple[Level, tuple[Criterion, ...]]
    ) -> Iterator[Match]:
        """All matches, each once, even when instances arrive between two pages."""
        level, criteria = asked
        unique = UNIQUE_KEY[level]
        order = (Order(_attribute(unique).column),)
        seen: set[object] = set()
        offset = 0
        while True:
            query = Query(
                level=level, criteria=criteria, order=order, limit=self._page_size, offset=offset
            )
            page = self._query.search(query, exchange.caller.scope)
            for match in page.matches:
                name = (match.values.get(unique), match.values.get("IssuerOfPatientID"))
                if name not in seen:
                    seen.add(name)
                    yield match
            offset += len(page.matches)
            if not page.more or not page.matches:
                return

    def _fields(self, identifier: Identifier, match: Match, answers: Answers) -> Iterator[Field]:
        yield Field(QUERY_RETRIEVE_LEVEL, "CS", identifier.level.value)
        yield Field(RETRIEVE_AE_TITLE, "AE", self._ae_title)
        yield Field(INSTANCE_AVAILABILITY, "CS", "ONLINE")
        asked = {key.tag for key in identifier.keys}
        unique = _attribute(UNIQUE_KEY[identifier.level])
        if unique.tag not in asked:
            yield Field(unique.tag, unique.vr, match.values.get(unique.keyword))
        for key in identifier.keys:
            if key.tag in _ANSWERED_BY_US:
                continue
            attribute = attribute_of_tag(key.tag)
            if attribute is None:
                yield Field(key.tag, key.vr, element=answers.get(key.tag))
            else:
                yield Field(key.tag, attribute.vr, match.values.get(attribute.keyword))


def _read(exchange: Exchange, model: QueryModel) -> Identifier:
    if exchange.message.failure is not None:
        raise exchange.message.failure
    identifier = read_identifier(
        exchange.message.data_set(),
        exchange.context.transfer_syntax_uid,
        model,
        assumed_character_set=exchange.caller.assumed_character_set,
    )
    if not exchange.is_relational:
        check_keys_above(identifier, model)
    return identifier


def _criteria(identifier: Identifier, *, fuzzy: bool) -> tuple[Level, tuple[Criterion, ...]]:
    supported = levels_down_to(identifier.level)
    criteria = []
    for key in identifier.keys:
        attribute = attribute_of_tag(key.tag)
        if attribute is None or attribute.level not in supported:
            continue
        criterion = parse_criterion(attribute, key.values, fuzzy=fuzzy)
        if criterion is not None:
            criteria.append(criterion)
    return identifier.level, tuple(criteria)


def _unindexed(identifier: Identifier) -> tuple[Key, ...]:
    """Keys that no column answers: FF01 tells the asker, unless an instance is looked at."""
    supported = levels_down_to(identifier.level)
    found = []
    for key in identifier.keys:
        attribute = attribute_of_tag(key.tag)
        known = attribute is not None and attribute.level in supported
        if not known and key.tag not in _ANSWERED_BY_US:
            found.append(key)
    return tuple(found)


def _attribute(keyword: str) -> Attribute:
    attribute = attribute_of_keyword(keyword)
    if attribute is None:
        raise KeyError(keyword)
    return attribute

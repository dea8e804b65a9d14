"""What C-MOVE and C-GET share: which instances are meant, and how the sub-operations went.

PS3.4 C.4.2 and C.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from pacs.archive.retrieve import Retrieval
from pacs.destinations import Delivered, Delivery, Outgoing
from pacs.dicom.hierarchy import LEVELS, UNIQUE_KEY, Level
from pacs.dicom.messages import Element
from pacs.dicom.statuses import (
    CANCEL,
    OUT_OF_RESOURCES_SUB_OPERATIONS,
    PENDING,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
)
from pacs.errors import QueryInvalid
from pacs.scope import Right, Scope
from pacs.scp.exchange import Exchange
from pacs.scp.identifiers import (
    FAILED_SOP_INSTANCE_UID_LIST,
    Field,
    Identifier,
    check_keys_above,
    read_identifier,
    uids_that_fit,
    write_identifier,
)
from pacs.scp.presentation_contexts import QUERY_MODELS, Service
from pacs.storage.interfaces import Selection, StoredInstance


def read_selection(exchange: Exchange, service: Service) -> Selection:
    """Which instances a C-MOVE or C-GET request means. Raises QueryInvalid."""
    model = QUERY_MODELS.get(exchange.context.abstract_syntax)
    if model is None or model.service is not service:
        raise QueryInvalid(f"C-{service.value.upper()} is not asked on this context")
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
    return _selection(identifier)


def _selection(identifier: Identifier) -> Selection:
    asked = identifier.values(identifier.level)
    if not asked or any(set(value) & set("*?") for value in asked):
        keyword = UNIQUE_KEY[identifier.level]
        raise QueryInvalid(f"{keyword} must name what is to be retrieved")
    return Selection(
        patient_ids=identifier.values(Level.PATIENT),
        study_instance_uids=identifier.values(Level.STUDY),
        series_instance_uids=_down_to(identifier, Level.SERIES),
        sop_instance_uids=_down_to(identifier, Level.IMAGE),
    )


def _down_to(identifier: Identifier, level: Level) -> tuple[str, ...]:
    """Keys below the asked level say nothing: some clients send all of them, filled or not."""
    if LEVELS.index(level) > LEVELS.index(identifier.level):
        return ()
    return identifier.values(level)


def outgoing(retrieval: Retrieval, instance: StoredInstance) -> Outgoing:
    """An instance as sending wants it; nothing is read yet."""
    return Outgoing(
        sop_class_uid=instance.identity.sop_class_uid,
        sop_instance_uid=instance.identity.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        data_set=partial(retrieval.data_set_chunks_as, instance),
    )


def with_right_to_read(scope: Scope, right: Right) -> Scope:
    """The scope of a request that reads instances under another right than RETRIEVE."""
    scope.require(right)
    return replace(scope, rights=scope.rights | {Right.RETRIEVE})


@dataclass
class Tally:
    """Counts sub-operations and tells them in responses."""

    exchange: Exchange
    remaining: int
    completed: int = 0
    warnings: int = 0
    failed: list[str] = field(default_factory=list)
    trouble: str = ""

    def count(self, delivered: Delivered) -> None:
        """Note one more sub-operation and send a pending response."""
        self.note(delivered)
        self.exchange.respond(PENDING, counts=self._counts(with_remaining=True))

    def note(self, delivered: Delivered) -> None:
        self.remaining -= 1
        if delivered.delivery is Delivery.COMPLETED:
            self.completed += 1
        elif delivered.delivery is Delivery.WARNING:
            self.warnings += 1
        else:
            self.failed.append(delivered.sop_instance_uid)
            self.trouble = self.trouble or delivered.message

    def finish(self) -> None:
        """Send the final response."""
        if self.failed or self.warnings:
            none_arrived = not (self.completed or self.warnings)
            status = OUT_OF_RESOURCES_SUB_OPERATIONS if none_arrived else SUB_OPERATIONS_WARNING
        else:
            status = SUCCESS
        self._end(status, self._counts(with_remaining=False))

    def cancel(self) -> None:
        """Send the final response to a request that was cancelled."""
        self._end(CANCEL, self._counts(with_remaining=True))

    def _end(self, status: int, counts: dict[Element, int]) -> None:
        self.exchange.respond(
            status,
            comment=self.trouble or None,
            counts=counts,
            identifier=self._failed_list() if self.failed else None,
        )

    def _failed_list(self) -> bytes:
        uids = uids_that_fit(self.failed)
        listed = Field(FAILED_SOP_INSTANCE_UID_LIST, "UI", uids)
        return write_identifier([listed], self.exchange.context.transfer_syntax_uid)

    def _counts(self, *, with_remaining: bool) -> dict[Element, int]:
        counts = dict(self._each(with_remaining=with_remaining))
        # The elements are US; a study of more than 65,535 instances says at least so many.
        return {element: min(count, 0xFFFF) for element, count in counts.items()}

    def _each(self, *, with_remaining: bool) -> Iterator[tuple[Element, int]]:
        if with_remaining:
            yield Element.NUMBER_OF_REMAINING_SUB_OPERATIONS, self.remaining
        yield Element.NUMBER_OF_COMPLETED_SUB_OPERATIONS, self.completed
        yield Element.NUMBER_OF_FAILED_SUB_OPERATIONS, len(self.failed)
        yield Element.NUMBER_OF_WARNING_SUB_OPERATIONS, self.warnings

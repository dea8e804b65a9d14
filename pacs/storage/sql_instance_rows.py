"""How one instance is read from the tables and how its columns are filled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from pacs.dicom.hierarchy import Level
from pacs.dicom.identity import InstanceIdentity
from pacs.storage.interfaces import (
    InstanceRecord,
    PixelLocation,
    Selection,
    Sender,
    StoredBytes,
    StoredInstance,
)
from pacs.storage.sql_overlays import read_overlay
from pacs.storage.sql_patterns import one_of
from pacs.storage.sql_schema import instances, objects, series, studies
from pacs.storage.sql_values import clean_text, level_row

_COLUMNS = (
    instances.c.id,
    instances.c.series_row,
    studies.c.study_instance_uid,
    series.c.series_instance_uid,
    instances.c.sop_instance_uid,
    instances.c.sop_class_uid,
    instances.c.transfer_syntax_uid,
    objects.c.store,
    objects.c.key,
    instances.c.offset,
    instances.c.head_size,
    instances.c.data_set_size,
    instances.c.head_sha256,
    instances.c.data_set_sha256,
    instances.c.pixel_tag,
    instances.c.pixel_offset,
    instances.c.pixel_length,
    instances.c.pixel_header_length,
    instances.c.frame_count,
    instances.c.received_at,
    instances.c.sender_how,
    instances.c.sender_actor,
    instances.c.sender_address,
    instances.c.in_trash,
    studies.c.overlay,
)


def select_instances() -> Select[Any]:
    """All that makes a StoredInstance, for `stored_instance`."""
    return (
        select(*_COLUMNS)
        .select_from(instances)
        .join(objects, objects.c.id == instances.c.object_row)
        .join(series, series.c.id == instances.c.series_row)
        .join(studies, studies.c.id == series.c.study_row)
    )


# Made once: making a statement costs more than running it.
_FIND_INSTANCES = select_instances().where(
    instances.c.sop_instance_uid.in_(bindparam("sop_instance_uids", expanding=True))
)


def stored_instance(row: Row[Any]) -> StoredInstance:
    pixels = None
    if row.pixel_tag is not None:
        pixels = PixelLocation(
            row.pixel_tag, row.pixel_offset, row.pixel_length, row.pixel_header_length
        )
    return StoredInstance(
        instance_id=row.id,
        series_id=row.series_row,
        identity=InstanceIdentity(
            row.study_instance_uid, row.series_instance_uid, row.sop_instance_uid, row.sop_class_uid
        ),
        transfer_syntax_uid=row.transfer_syntax_uid,
        stored=stored_bytes(row),
        pixels=pixels,
        number_of_frames=row.frame_count,
        received=row.received_at,
        sender=Sender(row.sender_how, row.sender_actor, row.sender_address),
        in_trash=row.in_trash,
        overlay=read_overlay(row.overlay),
    )


def stored_bytes(row: Row[Any]) -> StoredBytes:
    return StoredBytes(
        store=row.store,
        key=row.key,
        offset=row.offset,
        head_size=row.head_size,
        data_set_size=row.data_set_size,
        head_sha256=row.head_sha256,
        data_set_sha256=row.data_set_sha256,
    )


def find_instances(
    connection: Connection, sop_instance_uids: Iterable[str]
) -> Iterator[StoredInstance]:
    """Those of the named instances that are there, also those in the trash."""
    named = {"sop_instance_uids": list(sop_instance_uids)}
    return map(stored_instance, connection.execute(_FIND_INSTANCES, named))


def object_values(record: InstanceRecord) -> dict[str, object]:
    return {
        "store": record.stored.store,
        "key": record.stored.key,
        "size_bytes": record.stored.size_bytes,
        "state": "stored",
    }


def bytes_values(record: InstanceRecord) -> dict[str, object]:
    """The columns that instances and conflicts share."""
    return {
        "sop_instance_uid": record.identity.sop_instance_uid,
        "sop_class_uid": record.identity.sop_class_uid,
        "transfer_syntax_uid": record.transfer_syntax_uid,
        "offset": record.stored.offset,
        "head_size": record.stored.head_size,
        "data_set_size": record.stored.data_set_size,
        "head_sha256": record.stored.head_sha256,
        "data_set_sha256": record.stored.data_set_sha256,
        "received_at": record.received,
        "sender_how": record.sender.how,
        "sender_actor": clean_text(record.sender.actor) or "",
        "sender_address": record.sender.address,
    }


def instance_values(record: InstanceRecord, *, series_row: int, object_row: int) -> dict[str, Any]:
    pixels = record.pixels
    return {
        **level_row(Level.IMAGE, record.values),
        **bytes_values(record),
        "series_row": series_row,
        "object_row": object_row,
        "pixel_tag": pixels.tag if pixels else None,
        "pixel_offset": pixels.offset if pixels else None,
        "pixel_length": pixels.length if pixels else None,
        "pixel_header_length": pixels.header_length if pixels else None,
        "frame_count": record.number_of_frames,
        "text_guessed": record.text_guessed,
        "in_trash": False,
        "times_restored": 0,
    }


def selected(statement: Select[Any], selection: Selection) -> Select[Any]:
    """Narrow a statement over studies, series and instances to a selection."""
    statement = _selected(statement, selection)
    if selection.sop_instance_uids:
        named = one_of(instances.c.sop_instance_uid, selection.sop_instance_uids)
        statement = statement.where(named)
    return statement


def selected_series(statement: Select[Any], selection: Selection) -> Select[Any]:
    """Narrow a statement over studies and series to those that hold something of a selection."""
    statement = _selected(statement, selection)
    if selection.sop_instance_uids:
        named = one_of(instances.c.sop_instance_uid, selection.sop_instance_uids)
        statement = statement.where(series.c.id.in_(select(instances.c.series_row).where(named)))
    return statement


def _selected(statement: Select[Any], selection: Selection) -> Select[Any]:
    if selection == Selection():
        raise ValueError("a selection names at least one patient, study, series or instance")
    narrowed = (
        (studies.c.study_instance_uid, selection.study_instance_uids),
        (series.c.series_instance_uid, selection.series_instance_uids),
        (studies.c.patient_id, selection.patient_ids),
    )
    for column, texts in narrowed:
        if texts:
            statement = statement.where(one_of(column, texts))
    return statement

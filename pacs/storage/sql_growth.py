"""Counts and lists of series and studies, kept by adding what a batch of instances brings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, update

from pacs.dicom.person_names import fold_person_name
from pacs.storage.interfaces import InstanceRecord
from pacs.storage.sql_changes import STUDY_ADDED, STUDY_CHANGED, write_changes
from pacs.storage.sql_schema import series, studies
from pacs.storage.sql_values import clean_text, joined_list, split_list

# Statements are made once: making one costs more than running it.
_GROW_SERIES = (
    update(series)
    .where(series.c.id == bindparam("row_id"))
    .values(
        number_of_series_related_instances=series.c.number_of_series_related_instances
        + bindparam("more_instances"),
        frame_count=series.c.frame_count + bindparam("more_frames"),
        size_bytes=series.c.size_bytes + bindparam("more_bytes"),
        revision=series.c.revision + 1,
        sop_class_uids=bindparam("new_sop_class_uids"),
        transfer_syntax_uids=bindparam("new_transfer_syntax_uids"),
        cover_sop_instance_uid=bindparam("new_cover_sop_instance_uid"),
        cover_sop_class_uid=bindparam("new_cover_sop_class_uid"),
        changed_at=bindparam("now"),
    )
)

_GROW_STUDIES = (
    update(studies)
    .where(studies.c.id == bindparam("row_id"))
    .values(
        number_of_study_related_series=studies.c.number_of_study_related_series
        + bindparam("more_series"),
        number_of_study_related_instances=studies.c.number_of_study_related_instances
        + bindparam("more_instances"),
        size_bytes=studies.c.size_bytes + bindparam("more_bytes"),
        modalities_in_study=bindparam("new_modalities_in_study"),
        sop_classes_in_study=bindparam("new_sop_classes_in_study"),
        body_parts=bindparam("new_body_parts"),
        demographics_conflict=bindparam("new_demographics_conflict"),
        changed_at=bindparam("now"),
    )
)


@dataclass
class SeriesGrowth:
    """What the batch adds to one series."""

    row: Row[Any]
    study: StudyGrowth
    records: list[InstanceRecord] = field(default_factory=list)


@dataclass
class StudyGrowth:
    """What the batch adds to one study."""

    row: Row[Any]
    series: list[SeriesGrowth] = field(default_factory=list)


def grow_series(connection: Connection, growths: Sequence[SeriesGrowth], now: datetime) -> None:
    if not growths:
        return
    connection.execute(_GROW_SERIES, [_series_growth_values(growth, now) for growth in growths])


def _series_growth_values(growth: SeriesGrowth, now: datetime) -> dict[str, Any]:
    row, records = growth.row, growth.records
    cover = (row.cover_sop_instance_uid, row.cover_sop_class_uid)
    if cover[0] is None:
        with_pixels = (one.identity for one in records if one.pixels)
        identity = next(with_pixels, None)
        cover = (identity.sop_instance_uid, identity.sop_class_uid) if identity else (None, None)
    classes = {one.identity.sop_class_uid for one in records}
    syntaxes = {one.transfer_syntax_uid for one in records}
    return {
        "row_id": row.id,
        "more_instances": len(records),
        "more_frames": sum(one.number_of_frames for one in records),
        "more_bytes": sum(one.stored.size_bytes for one in records),
        "new_sop_class_uids": joined_list({*split_list(row.sop_class_uids), *classes}),
        "new_transfer_syntax_uids": joined_list({*split_list(row.transfer_syntax_uids), *syntaxes}),
        "new_cover_sop_instance_uid": cover[0],
        "new_cover_sop_class_uid": cover[1],
        "now": now,
    }


def grow_studies(connection: Connection, growths: Sequence[SeriesGrowth], now: datetime) -> None:
    grown: dict[int, StudyGrowth] = {}
    for growth in growths:
        growth.study.series.append(growth)
        grown[growth.study.row.id] = growth.study
    if not grown:
        return
    connection.execute(_GROW_STUDIES, [_study_growth_values(one, now) for one in grown.values()])
    write_changes(
        connection,
        [
            (
                STUDY_CHANGED if one.row.number_of_study_related_instances else STUDY_ADDED,
                one.row.study_instance_uid,
            )
            for one in grown.values()
        ],
        now,
    )


def _study_growth_values(growth: StudyGrowth, now: datetime) -> dict[str, Any]:
    row = growth.row
    records = [record for one in growth.series for record in one.records]
    classes = {one.identity.sop_class_uid for one in records}
    modalities = {one.row.modality or "" for one in growth.series}
    body_parts = {one.row.body_part_examined or "" for one in growth.series}
    new_series = [one for one in growth.series if not one.row.number_of_series_related_instances]
    return {
        "row_id": row.id,
        "more_series": len(new_series),
        "more_instances": len(records),
        "more_bytes": sum(one.stored.size_bytes for one in records),
        "new_modalities_in_study": joined_list({*split_list(row.modalities_in_study), *modalities}),
        "new_sop_classes_in_study": joined_list({*split_list(row.sop_classes_in_study), *classes}),
        "new_body_parts": joined_list({*split_list(row.body_parts), *body_parts}),
        "new_demographics_conflict": row.demographics_conflict
        or any(_demographics_disagree(row, record) for record in records),
        "now": now,
    }


_DEMOGRAPHICS = (
    ("PatientID", "patient_id"),
    ("PatientName", "patient_name"),
    ("PatientBirthDate", "patient_birth_date"),
    ("PatientSex", "patient_sex"),
)


def _demographics_disagree(row: Row[Any], record: InstanceRecord) -> bool:
    """Whether the instance names another patient than its study.

    Nothing said is no disagreement. Many machines cannot write Vietnamese marks: a name without
    them is the same name.
    """
    # What people corrected is no disagreement of the machines.
    received = json.loads(row.as_received) if row.as_received else {}
    for keyword, column in _DEMOGRAPHICS:
        ours = received.get(keyword) if received else getattr(row, column)
        theirs = clean_text(record.values.get(keyword))
        if ours is None or theirs is None or ours.strip() == theirs.strip():
            continue
        if keyword != "PatientName" or fold_person_name(ours) != fold_person_name(theirs):
            return True
    return False

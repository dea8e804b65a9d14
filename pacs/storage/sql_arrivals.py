"""How a batch of newly received instances becomes rows, within one transaction.

Rows are locked patient, then study, then series, then instance, each sorted by name, so that two
nodes that write at once cannot wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from pacs.dicom.hierarchy import Level
from pacs.dicom.person_names import fold_person_name
from pacs.storage.interfaces import Added, AddResult, InstanceRecord
from pacs.storage.sql_changes import STUDY_ADDED, STUDY_CHANGED, write_changes
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_instance_rows import find_instances, instance_values, object_values
from pacs.storage.sql_schema import instances, name_words, objects, patients, series, studies
from pacs.storage.sql_values import (
    clean_text,
    joined_list,
    level_row,
    searchable_words,
    split_list,
)


@dataclass
class _SeriesGrowth:
    """What the batch adds to one series."""

    row: Row[Any]
    study: _StudyGrowth
    records: list[InstanceRecord] = field(default_factory=list)


@dataclass
class _StudyGrowth:
    """What the batch adds to one study."""

    row: Row[Any]
    series: list[_SeriesGrowth] = field(default_factory=list)


def write_arrivals(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> list[Added]:
    """Write all records that are new; tells for each whether it was."""
    first: dict[str, InstanceRecord] = {}
    for record in records:
        first.setdefault(record.identity.sop_instance_uid, record)
    known = _known(connection, first)
    new = [first[uid] for uid in sorted(first) if uid not in known]
    written = _write_new(connection, new, now) if new else set()
    late = [
        record.identity.sop_instance_uid
        for record in records
        if record is not first[record.identity.sop_instance_uid]
        or record.identity.sop_instance_uid not in written
    ]
    existing = known | _known(connection, [uid for uid in late if uid not in known])
    results = []
    for record in records:
        uid = record.identity.sop_instance_uid
        if uid in written and record is first[uid]:
            results.append(Added(AddResult.ADDED))
        else:
            results.append(Added(AddResult.EXISTS, existing[uid]))
    return results


def _known(connection: Connection, uids: Iterable[str]) -> dict[str, Any]:
    wanted = list(uids)
    if not wanted:
        return {}
    return {one.identity.sop_instance_uid: one for one in find_instances(connection, wanted)}


def _write_new(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> set[str]:
    """The SOP Instance UIDs that were written; another node may have been faster with some."""
    study_rows = _ensure_studies(connection, records, now)
    growths = _ensure_series(connection, records, study_rows, now)
    written = _insert_instances(connection, records, growths)
    for growth in growths.values():
        growth.records = [one for one in growth.records if one.identity.sop_instance_uid in written]
    grown = [growth for growth in growths.values() if growth.records]
    _grow_series(connection, grown, now)
    _grow_studies(connection, grown, now)
    return written


# --- patients and studies ----------------------------------------------------------------------


def _ensure_studies(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> dict[str, Row[Any]]:
    """The row of each study by its UID, made where missing, locked until the transaction ends."""
    founders: dict[str, InstanceRecord] = {}
    for record in records:
        founders.setdefault(record.identity.study_instance_uid, record)
    rows = _lock_studies(connection, founders)
    missing = sorted(uid for uid in founders if uid not in rows)
    if missing:
        _insert_studies(connection, [founders[uid] for uid in missing], now)
        rows |= _lock_studies(connection, missing)
    return rows


def _lock_studies(connection: Connection, uids: Iterable[str]) -> dict[str, Row[Any]]:
    statement = (
        select(studies)
        .where(studies.c.study_instance_uid.in_(list(uids)))
        .order_by(studies.c.study_instance_uid)
        .with_for_update()
    )
    return {row.study_instance_uid: row for row in connection.execute(statement)}


def _insert_studies(
    connection: Connection, founders: Sequence[InstanceRecord], now: datetime
) -> None:
    patient_rows = _ensure_patients(connection, founders)
    values = [
        {
            **level_row(Level.PATIENT, record.values),
            **level_row(Level.STUDY, record.values),
            "study_instance_uid": record.identity.study_instance_uid,
            "patient_row": patient_rows[_patient_identity(record)],
            "modalities_in_study": "",
            "sop_classes_in_study": "",
            "body_parts": "",
            "institution_name": clean_text(record.values.get("InstitutionName")),
            "department": clean_text(record.values.get("InstitutionalDepartmentName")),
            "station_name": clean_text(record.values.get("StationName")),
            "demographics_conflict": False,
            "received_at": record.received,
            "changed_at": now,
        }
        for record in founders
    ]
    made = insert_missing(
        connection,
        studies,
        values,
        unique=("study_instance_uid",),
        returned=("study_instance_uid", "id"),
    )
    study_rows = {row.study_instance_uid: row.id for row in made}
    words = [
        {"word": word, "study_row": study_rows[record.identity.study_instance_uid]}
        for record in founders
        if record.identity.study_instance_uid in study_rows
        for word in searchable_words(clean_text(record.values.get("PatientName")))
    ]
    if words:
        connection.execute(name_words.insert(), words)


def _ensure_patients(connection: Connection, founders: Sequence[InstanceRecord]) -> dict[str, int]:
    """The row of each patient by identity. The newest study says what the patient is called now."""
    values = {
        _patient_identity(record): {
            **level_row(Level.PATIENT, record.values),
            "identity_sha256": _patient_identity(record),
        }
        for record in founders
    }
    in_order = [values[identity] for identity in sorted(values)]
    made = insert_missing(
        connection,
        patients,
        in_order,
        unique=("identity_sha256",),
        returned=("identity_sha256", "id"),
    )
    rows = {row.identity_sha256: row.id for row in made}
    others = [one for one in in_order if one["identity_sha256"] not in rows]
    for one in others:
        named = update(patients).where(patients.c.identity_sha256 == one["identity_sha256"])
        renewed = named.values({name: value for name, value in one.items() if value is not None})
        row = connection.execute(renewed.returning(patients.c.id)).one()
        rows[one["identity_sha256"]] = row.id
    return rows


def _patient_identity(record: InstanceRecord) -> str:
    """A patient is (issuer, ID); an empty ID never joins two studies."""
    patient_id = (clean_text(record.values.get("PatientID")) or "").strip()
    issuer = (clean_text(record.values.get("IssuerOfPatientID")) or "").strip()
    if not patient_id:
        return _sha256("study", record.identity.study_instance_uid)
    return _sha256("patient", issuer, patient_id)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


# --- series ------------------------------------------------------------------------------------


def _ensure_series(
    connection: Connection,
    records: Sequence[InstanceRecord],
    study_rows: dict[str, Row[Any]],
    now: datetime,
) -> dict[tuple[int, str], _SeriesGrowth]:
    """The series of the records, made where missing. Nobody else adds: the studies are locked."""
    by_series: dict[tuple[int, str], list[InstanceRecord]] = {}
    for record in records:
        study_row = study_rows[record.identity.study_instance_uid].id
        by_series.setdefault((study_row, record.identity.series_instance_uid), []).append(record)
    rows = _find_series(connection, by_series)
    missing = [key for key in by_series if key not in rows]
    if missing:
        values = [_series_values(key[0], by_series[key][0], now) for key in missing]
        connection.execute(series.insert(), values)
        rows |= _find_series(connection, missing)
    growths = {row.id: _StudyGrowth(row) for row in study_rows.values()}
    return {
        key: _SeriesGrowth(rows[key], growths[key[0]], found) for key, found in by_series.items()
    }


def _find_series(
    connection: Connection, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], Row[Any]]:
    wanted = set(keys)
    statement = select(series).where(
        series.c.study_row.in_(sorted({study_row for study_row, _ in wanted})),
        series.c.series_instance_uid.in_(sorted({uid for _, uid in wanted})),
    )
    rows = {(row.study_row, row.series_instance_uid): row for row in connection.execute(statement)}
    return {key: row for key, row in rows.items() if key in wanted}


def _series_values(study_row: int, record: InstanceRecord, now: datetime) -> dict[str, Any]:
    return {
        **level_row(Level.SERIES, record.values),
        "series_instance_uid": record.identity.series_instance_uid,
        "study_row": study_row,
        "sop_class_uids": "",
        "transfer_syntax_uids": "",
        "changed_at": now,
    }


def _grow_series(connection: Connection, growths: Sequence[_SeriesGrowth], now: datetime) -> None:
    if not growths:
        return
    statement = (
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
    connection.execute(statement, [_series_growth_values(growth, now) for growth in growths])


def _series_growth_values(growth: _SeriesGrowth, now: datetime) -> dict[str, Any]:
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


def _grow_studies(connection: Connection, growths: Sequence[_SeriesGrowth], now: datetime) -> None:
    grown: dict[int, _StudyGrowth] = {}
    for growth in growths:
        growth.study.series.append(growth)
        grown[growth.study.row.id] = growth.study
    if not grown:
        return
    statement = (
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
    connection.execute(statement, [_study_growth_values(one, now) for one in grown.values()])
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


def _study_growth_values(growth: _StudyGrowth, now: datetime) -> dict[str, Any]:
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
    for keyword, column in _DEMOGRAPHICS:
        ours, theirs = getattr(row, column), clean_text(record.values.get(keyword))
        if ours is None or theirs is None or ours.strip() == theirs.strip():
            continue
        if keyword != "PatientName" or fold_person_name(ours) != fold_person_name(theirs):
            return True
    return False


# --- instances ---------------------------------------------------------------------------------


def _insert_instances(
    connection: Connection,
    records: Sequence[InstanceRecord],
    growths: dict[tuple[int, str], _SeriesGrowth],
) -> set[str]:
    inserted = connection.execute(
        objects.insert().returning(objects.c.id, objects.c.key),
        [object_values(record) for record in records],
    )
    object_rows = {row.key: row.id for row in inserted}
    series_rows = {
        record.identity.sop_instance_uid: growth.row.id
        for growth in growths.values()
        for record in growth.records
    }
    values = [
        instance_values(
            record,
            series_row=series_rows[record.identity.sop_instance_uid],
            object_row=object_rows[record.stored.key],
        )
        for record in records
    ]
    made = insert_missing(
        connection, instances, values, unique=("sop_instance_uid",), returned=("sop_instance_uid",)
    )
    written = {row.sop_instance_uid for row in made}
    if len(written) < len(records):
        late = [
            object_rows[record.stored.key]
            for record in records
            if record.identity.sop_instance_uid not in written
        ]
        connection.execute(delete(objects).where(objects.c.id.in_(late)))
    return written

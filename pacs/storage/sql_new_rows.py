"""How patients, studies and series come to be: when the first instance of each arrives.

Rows are made and locked patient, then study, then series, each sorted by name, so that two nodes
that write at once cannot wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, select, update

from pacs.dicom.hierarchy import Level
from pacs.storage.interfaces import InstanceRecord, Value
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_schema import name_words, patients, series, studies
from pacs.storage.sql_values import clean_text, level_row, searchable_words

SeriesKey = tuple[int, str]
"""A series by the row of its study and its UID: machines have used one UID in two studies."""

# What must be known of a study or series to add to it.
_STUDY_COLUMNS: tuple[ColumnElement[Any], ...] = (
    studies.c.id,
    studies.c.study_instance_uid,
    studies.c.patient_id,
    studies.c.patient_name,
    studies.c.patient_birth_date,
    studies.c.patient_sex,
    studies.c.modalities_in_study,
    studies.c.sop_classes_in_study,
    studies.c.body_parts,
    studies.c.number_of_study_related_instances,
    studies.c.demographics_conflict,
    studies.c.as_received,
)
_SERIES_COLUMNS: tuple[ColumnElement[Any], ...] = (
    series.c.id,
    series.c.study_row,
    series.c.series_instance_uid,
    series.c.modality,
    series.c.body_part_examined,
    series.c.number_of_series_related_instances,
    series.c.sop_class_uids,
    series.c.transfer_syntax_uids,
    series.c.cover_sop_instance_uid,
    series.c.cover_sop_class_uid,
)


# Statements are made once: making one costs more than running it.
_LOCK_STUDIES = (
    select(*_STUDY_COLUMNS)
    .where(studies.c.study_instance_uid.in_(bindparam("study_instance_uids", expanding=True)))
    .order_by(studies.c.study_instance_uid)
    .with_for_update()
)
_KNOWN_STUDIES = select(studies.c.study_instance_uid).where(
    studies.c.study_instance_uid.in_(bindparam("study_instance_uids", expanding=True))
)
_FIND_SERIES = select(*_SERIES_COLUMNS).where(
    series.c.study_row.in_(bindparam("study_rows", expanding=True)),
    series.c.series_instance_uid.in_(bindparam("series_instance_uids", expanding=True)),
)
_INSERT_SERIES = series.insert()


def ensure_studies(
    connection: Connection, records: Sequence[InstanceRecord], now: datetime
) -> dict[str, Row[Any]]:
    """The row of each study by its UID, made where missing, locked until the transaction ends."""
    founders: dict[str, InstanceRecord] = {}
    for record in records:
        founders.setdefault(record.identity.study_instance_uid, record)
    named = {"study_instance_uids": list(founders)}
    rows: dict[str, Row[Any]] = {}
    # A study can vanish between the look and the lock, when its trash is emptied: look again.
    while len(rows) < len(founders):
        known = set(connection.execute(_KNOWN_STUDIES, named).scalars())
        missing = sorted(uid for uid in founders if uid not in known)
        if missing:
            _insert_studies(connection, [founders[uid] for uid in missing], now)
        rows = {row.study_instance_uid: row for row in connection.execute(_LOCK_STUDIES, named)}
    return rows


def _insert_studies(
    connection: Connection, founders: Sequence[InstanceRecord], now: datetime
) -> None:
    patient_rows = ensure_patients(
        connection, {record.identity.study_instance_uid: record.values for record in founders}
    )
    values = [
        {
            **level_row(Level.PATIENT, record.values),
            **level_row(Level.STUDY, record.values),
            "study_instance_uid": record.identity.study_instance_uid,
            "patient_row": patient_rows[record.identity.study_instance_uid],
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


def ensure_patients(
    connection: Connection, of_study: Mapping[str, Mapping[str, Value]]
) -> dict[str, int]:
    """The row of the patient of each study (by UID), by the values of its first instance.

    The newest study says what the patient is called now.
    """
    identities = {uid: patient_identity(values, uid) for uid, values in of_study.items()}
    values: dict[str, dict[str, Any]] = {}
    for uid, identity in identities.items():
        columns = {**level_row(Level.PATIENT, of_study[uid]), "identity_sha256": identity}
        said = {name: value for name, value in columns.items() if value is not None}
        values[identity] = {**values.get(identity, columns), **said}
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
    return {uid: rows[identity] for uid, identity in identities.items()}


def patient_identity(values: Mapping[str, Value], study_instance_uid: str) -> str:
    """A patient is (issuer, ID); an empty ID never joins two studies."""
    patient_id = (clean_text(values.get("PatientID")) or "").strip()
    issuer = (clean_text(values.get("IssuerOfPatientID")) or "").strip()
    if not patient_id:
        return _sha256("study", study_instance_uid)
    return _sha256("patient", issuer, patient_id)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def ensure_series(
    connection: Connection,
    by_series: Mapping[SeriesKey, Sequence[InstanceRecord]],
    now: datetime,
) -> dict[SeriesKey, Row[Any]]:
    """The series of the records, made where missing. Nobody else adds: the studies are locked."""
    rows = _find_series(connection, by_series)
    missing = [key for key in by_series if key not in rows]
    if missing:
        values = [_series_values(key[0], by_series[key][0], now) for key in missing]
        connection.execute(_INSERT_SERIES, values)
        rows |= _find_series(connection, missing)
    return rows


def _find_series(connection: Connection, keys: Iterable[SeriesKey]) -> dict[SeriesKey, Row[Any]]:
    wanted = set(keys)
    named = {
        "study_rows": sorted({study_row for study_row, _ in wanted}),
        "series_instance_uids": sorted({uid for _, uid in wanted}),
    }
    found = connection.execute(_FIND_SERIES, named)
    rows = {(row.study_row, row.series_instance_uid): row for row in found}
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

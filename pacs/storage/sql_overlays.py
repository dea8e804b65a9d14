"""How corrections and merges come to lie over the rows of studies and patients."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from pacs.corrections import CORRECTABLE, overlay_of
from pacs.dicom.hierarchy import Level
from pacs.dicom.overlay import Overlay
from pacs.ledger import Decision, decode_decision
from pacs.storage.sql_changes import STUDY_CHANGED, write_changes
from pacs.storage.sql_decision_tables import decisions
from pacs.storage.sql_new_rows import ensure_patients, patient_identity
from pacs.storage.sql_schema import companion_columns, name_words, patients, series, studies
from pacs.storage.sql_values import clean_text, level_row, searchable_words

_COLUMNS = frozenset(
    name
    for attribute in CORRECTABLE
    for name in (attribute.column, *(column for _, column in companion_columns(attribute)))
)
_OVERLAY_KINDS = ("correct", "merge")


def overlay_new_studies(connection: Connection, study_rows: Sequence[int], now: datetime) -> None:
    """Corrections reach late arrivals too: what was decided before a study came lies over it."""
    active = _active(connection)
    if active and study_rows:
        _overlay(connection, study_rows, active, now, tell=False)


def overlay_again(connection: Connection, study_rows: Iterable[int], now: datetime) -> None:
    """Make what lies over these studies anew from all decisions that stand."""
    rows = sorted(set(study_rows))
    if rows:
        _overlay(connection, rows, _active(connection), now, tell=True)


def corrected_studies(connection: Connection) -> list[int]:
    """The studies over which something lies."""
    found = select(studies.c.id).where(studies.c.overlay.is_not(None))
    return list(connection.execute(found).scalars())


def studies_of_patient(connection: Connection, patient_id: str, issuer: str) -> list[int]:
    """The studies that belong to this patient now, corrections considered."""
    identity = patient_identity({"PatientID": patient_id, "IssuerOfPatientID": issuer}, "")
    found = select(studies.c.id).join(patients, patients.c.id == studies.c.patient_row)
    return list(connection.execute(found.where(patients.c.identity_sha256 == identity)).scalars())


def as_received(row: Row[Any]) -> dict[str, str | None]:
    """The correctable values of a study as its first instance gave them."""
    if row.as_received is not None:
        kept: dict[str, str | None] = json.loads(row.as_received)
        return kept
    return {one.keyword: getattr(row, one.column) for one in CORRECTABLE}


@lru_cache(maxsize=4096)
def read_overlay(text: str | None) -> Overlay | None:
    """What a row says that lies over its study."""
    if text is None:
        return None
    read = json.loads(text)
    return Overlay(read["attributes"], datetime.fromisoformat(read["at"]))


def _active(connection: Connection) -> list[Decision]:
    statement = (
        select(decisions.c.written, decisions.c.decision_id)
        .where(decisions.c.kind.in_(_OVERLAY_KINDS), decisions.c.undone_by.is_(None))
        .order_by(decisions.c.at, decisions.c.decision_id)
    )
    rows = connection.execute(statement).all()
    return [decode_decision(row.written.encode(), row.decision_id) for row in rows]


def _overlay(
    connection: Connection,
    study_rows: Sequence[int],
    active: Sequence[Decision],
    now: datetime,
    *,
    tell: bool,
) -> None:
    statement = (
        select(studies)
        .where(studies.c.id.in_(study_rows))
        .order_by(studies.c.study_instance_uid)
        .with_for_update()
    )
    rows = connection.execute(statement).all()
    touched = [row for row in rows if _overlay_study(connection, row, active, now)]
    refresh_patients(connection, {row.patient_row for row in touched})
    if tell:
        raise_revisions(connection, [row.id for row in rows], now)
        write_changes(connection, [(STUDY_CHANGED, row.study_instance_uid) for row in rows], now)


def _overlay_study(
    connection: Connection, row: Row[Any], active: Sequence[Decision], now: datetime
) -> bool:
    """Whether the row was written: most studies have nothing over them."""
    received = as_received(row)
    overlay = overlay_of(row.study_instance_uid, received, active)
    if overlay is None and row.overlay is None:
        return False
    values = {**received, **(overlay.attributes if overlay else {})}
    patient_row = ensure_patients(connection, {row.study_instance_uid: values})
    connection.execute(
        update(studies)
        .where(studies.c.id == row.id)
        .values(
            **_columns(values),
            patient_row=patient_row[row.study_instance_uid],
            as_received=json.dumps(received, ensure_ascii=False) if overlay else None,
            overlay=_written(overlay),
            changed_at=now,
        )
    )
    write_name_words(connection, row.id, values.get("PatientName"))
    refresh_patients(connection, set(patient_row.values()))
    return True


def _columns(values: Mapping[str, str | None]) -> dict[str, Any]:
    row = {**level_row(Level.PATIENT, values), **level_row(Level.STUDY, values)}
    return {name: value for name, value in row.items() if name in _COLUMNS}


def _written(overlay: Overlay | None) -> str | None:
    if overlay is None:
        return None
    written = {"attributes": dict(overlay.attributes), "at": overlay.at.isoformat()}
    return json.dumps(written, ensure_ascii=False, sort_keys=True)


def write_name_words(connection: Connection, study_row: int, patient_name: str | None) -> None:
    connection.execute(delete(name_words).where(name_words.c.study_row == study_row))
    words = searchable_words(clean_text(patient_name))
    if words:
        connection.execute(
            name_words.insert(), [{"word": word, "study_row": study_row} for word in words]
        )


def refresh_patients(connection: Connection, patient_rows: Iterable[int]) -> None:
    """What a patient is called, by its studies: of each attribute the newest value."""
    for patient_row in sorted(set(patient_rows)):
        statement = (
            select(studies)
            .where(studies.c.patient_row == patient_row)
            .order_by(studies.c.received_at, studies.c.study_instance_uid)
        )
        rows = connection.execute(statement).all()
        names = level_row(Level.PATIENT, {})
        newest = {
            name: next((row._mapping[name] for row in reversed(rows) if row._mapping[name]), None)
            for name in names
        }
        if rows:
            connection.execute(
                update(patients).where(patients.c.id == patient_row).values(**newest)
            )


def refresh_patients_of(connection: Connection, study_instance_uids: Iterable[str]) -> None:
    """The patients of these studies."""
    found = select(studies.c.patient_row).where(
        studies.c.study_instance_uid.in_(list(study_instance_uids))
    )
    refresh_patients(connection, connection.execute(found).scalars())


def raise_revisions(connection: Connection, study_rows: Sequence[int], now: datetime) -> None:
    """What was prepared of these studies is stale now."""
    connection.execute(
        update(series)
        .where(series.c.study_row.in_(study_rows))
        .values(revision=series.c.revision + 1, changed_at=now)
    )

"""Studies and series as the viewer's list shows them, made from the matches of a query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pacs.storage.interfaces import Match

RECEIVING_FOR = timedelta(seconds=10)
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d*)?")


@dataclass(frozen=True)
class StudyRow:
    """One line of the worklist. Names as stored, dates ISO or null."""

    study_instance_uid: str
    patient_name: str | None
    patient_id: str | None
    patient_birth_date: str | None
    patient_sex: str | None
    patient_age: str | None
    accession_number: str | None
    study_date: str | None
    study_time: str | None
    study_description: str | None
    study_id: str | None
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    referring_physician_name: str | None
    institution_name: str | None
    department: str | None
    station_name: str | None
    series_count: int
    instance_count: int
    received_at: datetime | None
    changed_at: datetime | None
    receiving: bool
    size_bytes: int
    demographics_conflict: bool


@dataclass(frozen=True)
class Cover:
    """The picture that stands for a series."""

    sop_instance_uid: str
    sop_class_uid: str | None
    frame: int


@dataclass(frozen=True)
class SeriesRow:
    series_instance_uid: str
    modality: str | None
    series_number: int | None
    series_description: str | None
    body_part_examined: str | None
    laterality: str | None
    instance_count: int
    frame_count: int
    series_date: str | None
    series_time: str | None
    station_name: str | None
    protocol_name: str | None
    revision: int
    cover: Cover | None
    sop_class_uids: tuple[str, ...]
    transfer_syntax_uids: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class StudyDetails(StudyRow):
    series: tuple[SeriesRow, ...]
    priors: tuple[StudyRow, ...]


def study_row(match: Match, now: datetime) -> StudyRow:
    found = _Found(match)
    changed_at = found.instant("changed_at")
    return StudyRow(
        study_instance_uid=found.text("StudyInstanceUID") or "",
        patient_name=found.text("PatientName"),
        patient_id=found.text("PatientID"),
        patient_birth_date=found.date("PatientBirthDate"),
        patient_sex=found.text("PatientSex"),
        patient_age=found.text("PatientAge"),
        accession_number=found.text("AccessionNumber"),
        study_date=found.date("StudyDate"),
        study_time=found.time("StudyTime"),
        study_description=found.text("StudyDescription"),
        study_id=found.text("StudyID"),
        modalities=found.texts("ModalitiesInStudy"),
        body_parts=found.texts("body_parts"),
        referring_physician_name=found.text("ReferringPhysicianName"),
        institution_name=found.text("institution_name"),
        department=found.text("department"),
        station_name=found.text("station_name"),
        series_count=found.integer("NumberOfStudyRelatedSeries") or 0,
        instance_count=found.integer("NumberOfStudyRelatedInstances") or 0,
        received_at=found.instant("received_at"),
        changed_at=changed_at,
        receiving=changed_at is not None and now - changed_at < RECEIVING_FOR,
        size_bytes=found.integer("size_bytes") or 0,
        demographics_conflict=bool(match.facts.get("demographics_conflict")),
    )


def series_row(match: Match) -> SeriesRow:
    found = _Found(match)
    frame_count = found.integer("frame_count") or 0
    return SeriesRow(
        series_instance_uid=found.text("SeriesInstanceUID") or "",
        modality=found.text("Modality"),
        series_number=found.integer("SeriesNumber"),
        series_description=found.text("SeriesDescription"),
        body_part_examined=found.text("BodyPartExamined"),
        laterality=found.text("Laterality"),
        instance_count=found.integer("NumberOfSeriesRelatedInstances") or 0,
        frame_count=frame_count,
        series_date=found.date("SeriesDate"),
        series_time=found.time("SeriesTime"),
        station_name=found.text("StationName"),
        protocol_name=found.text("ProtocolName"),
        revision=found.integer("revision") or 0,
        cover=_cover(match.facts),
        sop_class_uids=found.texts("sop_class_uids"),
        transfer_syntax_uids=found.texts("transfer_syntax_uids"),
        size_bytes=found.integer("size_bytes") or 0,
    )


def _cover(facts: Mapping[str, object]) -> Cover | None:
    cover = facts.get("cover")
    if not isinstance(cover, tuple) or not cover:
        return None
    return Cover(str(cover[0]), str(cover[1]) if cover[1] else None, frame=1)


class _Found:
    """The values of a match by keyword and its facts by our own names, each as it should be."""

    def __init__(self, match: Match) -> None:
        self._match = match

    def _get(self, name: str) -> object:
        values: Mapping[str, object] = self._match.values
        return values[name] if name in values else self._match.facts.get(name)

    def text(self, name: str) -> str | None:
        value = self._get(name)
        return value if isinstance(value, str) and value else None

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._get(name)
        return tuple(map(str, value)) if isinstance(value, (tuple, list)) else ()

    def integer(self, name: str) -> int | None:
        """IS comes as it was sent, and not every machine sends a number."""
        value = self._get(name)
        if isinstance(value, int):
            return value
        try:
            return int(value) if isinstance(value, str) else None
        except ValueError:
            return None

    def instant(self, name: str) -> datetime | None:
        value = self._get(name)
        return value if isinstance(value, datetime) else None

    def date(self, name: str) -> str | None:
        found = _DATE.fullmatch((self.text(name) or "").strip())
        try:
            return date(*_integers(found)).isoformat() if found else None
        except ValueError:
            return None

    def time(self, name: str) -> str | None:
        found = _TIME.fullmatch((self.text(name) or "").strip())
        try:
            return time(*_integers(found)).isoformat() if found else None
        except ValueError:
            return None


def _integers(found: re.Match[str]) -> tuple[int, int, int]:
    first, second, third = (int(part or 0) for part in found.groups())
    return first, second, third

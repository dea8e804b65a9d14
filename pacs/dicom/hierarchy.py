"""The one attribute table: the levels of the information model and what is kept at each.

It drives the SQL columns, the C-FIND keys, the QIDO-RS fields and what is returned by default.
PS3.4 C.6.1.1 and C.6.2.1 (keys), PS3.18 10.6.1 (default attributes).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pydicom.datadict import tag_for_keyword


class Level(enum.StrEnum):
    """Query/Retrieve Level, by the words of (0008,0052)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


LEVELS: tuple[Level, ...] = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)

UNIQUE_KEY: dict[Level, str] = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


class Kind(enum.StrEnum):
    """Where the value of an attribute comes from."""

    STORED = "stored"
    """a column, filled from the data set"""
    COUNTED = "counted"
    """kept or derived by the archive"""


@dataclass(frozen=True)
class Attribute:
    """One attribute that can be matched and returned.

    column      its name in SQL and in our own values.
    web         returned by QIDO-RS without being asked for, at its own level.
    many        can hold several values.
    """

    keyword: str
    vr: str
    level: Level
    column: str
    kind: Kind = Kind.STORED
    web: bool = False
    many: bool = False

    @property
    def tag(self) -> int:
        tag = tag_for_keyword(self.keyword)
        if tag is None:
            raise KeyError(self.keyword)
        return int(tag)


def _stored(level: Level, keyword: str, vr: str, column: str, **more: bool) -> Attribute:
    return Attribute(keyword, vr, level, column, Kind.STORED, **more)


def _counted(level: Level, keyword: str, vr: str, column: str, **more: bool) -> Attribute:
    return Attribute(keyword, vr, level, column, Kind.COUNTED, **more)


_P, _S, _E, _I = LEVELS

ATTRIBUTES: tuple[Attribute, ...] = (
    _stored(_P, "PatientName", "PN", "patient_name", web=True),
    _stored(_P, "PatientID", "LO", "patient_id", web=True),
    _stored(_P, "IssuerOfPatientID", "LO", "issuer_of_patient_id"),
    _stored(_P, "PatientBirthDate", "DA", "patient_birth_date", web=True),
    _stored(_P, "PatientBirthTime", "TM", "patient_birth_time"),
    _stored(_P, "PatientSex", "CS", "patient_sex", web=True),
    _stored(_P, "OtherPatientIDs", "LO", "other_patient_ids", many=True),
    _stored(_P, "EthnicGroup", "SH", "ethnic_group"),
    _stored(_P, "PatientComments", "LT", "patient_comments"),
    _counted(_P, "NumberOfPatientRelatedStudies", "IS", "number_of_patient_related_studies"),
    _counted(_P, "NumberOfPatientRelatedSeries", "IS", "number_of_patient_related_series"),
    _counted(_P, "NumberOfPatientRelatedInstances", "IS", "number_of_patient_related_instances"),
    _stored(_S, "StudyInstanceUID", "UI", "study_instance_uid", web=True),
    _stored(_S, "StudyDate", "DA", "study_date", web=True),
    _stored(_S, "StudyTime", "TM", "study_time", web=True),
    _stored(_S, "AccessionNumber", "SH", "accession_number", web=True),
    _stored(_S, "StudyID", "SH", "study_id", web=True),
    _stored(_S, "StudyDescription", "LO", "study_description", web=True),
    _stored(_S, "ReferringPhysicianName", "PN", "referring_physician_name", web=True),
    _stored(
        _S, "NameOfPhysiciansReadingStudy", "PN", "name_of_physicians_reading_study", many=True
    ),
    _stored(
        _S, "AdmittingDiagnosesDescription", "LO", "admitting_diagnoses_description", many=True
    ),
    _stored(_S, "PatientAge", "AS", "patient_age"),
    _stored(_S, "PatientSize", "DS", "patient_size"),
    _stored(_S, "PatientWeight", "DS", "patient_weight"),
    _stored(_S, "Occupation", "SH", "occupation"),
    _stored(_S, "AdditionalPatientHistory", "LT", "additional_patient_history"),
    _stored(_S, "TimezoneOffsetFromUTC", "SH", "timezone_offset_from_utc", web=True),
    _counted(_S, "ModalitiesInStudy", "CS", "modalities_in_study", web=True, many=True),
    _counted(_S, "SOPClassesInStudy", "UI", "sop_classes_in_study", many=True),
    _counted(_S, "NumberOfStudyRelatedSeries", "IS", "number_of_study_related_series", web=True),
    _counted(
        _S, "NumberOfStudyRelatedInstances", "IS", "number_of_study_related_instances", web=True
    ),
    _stored(_E, "SeriesInstanceUID", "UI", "series_instance_uid", web=True),
    _stored(_E, "Modality", "CS", "modality", web=True),
    _stored(_E, "SeriesNumber", "IS", "series_number", web=True),
    _stored(_E, "SeriesDescription", "LO", "series_description", web=True),
    _stored(_E, "SeriesDate", "DA", "series_date"),
    _stored(_E, "SeriesTime", "TM", "series_time"),
    _stored(_E, "BodyPartExamined", "CS", "body_part_examined"),
    _stored(_E, "Laterality", "CS", "laterality"),
    _stored(_E, "ProtocolName", "LO", "protocol_name"),
    _stored(_E, "PatientPosition", "CS", "patient_position"),
    _stored(_E, "FrameOfReferenceUID", "UI", "frame_of_reference_uid"),
    _stored(_E, "PerformingPhysicianName", "PN", "performing_physician_name", many=True),
    _stored(_E, "OperatorsName", "PN", "operators_name", many=True),
    _stored(_E, "Manufacturer", "LO", "manufacturer"),
    _stored(_E, "ManufacturerModelName", "LO", "manufacturer_model_name"),
    _stored(_E, "InstitutionName", "LO", "institution_name"),
    _stored(_E, "InstitutionalDepartmentName", "LO", "institutional_department_name"),
    _stored(_E, "StationName", "SH", "station_name"),
    _stored(_E, "PerformedProcedureStepID", "SH", "performed_procedure_step_id"),
    _stored(
        _E,
        "PerformedProcedureStepStartDate",
        "DA",
        "performed_procedure_step_start_date",
        web=True,
    ),
    _stored(
        _E,
        "PerformedProcedureStepStartTime",
        "TM",
        "performed_procedure_step_start_time",
        web=True,
    ),
    _stored(_E, "PerformedProcedureStepDescription", "LO", "performed_procedure_step_description"),
    _counted(
        _E, "NumberOfSeriesRelatedInstances", "IS", "number_of_series_related_instances", web=True
    ),
    _stored(_I, "SOPClassUID", "UI", "sop_class_uid", web=True),
    _stored(_I, "SOPInstanceUID", "UI", "sop_instance_uid", web=True),
    _stored(_I, "InstanceNumber", "IS", "instance_number", web=True),
    _stored(_I, "AcquisitionNumber", "IS", "acquisition_number"),
    _stored(_I, "ContentDate", "DA", "content_date"),
    _stored(_I, "ContentTime", "TM", "content_time"),
    _stored(_I, "AcquisitionDate", "DA", "acquisition_date"),
    _stored(_I, "AcquisitionTime", "TM", "acquisition_time"),
    _stored(_I, "ImageType", "CS", "image_type", many=True),
    _stored(_I, "Rows", "US", "rows", web=True),
    _stored(_I, "Columns", "US", "columns", web=True),
    _stored(_I, "BitsAllocated", "US", "bits_allocated", web=True),
    _stored(_I, "NumberOfFrames", "IS", "number_of_frames", web=True),
)


@cache
def _by_keyword() -> dict[str, Attribute]:
    return {attribute.keyword: attribute for attribute in ATTRIBUTES}


@cache
def _by_tag() -> dict[int, Attribute]:
    return {attribute.tag: attribute for attribute in ATTRIBUTES}


def attribute_of_keyword(keyword: str) -> Attribute | None:
    return _by_keyword().get(keyword)


def attribute_of_tag(tag: int) -> Attribute | None:
    return _by_tag().get(tag)


def attributes_of(level: Level) -> Iterator[Attribute]:
    """The attributes whose home is this level."""
    return (attribute for attribute in ATTRIBUTES if attribute.level is level)


def levels_down_to(level: Level) -> tuple[Level, ...]:
    """PATIENT down to and including `level`."""
    return LEVELS[: LEVELS.index(level) + 1]


def default_web_attributes(level: Level) -> Iterator[Attribute]:
    """What QIDO-RS returns at this level when nothing else is asked for.

    The attributes of the levels above come with it only where the search was not already narrowed
    to one of them; the door decides that.
    """
    return (attribute for attribute in attributes_of(level) if attribute.web)

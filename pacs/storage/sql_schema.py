"""The tables of the index: a column for each attribute of dicom.hierarchy at its level.

Rows are tied by integer keys (`..._row`); UIDs are unique names for the outside. Text compares by
its bytes on both databases, so that order, equality and prefixes mean the same on each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from pacs.dicom.hierarchy import Attribute, Kind, Level, attributes_of

NUMBER_VRS = frozenset({"US", "UL", "SS", "SL"})
"""Value Representations that are numbers in the data set, and in the column."""

FOLDED_KEYWORDS = frozenset({"PatientID", "AccessionNumber"})
"""What is searched without regard to case, beside person names."""

BYTE_ORDERED = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER


class Moment(TypeDecorator[datetime]):
    """A point in time as text that sorts: `2026-01-31T08:15:00.000000Z`, on both databases."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BYTE_ORDERED)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


def companion_columns(attribute: Attribute) -> tuple[tuple[str, str], ...]:
    """What is kept beside the text as sent, to search and sort by: (kind, column name)."""
    if attribute.vr == "PN" or attribute.keyword in FOLDED_KEYWORDS:
        return (("folded", f"{attribute.column}_folded"),)
    if attribute.vr == "DA":
        return (("day", f"{attribute.column}_day"),)
    if attribute.vr == "TM":
        return (("clock", f"{attribute.column}_clock"),)
    if attribute.vr == "IS":
        return (("number", f"{attribute.column}_number"),)
    return ()


def _attribute_columns(level: Level) -> list[Column[Any]]:
    columns: list[Column[Any]] = []
    for attribute in attributes_of(level):
        if attribute.kind is not Kind.STORED:
            continue
        is_number = attribute.vr in NUMBER_VRS
        columns.append(Column(attribute.column, BigInteger if is_number else BYTE_ORDERED))
        for kind, name in companion_columns(attribute):
            columns.append(Column(name, BigInteger if kind == "number" else BYTE_ORDERED))
    return columns


def _key() -> Column[int]:
    return Column("id", KEY, primary_key=True)


def _reference(name: str, target: str) -> Column[int]:
    return Column(name, KEY, ForeignKey(f"{target}.id"), nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _yes_or_no(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, BYTE_ORDERED, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


metadata = MetaData()

archive_facts = Table(
    "archive_facts",
    metadata,
    Column("name", BYTE_ORDERED, primary_key=True),
    _text("value"),
)
"""What the archive must remember about itself, such as the version of the folding of names."""

# `identity_sha256` stands for (issuer, ID), or for the study where the ID is empty: a value from a
# data set can be longer than what PostgreSQL can index.
patients = Table(
    "patients",
    metadata,
    _key(),
    _text("identity_sha256"),
    *_attribute_columns(Level.PATIENT),
    UniqueConstraint("identity_sha256"),
)

studies = Table(
    "studies",
    metadata,
    _key(),
    _reference("patient_row", "patients"),
    *_attribute_columns(Level.PATIENT),
    *_attribute_columns(Level.STUDY),
    _text("modalities_in_study"),
    _text("sop_classes_in_study"),
    _text("body_parts"),
    _count("number_of_study_related_series"),
    _count("number_of_study_related_instances"),
    _count("size_bytes"),
    _text("institution_name", nullable=True),
    _text("department", nullable=True),
    _text("station_name", nullable=True),
    _text("facility", nullable=True),
    _yes_or_no("demographics_conflict"),
    _moment("received_at"),
    _moment("changed_at"),
    _text("as_received", nullable=True),
    _text("overlay", nullable=True),
    _text("held_by", nullable=True),
    UniqueConstraint("study_instance_uid"),
)
"""Lists (`modalities_in_study`, ...) are written `\\CT\\SR\\`; "" when empty.

`overlay` is what people corrected, `as_received` what those columns said before, both JSON."""

series = Table(
    "series",
    metadata,
    _key(),
    _reference("study_row", "studies"),
    *_attribute_columns(Level.SERIES),
    _count("number_of_series_related_instances"),
    _count("frame_count"),
    _count("size_bytes"),
    _count("revision"),
    _text("sop_class_uids"),
    _text("transfer_syntax_uids"),
    _text("cover_sop_instance_uid", nullable=True),
    _text("cover_sop_class_uid", nullable=True),
    _moment("changed_at"),
    UniqueConstraint("study_row", "series_instance_uid"),
)

objects = Table(
    "objects",
    metadata,
    _key(),
    _text("store"),
    _text("key"),
    _count("size_bytes"),
    _text("state"),
    _moment("state_since", nullable=True),
    UniqueConstraint("key"),
)

SPOOLED = "objects.store LIKE 'spool:%'"
"""What waits in a spool: few rows of many, so this very condition has an index of its own."""

nodes = Table(
    "nodes",
    metadata,
    Column("name", BYTE_ORDERED, primary_key=True),
    _text("url"),
    _moment("last_seen"),
)

instances = Table(
    "instances",
    metadata,
    _key(),
    _reference("series_row", "series"),
    _reference("object_row", "objects"),
    *_attribute_columns(Level.IMAGE),
    Column("offset", BigInteger, nullable=False),
    Column("head_size", BigInteger, nullable=False),
    Column("data_set_size", BigInteger, nullable=False),
    _text("head_sha256"),
    _text("data_set_sha256"),
    _text("transfer_syntax_uid"),
    Column("pixel_tag", BigInteger),
    Column("pixel_offset", BigInteger),
    Column("pixel_length", BigInteger),
    Column("pixel_header_length", BigInteger),
    Column("frame_count", BigInteger, nullable=False),
    _moment("received_at"),
    _text("sender_how"),
    _text("sender_actor"),
    _text("sender_address", nullable=True),
    _yes_or_no("text_guessed"),
    _yes_or_no("in_trash"),
    _text("trashed_by", nullable=True),
    Column("times_restored", Integer, nullable=False, server_default="0"),
    UniqueConstraint("sop_instance_uid"),
)

conflicts = Table(
    "conflicts",
    metadata,
    _key(),
    _reference("instance_row", "instances"),
    _reference("object_row", "objects"),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _text("sop_class_uid"),
    _text("transfer_syntax_uid"),
    Column("offset", BigInteger, nullable=False),
    Column("head_size", BigInteger, nullable=False),
    Column("data_set_size", BigInteger, nullable=False),
    _text("head_sha256"),
    _text("data_set_sha256"),
    _moment("received_at"),
    _text("sender_how"),
    _text("sender_actor"),
    _text("sender_address", nullable=True),
    _moment("resolved_at", nullable=True),
    _text("resolution", nullable=True),
    _text("resolved_by", nullable=True),
    UniqueConstraint("sop_instance_uid", "transfer_syntax_uid", "data_set_sha256"),
)

name_words = Table(
    "name_words",
    metadata,
    Column("word", BYTE_ORDERED, primary_key=True),
    Column("study_row", KEY, ForeignKey("studies.id"), primary_key=True),
)

changes = Table(
    "changes",
    metadata,
    Column("cursor", KEY, primary_key=True),
    _text("kind"),
    _text("study_instance_uid"),
    _moment("at"),
    sqlite_autoincrement=True,  # else SQLite would use the number of a deleted last row again
)

users = Table(
    "users",
    metadata,
    _key(),
    _text("user_name_folded"),
    _text("user_name"),
    _text("role"),
    _text("display_name"),
    _text("password_hash"),
    _text("language", nullable=True),
    _yes_or_no("disabled"),
    UniqueConstraint("user_name_folded"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("secret_sha256", BYTE_ORDERED, primary_key=True),
    _reference("user_row", "users"),
    _text("kind"),
    _moment("created"),
    _moment("expires", nullable=True),
    _text("role", nullable=True),
)

peers = Table(
    "peers",
    metadata,
    Column("ae_title", BYTE_ORDERED, primary_key=True),
    _text("host"),
    Column("port", Integer, nullable=False),
    _text("rights"),
    _yes_or_no("tls"),
    _text("assumed_character_set", nullable=True),
    _text("preferred_transfer_syntax", nullable=True),
    _text("facility", nullable=True),
    Column("reports_here", Boolean, nullable=False, server_default=false()),
    Column("associations", Integer, nullable=False, server_default="1"),
)

knocks = Table(
    "knocks",
    metadata,
    Column("ae_title", BYTE_ORDERED, primary_key=True),
    Column("address", BYTE_ORDERED, primary_key=True),
    _text("wanted"),
    _moment("first_seen"),
    _moment("last_seen"),
    Column("times", BigInteger, nullable=False),
)

audit_events = Table(
    "audit_events",
    metadata,
    _key(),
    _moment("at"),
    _text("action"),
    _text("outcome"),
    _text("actor"),
    _text("actor_kind"),
    _text("address", nullable=True),
    _text("session", nullable=True),
    _text("study_instance_uid", nullable=True),
    _text("patient_id", nullable=True),
    _text("details"),
    sqlite_autoincrement=True,
)

# Newest first means NULL last on both: SQLite does so unasked and cannot be told in an index.
Index(
    "studies_newest",
    studies.c.study_date_day.desc(),
    studies.c.study_time_clock.desc(),
    studies.c.id.desc(),
).ddl_if(dialect="sqlite")
Index(
    "studies_newest",
    studies.c.study_date_day.desc().nulls_last(),
    studies.c.study_time_clock.desc().nulls_last(),
    studies.c.id.desc(),
).ddl_if(dialect="postgresql")
Index("studies_received", studies.c.received_at)
Index("studies_patient", studies.c.patient_row)
Index("studies_patient_id", studies.c.patient_id)
Index("studies_patient_id_folded", studies.c.patient_id_folded)
Index("studies_accession_number", studies.c.accession_number)
Index("studies_accession_number_folded", studies.c.accession_number_folded)
Index("studies_patient_name_folded", studies.c.patient_name_folded)
Index("patients_patient_id", patients.c.patient_id)
Index("patients_patient_name_folded", patients.c.patient_name_folded)
Index("series_uid", series.c.series_instance_uid)
Index("series_modality", series.c.modality, series.c.study_row)
Index("instances_series", instances.c.series_row)
Index("instances_object", instances.c.object_row)
Index("conflicts_instance", conflicts.c.instance_row)
Index("conflicts_object", conflicts.c.object_row)
Index(
    "objects_spooled",
    objects.c.store,
    objects.c.id,
    sqlite_where=text("store LIKE 'spool:%'"),
    postgresql_where=text("store LIKE 'spool:%'"),
)
Index("name_words_study", name_words.c.study_row, name_words.c.word)
Index("sign_ins_user", sign_ins.c.user_row)
Index("audit_events_at", audit_events.c.at)
Index("audit_events_study", audit_events.c.study_instance_uid)

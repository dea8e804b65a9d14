"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "archive_facts",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("actor_kind", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("session", TEXT, nullable=True),
        sa.Column("study_instance_uid", TEXT, nullable=True),
        sa.Column("patient_id", TEXT, nullable=True),
        sa.Column("details", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_events_at", "audit_events", ["at"], unique=False)
    op.create_index("audit_events_study", "audit_events", ["study_instance_uid"], unique=False)
    op.create_table(
        "changes",
        sa.Column("cursor", KEY, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("cursor"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("due", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", TEXT, nullable=True),
        sa.Column("claimed_until", TEXT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_due", "jobs", ["state", "due"], unique=False)
    op.create_index(
        "jobs_one_waiting",
        "jobs",
        ["kind", "subject"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "knocks",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("wanted", TEXT, nullable=False),
        sa.Column("first_seen", TEXT, nullable=False),
        sa.Column("last_seen", TEXT, nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", "address"),
    )
    op.create_table(
        "objects",
        sa.Column("id", KEY, nullable=False),
        sa.Column("store", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "patients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("identity_sha256", TEXT, nullable=False),
        sa.Column("patient_name", TEXT, nullable=True),
        sa.Column("patient_name_folded", TEXT, nullable=True),
        sa.Column("patient_id", TEXT, nullable=True),
        sa.Column("patient_id_folded", TEXT, nullable=True),
        sa.Column("issuer_of_patient_id", TEXT, nullable=True),
        sa.Column("patient_birth_date", TEXT, nullable=True),
        sa.Column("patient_birth_date_day", TEXT, nullable=True),
        sa.Column("patient_birth_time", TEXT, nullable=True),
        sa.Column("patient_birth_time_clock", TEXT, nullable=True),
        sa.Column("patient_sex", TEXT, nullable=True),
        sa.Column("other_patient_ids", TEXT, nullable=True),
        sa.Column("ethnic_group", TEXT, nullable=True),
        sa.Column("patient_comments", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity_sha256"),
    )
    op.create_index("patients_patient_id", "patients", ["patient_id"], unique=False)
    op.create_index(
        "patients_patient_name_folded", "patients", ["patient_name_folded"], unique=False
    )
    op.create_table(
        "peers",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("rights", TEXT, nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("assumed_character_set", TEXT, nullable=True),
        sa.Column("preferred_transfer_syntax", TEXT, nullable=True),
        sa.Column("facility", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("ae_title"),
    )
    op.create_table(
        "users",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_name_folded", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_name_folded"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("secret_sha256", TEXT, nullable=False),
        sa.Column("user_row", KEY, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=True),
        sa.Column("role", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_row"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("secret_sha256"),
    )
    op.create_index("sign_ins_user", "sign_ins", ["user_row"], unique=False)
    op.create_table(
        "studies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("patient_row", KEY, nullable=False),
        sa.Column("patient_name", TEXT, nullable=True),
        sa.Column("patient_name_folded", TEXT, nullable=True),
        sa.Column("patient_id", TEXT, nullable=True),
        sa.Column("patient_id_folded", TEXT, nullable=True),
        sa.Column("issuer_of_patient_id", TEXT, nullable=True),
        sa.Column("patient_birth_date", TEXT, nullable=True),
        sa.Column("patient_birth_date_day", TEXT, nullable=True),
        sa.Column("patient_birth_time", TEXT, nullable=True),
        sa.Column("patient_birth_time_clock", TEXT, nullable=True),
        sa.Column("patient_sex", TEXT, nullable=True),
        sa.Column("other_patient_ids", TEXT, nullable=True),
        sa.Column("ethnic_group", TEXT, nullable=True),
        sa.Column("patient_comments", TEXT, nullable=True),
        sa.Column("study_instance_uid", TEXT, nullable=True),
        sa.Column("study_date", TEXT, nullable=True),
        sa.Column("study_date_day", TEXT, nullable=True),
        sa.Column("study_time", TEXT, nullable=True),
        sa.Column("study_time_clock", TEXT, nullable=True),
        sa.Column("accession_number", TEXT, nullable=True),
        sa.Column("accession_number_folded", TEXT, nullable=True),
        sa.Column("study_id", TEXT, nullable=True),
        sa.Column("study_description", TEXT, nullable=True),
        sa.Column("referring_physician_name", TEXT, nullable=True),
        sa.Column("referring_physician_name_folded", TEXT, nullable=True),
        sa.Column("name_of_physicians_reading_study", TEXT, nullable=True),
        sa.Column("name_of_physicians_reading_study_folded", TEXT, nullable=True),
        sa.Column("admitting_diagnoses_description", TEXT, nullable=True),
        sa.Column("patient_age", TEXT, nullable=True),
        sa.Column("patient_size", TEXT, nullable=True),
        sa.Column("patient_weight", TEXT, nullable=True),
        sa.Column("occupation", TEXT, nullable=True),
        sa.Column("additional_patient_history", TEXT, nullable=True),
        sa.Column("timezone_offset_from_utc", TEXT, nullable=True),
        sa.Column("modalities_in_study", TEXT, nullable=False),
        sa.Column("sop_classes_in_study", TEXT, nullable=False),
        sa.Column("body_parts", TEXT, nullable=False),
        sa.Column(
            "number_of_study_related_series", sa.BigInteger(), server_default="0", nullable=False
        ),
        sa.Column(
            "number_of_study_related_instances", sa.BigInteger(), server_default="0", nullable=False
        ),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("institution_name", TEXT, nullable=True),
        sa.Column("department", TEXT, nullable=True),
        sa.Column("station_name", TEXT, nullable=True),
        sa.Column("facility", TEXT, nullable=True),
        sa.Column("demographics_conflict", sa.Boolean(), nullable=False),
        sa.Column("received_at", TEXT, nullable=False),
        sa.Column("changed_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_row"],
            ["patients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_instance_uid"),
    )
    op.create_index("studies_accession_number", "studies", ["accession_number"], unique=False)
    op.create_index(
        "studies_accession_number_folded", "studies", ["accession_number_folded"], unique=False
    )
    op.create_index("studies_patient", "studies", ["patient_row"], unique=False)
    op.create_index("studies_patient_id", "studies", ["patient_id"], unique=False)
    op.create_index("studies_patient_id_folded", "studies", ["patient_id_folded"], unique=False)
    op.create_index("studies_patient_name_folded", "studies", ["patient_name_folded"], unique=False)
    op.create_index("studies_received", "studies", ["received_at"], unique=False)
    op.create_table(
        "name_words",
        sa.Column("word", TEXT, nullable=False),
        sa.Column("study_row", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_row"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("word", "study_row"),
    )
    op.create_index("name_words_study", "name_words", ["study_row", "word"], unique=False)
    op.create_table(
        "series",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_row", KEY, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=True),
        sa.Column("modality", TEXT, nullable=True),
        sa.Column("series_number", TEXT, nullable=True),
        sa.Column("series_number_number", sa.BigInteger(), nullable=True),
        sa.Column("series_description", TEXT, nullable=True),
        sa.Column("series_date", TEXT, nullable=True),
        sa.Column("series_date_day", TEXT, nullable=True),
        sa.Column("series_time", TEXT, nullable=True),
        sa.Column("series_time_clock", TEXT, nullable=True),
        sa.Column("body_part_examined", TEXT, nullable=True),
        sa.Column("laterality", TEXT, nullable=True),
        sa.Column("protocol_name", TEXT, nullable=True),
        sa.Column("patient_position", TEXT, nullable=True),
        sa.Column("frame_of_reference_uid", TEXT, nullable=True),
        sa.Column("performing_physician_name", TEXT, nullable=True),
        sa.Column("performing_physician_name_folded", TEXT, nullable=True),
        sa.Column("operators_name", TEXT, nullable=True),
        sa.Column("operators_name_folded", TEXT, nullable=True),
        sa.Column("manufacturer", TEXT, nullable=True),
        sa.Column("manufacturer_model_name", TEXT, nullable=True),
        sa.Column("institution_name", TEXT, nullable=True),
        sa.Column("institutional_department_name", TEXT, nullable=True),
        sa.Column("station_name", TEXT, nullable=True),
        sa.Column("performed_procedure_step_id", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_date", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_date_day", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_time", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_time_clock", TEXT, nullable=True),
        sa.Column("performed_procedure_step_description", TEXT, nullable=True),
        sa.Column(
            "number_of_series_related_instances",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
        ),
        sa.Column("frame_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sop_class_uids", TEXT, nullable=False),
        sa.Column("transfer_syntax_uids", TEXT, nullable=False),
        sa.Column("cover_sop_instance_uid", TEXT, nullable=True),
        sa.Column("cover_sop_class_uid", TEXT, nullable=True),
        sa.Column("changed_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["study_row"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_row", "series_instance_uid"),
    )
    op.create_index("series_modality", "series", ["modality", "study_row"], unique=False)
    op.create_index("series_uid", "series", ["series_instance_uid"], unique=False)
    op.create_table(
        "instances",
        sa.Column("id", KEY, nullable=False),
        sa.Column("series_row", KEY, nullable=False),
        sa.Column("object_row", KEY, nullable=False),
        sa.Column("sop_class_uid", TEXT, nullable=True),
        sa.Column("sop_instance_uid", TEXT, nullable=True),
        sa.Column("instance_number", TEXT, nullable=True),
        sa.Column("instance_number_number", sa.BigInteger(), nullable=True),
        sa.Column("acquisition_number", TEXT, nullable=True),
        sa.Column("acquisition_number_number", sa.BigInteger(), nullable=True),
        sa.Column("content_date", TEXT, nullable=True),
        sa.Column("content_date_day", TEXT, nullable=True),
        sa.Column("content_time", TEXT, nullable=True),
        sa.Column("content_time_clock", TEXT, nullable=True),
        sa.Column("acquisition_date", TEXT, nullable=True),
        sa.Column("acquisition_date_day", TEXT, nullable=True),
        sa.Column("acquisition_time", TEXT, nullable=True),
        sa.Column("acquisition_time_clock", TEXT, nullable=True),
        sa.Column("image_type", TEXT, nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("columns", sa.BigInteger(), nullable=True),
        sa.Column("bits_allocated", sa.BigInteger(), nullable=True),
        sa.Column("number_of_frames", TEXT, nullable=True),
        sa.Column("number_of_frames_number", sa.BigInteger(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("head_size", sa.BigInteger(), nullable=False),
        sa.Column("data_set_size", sa.BigInteger(), nullable=False),
        sa.Column("head_sha256", TEXT, nullable=False),
        sa.Column("data_set_sha256", TEXT, nullable=False),
        sa.Column("transfer_syntax_uid", TEXT, nullable=False),
        sa.Column("pixel_tag", sa.BigInteger(), nullable=True),
        sa.Column("pixel_offset", sa.BigInteger(), nullable=True),
        sa.Column("pixel_length", sa.BigInteger(), nullable=True),
        sa.Column("pixel_header_length", sa.BigInteger(), nullable=True),
        sa.Column("frame_count", sa.BigInteger(), nullable=False),
        sa.Column("received_at", TEXT, nullable=False),
        sa.Column("sender_how", TEXT, nullable=False),
        sa.Column("sender_actor", TEXT, nullable=False),
        sa.Column("sender_address", TEXT, nullable=True),
        sa.Column("text_guessed", sa.Boolean(), nullable=False),
        sa.Column("in_trash", sa.Boolean(), nullable=False),
        sa.Column("times_restored", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["object_row"],
            ["objects.id"],
        ),
        sa.ForeignKeyConstraint(
            ["series_row"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid"),
    )
    op.create_index("instances_object", "instances", ["object_row"], unique=False)
    op.create_index("instances_series", "instances", ["series_row"], unique=False)
    op.create_table(
        "conflicts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("instance_row", KEY, nullable=False),
        sa.Column("object_row", KEY, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("sop_class_uid", TEXT, nullable=False),
        sa.Column("transfer_syntax_uid", TEXT, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("head_size", sa.BigInteger(), nullable=False),
        sa.Column("data_set_size", sa.BigInteger(), nullable=False),
        sa.Column("head_sha256", TEXT, nullable=False),
        sa.Column("data_set_sha256", TEXT, nullable=False),
        sa.Column("received_at", TEXT, nullable=False),
        sa.Column("sender_how", TEXT, nullable=False),
        sa.Column("sender_actor", TEXT, nullable=False),
        sa.Column("sender_address", TEXT, nullable=True),
        sa.Column("resolved_at", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_row"],
            ["instances.id"],
        ),
        sa.ForeignKeyConstraint(
            ["object_row"],
            ["objects.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid", "transfer_syntax_uid", "data_set_sha256"),
    )
    op.create_index("conflicts_instance", "conflicts", ["instance_row"], unique=False)
    op.execute(NEWEST[op.get_bind().dialect.name])


# Newest first means NULL last on both: SQLite does so unasked and cannot be told in an index.
NEWEST = {
    "sqlite": "CREATE INDEX studies_newest ON studies "
    "(study_date_day DESC, study_time_clock DESC, id DESC)",
    "postgresql": "CREATE INDEX studies_newest ON studies "
    "(study_date_day DESC NULLS LAST, study_time_clock DESC NULLS LAST, id DESC)",
}

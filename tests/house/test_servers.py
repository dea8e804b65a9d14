"""The servers that other tests rely on are real, empty and apart from each other."""

from __future__ import annotations

import io

import psycopg

from tests.servers import PostgreSQLServer, S3Bucket, S3Server


def test_each_postgresql_database_starts_empty(postgresql_server: PostgreSQLServer) -> None:
    with postgresql_server.fresh_database() as first, postgresql_server.fresh_database() as second:
        with _connect(first) as connection:
            connection.execute("CREATE TABLE patient (name text)")

        with _connect(second) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchone()

    assert tables == (0,)


def test_postgresql_keeps_vietnamese_text(postgresql_url: str) -> None:
    with _connect(postgresql_url) as connection:
        row = connection.execute(
            "SELECT %s::text, length('Đặng')", ("ĐẶNG^THỊ NGỌC ÁNH",)
        ).fetchone()

    assert row == ("ĐẶNG^THỊ NGỌC ÁNH", 4)


def test_s3_bucket_keeps_an_object(s3_bucket: S3Bucket) -> None:
    client = s3_bucket.client()
    client.put_object(s3_bucket.name, "o/2026/key", io.BytesIO(b"bytes"), 5)

    answer = client.get_object(s3_bucket.name, "o/2026/key")
    body = answer.read()
    answer.close()
    answer.release_conn()

    assert body == b"bytes"


def test_each_s3_bucket_starts_empty(s3_server: S3Server) -> None:
    first, second = s3_server.fresh_bucket(), s3_server.fresh_bucket()

    first.client().put_object(first.name, "key", io.BytesIO(b"x"), 1)

    assert list(second.client().list_objects(second.name, recursive=True)) == []


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)

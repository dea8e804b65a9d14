"""What the S3 store does when its server is away, full, broken or lying."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from pacs.errors import ArchiveError, ObjectDamaged, StorageFull, StoreUnavailable
from pacs.storage.object_keys import instance_key
from pacs.storage.s3_objects import S3Objects
from tests.servers import S3Server

KEY = instance_key(datetime(2026, 1, 31, tzinfo=UTC), uuid4())
Answer = Callable[[BaseHTTPRequestHandler], None]


def store_at(endpoint: str, *, bucket: str = "bucket", timeout_s: float = 5.0) -> S3Objects:
    return S3Objects(
        endpoint,
        bucket,
        access_key="access",
        secret_key="secret-key",
        secure=False,
        timeout_s=timeout_s,
    )


@contextmanager
def served_by(answer: Answer, *, timeout_s: float = 5.0) -> Iterator[S3Objects]:
    """A store whose server answers every request for an object as told; buckets are there."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.count("/") < 2 or self.path.startswith("/bucket?"):
                send(self, 200, b"")
            else:
                answer(self)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = do_any  # noqa: N815  said by http.server

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with closing(store_at(f"127.0.0.1:{server.server_port}", timeout_s=timeout_s)) as store:
            yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if "Content_Length" not in headers:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def refusing(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    return lambda handler: send(handler, status, body, Content_Type="application/xml")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusing(507, "XMinioStorageFull"), StorageFull),
        (refusing(403, "QuotaExceeded"), StorageFull),
        (lambda handler: send(handler, 507, b"full"), StorageFull),
        (refusing(403, "AccessDenied"), StoreUnavailable),
        (refusing(404, "NoSuchBucket"), StoreUnavailable),
        (refusing(500, "InternalError"), StoreUnavailable),
        (refusing(503, "SlowDown"), StoreUnavailable),
        (lambda handler: send(handler, 502, b"<html>bad gateway"), StoreUnavailable),
    ],
)
def test_what_the_server_refuses_is_said_in_our_words(
    answer: Answer, expected: type[ArchiveError]
) -> None:
    with served_by(answer) as store, pytest.raises(expected):
        store.put(KEY, [b"x"], size_bytes=1)


def test_a_server_that_is_away_is_unavailable() -> None:
    with socket.socket() as nobody, closing(store_at(_closed_endpoint(nobody))) as store:
        for ask in (
            lambda: store.put(KEY, [b"x"], size_bytes=1),
            lambda: store.read(KEY),
            lambda: store.size_bytes(KEY),
            lambda: store.delete(KEY),
            lambda: list(store.entries()),
            store.check_ready,
        ):
            with pytest.raises(StoreUnavailable):
                ask()


def _closed_endpoint(nobody: socket.socket) -> str:
    """A port that is taken but not listened at: connections are refused."""
    nobody.bind(("127.0.0.1", 0))
    return f"127.0.0.1:{nobody.getsockname()[1]}"


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    release = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        release.wait()

    with served_by(silent, timeout_s=0.2) as store:
        with pytest.raises(StoreUnavailable):
            store.put(KEY, [b"x"], size_bytes=1)
        release.set()


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole() -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, b"x" * 1000, Content_Length="5000")
        handler.close_connection = True

    with served_by(break_off) as store, pytest.raises(StoreUnavailable):
        list(store.read(KEY))


def test_a_part_that_is_too_short_is_damage() -> None:
    with (
        served_by(lambda handler: send(handler, 206, b"x" * 10)) as store,
        pytest.raises(ObjectDamaged),
    ):
        list(store.read(KEY, offset=5, length=20))


def test_an_object_that_arrived_with_another_length_is_refused_and_removed() -> None:
    asked: list[str] = []

    def losing(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.command)
        send(handler, 204 if handler.command == "DELETE" else 200, b"", ETag='"other"')

    with served_by(losing) as store, pytest.raises(StoreUnavailable, match="did not arrive whole"):
        store.put(KEY, [b"x" * 10], size_bytes=10)

    assert asked[0] == "PUT"
    assert asked[-1] == "DELETE"


def keeping(content: bytes) -> Answer:
    """A server that names objects in its own way, as those that encrypt do."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = content if handler.command in ("GET", "HEAD") else b""
        status = 204 if handler.command == "DELETE" else 200
        send(handler, status, body, ETag='"other"')

    return answer


def test_a_server_with_other_etags_is_believed_when_it_gives_the_same_back() -> None:
    with served_by(keeping(b"x" * 10)) as store:
        store.put(KEY, [b"x" * 10], size_bytes=10)


def test_an_object_that_arrived_with_other_bytes_is_refused() -> None:
    with (
        served_by(keeping(b"x" * 9 + b"y")) as store,
        pytest.raises(StoreUnavailable, match="did not arrive whole"),
    ):
        store.put(KEY, [b"x" * 10], size_bytes=10)


def test_a_short_hiccup_is_ridden_out() -> None:
    answers = iter([503, 200])

    def hiccup(handler: BaseHTTPRequestHandler) -> None:
        status = next(answers)
        send(handler, status, b"", ETag='"9dd4e461268c8034f5c8564e155c67a6"')

    with served_by(hiccup) as store:
        store.put(KEY, [b"x"], size_bytes=1)


def test_a_missing_bucket_is_made(s3_server: S3Server) -> None:
    name = f"new-{uuid4().hex}"

    with closing(store_at(s3_server.endpoint, bucket=name)) as store:
        store.check_ready()
        store.put(KEY, [b"x"], size_bytes=1)

        assert b"".join(store.read(KEY)) == b"x"

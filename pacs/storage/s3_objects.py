"""Objects in a bucket of an S3 server, whichever makes it.

Nothing rests on what S3 servers do differently: no conditional PUT, no checksums beyond the ETag,
no object lock. The client signs the SHA-256 of what it sends over plain HTTP, and sends Content-MD5
over TLS; what was stored is compared afterwards all the same.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from pacs.errors import ArchiveError, ObjectDamaged, ObjectMissing, StorageFull, StoreUnavailable
from pacs.storage.interfaces import Chunk, ObjectEntry
from pacs.storage.object_keys import check_key

PART_BYTES: Final = 16 * 1024 * 1024
"""What is sent in one request, and what one put() keeps in memory; larger objects go in parts."""

PIECE_BYTES: Final = 512 * 1024
"""How much one read returns at most."""

_CONNECTIONS = 16
_ATTEMPTS = 3
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchVersion"})
_FULL = frozenset(
    {
        "XMinioStorageFull",
        "XMinioAdminBucketQuotaExceeded",
        "InsufficientStorage",
        "QuotaExceeded",
        "EntityTooLargeForBucketQuota",
    }
)
_CODE_OF_STATUS = {404: "NoSuchKey", 416: "InvalidRange", 507: "InsufficientStorage"}


class S3Objects:
    """An ObjectStore in a bucket, which is made when it is missing and we may.

    endpoint   `host` or `host:port`.
    timeout_s  for connecting and for each silence of the server; a request is tried three times.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        secure: bool = True,
        timeout_s: float = 10.0,
        name: str = "s3",
    ) -> None:
        retries = urllib3.Retry(
            total=_ATTEMPTS - 1, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
        )
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
            maxsize=_CONNECTIONS,
            retries=retries,
        )
        self._client = Minio(
            endpoint,
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            secure=secure,
            http_client=self._pool,
        )
        self._bucket = bucket
        self._name = name
        self._bucket_is_there = False
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    def put(self, key: str, chunks: Iterable[Chunk], *, size_bytes: int) -> None:
        check_key(key)
        source = _Source(chunks, size_bytes)
        with _translated(key):
            self._ensure_bucket()
            written = self._client.put_object(
                self._bucket,
                key,
                cast(BinaryIO, source),
                size_bytes,
                part_size=PART_BYTES,
                num_parallel_uploads=1,
            )
        # Some servers make other ETags, when they encrypt for instance: then it is read again.
        etag = source.etag()
        if (written.etag or "").strip('"') != etag and not self._reads_as(key, etag):
            self.delete(key)
            raise StoreUnavailable(f"object {key} did not arrive whole at the S3 server; try again")

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        check_key(key)
        if length == 0 or (length is None and offset and offset == self.size_bytes(key)):
            return self._read_nothing(key, offset)
        with _translated(key):
            response = self._client.get_object(self._bucket, key, offset=offset, length=length or 0)
        return _Pieces(key, response, length)

    def size_bytes(self, key: str) -> int:
        with _translated(key):
            return int(self._client.stat_object(self._bucket, check_key(key)).size or 0)

    def delete(self, key: str) -> None:
        try:
            with _translated(key):
                self._client.remove_object(self._bucket, check_key(key))
        except ObjectMissing:
            return

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        with _translated(prefix or "all objects"):
            self._ensure_bucket()
            for entry in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if entry.object_name and not entry.is_dir:
                    modified = entry.last_modified or datetime.now(UTC)
                    yield ObjectEntry(entry.object_name, entry.size or 0, modified)

    def free_bytes(self) -> int | None:
        return None

    def check_ready(self) -> None:
        with _translated(f"bucket {self._bucket}"):
            if not self._client.bucket_exists(self._bucket):
                self._bucket_is_there = False
                self._ensure_bucket()

    def close(self) -> None:
        self._pool.clear()

    def _reads_as(self, key: str, etag: str) -> bool:
        """Whether what a reader gets has this ETag."""
        try:
            found = _Etag(self.size_bytes(key))
            for piece in self.read(key):
                found.add(piece)
        except (ObjectMissing, ObjectDamaged):
            return False
        return str(found) == etag

    def _ensure_bucket(self) -> None:
        if self._bucket_is_there:
            return
        with self._lock:
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()
            self._bucket_is_there = True

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:  # another node may have been faster
            if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise

    def _read_nothing(self, key: str, offset: int) -> Iterator[bytes]:
        size = self.size_bytes(key)
        if offset > size:
            raise ObjectDamaged(_too_short(key, size, offset))
        return iter(_NOTHING)


_NOTHING: tuple[bytes, ...] = ()


class _Etag:
    """What S3 calls an object: the MD5, or the MD5 of those of the parts and how many."""

    def __init__(self, size_bytes: int) -> None:
        self._in_parts = size_bytes > PART_BYTES
        self._finished_parts: list[bytes] = []
        self._part = hashlib.md5(usedforsecurity=False)
        self._part_size = 0

    def add(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            taken = rest[: PART_BYTES - self._part_size] if self._in_parts else rest
            rest = rest[len(taken) :]
            self._part.update(taken)
            self._part_size += len(taken)
            if self._in_parts and self._part_size == PART_BYTES:
                self._finish_part()

    def _finish_part(self) -> None:
        self._finished_parts.append(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._part_size = 0

    def __str__(self) -> str:
        if not self._in_parts:
            return self._part.hexdigest()
        parts = [*self._finished_parts, *([self._part.digest()] if self._part_size else [])]
        joined = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
        return f"{joined}-{len(parts)}"


class _Source:
    """What the client reads from: the chunks, no more and no less than was announced."""

    def __init__(self, chunks: Iterable[Chunk], size_bytes: int) -> None:
        self._chunks = iter(chunks)
        self._size_bytes = size_bytes
        self._given = 0
        self._rest = memoryview(b"")
        self._etag = _Etag(size_bytes)

    def read(self, wanted: int = -1) -> bytes:
        """As much as is wanted: the client would join smaller pieces one by one."""
        left = self._size_bytes - self._given
        missing = left if wanted < 0 else min(wanted, left)
        pieces = []
        while missing:
            piece = self._next_piece(missing)
            missing -= len(piece)
            pieces.append(piece)
        if self._given == self._size_bytes:
            self._check_finished()
        return b"".join(pieces)

    def _next_piece(self, limit: int) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise ValueError(f"{self._size_bytes} bytes were announced, {self._given} came")
            self._rest = memoryview(chunk).cast("B")
        piece = bytes(self._rest[:limit])
        self._rest = self._rest[limit:]
        self._given += len(piece)
        self._etag.add(piece)
        return piece

    def etag(self) -> str:
        return str(self._etag)

    def _check_finished(self) -> None:
        if self._rest or any(memoryview(chunk).nbytes for chunk in self._chunks):
            raise ValueError(f"{self._size_bytes} bytes were announced, more came")


class _Pieces:
    """Reads an answer in pieces; the first is fetched at once. Owns the connection."""

    def __init__(self, key: str, response: BaseHTTPResponse, length: int | None) -> None:
        self._key = key
        self._response: BaseHTTPResponse | None = response
        self._length = length
        self._given = 0
        self._first: bytes | None = self._fetch()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            piece, self._first = self._first, None
        else:
            piece = self._fetch()
        if not piece:
            raise StopIteration
        return piece

    def close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            # What was not read yet would stand before the next answer: such a connection is closed.
            response.close()
            response.release_conn()

    def _fetch(self) -> bytes:
        if self._response is None:
            return b""
        try:
            with _translated(self._key):
                piece = self._response.read(PIECE_BYTES)
        except BaseException:
            self.close()
            raise
        self._given += len(piece)
        if not piece:
            self._finish()
        return piece

    def _finish(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.release_conn()
        if self._length is not None and self._given < self._length:
            raise ObjectDamaged(_too_short(self._key, self._given, self._length))


def _too_short(key: str, given: int, asked: int) -> str:
    return f"object {key} gave {given} bytes where {asked} were asked for; run 'pacs check'"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise _archive_error(what, str(error.code), error.message or "") from error
    except InvalidResponseError as error:
        # Some servers answer without the body that S3 has for errors; the client keeps the status.
        status = getattr(error, "_code", 0)
        code = _CODE_OF_STATUS.get(status, str(status))
        raise _archive_error(what, code, "an answer without a reason") from error
    except (HTTPError, ServerError, MinioException, OSError) as error:
        reason = type(error).__name__
        raise StoreUnavailable(f"{what}: the S3 server did not answer ({reason})") from error


def _archive_error(what: str, code: str, message: str) -> ArchiveError:
    if code in _MISSING:
        return ObjectMissing(f"object {what} is not in the bucket; run 'pacs check'")
    if code == "InvalidRange":
        return ObjectDamaged(f"object {what} is shorter than what was asked for; run 'pacs check'")
    if code in _FULL:
        return StorageFull(f"no room for {what} on the S3 server ({code})")
    return StoreUnavailable(f"{what}: the S3 server refused ({code}: {message})")

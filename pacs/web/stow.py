"""STOW-RS: takes instances in as they flow by and says what became of each. PS3.18 10.5."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.ingest import Ingest
from pacs.archive.reception import Reception
from pacs.errors import ArchiveError, LimitExceeded, NotAcceptable, RequestInvalid
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Sender
from pacs.web.access import Access
from pacs.web.config import WebLimits
from pacs.web.media_types import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    JSON,
    RELATED,
    MediaType,
    Offer,
    accepted,
    choose,
    parse_media_type,
)
from pacs.web.multipart import MultipartReader
from pacs.web.native_dicom_model import native_dicom_model
from pacs.web.origins import Origins
from pacs.web.stow_answer import Failed, Outcome, store_answer, store_status
from pacs.web.stow_metadata import METADATA_TYPES, MetadataParts
from pacs.web.stow_parts import ArrivingParts

_ANSWERS = (Offer(DICOM_JSON), Offer(JSON), Offer(DICOM_XML))
_STORED_TYPES = METADATA_TYPES | {DICOM}
_BATCH_BYTES = 1 << 20


class StoreService:
    """The Store transaction. `pool` lets parts of one request share a commit of the index."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        reception: Reception,
        access: Access,
        origins: Origins,
        limits: WebLimits,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._ingest = ingest
        self._reception = reception
        self._access = access
        self._origins = origins
        self._limits = limits
        self._pool = pool

    def routes(self) -> list[Route]:
        return [
            Route("/studies", self.store, methods=["POST"]),
            Route("/studies/{study}", self.store, methods=["POST"]),
        ]

    # A coroutine, since the body comes as fast as the sender sends; the work is done in threads.
    async def store(self, request: Request) -> Response:
        scope = await run_in_threadpool(self._access.scope_of, request)
        scope.require(Right.STORE)
        answer_type = _answer_type(request)
        content_type = _content_type(request)
        parts = self._arriving_parts(request, scope, content_type)
        try:
            await self._receive(request, content_type, parts)
            outcomes = await run_in_threadpool(parts.outcomes)
        finally:
            await run_in_threadpool(parts.close)
        return self._answer(request, outcomes, answer_type)

    def _arriving_parts(
        self, request: Request, scope: Scope, content_type: MediaType
    ) -> ArrivingParts | MetadataParts:
        files = ArrivingParts(
            ingest=self._ingest,
            reception=self._reception,
            pool=self._pool,
            scope=scope,
            sender=Sender(how="STOW-RS", actor=scope.actor, address=scope.address),
            study_instance_uid=request.path_params.get("study"),
            max_parts=self._limits.max_parts,
        )
        inner = _inner_type(content_type)
        if inner in METADATA_TYPES:
            limit = self._limits.max_metadata_bytes
            return MetadataParts(files, metadata_type=inner, max_bytes=limit)
        return files

    async def _receive(
        self, request: Request, content_type: MediaType, parts: ArrivingParts | MetadataParts
    ) -> None:
        if content_type.name == DICOM:
            await self._receive_single(request, parts)
            return
        boundary = content_type.parameters.get("boundary")
        if boundary is None:
            raise RequestInvalid("the Content-Type multipart/related has no boundary")
        reader = MultipartReader(boundary, parts, max_header_bytes=self._limits.max_header_bytes)
        try:
            async for batch in self._batches(request):
                await run_in_threadpool(reader.feed, batch)
            reader.close()
        except ArchiveError as error:
            # What came whole before the body broke is stored and must be told.
            parts.break_off(error)

    async def _receive_single(self, request: Request, parts: ArrivingParts | MetadataParts) -> None:
        parts.begin_part({"content-type": DICOM})
        async for batch in self._batches(request):
            await run_in_threadpool(parts.receive, batch)
        await run_in_threadpool(parts.end_part)

    async def _batches(self, request: Request) -> AsyncIterator[bytes | bytearray]:
        """The body in pieces big enough to be worth a change of threads."""
        batch, received_bytes = bytearray(), 0
        stream = request.stream()
        while True:
            try:
                async with asyncio.timeout(self._limits.body_idle_s):
                    piece = await anext(stream)
            except StopAsyncIteration:
                yield batch
                return
            except TimeoutError as error:
                raise HTTPException(408, "the body stopped coming") from error
            batch += piece
            received_bytes += len(piece)
            if received_bytes > self._limits.max_body_bytes:
                raise LimitExceeded(
                    f"the body is larger than the {self._limits.max_body_bytes} bytes accepted"
                )
            if len(batch) >= _BATCH_BYTES:
                yield batch
                batch = bytearray()

    def _answer(self, request: Request, outcomes: list[Outcome], answer_type: str) -> Response:
        if not outcomes:
            raise RequestInvalid("the request holds no instance")
        _raise_for_broken_body(outcomes)
        base_url = f"{self._origins.base_url(request)}/dicom-web"
        status, headers = store_status(outcomes)
        told = store_answer(outcomes, base_url)
        content = native_dicom_model(told) if answer_type == DICOM_XML else orjson.dumps(told)
        return Response(content, status, headers, answer_type)


def _raise_for_broken_body(outcomes: Iterable[Outcome]) -> None:
    """A body that could not be followed and left nothing stored is told as the error it is."""
    first, *others = outcomes
    if isinstance(first, Failed) and isinstance(first.error, RequestInvalid) and not others:
        raise first.error


def _answer_type(request: Request) -> str:
    ranges = accepted(request.headers.get("accept"), request.query_params.get("accept"))
    chosen = choose(ranges, _ANSWERS)
    if chosen is None:
        raise NotAcceptable(f"what became of the instances is told as {DICOM_JSON} or {DICOM_XML}")
    return chosen.media_type


def _content_type(request: Request) -> MediaType:
    content_type = parse_media_type(request.headers.get("content-type", ""))
    if content_type is not None:
        single = content_type.name == DICOM
        parts = content_type.name == RELATED and _inner_type(content_type) in _STORED_TYPES
        if single or parts:
            return content_type
    raise HTTPException(415, f'send {RELATED}; type="{DICOM}", or {" or ".join(METADATA_TYPES)}')


def _inner_type(content_type: MediaType) -> str:
    return content_type.parameters.get("type", DICOM).lower()

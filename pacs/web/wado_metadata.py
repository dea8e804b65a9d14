"""WADO-RS for metadata: all that is known of instances but their bulk. PS3.18 10.4.1.1.2."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.metadata import Metadata
from pacs.archive.retrieve import Retrieval
from pacs.errors import NotAcceptable
from pacs.scope import Scope
from pacs.storage.interfaces import SeriesState
from pacs.web.access import Access
from pacs.web.media_types import DICOM_JSON, JSON, Offer, accepted, choose
from pacs.web.origins import Origins
from pacs.web.resources import (
    ASK_AGAIN,
    entity_tag,
    find_instance,
    find_series,
    not_modified,
    series_facts,
)
from pacs.web.streams import StreamedAnswer
from pacs.web.viewer_files import accepted_encodings

_ANSWERS = (Offer(DICOM_JSON), Offer(JSON))
_WORTH_COMPRESSING_BYTES = 4096
_QUICK = 1


class MetadataService:
    """The Retrieve transaction for metadata."""

    def __init__(
        self, *, retrieval: Retrieval, metadata: Metadata, access: Access, origins: Origins
    ) -> None:
        self._retrieval = retrieval
        self._metadata = metadata
        self._access = access
        self._origins = origins

    def routes(self) -> list[Route]:
        series = "/studies/{study}/series/{series}"
        return [
            Route("/studies/{study}/metadata", self.of_series),
            Route(f"{series}/metadata", self.of_series),
            Route(f"{series}/instances/{{instance}}/metadata", self.of_instance),
        ]

    def of_series(self, request: Request) -> Response:
        """Metadata of a series or of all series of a study."""
        scope = self._access.scope_of(request)
        media_type = _media_type(request)
        states = find_series(self._retrieval, request, scope)
        base_url = self._base_url(request)
        compressed = _takes_gzip(request)
        tag = entity_tag(series_facts(states), base_url, media_type, compressed)
        headers = _headers(tag, compressed=compressed)
        known = not_modified(request, headers)
        if known is not None:
            return known
        if len(states) == 1 and compressed:
            prepared = self._metadata.series(states[0], base_url, scope)
            return Response(prepared, headers=headers, media_type=media_type)
        text = _joined(self._texts(states, base_url, scope))
        pieces = _compress(text) if compressed else text
        return StreamedAnswer(pieces, media_type=media_type, headers=headers)

    def of_instance(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        media_type = _media_type(request)
        instance = find_instance(self._retrieval, request, scope)
        base_url = self._base_url(request)
        compressed = _takes_gzip(request)
        digest = instance.stored.data_set_sha256
        tag = entity_tag(instance.instance_id, digest, base_url, media_type, compressed)
        known = not_modified(request, _headers(tag, compressed=compressed))
        if known is not None:
            return known
        content = orjson.dumps([self._metadata.instance(instance, base_url)])
        compressed = compressed and len(content) >= _WORTH_COMPRESSING_BYTES
        if compressed:
            content = gzip.compress(content, compresslevel=_QUICK)
        return Response(
            content, headers=_headers(tag, compressed=compressed), media_type=media_type
        )

    def _base_url(self, request: Request) -> str:
        return f"{self._origins.base_url(request)}/dicom-web"

    def _texts(self, states: Iterable[SeriesState], base_url: str, scope: Scope) -> Iterator[bytes]:
        for state in states:
            yield gzip.decompress(self._metadata.series(state, base_url, scope))


def _media_type(request: Request) -> str:
    ranges = accepted(request.headers.get("accept"), request.query_params.get("accept"))
    chosen = choose(ranges, _ANSWERS)
    if chosen is None:
        raise NotAcceptable(f"metadata is given as {DICOM_JSON}")
    return chosen.media_type


def _takes_gzip(request: Request) -> bool:
    return "gzip" in accepted_encodings(request.headers.get("accept-encoding", ""))


def _headers(tag: str, *, compressed: bool) -> dict[str, str]:
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN, "Vary": "Accept, Accept-Encoding"}
    return {**headers, "Content-Encoding": "gzip"} if compressed else headers


def _joined(arrays: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON array from several, without reading them."""
    opening = b"["
    for array in arrays:
        if len(array) > 2:
            yield opening
            yield array[1:-1]
            opening = b","
    yield b"[]" if opening == b"[" else b"]"


def _compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(_QUICK, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()

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
from pacs.dicom.json import JsonDataSet
from pacs.web.access import Access
from pacs.web.data_set_answers import XML_PARTS, list_answer, list_offer, xml_answer
from pacs.web.origins import Origins
from pacs.web.resources import (
    ASK_AGAIN,
    content_of,
    entity_tag,
    find_instance,
    find_series,
    not_modified,
    series_facts,
)
from pacs.web.streams import StreamedAnswer
from pacs.web.viewer_files import accepted_encodings

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
        offer = list_offer(request)
        states = find_series(self._retrieval, request, scope)
        base_url = self._base_url(request)
        compressed = offer != XML_PARTS and _takes_gzip(request)
        tag = entity_tag(series_facts(states), base_url, offer, compressed)
        headers = _headers(tag, compressed=compressed)
        known = not_modified(request, headers)
        if known is not None:
            return known
        prepared = (self._metadata.series(state, base_url, scope) for state in states)
        if offer == XML_PARTS:
            return xml_answer(_data_sets(prepared), headers)
        if compressed and len(states) == 1:
            return Response(next(prepared), headers=headers, media_type=offer.media_type)
        text = _joined(map(gzip.decompress, prepared))
        pieces = _compress(text) if compressed else text
        return StreamedAnswer(pieces, media_type=offer.media_type, headers=headers)

    def of_instance(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        offer = list_offer(request)
        instance = find_instance(self._retrieval, request, scope)
        base_url = self._base_url(request)
        compressed = offer != XML_PARTS and _takes_gzip(request)
        tag = entity_tag(content_of(instance), base_url, offer, compressed)
        headers = _headers(tag, compressed=compressed)
        known = not_modified(request, headers)
        if known is not None:
            return known
        data_set = self._metadata.instance(instance, base_url)
        if not compressed:
            return list_answer([data_set], offer, headers)
        content = gzip.compress(orjson.dumps([data_set]), compresslevel=_QUICK)
        return Response(content, headers=headers, media_type=offer.media_type)

    def _base_url(self, request: Request) -> str:
        return f"{self._origins.base_url(request)}/dicom-web"


def _takes_gzip(request: Request) -> bool:
    return "gzip" in accepted_encodings(request.headers.get("accept-encoding", ""))


def _headers(tag: str, *, compressed: bool) -> dict[str, str]:
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN, "Vary": "Accept, Accept-Encoding"}
    return {**headers, "Content-Encoding": "gzip"} if compressed else headers


def _data_sets(prepared: Iterable[bytes]) -> Iterator[JsonDataSet]:
    for series in prepared:
        yield from orjson.loads(gzip.decompress(series))


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

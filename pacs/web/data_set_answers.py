"""Answers made of data sets: DICOM JSON, or XML with a part for each. PS3.18 Table 8.7.3-3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from pacs.dicom.json import JsonDataSet
from pacs.errors import NotAcceptable
from pacs.web.media_types import (
    DICOM_JSON,
    DICOM_XML,
    JSON,
    RELATED,
    Offer,
    accepted,
    choose,
)
from pacs.web.multipart import Part, new_boundary, write_parts
from pacs.web.native_dicom_model import native_dicom_model
from pacs.web.streams import StreamedAnswer

XML_PARTS = Offer(DICOM_XML, related=True)
_LISTS = (Offer(DICOM_JSON), Offer(JSON), XML_PARTS)


def list_offer(request: Request) -> Offer:
    """How the asker wants a list of data sets. Raises NotAcceptable."""
    chosen = choose(
        accepted(request.headers.get("accept"), request.query_params.get("accept")), _LISTS
    )
    if chosen is None:
        raise NotAcceptable(f'ask for {DICOM_JSON}, or for {RELATED}; type="{DICOM_XML}"')
    return chosen


def list_answer(
    data_sets: Iterable[JsonDataSet], offer: Offer, headers: Mapping[str, str]
) -> Response:
    """A list of data sets in the form that was chosen."""
    if offer == XML_PARTS:
        return xml_answer(data_sets, headers)
    content = orjson.dumps(list(data_sets))
    return Response(content, headers=dict(headers), media_type=offer.media_type)


def xml_answer(data_sets: Iterable[JsonDataSet], headers: Mapping[str, str]) -> Response:
    """A part for each data set; 204 when there is none, since multipart needs one."""
    parts = map(_part, data_sets)
    first = next(parts, None)
    if first is None:
        return Response(status_code=204, headers=dict(headers))
    boundary = new_boundary()
    return StreamedAnswer(
        write_parts(_with_first(first, parts), boundary),
        media_type=f'{RELATED}; type="{DICOM_XML}"; boundary={boundary}',
        headers=headers,
    )


def _part(data_set: JsonDataSet) -> Part:
    content = native_dicom_model(data_set)
    return Part({"Content-Type": DICOM_XML}, [content], len(content))


def _with_first(first: Part, others: Iterable[Part]) -> Iterator[Part]:
    yield first
    yield from others

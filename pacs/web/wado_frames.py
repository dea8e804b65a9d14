"""WADO-RS for frames and bulk data: pixels as numbers, or compressed as they are stored.

PS3.18 10.4.1.1.5 and 10.4.1.1.6.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.frames import Frames
from pacs.archive.metadata import Metadata
from pacs.archive.retrieve import Retrieval
from pacs.dicom.json import json_tag
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import NotAcceptable, NotDecodable
from pacs.storage.interfaces import StoredInstance
from pacs.web.access import Access
from pacs.web.frame_media_types import frame_transfer_syntax, frame_type_names
from pacs.web.media_types import (
    OCTET_STREAM,
    RELATED,
    MediaRange,
    Offer,
    accepted,
    candidates,
)
from pacs.web.multipart import Part, new_boundary, size_of_parts, write_parts
from pacs.web.ranges import whole_or_range
from pacs.web.resources import (
    FOR_EVER,
    content_of,
    entity_tag,
    find_instance,
    frame_numbers,
    not_modified,
)
from pacs.web.streams import PiecesAnswer, StreamedAnswer

_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"


class FrameService:
    """The Retrieve transaction for frames and bulk data."""

    def __init__(
        self,
        *,
        retrieval: Retrieval,
        frames: Frames,
        metadata: Metadata,
        access: Access,
        boundary: Callable[[], str] = new_boundary,
    ) -> None:
        self._retrieval = retrieval
        self._frames = frames
        self._metadata = metadata
        self._access = access
        self._boundary = boundary

    def routes(self) -> list[Route]:
        return [
            Route(f"{_INSTANCE}/frames/{{frames}}", self.frames),
            Route(f"{_INSTANCE}/bulkdata/{{path:path}}", self.bulk_data),
        ]

    def frames(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        instance = find_instance(self._retrieval, request, scope)
        numbers = frame_numbers(request, instance)
        return self._frames_answer(request, instance, numbers)

    def bulk_data(self, request: Request) -> Response:
        """A value that metadata names by URI; Pixel Data comes frame by frame."""
        scope = self._access.scope_of(request)
        instance = find_instance(self._retrieval, request, scope)
        path = request.path_params["path"].strip("/")
        if instance.pixels is not None and path.upper() == json_tag(instance.pixels.tag):
            return self._pixel_data(request, instance)
        value = self._metadata.bulk_data(instance, path)
        part = Part({"Content-Type": value.media_type}, value.pieces(), value.size_bytes)
        forms = (Offer(value.media_type, related=True), Offer(value.media_type))
        # Who asks for a range means the value itself, even when anything is accepted.
        offers = forms[::-1] if "range" in request.headers else forms
        tag = entity_tag(content_of(instance), path)
        headers = {"ETag": tag, "Cache-Control": FOR_EVER, "Vary": "Accept"}
        for offer, _ in candidates(_ranges(request), offers):
            if offer.related:
                return self._answer([part], offer, headers=headers)
            return whole_or_range(
                request, part.chunks, value.size_bytes, media_type=value.media_type, headers=headers
            )
        raise NotAcceptable(f'ask for {RELATED}; type="{OCTET_STREAM}"')

    def _pixel_data(self, request: Request, instance: StoredInstance) -> Response:
        """Native: one value of all frames. Compressed: a part for each frame."""
        numbers = list(range(1, self._frames.frame_count(instance) + 1))
        offers = (Offer(OCTET_STREAM, related=True), Offer(OCTET_STREAM))
        chosen = next(candidates(_ranges(request), offers), None)
        if chosen is None:
            return self._frames_answer(request, instance, numbers)
        pieces = (self._native(instance, number) for number in numbers)
        part = Part(
            {"Content-Type": _content_type(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN)}, pieces
        )
        return self._answer([part], chosen[0], headers={"Cache-Control": FOR_EVER})

    def _frames_answer(
        self, request: Request, instance: StoredInstance, numbers: Sequence[int]
    ) -> Response:
        # A single part for a single frame spares our own viewer the taking apart; the standard
        # has multipart only.
        forms = (True, False) if len(numbers) == 1 else (True,)
        names = list(frame_type_names(instance.transfer_syntax_uid))
        offers = [Offer(name, related=related) for related in forms for name in names]
        refusal: NotAcceptable | NotDecodable | None = None
        for offer, media_range in candidates(_ranges(request), offers):
            try:
                answer = self._try(
                    request, instance, numbers, offer=offer, asked=media_range.transfer_syntax
                )
            except (NotAcceptable, NotDecodable) as error:
                refusal = refusal or error
                continue
            if answer is not None:
                return answer
        raise refusal or NotAcceptable(
            f'ask for {RELATED}; type="{OCTET_STREAM}", or for the type of the stored transfer '
            f"syntax {instance.transfer_syntax_uid}"
        )

    def _try(
        self,
        request: Request,
        instance: StoredInstance,
        numbers: Sequence[int],
        *,
        offer: Offer,
        asked: str | None,
    ) -> Response | None:
        """The answer in this form, or None when the form does not suit the instance.

        The first frame is made at once, so that what cannot be made is known before the answer
        begins.
        """
        uid = frame_transfer_syntax(offer.media_type, asked, instance.transfer_syntax_uid)
        if uid is None:
            return None
        digest = instance.stored.data_set_sha256
        tag = entity_tag(digest, tuple(numbers), offer, uid)
        headers = {"ETag": tag, "Cache-Control": FOR_EVER, "Vary": "Accept"}
        known = not_modified(request, headers)
        if known is not None:
            return known
        read = self._reader(instance, uid)
        first = read(numbers[0])
        content_type = _content_type(offer.media_type, uid)
        if len(numbers) == 1:
            if not offer.related and "range" in request.headers:
                return whole_or_range(
                    request, [first], len(first), media_type=content_type, headers=headers
                )
            return self._one(first, content_type, offer, headers)
        contents = itertools.chain([first], map(read, numbers[1:]))
        parts = (Part({"Content-Type": content_type}, [each], len(each)) for each in contents)
        return self._stream(parts, offer, headers)

    def _one(
        self, content: bytes, content_type: str, offer: Offer, headers: dict[str, str]
    ) -> Response:
        """One frame, which is in memory already."""
        if not offer.related:
            told = {**headers, "Accept-Ranges": "bytes"}
            return PiecesAnswer([content], media_type=content_type, headers=told)
        boundary = self._boundary()
        part = Part({"Content-Type": content_type}, [content], len(content))
        return PiecesAnswer(
            list(write_parts([part], boundary)),
            media_type=_related(offer, boundary),
            headers=headers,
        )

    def _reader(self, instance: StoredInstance, uid: str) -> Callable[[int], bytes]:
        if uid == EXPLICIT_VR_LITTLE_ENDIAN:
            return lambda number: self._native(instance, number)
        if uid == instance.transfer_syntax_uid:
            return lambda number: self._frames.encoded(instance, number)
        return lambda number: self._frames.transcoded(instance, number, uid)

    def _native(self, instance: StoredInstance, number: int) -> bytes:
        stored = self._frames.native_bytes(instance, number)
        return stored if stored is not None else self._frames.native(instance, number).data

    def _answer(self, parts: Sequence[Part], offer: Offer, *, headers: dict[str, str]) -> Response:
        if offer.related:
            return self._stream(iter(parts), offer, headers, sized=parts)
        (part,) = parts
        return StreamedAnswer(
            iter(part.chunks),
            media_type=part.headers["Content-Type"],
            size_bytes=part.size_bytes,
            headers=headers,
        )

    def _stream(
        self,
        parts: Iterator[Part],
        offer: Offer,
        headers: dict[str, str],
        *,
        sized: Sequence[Part] | None = None,
    ) -> Response:
        boundary = self._boundary()
        return StreamedAnswer(
            write_parts(parts, boundary),
            media_type=_related(offer, boundary),
            size_bytes=size_of_parts(sized, boundary) if sized is not None else None,
            headers=headers,
        )


def _ranges(request: Request) -> tuple[MediaRange, ...]:
    return accepted(request.headers.get("accept"), request.query_params.get("accept"))


def _related(offer: Offer, boundary: str) -> str:
    return f'{RELATED}; type="{offer.media_type}"; boundary={boundary}'


def _content_type(media_type: str, transfer_syntax_uid: str) -> str:
    return f"{media_type}; transfer-syntax={transfer_syntax_uid}"

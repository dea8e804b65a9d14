"""WADO-URI: one instance by query parameters, as a DICOM file or a picture. PS3.18 Section 9."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.frames import Frames
from pacs.archive.retrieve import Retrieval
from pacs.dicom.identity import is_usable_uid
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, OVER_THE_WEB_AS_EXPLICIT
from pacs.errors import NotAcceptable, NotFound, RequestInvalid
from pacs.pixels.interfaces import PictureType, RenderRequest, Viewport
from pacs.scope import Scope
from pacs.storage.interfaces import Selection, StoredInstance
from pacs.web.access import Access
from pacs.web.media_types import (
    ANY_TRANSFER_SYNTAX,
    DICOM,
    MediaRange,
    Offer,
    choose,
    parse_accept,
)
from pacs.web.render_parameters import parse_quality, parse_side, parse_window
from pacs.web.streams import StreamedAnswer

_FRAME_NUMBER = re.compile(r"[0-9]{1,9}")
_REQUIRED = ("requestType", "studyUID", "seriesUID", "objectUID")
# Whoever asks for these would take something else for what was asked for: a patient's name in a
# file meant to have none, or a picture without its presentation.
_NOT_TO_BE_IGNORED = frozenset({"anonymize", "presentationUID"})
_PICTURES = tuple(Offer(each.value) for each in PictureType)


class UriService:
    """The older way to retrieve, which Weasis and many reports still use."""

    def __init__(self, *, retrieval: Retrieval, frames: Frames, access: Access) -> None:
        self._retrieval = retrieval
        self._frames = frames
        self._access = access

    def routes(self) -> list[Route]:
        return [Route("/wado", self.retrieve)]

    def retrieve(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        instance = self._find(request, scope)
        offers = (*_PICTURES, Offer(DICOM)) if instance.pixels else (Offer(DICOM), *_PICTURES)
        chosen = choose(_wanted(request), offers)
        if chosen is None:
            raise NotAcceptable(f"contentType is {', '.join(each.media_type for each in offers)}")
        if chosen.media_type == DICOM:
            return self._file(request, instance)
        return self._picture(request, instance, PictureType(chosen.media_type))

    def _find(self, request: Request, scope: Scope) -> StoredInstance:
        parameters = request.query_params
        missing = [name for name in _REQUIRED if not parameters.get(name)]
        if missing:
            raise RequestInvalid(f"the parameter {missing[0]} is missing")
        if parameters["requestType"] != "WADO":
            raise RequestInvalid("requestType is WADO")
        for name in _NOT_TO_BE_IGNORED & parameters.keys():
            raise RequestInvalid(f"{name} is not supported; ask without it")
        study, series, instance = (parameters[name] for name in _REQUIRED[1:])
        if not all(is_usable_uid(uid) for uid in (study, series, instance)):
            raise NotFound("nothing has this name: it is not a UID")
        selection = Selection((study,), (series,), (instance,))
        found = self._retrieval.instances(selection, scope)
        if not found:
            raise NotFound("the archive holds no such instance")
        return found[0]

    def _file(self, request: Request, instance: StoredInstance) -> Response:
        """Explicit VR Little Endian unless asked otherwise. PS3.18 9.4."""
        asked = request.query_params.get("transferSyntax", EXPLICIT_VR_LITTLE_ENDIAN)
        uid = instance.transfer_syntax_uid if asked == ANY_TRANSFER_SYNTAX else asked
        if uid in OVER_THE_WEB_AS_EXPLICIT or not self._retrieval.can_serve_as(instance, uid):
            # Clients of this age cannot negotiate: what comes nearest serves them better than 406.
            uid = self._nearest(instance)
        pieces, size_bytes = self._pieces(instance, uid)
        media_type = f"{DICOM}; transfer-syntax={uid}"
        return StreamedAnswer(pieces, media_type=media_type, size_bytes=size_bytes)

    def _nearest(self, instance: StoredInstance) -> str:
        explicit = EXPLICIT_VR_LITTLE_ENDIAN
        if self._retrieval.can_serve_as(instance, explicit):
            return explicit
        return instance.transfer_syntax_uid

    def _pieces(self, instance: StoredInstance, uid: str) -> tuple[Iterator[bytes], int | None]:
        if uid == instance.transfer_syntax_uid:
            size_bytes = self._retrieval.file_size_bytes(instance)
            return self._retrieval.file_chunks(instance), size_bytes
        return self._retrieval.file_chunks_as(instance, uid), None

    def _picture(
        self, request: Request, instance: StoredInstance, picture_type: PictureType
    ) -> Response:
        wanted = replace(_render_request(request), picture_type=picture_type)
        content = self._frames.rendered(instance, _frame_number(request, instance), wanted)
        return Response(content, media_type=picture_type.value)


def _wanted(request: Request) -> tuple[MediaRange, ...]:
    """contentType goes before the header, as a list in the same form."""
    asked = request.query_params.get("contentType")
    return parse_accept(asked.replace(" ", "+") if asked else request.headers.get("accept"))


def _render_request(request: Request) -> RenderRequest:
    parameters = request.query_params
    wanted = RenderRequest()
    if "imageQuality" in parameters:
        wanted = replace(wanted, quality=parse_quality(parameters["imageQuality"]))
    if "rows" in parameters or "columns" in parameters:
        width, height = (
            parse_side(parameters[name]) if name in parameters else None
            for name in ("columns", "rows")
        )
        wanted = replace(wanted, viewport=Viewport(width, height))
    center, width_text = parameters.get("windowCenter"), parameters.get("windowWidth")
    if (center is None) != (width_text is None):
        raise RequestInvalid("windowCenter and windowWidth are given together")
    if center is not None and width_text is not None:
        wanted = replace(wanted, window=parse_window(f"{center},{width_text}"))
    return wanted


def _frame_number(request: Request, instance: StoredInstance) -> int:
    text = request.query_params.get("frameNumber", "1")
    number = int(text) if _FRAME_NUMBER.fullmatch(text) else 0
    if not 1 <= number <= instance.number_of_frames:
        raise RequestInvalid(f"frameNumber is 1 to {instance.number_of_frames}")
    return number

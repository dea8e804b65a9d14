"""WADO-RS for pictures: rendered resources and thumbnails. PS3.18 10.4.1.1.3 and 10.4.1.1.4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.frames import Frames
from pacs.archive.retrieve import Retrieval
from pacs.errors import NotAcceptable, NotDecodable
from pacs.pixels.interfaces import PictureType, RenderRequest, Viewport
from pacs.scope import Scope
from pacs.storage.interfaces import StoredInstance
from pacs.web.access import Access
from pacs.web.media_types import RELATED, Offer, accepted, choose
from pacs.web.multipart import Part, new_boundary, write_parts
from pacs.web.render_parameters import parse_render_request, warnings_about
from pacs.web.resources import (
    ASK_AGAIN,
    entity_tag,
    find_instance,
    find_instances,
    find_series,
    frame_numbers,
    not_modified,
    series_facts,
)
from pacs.web.streams import StreamedAnswer

_SERIES = "/studies/{study}/series/{series}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
_FRAMES = f"{_INSTANCE}/frames/{{frames}}"
_RESOURCES = ("/studies/{study}", _SERIES, _INSTANCE, _FRAMES)
_THUMBNAIL = Viewport(160, 160)
_RENDERED = RenderRequest()
_SMALL = RenderRequest(viewport=_THUMBNAIL, quality=80)
# Pictures of an instance change only when we learn to render better; then this number goes up.
_WAY_OF_RENDERING = 2
_A_DAY = "private, max-age=86400"


@dataclass(frozen=True)
class _Picture:
    instance: StoredInstance
    frame_number: int


class RenderService:
    """The Retrieve transaction for pictures."""

    def __init__(
        self,
        *,
        retrieval: Retrieval,
        frames: Frames,
        access: Access,
        boundary: Callable[[], str] = new_boundary,
    ) -> None:
        self._retrieval = retrieval
        self._frames = frames
        self._access = access
        self._boundary = boundary

    def routes(self) -> list[Route]:
        rendered = [Route(f"{path}/rendered", self.rendered) for path in _RESOURCES]
        return rendered + [Route(f"{path}/thumbnail", self.thumbnail) for path in _RESOURCES]

    def rendered(self, request: Request) -> Response:
        """One picture that stands for the resource, or all: as parts, of a cine as a GIF."""
        return self._answer(request, _RENDERED, whole=True)

    def thumbnail(self, request: Request) -> Response:
        return self._answer(request, _SMALL, whole=False)

    def _answer(self, request: Request, basis: RenderRequest, *, whole: bool) -> Response:
        scope = self._access.scope_of(request)
        offer = _offer(request, allow_parts=whole)
        wanted = parse_render_request(request.query_params, basis)
        wanted = replace(wanted, picture_type=PictureType(offer.media_type))
        headers = self._headers(request, scope, (offer, wanted, _WAY_OF_RENDERING))
        warnings = warnings_about(request.query_params)
        if warnings:
            headers["Warning"] = ", ".join(f'299 pacs "{text}"' for text in warnings)
        known = not_modified(request, headers)
        if known is not None:
            return known
        pictures = _pictures(request, find_instances(self._retrieval, request, scope))
        if offer.related:
            return self._all(pictures, wanted, offer, headers)
        if whole and _is_cine(request, pictures, wanted):
            pieces = self._frames.animated(pictures[0].instance, wanted)
            return StreamedAnswer(pieces, media_type=offer.media_type, headers=headers)
        return self._one(_representative(request, pictures), wanted, headers)

    def _headers(self, request: Request, scope: Scope, facts: tuple[object, ...]) -> dict[str, str]:
        if "instance" in request.path_params:
            found = find_instance(self._retrieval, request, scope)
            frames = request.path_params.get("frames")
            tag = entity_tag(found.stored.data_set_sha256, frames, *facts)
            return {"ETag": tag, "Vary": "Accept", "Cache-Control": _A_DAY}
        # The revisions tell whether anything changed without a look at thousands of rows.
        states = find_series(self._retrieval, request, scope)
        tag = entity_tag(series_facts(states), *facts)
        return {"ETag": tag, "Vary": "Accept", "Cache-Control": ASK_AGAIN}

    def _one(self, picture: _Picture, wanted: RenderRequest, headers: dict[str, str]) -> Response:
        content = self._frames.rendered(picture.instance, picture.frame_number, wanted)
        return Response(content, headers=headers, media_type=wanted.picture_type.value)

    def _all(
        self,
        pictures: Sequence[_Picture],
        wanted: RenderRequest,
        offer: Offer,
        headers: dict[str, str],
    ) -> Response:
        boundary = self._boundary()
        return StreamedAnswer(
            write_parts(self._parts(pictures, wanted), boundary),
            media_type=f'{RELATED}; type="{offer.media_type}"; boundary={boundary}',
            headers=headers,
        )

    def _parts(self, pictures: Sequence[_Picture], wanted: RenderRequest) -> Iterator[Part]:
        for picture in pictures:
            content = self._frames.rendered(picture.instance, picture.frame_number, wanted)
            yield Part({"Content-Type": wanted.picture_type.value}, [content], len(content))


def _offer(request: Request, *, allow_parts: bool) -> Offer:
    ranges = accepted(request.headers.get("accept"), request.query_params.get("accept"))
    forms = (False, True) if allow_parts else (False,)
    offers = [Offer(each.value, related=form) for form in forms for each in PictureType]
    chosen = choose(ranges, offers)
    if chosen is None:
        kinds = ", ".join(each.value for each in PictureType)
        raise NotAcceptable(f"pictures can be had as {kinds}")
    return chosen


def _pictures(request: Request, found: Sequence[StoredInstance]) -> list[_Picture]:
    """All pictures of the resource in the order of the instances; at least one."""
    if "frames" in request.path_params:
        return [_Picture(found[0], number) for number in frame_numbers(request, found[0])]
    pictures = [
        _Picture(instance, number)
        for instance in found
        if instance.pixels is not None
        for number in range(1, instance.number_of_frames + 1)
    ]
    if not pictures:
        raise NotDecodable("there are no pictures here: no instance has pixels")
    return pictures


def _is_cine(request: Request, pictures: Sequence[_Picture], wanted: RenderRequest) -> bool:
    """Whether one file can hold all pictures: GIF is the only type that moves."""
    of_instance = "instance" in request.path_params and "frames" not in request.path_params
    return of_instance and len(pictures) > 1 and wanted.picture_type is PictureType.GIF


def _representative(request: Request, pictures: Sequence[_Picture]) -> _Picture:
    """The first frame asked for; of a stack the one in the middle of its first series."""
    if "frames" in request.path_params:
        if len(pictures) > 1:
            raise NotAcceptable("several frames can be had as multipart/related only")
        return pictures[0]
    if "instance" in request.path_params:
        return pictures[0]
    first = pictures[0].instance.series_id
    of_series = [each for each in pictures if each.instance.series_id == first]
    return of_series[len(of_series) // 2]

"""WADO-RS for whole instances: studies, series and instances as DICOM files. PS3.18 10.4.1.1.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.metadata import instance_url
from pacs.archive.retrieve import Retrieval
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, OVER_THE_WEB_AS_EXPLICIT
from pacs.errors import NotAcceptable, NotDecodable
from pacs.storage.interfaces import StoredInstance
from pacs.web.access import Access
from pacs.web.media_types import (
    ANY_TRANSFER_SYNTAX,
    DICOM,
    RELATED,
    Offer,
    accepted,
    candidates,
)
from pacs.web.multipart import Part, new_boundary, size_of_parts, write_parts
from pacs.web.origins import Origins
from pacs.web.resources import find_instances
from pacs.web.streams import StreamedAnswer
from pacs.web.zip_stream import ZippedFile, zip_chunks

_PARTS = Offer(DICOM, related=True)
_SINGLE = Offer(DICOM)
_ZIPPED = Offer("application/zip")


@dataclass(frozen=True)
class _Sent:
    """One instance and the transfer syntax it goes out in.

    or_stored  whether it goes as stored when its pixels turn out to be damaged.
    """

    instance: StoredInstance
    transfer_syntax_uid: str
    or_stored: bool = False

    @property
    def is_as_stored(self) -> bool:
        return self.transfer_syntax_uid == self.instance.transfer_syntax_uid


class RetrieveService:
    """The Retrieve transaction for instances."""

    def __init__(
        self,
        *,
        retrieval: Retrieval,
        access: Access,
        origins: Origins,
        boundary: Callable[[], str] = new_boundary,
    ) -> None:
        self._retrieval = retrieval
        self._access = access
        self._origins = origins
        self._boundary = boundary

    def routes(self) -> list[Route]:
        return [
            Route("/studies/{study}", self.instances),
            Route("/studies/{study}/series/{series}", self.instances),
            Route("/studies/{study}/series/{series}/instances/{instance}", self.instances),
        ]

    def instances(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        found = find_instances(self._retrieval, request, scope)
        ranges = accepted(request.headers.get("accept"), request.query_params.get("accept"))
        offers = (_PARTS, _SINGLE, _ZIPPED) if len(found) == 1 else (_PARTS, _ZIPPED)
        for offer, media_range in candidates(ranges, offers):
            plan = self._plan(found, media_range.transfer_syntax)
            if plan is not None:
                return self._answer(request, plan, offer)
        raise NotAcceptable(_what_can_be_had(found))

    def _plan(self, found: Sequence[StoredInstance], asked: str | None) -> list[_Sent] | None:
        """What goes out in which syntax, or None when the asked one cannot be had for all."""
        if asked is None:
            return [self._by_default(instance) for instance in found]
        if asked == ANY_TRANSFER_SYNTAX:
            return [_Sent(instance, _stored_for_the_web(instance)) for instance in found]
        if asked in OVER_THE_WEB_AS_EXPLICIT:
            return None
        if all(self._retrieval.can_serve_as(instance, asked) for instance in found):
            return [_Sent(instance, asked) for instance in found]
        return None

    def _by_default(self, instance: StoredInstance) -> _Sent:
        """Explicit VR Little Endian (PS3.18 Table 8.7.3-2); a video or the like as it is stored."""
        if self._retrieval.can_serve_as(instance, EXPLICIT_VR_LITTLE_ENDIAN):
            return _Sent(instance, EXPLICIT_VR_LITTLE_ENDIAN, or_stored=True)
        return _Sent(instance, instance.transfer_syntax_uid)

    def _answer(self, request: Request, plan: Sequence[_Sent], offer: Offer) -> Response:
        if offer == _ZIPPED:
            return self._zip(plan)
        base_url = f"{self._origins.base_url(request)}/dicom-web"
        if not offer.related:
            part = self._part(plan[0], base_url)
            content_type = part.headers["Content-Type"]
            return StreamedAnswer(
                iter(part.chunks), media_type=content_type, size_bytes=part.size_bytes
            )
        boundary = self._boundary()
        return StreamedAnswer(
            write_parts(self._parts(plan, base_url), boundary),
            media_type=f'{RELATED}; type="{DICOM}"; boundary={boundary}',
            size_bytes=self._size(plan, base_url, boundary),
        )

    def _zip(self, plan: Sequence[_Sent]) -> Response:
        """A file for each instance, as people want a study that they carry elsewhere."""
        study = plan[0].instance.identity.study_instance_uid
        return StreamedAnswer(
            zip_chunks(map(self._zipped, plan)),
            media_type=_ZIPPED.media_type,
            headers={"Content-Disposition": f'attachment; filename="{study}.zip"'},
        )

    def _zipped(self, sent: _Sent) -> ZippedFile:
        names = sent.instance.identity
        parts = (names.study_instance_uid, names.series_instance_uid, names.sop_instance_uid)
        _, chunks = self._chunks(sent)
        return ZippedFile("/".join(parts) + ".dcm", sent.instance.received, chunks)

    def _size(self, plan: Sequence[_Sent], base_url: str, boundary: str) -> int | None:
        """How long the answer will be, which is known where nothing is converted."""
        if not all(sent.is_as_stored for sent in plan):
            return None
        return size_of_parts(self._parts(plan, base_url), boundary)

    def _parts(self, plan: Sequence[_Sent], base_url: str) -> Iterator[Part]:
        return (self._part(sent, base_url) for sent in plan)

    def _part(self, sent: _Sent, base_url: str) -> Part:
        uid, chunks = self._chunks(sent)
        size = self._retrieval.file_size_bytes(sent.instance) if sent.is_as_stored else None
        headers = {
            "Content-Type": f"{DICOM}; transfer-syntax={uid}",
            "Content-Location": instance_url(sent.instance, base_url),
        }
        return Part(headers, chunks, size)

    def _chunks(self, sent: _Sent) -> tuple[str, Iterator[bytes]]:
        if sent.is_as_stored:
            return sent.transfer_syntax_uid, self._retrieval.file_chunks(sent.instance)
        uid = sent.transfer_syntax_uid
        try:
            return uid, self._retrieval.file_chunks_as(sent.instance, uid)
        except (NotDecodable, NotAcceptable):
            # Nobody asked for this syntax by name, and one damaged picture must not keep the
            # rest of the study from coming. The part says what it is.
            if not sent.or_stored:
                raise
            stored = sent.instance.transfer_syntax_uid
            return stored, self._retrieval.file_chunks(sent.instance)


def _stored_for_the_web(instance: StoredInstance) -> str:
    stored = instance.transfer_syntax_uid
    return EXPLICIT_VR_LITTLE_ENDIAN if stored in OVER_THE_WEB_AS_EXPLICIT else stored


def _what_can_be_had(found: Sequence[StoredInstance]) -> str:
    stored = ", ".join(sorted({_stored_for_the_web(instance) for instance in found}))
    return (
        f'ask for {RELATED}; type="{DICOM}" with transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN} '
        f"or as stored ({stored})"
    )

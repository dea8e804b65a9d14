"""Objects of this node's spool, for the other nodes of the archive and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.errors import NotAllowed, NotFound, ObjectDamaged, ObjectMissing, RequestInvalid
from pacs.nodes import SIGNATURE_HEADER, SPOOL_PATH, TIME_HEADER, NodeDirectory, is_signed
from pacs.storage.interfaces import ObjectReader
from pacs.storage.object_keys import is_key
from pacs.web.problems import problem
from pacs.web.streams import StreamedAnswer

_BEYOND_THE_END = 416


class SpoolService:
    """The route `/internal/spool/<key>?offset=&length=`, for requests that a node signed."""

    def __init__(
        self, *, spool: ObjectReader, nodes: NodeDirectory, now: Callable[[], datetime]
    ) -> None:
        self._spool = spool
        self._nodes = nodes
        self._now = now

    def routes(self) -> list[Route]:
        return [Route(f"{SPOOL_PATH}{{key:path}}", self.read, methods=["GET"])]

    def read(self, request: Request) -> Response:
        self._require_node(request)
        try:
            pieces = self._pieces(request)
        except ObjectMissing as error:
            raise NotFound(error.message) from error
        except ObjectDamaged as error:
            return problem(_BEYOND_THE_END, error.message, code="object_damaged")
        return StreamedAnswer(pieces, media_type="application/octet-stream")

    def _pieces(self, request: Request) -> Iterator[bytes]:
        key = request.path_params["key"]
        if not is_key(key):
            raise RequestInvalid("this is no key of an object")
        offset = _number(request, "offset")
        return self._spool.read(key, offset=offset or 0, length=_number(request, "length"))

    def _require_node(self, request: Request) -> None:
        target = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        if not is_signed(
            self._nodes.secret(),
            target.decode("latin-1"),
            time=request.headers.get(TIME_HEADER, ""),
            signature=request.headers.get(SIGNATURE_HEADER, ""),
            now=self._now(),
        ):
            raise NotAllowed("only the nodes of this archive may read here")


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise RequestInvalid(f"{name} is a number of bytes")
    return int(text)

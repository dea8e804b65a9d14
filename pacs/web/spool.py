"""Objects of this node's spool, for the other nodes of the archive and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pacs.errors import NotAllowed, NotFound, RequestInvalid
from pacs.nodes import SIGNATURE_HEADER, SPOOL_PATH, TIME_HEADER, NodeDirectory, is_signed
from pacs.storage.interfaces import ObjectStore
from pacs.storage.object_keys import is_key
from pacs.web.streams import closing_stream


class SpoolService:
    """The route `/internal/spool/<key>?offset=&length=`."""

    def __init__(
        self, *, spool: ObjectStore, nodes: NodeDirectory, now: Callable[[], datetime]
    ) -> None:
        self._spool = spool
        self._nodes = nodes
        self._now = now

    def routes(self) -> list[Route]:
        return [Route(f"{SPOOL_PATH}{{key:path}}", self.read, methods=["GET"])]

"""DELETE of studies, series and instances over DICOMweb: into the trash, whence they can come back.

The standard has no such transaction for stored instances; the paths are those of WADO-RS, as other
archives have it and dicomweb-client expects it.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.removal import Removal
from pacs.web.access import Access
from pacs.web.resources import selection_of

REASON_HEADER = "X-Reason"
_NO_REASON = "deleted over DICOMweb; no reason was given"
_SERIES = "/studies/{study}/series/{series}"


class RemovalService:
    """Deletes what the path names, all of it or nothing."""

    def __init__(self, *, removal: Removal, access: Access) -> None:
        self._removal = removal
        self._access = access

    def routes(self) -> list[Route]:
        paths = ("/studies/{study}", _SERIES, f"{_SERIES}/instances/{{instance}}")
        return [Route(path, self.delete, methods=["DELETE"]) for path in paths]

    def delete(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        self._removal.delete(selection_of(request), scope, reason=_reason(request))
        return Response(status_code=204)


def _reason(request: Request) -> str:
    """Why, from `?reason=` or the header; there percent-encoded, for headers are ASCII."""
    header = unquote(request.headers.get(REASON_HEADER, ""))
    reason = (request.query_params.get("reason") or header).strip()
    # Clients know no reasons; who deleted what is written down in any case.
    return reason or _NO_REASON

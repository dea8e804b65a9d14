"""Where the archive is reached from outside, and whether a request comes from its own pages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.requests import Request

from pacs.errors import NotAllowed, RequestInvalid

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Origins:
    """Knows our own address: the public URL of the settings, else what the request says."""

    def __init__(self, *, public_url: str | None) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None

    def base_url(self, request: Request) -> str:
        """Where links in an answer begin, without a slash at the end."""
        return self._public_url or f"{request.url.scheme}://{host_of(request)}"

    def is_secure(self, request: Request) -> bool:
        return self.base_url(request).startswith("https:")

    def require_own(self, request: Request, *, when_absent: bool) -> None:
        """Raise NotAllowed for a request that a page of somebody else sent.

        when_absent  whether a request without Origin passes: programs send none, browsers do
        with every unsafe method.
        """
        origin = request.headers.get("origin")
        if origin is None and when_absent:
            return
        parts = urlsplit(self.base_url(request))
        if origin is None or origin.lower() != f"{parts.scheme}://{parts.netloc}".lower():
            raise NotAllowed(
                "the request does not come from the archive's own pages (Origin); "
                "programs use a bearer token instead of the cookie"
            )


def host_of(request: Request) -> str:
    """The Host header, or RequestInvalid when no link could be built with it."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise RequestInvalid("the Host header is absent or not a host name")
    return host


def require_loopback_host(request: Request) -> None:
    """Raise NotAllowed unless the asker calls us by a name of this machine.

    Without sign-in this is what keeps a web page out that makes its own name resolve to us.
    """
    name = re.sub(r":\d+$", "", host_of(request)).lower()
    if name not in _LOOPBACK_NAMES:
        raise NotAllowed(f"without sign-in the archive answers on this machine only, not {name!r}")

"""Whose pages may use the archive from a browser, beside its own: nobody's unless configured.

Fetch standard, section CORS protocol.
"""

from __future__ import annotations

from typing import Any

EXPOSED = (
    "Content-Location",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    "Warning",
    "X-Total-Count",
)
"""Headers of answers that pages of others may read beside those that every page may."""

_ASKED = ("Accept", "Authorization", "Content-Type", "If-None-Match", "Range", "X-Reason")
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
_REMEMBERED_S = 600


def cors_options(origins: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of Starlette's CORSMiddleware.

    Cookies pass only for origins that are named: any page at all must not act as whoever happens
    to be signed in.
    """
    return {
        "allow_origins": list(origins),
        "allow_credentials": "*" not in origins,
        "allow_methods": list(_METHODS),
        "allow_headers": list(_ASKED),
        "expose_headers": list(EXPOSED),
        "max_age": _REMEMBERED_S,
    }

"""Serves the built viewer: hashed files for ever, compressed ahead, one page for all routes."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_PARTS = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]*")
# Never answered with the viewer's page: a program that asks for these wants to hear a 404.
_NOT_PAGES = frozenset({"api", "assets", "dicom-web", "health", "metrics", "s", "wado"})
# What the operating system's table gets wrong or does not know.
_MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Viewer not built</title>
<body><h1>The viewer has not been built</h1>
<p>The archive runs; DICOM, DICOMweb and the API work. To get the pages, type
<code>npm ci &amp;&amp; npm run build</code> in the folder <code>viewer</code> and reload.</p>
</body></html>
"""


class ViewerFiles:
    """The files below one folder; what is not in it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def serve(self, request: Request) -> Response:
        """The file of this path, or the viewer's page for a route of the viewer."""
        parts = [part for part in request.url.path.split("/") if part]
        # Files lie on top or below assets; elsewhere a dot belongs to a UID: /study/1.2.840.1
        if parts[:1] == ["assets"] or (len(parts) == 1 and "." in parts[0]):
            return self._file(request, parts)
        if ".." in parts or (parts and parts[0] in _NOT_PAGES):
            raise HTTPException(404)
        return self._page(request)

    def _file(self, request: Request, parts: list[str]) -> Response:
        if not all(_PARTS.fullmatch(part) for part in parts):
            raise HTTPException(404)
        path = self._folder.joinpath(*parts)
        if path.suffix in (".gz", ".br") or not path.is_file():
            raise HTTPException(404)
        return _answer(request, path, IMMUTABLE if parts[0] == "assets" else REVALIDATE)

    def _page(self, request: Request) -> Response:
        page = self._folder / "index.html"
        if not page.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return _answer(request, page, REVALIDATE)


def _answer(request: Request, path: Path, cache_control: str) -> Response:
    sent, encoding = _smallest_accepted(request, path)
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    answer = FileResponse(sent, headers=headers, media_type=_media_type(path))
    answer.set_stat_headers(sent.stat())
    known = request.headers.get("if-none-match", "")
    if answer.headers["etag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers={**headers, "ETag": answer.headers["etag"]})
    return answer


def _smallest_accepted(request: Request, path: Path) -> tuple[Path, str | None]:
    accepted = accepted_encodings(request.headers.get("accept-encoding", ""))
    for encoding, suffix in _ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if encoding in accepted and compressed.is_file():
            return compressed, encoding
    return path, None


def accepted_encodings(header: str) -> frozenset[str]:
    """The content codings that may be sent; those with quality 0 are left out. RFC 9110 12.5.3."""
    found = set()
    for element in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in element.split(";"))
        if not any(re.fullmatch(r"q\s*=\s*0(?:\.0*)?", each) for each in parameters):
            found.add(name)
    return frozenset(found - {""})


def _media_type(path: Path) -> str:
    known = _MEDIA_TYPES.get(path.suffix)
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"

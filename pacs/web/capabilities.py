"""What the DICOMweb service can do, told on OPTIONS of its root as WADL. PS3.18 8.9."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.web.origins import Origins

_WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"


class CapabilitiesService:
    """Describes the routes it was given, so that it cannot promise others."""

    def __init__(self, *, described: Sequence[Route], origins: Origins) -> None:
        self._described = described
        self._origins = origins

    def routes(self) -> list[Route]:
        return [Route("/", self.describe, methods=["OPTIONS"])]

    def describe(self, request: Request) -> Response:
        root = Element("application", {"xmlns": _NAMESPACE})
        base = f"{self._origins.base_url(request)}/dicom-web/"
        resources = SubElement(root, "resources", {"base": base})
        for path, methods in sorted(_methods_by_path(self._described).items()):
            resource = SubElement(resources, "resource", {"path": path.lstrip("/")})
            for method in sorted(methods):
                SubElement(resource, "method", {"name": method})
        document = tostring(root, encoding="utf-8", xml_declaration=True)
        return Response(document, media_type=_WADL)


def _methods_by_path(routes: Iterable[Route]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for route in routes:
        found.setdefault(route.path, set()).update(route.methods or ())
    return found

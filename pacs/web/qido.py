"""QIDO-RS: searches for studies, series and instances. PS3.18 10.6."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.archive.query import QueryEngine
from pacs.dicom.hierarchy import Attribute, Level
from pacs.dicom.identity import is_usable_uid
from pacs.dicom.json import JsonDataSet, json_attribute, json_tag
from pacs.errors import NotFound
from pacs.storage.interfaces import Match, Page
from pacs.web.access import Access
from pacs.web.config import WebLimits
from pacs.web.data_set_answers import list_answer, list_offer
from pacs.web.origins import Origins
from pacs.web.search_parameters import Search, parse_search

_SPECIFIC_CHARACTER_SET = ("00080005", json_attribute("CS", "ISO_IR 192"))
_INSTANCE_AVAILABILITY = ("00080056", json_attribute("CS", "ONLINE"))
_RETRIEVE_URL = "00081190"
_AVAILABLE_TRANSFER_SYNTAX_UID = "00083002"

_RESOURCES: tuple[tuple[str, Level], ...] = (
    ("/studies", Level.STUDY),
    ("/series", Level.SERIES),
    ("/studies/{study}/series", Level.SERIES),
    ("/instances", Level.IMAGE),
    ("/studies/{study}/instances", Level.IMAGE),
    ("/studies/{study}/series/{series}/instances", Level.IMAGE),
)
_PATH_LEVELS = {"study": Level.STUDY, "series": Level.SERIES}


class SearchService:
    """The Search transaction."""

    def __init__(
        self, *, query: QueryEngine, access: Access, origins: Origins, limits: WebLimits
    ) -> None:
        self._query = query
        self._access = access
        self._origins = origins
        self._limits = limits

    def routes(self) -> list[Route]:
        return [Route(path, self._search_at(level)) for path, level in _RESOURCES]

    def _search_at(self, level: Level) -> Callable[[Request], Response]:
        def search(request: Request) -> Response:
            return self._answer(request, level)

        return search

    def _answer(self, request: Request, level: Level) -> Response:
        scope = self._access.scope_of(request)
        offer = list_offer(request)
        search = parse_search(
            level,
            _within(request),
            request.query_params.multi_items(),
            limits=self._limits,
        )
        page = self._query.search(search.query, scope)
        write = _MatchWriter(search.returned, f"{self._origins.base_url(request)}/dicom-web")
        return list_answer(map(write, page.matches), offer, _headers(search, page))


def _within(request: Request) -> Mapping[Level, str]:
    """The UIDs of the path by level; what can be no UID names nothing."""
    found = {_PATH_LEVELS[name]: uid for name, uid in request.path_params.items()}
    if not all(is_usable_uid(uid) for uid in found.values()):
        raise NotFound("the path names no study or series: that is not a UID")
    return found


def _headers(search: Search, page: Page) -> dict[str, str]:
    headers = {}
    if page.total is not None:
        headers["X-Total-Count"] = str(page.total)
    warnings = list(_warnings(search, page))
    if warnings:
        headers["Warning"] = ", ".join(f'299 pacs "{text}"' for text in warnings)
    return headers


def _warnings(search: Search, page: Page) -> Sequence[str]:
    """What the asker would not notice otherwise. PS3.18 8.3.4."""
    found = [f"The parameter {name} is not supported and was ignored." for name in search.ignored]
    if search.cut_to is not None:
        found.append(f"No more than {search.cut_to} results are given at once.")
    if page.more:
        found.append("There are additional results that can be requested with offset.")
    return found


class _MatchWriter:
    """Writes matches as DICOM JSON; what is the same for all of them is prepared once."""

    def __init__(self, returned: Sequence[Attribute], base_url: str) -> None:
        self._columns = [(json_tag(each.tag), each.vr, each.keyword) for each in returned]
        self._base_url = base_url

    def __call__(self, match: Match) -> JsonDataSet:
        written = dict((_SPECIFIC_CHARACTER_SET, _INSTANCE_AVAILABILITY))
        for tag, vr, keyword in self._columns:
            written[tag] = json_attribute(vr, match.values.get(keyword))
        written[_RETRIEVE_URL] = json_attribute("UR", self._retrieve_url(match))
        syntax = match.facts.get("transfer_syntax_uid")
        if syntax is not None:
            written[_AVAILABLE_TRANSFER_SYNTAX_UID] = json_attribute("UI", syntax)
        return dict(sorted(written.items()))

    def _retrieve_url(self, match: Match) -> str:
        url = f"{self._base_url}/studies/{match.values['StudyInstanceUID']}"
        if match.level in (Level.SERIES, Level.IMAGE):
            url += f"/series/{match.values['SeriesInstanceUID']}"
        if match.level is Level.IMAGE:
            url += f"/instances/{match.values['SOPInstanceUID']}"
        return url

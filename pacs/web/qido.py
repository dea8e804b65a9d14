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

_SPECIFIC_CHARACTER_SET = "00080005"
_INSTANCE_AVAILABILITY = "00080056"
_RETRIEVE_URL = "00081190"
_AVAILABLE_SYNTAX = "00083002"
_SAME_FOR_ALL: JsonDataSet = {
    _SPECIFIC_CHARACTER_SET: {"vr": "CS", "Value": ["ISO_IR 192"]},
    _INSTANCE_AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]},
}
_PLAIN = frozenset({"AE", "AS", "CS", "DA", "LO", "LT", "SH", "ST", "TM", "UI"})

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
        columns = [(json_tag(each.tag), each.vr, each.keyword) for each in returned]
        added = [(tag, "", "") for tag in (*_SAME_FOR_ALL, _RETRIEVE_URL, _AVAILABLE_SYNTAX)]
        self._columns = sorted([*columns, *added])
        self._base_url = base_url

    def __call__(self, match: Match) -> JsonDataSet:
        written: JsonDataSet = {}
        values = match.values
        for tag, vr, keyword in self._columns:
            value = values.get(keyword)
            # Most values are plain texts or absent; only the others need the writer of DICOM JSON.
            if value is None:
                written[tag] = {"vr": vr}
            elif vr in _PLAIN and type(value) is str:
                written[tag] = {"vr": vr, "Value": [value]} if value else {"vr": vr}
            else:
                written[tag] = json_attribute(vr, value)
        self._complete(written, match)
        return written

    def _complete(self, written: JsonDataSet, match: Match) -> None:
        """Fill the places that are not attributes of the index."""
        written.update(_SAME_FOR_ALL)
        written[_RETRIEVE_URL] = json_attribute("UR", self._retrieve_url(match))
        syntax = match.facts.get("transfer_syntax_uid")
        if syntax is None:
            del written[_AVAILABLE_SYNTAX]
        else:
            written[_AVAILABLE_SYNTAX] = json_attribute("UI", syntax)

    def _retrieve_url(self, match: Match) -> str:
        url = f"{self._base_url}/studies/{match.values['StudyInstanceUID']}"
        if match.level in (Level.SERIES, Level.IMAGE):
            url += f"/series/{match.values['SeriesInstanceUID']}"
        if match.level is Level.IMAGE:
            url += f"/instances/{match.values['SOPInstanceUID']}"
        return url

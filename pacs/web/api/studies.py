"""The worklist: studies by one search box, filters and order, and one study with its series."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from pacs.archive.query import QueryEngine
from pacs.dicom import matching
from pacs.dicom.hierarchy import Attribute, Level, attribute_of_keyword
from pacs.dicom.identity import is_usable_uid
from pacs.dicom.matching import AnyOf, Criterion, DateRange, Order, SingleValue
from pacs.dicom.person_names import fold
from pacs.errors import NotFound, QueryInvalid
from pacs.scope import Scope
from pacs.storage.interfaces import Match
from pacs.web.access import Access
from pacs.web.api.answers import json_answer
from pacs.web.api.rows import StudyDetails, StudyRow, series_row, study_row

_MAX_PAGE = 200
_MAX_PRIORS = 10
_MAX_WORDS = 12
_BETWEEN_WORDS = re.compile(r"[\s^=,;]+")

_COLUMNS_OF_SORT: Mapping[str, tuple[str, ...]] = {
    "study_date": ("study_date", "study_time"),
    "received_at": ("received_at",),
    "patient_name": ("patient_name",),
    "patient_id": ("patient_id",),
    "modality": ("modality",),
    "instance_count": ("instance_count",),
    "series_count": ("series_count",),
    "study_description": ("study_description",),
}


@dataclass(frozen=True)
class StudyPage:
    """Some lines of the worklist; next_cursor asks for those that follow, null at the end."""

    studies: tuple[StudyRow, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class _Filters:
    words: tuple[str, ...]
    since: date | None
    until: date | None
    modalities: tuple[str, ...]

    def criteria(self) -> tuple[Criterion, ...]:
        found = []
        if self.since or self.until:
            found.append(Criterion(_attribute("StudyDate"), DateRange(self.since, self.until)))
        if self.modalities:
            found.append(Criterion(_attribute("ModalitiesInStudy"), AnyOf(self.modalities)))
        return tuple(found)


class Worklist:
    """Answers the list's questions through the one query engine."""

    def __init__(self, *, query: QueryEngine, access: Access, now: Callable[[], datetime]) -> None:
        self._query = query
        self._access = access
        self._now = now

    def router(self) -> APIRouter:
        router = APIRouter(tags=["studies"])
        router.add_api_route("/studies", self.studies, response_model=StudyPage)
        router.add_api_route("/studies/{study}", self.study, response_model=StudyDetails)
        return router

    def studies(
        self,
        request: Request,
        *,
        q: Annotated[str, Query(max_length=256)] = "",
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
        modality: Annotated[list[str] | None, Query(max_length=64)] = None,
        sort: str = "-study_date",
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
        cursor: str | None = None,
    ) -> Response:
        scope = self._access.scope_of(request)
        modalities = tuple(modality or ())
        _refuse_nul(q, *modalities)
        filters = _Filters(_words(q), since, until, modalities)
        offset = _offset_of(cursor)
        query = matching.Query(
            level=Level.STUDY,
            criteria=filters.criteria(),
            search_words=filters.words,
            order=_order(sort),
            limit=limit,
            offset=offset,
            with_total=True,
        )
        page = self._query.search(query, scope)
        return json_answer(
            StudyPage(
                studies=tuple(self._row(match) for match in page.matches),
                total=page.total or 0,
                next_cursor=_cursor_of(offset + len(page.matches)) if page.more else None,
            )
        )

    def study(self, request: Request, study: str) -> Response:
        scope = self._access.scope_of(request)
        match = self._find(study, scope)
        series = matching.Query(
            level=Level.SERIES,
            criteria=(Criterion(_attribute("StudyInstanceUID"), AnyOf((study,))),),
            order=(Order("series_number"),),
        )
        rows = tuple(series_row(each) for each in self._query.search(series, scope).matches)
        priors = self._priors(match, scope)
        row = study_row(match, self._now())
        return json_answer(StudyDetails(**vars(row), series=rows, priors=priors))

    def _row(self, match: Match) -> StudyRow:
        return study_row(match, self._now())

    def _find(self, study: str, scope: Scope) -> Match:
        criterion = Criterion(_attribute("StudyInstanceUID"), AnyOf((study,)))
        query = matching.Query(level=Level.STUDY, criteria=(criterion,), limit=1)
        found = self._query.search(query, scope).matches if is_usable_uid(study) else ()
        if not found:
            raise NotFound(f"the archive holds no study {study[:80]!r}")
        return found[0]

    def _priors(self, match: Match, scope: Scope) -> tuple[StudyRow, ...]:
        """Other studies of the same patient, newest first. An empty ID names no patient."""
        patient_id = match.values.get("PatientID")
        if not isinstance(patient_id, str) or not patient_id:
            return ()
        query = matching.Query(
            level=Level.STUDY,
            criteria=(Criterion(_attribute("PatientID"), SingleValue(patient_id)),),
            order=_order("-study_date"),
            limit=_MAX_PRIORS + 1,
        )
        others = (
            each
            for each in self._query.search(query, scope).matches
            if each.values["StudyInstanceUID"] != match.values["StudyInstanceUID"]
            and each.values.get("IssuerOfPatientID") == match.values.get("IssuerOfPatientID")
        )
        return tuple(self._row(each) for each in list(others)[:_MAX_PRIORS])


def _attribute(keyword: str) -> Attribute:
    found = attribute_of_keyword(keyword)
    if found is None:
        raise KeyError(keyword)
    return found


def _refuse_nul(*texts: str) -> None:
    """No stored text holds one, and not every database can be asked for it."""
    if any("\0" in text for text in texts):
        raise QueryInvalid("the search holds a NUL character")


def _words(text: str) -> tuple[str, ...]:
    """What was typed, folded as names are: words of a name in any order, or the start of an ID."""
    words = [word for word in _BETWEEN_WORDS.split(fold(text)) if word]
    return tuple(words[:_MAX_WORDS])


def _order(sort: str) -> tuple[Order, ...]:
    columns = _COLUMNS_OF_SORT.get(sort.removeprefix("-"))
    if columns is None:
        raise QueryInvalid(f"the list is sorted by one of {', '.join(_COLUMNS_OF_SORT)}")
    return tuple(Order(column, descending=sort.startswith("-")) for column in columns)


def _cursor_of(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o{offset}".encode()).decode().rstrip("=")


def _offset_of(cursor: str | None) -> int:
    if cursor is None or not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as error:
        raise QueryInvalid("this cursor is none of ours; begin at the start of the list") from error
    if not re.fullmatch(r"o[0-9]{1,12}", text):
        raise QueryInvalid("this cursor is none of ours; begin at the start of the list")
    return int(text[1:])

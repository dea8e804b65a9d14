"""Facts about this archive: for the page before sign-in, and for those who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from pacs.archive.query import QueryEngine
from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.web.access import Access
from pacs.web.api.answers import json_answer
from pacs.web.config import WebConfig


@dataclass(frozen=True)
class StorageRoom:
    """What is left of the place where objects are kept."""

    free_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class SpoolFacts:
    """What waits on this node's disk for the S3 service.

    oldest   when the first of them came, None when nothing waits.
    trouble  why the last try to move them failed.
    damaged  how many cannot be moved because their bytes changed on the disk.
    """

    objects: int
    size_bytes: int
    oldest: datetime | None
    trouble: str | None
    damaged: int
    room: StorageRoom


def no_spool() -> SpoolFacts | None:
    """Of an archive whose objects do not wait anywhere."""
    return None


@dataclass(frozen=True)
class PublicFacts:
    name: str
    language: str
    version: str
    auth: str


@dataclass(frozen=True)
class ArchiveFacts:
    name: str
    ae_title: str
    dicom_host: str
    dicom_port: int
    language: str
    timezone: str
    version: str
    study_count: int
    storage: StorageRoom | None
    spool: SpoolFacts | None


class ArchiveInfo:
    """The routes `/api/archive` and `/api/public`."""

    def __init__(
        self,
        *,
        config: WebConfig,
        query: QueryEngine,
        access: Access,
        storage_room: Callable[[], StorageRoom | None],
        spool_facts: Callable[[], SpoolFacts | None] = no_spool,
    ) -> None:
        self._config = config
        self._query = query
        self._access = access
        self._storage_room = storage_room
        self._spool_facts = spool_facts

    def router(self) -> APIRouter:
        router = APIRouter(tags=["archive"])
        router.add_api_route("/public", self.public, response_model=PublicFacts)
        router.add_api_route("/archive", self.archive, response_model=ArchiveFacts)
        return router

    def public(self) -> Response:
        config = self._config
        return json_answer(
            PublicFacts(config.name, config.language, config.version, str(config.sign_in))
        )

    def archive(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        counted = self._query.search(Query(Level.STUDY, limit=1, with_total=True), scope)
        config = self._config
        return json_answer(
            ArchiveFacts(
                name=config.name,
                ae_title=config.ae_title,
                dicom_host=config.dicom_host,
                dicom_port=config.dicom_port,
                language=config.language,
                timezone=config.timezone,
                version=config.version,
                study_count=counted.total or 0,
                storage=self._storage_room(),
                spool=self._spool_facts(),
            )
        )

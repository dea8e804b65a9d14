"""The machines around the archive, for administrators: `/api/peers`, `/api/knocks`,
`/api/associations`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.machines import DEFAULT_PORT, Machines
from pacs.associations import FailedAssociation, sentence
from pacs.peers import RIGHT_OF_WORD, Peer, check_ae_title, parse_rights
from pacs.storage.interfaces import Knock
from pacs.web.access import Access
from pacs.web.api.answers import json_answer, no_content

_ALL_RIGHTS = ",".join(RIGHT_OF_WORD)


class PeerWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65535)
    may: list[str] = Field(default=list(RIGHT_OF_WORD), max_length=16)
    tls: bool = False
    assumed_character_set: str | None = Field(None, max_length=64)
    preferred_transfer_syntax: str | None = Field(None, max_length=64)
    reports_here: bool = False
    associations: int = Field(1, ge=1, le=16)


class Acceptance(BaseModel):
    model_config = ConfigDict(extra="forbid")

    port: int = Field(DEFAULT_PORT, ge=1, le=65535)


@dataclass(frozen=True)
class PeerRow:
    ae_title: str
    host: str
    port: int
    may: tuple[str, ...]
    tls: bool
    assumed_character_set: str | None
    preferred_transfer_syntax: str | None
    reports_here: bool
    associations: int


@dataclass(frozen=True)
class PeerList:
    peers: tuple[PeerRow, ...]


@dataclass(frozen=True)
class KnockRow:
    ae_title: str
    address: str
    wanted: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    times: int


@dataclass(frozen=True)
class KnockList:
    knocks: tuple[KnockRow, ...]


@dataclass(frozen=True)
class FailureRow:
    """vi, en  what happened and what to do."""

    at: datetime
    cause: str
    calling_ae_title: str
    called_ae_title: str
    address: str
    wanted: str
    times: int
    vi: str
    en: str


@dataclass(frozen=True)
class FailureList:
    associations: tuple[FailureRow, ...]


@dataclass(frozen=True)
class EchoAnswer:
    ae_title: str
    answers: bool


class MachineRoutes:
    """Only administrators get an answer."""

    def __init__(self, *, machines: Machines, access: Access) -> None:
        self._machines = machines
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(tags=["machines"])
        add = router.add_api_route
        add("/peers", self.peers, response_model=PeerList)
        add("/peers/{ae_title}", self.put, methods=["PUT"], response_model=PeerRow)
        add("/peers/{ae_title}", self.remove, methods=["DELETE"], status_code=204)
        add("/peers/{ae_title}/echo", self.echo, methods=["POST"], response_model=EchoAnswer)
        add("/knocks", self.knocks, response_model=KnockList)
        add("/knocks/{ae_title}/accept", self.accept, methods=["POST"], response_model=PeerRow)
        add("/associations", self.failures, response_model=FailureList)
        return router

    def peers(self, request: Request) -> Response:
        found = self._machines.peers(self._access.scope_of(request))
        return json_answer(PeerList(tuple(_peer_row(peer) for peer in found)))

    def put(self, request: Request, ae_title: str, wanted: PeerWanted) -> Response:
        scope = self._access.scope_of(request)
        peer = Peer(
            ae_title=check_ae_title(ae_title),
            host=wanted.host,
            port=wanted.port,
            rights=parse_rights(",".join(wanted.may)),
            tls=wanted.tls,
            assumed_character_set=wanted.assumed_character_set,
            preferred_transfer_syntax=wanted.preferred_transfer_syntax,
            reports_here=wanted.reports_here,
            associations=wanted.associations,
        )
        self._machines.put(peer, scope)
        return json_answer(_peer_row(peer))

    def remove(self, request: Request, ae_title: str) -> Response:
        self._machines.remove(ae_title, self._access.scope_of(request))
        return no_content()

    def echo(self, request: Request, ae_title: str) -> Response:
        peer = self._machines.echo(ae_title, self._access.scope_of(request))
        return json_answer(EchoAnswer(peer.ae_title, answers=True))

    def knocks(self, request: Request) -> Response:
        found = self._machines.knocks(self._access.scope_of(request))
        return json_answer(KnockList(tuple(_knock_row(knock) for knock in found)))

    def accept(self, request: Request, ae_title: str, wanted: Acceptance | None = None) -> Response:
        scope = self._access.scope_of(request)
        port = wanted.port if wanted else DEFAULT_PORT
        return json_answer(_peer_row(self._machines.accept(ae_title, scope, port=port)))

    def failures(self, request: Request) -> Response:
        found = self._machines.failures(self._access.scope_of(request))
        return json_answer(FailureList(tuple(_failure_row(failed) for failed in found)))


def _peer_row(peer: Peer) -> PeerRow:
    return PeerRow(
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        may=tuple(word for word, right in RIGHT_OF_WORD.items() if right in peer.rights),
        tls=peer.tls,
        assumed_character_set=peer.assumed_character_set,
        preferred_transfer_syntax=peer.preferred_transfer_syntax,
        reports_here=peer.reports_here,
        associations=peer.associations,
    )


def _knock_row(knock: Knock) -> KnockRow:
    return KnockRow(
        ae_title=knock.ae_title,
        address=knock.address,
        wanted=tuple(word for word in knock.wanted.split(",") if word),
        first_seen=knock.first_seen,
        last_seen=knock.last_seen,
        times=knock.times,
    )


def _failure_row(failed: FailedAssociation) -> FailureRow:
    return FailureRow(
        at=failed.at,
        cause=failed.cause.value,
        calling_ae_title=failed.calling_ae_title,
        called_ae_title=failed.called_ae_title,
        address=failed.address,
        wanted=failed.wanted,
        times=failed.times,
        vi=sentence(failed, "vi"),
        en=sentence(failed, "en"),
    )

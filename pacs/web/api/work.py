"""What goes out to other machines and how far it is: `/api/forwarding`, `/api/sending`,
`/api/jobs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.forwarding import SENDING, Forwarding
from pacs.archive.jobs import Jobs
from pacs.errors import NotFound
from pacs.forwarding import Conditions, Rule, parse_time_of_day
from pacs.jobs import Job, JobState
from pacs.peers import check_ae_title
from pacs.scope import Right
from pacs.web.access import Access
from pacs.web.api.answers import json_answer, no_content

_Texts = Annotated[list[str], Field(max_length=64)]


class RuleWanted(BaseModel):
    """Each condition that is given must hold; `*` and `?` stand for characters.

    between  such as 07:00-17:30, by the clock of PACS_TIMEZONE.
    """

    model_config = ConfigDict(extra="forbid")

    to: str = Field(max_length=16)
    calling_ae_titles: _Texts = []
    modalities: _Texts = []
    station_names: _Texts = []
    institution_names: _Texts = []
    between: str | None = Field(None, max_length=32)
    enabled: bool = True


class SendingWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    study: str = Field(max_length=128)
    series: list[str] = Field(default=[], max_length=256)
    to: str = Field(max_length=16)


@dataclass(frozen=True)
class RuleRow:
    name: str
    to: str
    calling_ae_titles: tuple[str, ...]
    modalities: tuple[str, ...]
    station_names: tuple[str, ...]
    institution_names: tuple[str, ...]
    between: str | None
    enabled: bool
    created: datetime


@dataclass(frozen=True)
class RuleList:
    rules: tuple[RuleRow, ...]


@dataclass(frozen=True)
class JobRow:
    """done, total  how far it is; total 0: not known."""

    id: int
    kind: str
    subject: str
    state: str
    created: datetime
    due: datetime
    finished: datetime | None
    attempts: int
    done: int
    total: int
    last_error: str | None


@dataclass(frozen=True)
class JobList:
    jobs: tuple[JobRow, ...]


class WorkRoutes:
    """Rules and jobs are for administrators; sending is for whoever may move studies."""

    def __init__(
        self,
        *,
        forwarding: Forwarding,
        jobs: Jobs,
        access: Access,
        now: Callable[[], datetime],
    ) -> None:
        self._forwarding = forwarding
        self._jobs = jobs
        self._access = access
        self._now = now

    def router(self) -> APIRouter:
        router = APIRouter(tags=["work"])
        add = router.add_api_route
        add("/forwarding", self.rules, response_model=RuleList)
        add("/forwarding/{name}", self.put_rule, methods=["PUT"], response_model=RuleRow)
        add("/forwarding/{name}", self.remove_rule, methods=["DELETE"], status_code=204)
        add("/sending", self.send, methods=["POST"], response_model=JobRow, status_code=202)
        add("/jobs", self.jobs, response_model=JobList)
        add("/jobs/{job_id}/retry", self.retry, methods=["POST"], status_code=204)
        add("/jobs/{job_id}", self.cancel, methods=["DELETE"], status_code=204)
        return router

    def rules(self, request: Request) -> Response:
        found = self._forwarding.rules(self._access.scope_of(request))
        return json_answer(RuleList(tuple(_rule_row(rule) for rule in found)))

    def put_rule(self, request: Request, name: str, wanted: RuleWanted) -> Response:
        scope = self._access.scope_of(request)
        conditions = Conditions(
            calling_ae_titles=tuple(wanted.calling_ae_titles),
            modalities=tuple(wanted.modalities),
            station_names=tuple(wanted.station_names),
            institution_names=tuple(wanted.institution_names),
            received=parse_time_of_day(wanted.between) if wanted.between else None,
        )
        rule = Rule(name, check_ae_title(wanted.to), self._now(), conditions, wanted.enabled)
        self._forwarding.put_rule(rule, scope)
        return json_answer(_rule_row(rule))

    def remove_rule(self, request: Request, name: str) -> Response:
        self._forwarding.remove_rule(name, self._access.scope_of(request))
        return no_content()

    def send(self, request: Request, wanted: SendingWanted) -> Response:
        scope = self._access.scope_of(request)
        subject = self._forwarding.send(
            wanted.study, wanted.to, scope, series_instance_uids=tuple(wanted.series)
        )
        newest = self._jobs.store.jobs(kinds=(SENDING,))
        job = next(job for job in newest if job.subject == subject)
        return json_answer(_job_row(job), 202)

    def jobs(
        self,
        request: Request,
        *,
        state: Annotated[list[JobState] | None, Query()] = None,
        kind: Annotated[list[str] | None, Query(max_length=16)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        self._access.scope_of(request).require(Right.ADMINISTER)
        found = self._jobs.store.jobs(
            kinds=tuple(kind or ()), states=tuple(state or ()), limit=limit
        )
        return json_answer(JobList(tuple(_job_row(job) for job in found)))

    def retry(self, request: Request, job_id: int) -> Response:
        self._access.scope_of(request).require(Right.ADMINISTER)
        if not self._jobs.store.retry(job_id, self._now()):
            raise NotFound(f"no job {job_id} waits or has ended")
        return no_content()

    def cancel(self, request: Request, job_id: int) -> Response:
        self._access.scope_of(request).require(Right.ADMINISTER)
        if not self._jobs.store.cancel(job_id, self._now()):
            raise NotFound(f"no job {job_id} waits or runs")
        return no_content()


def _rule_row(rule: Rule) -> RuleRow:
    wanted = rule.conditions
    return RuleRow(
        name=rule.name,
        to=rule.ae_title,
        calling_ae_titles=wanted.calling_ae_titles,
        modalities=wanted.modalities,
        station_names=wanted.station_names,
        institution_names=wanted.institution_names,
        between=str(wanted.received) if wanted.received else None,
        enabled=rule.enabled,
        created=rule.created,
    )


def _job_row(job: Job) -> JobRow:
    return JobRow(
        id=job.job_id,
        kind=job.kind,
        subject=job.subject,
        state=job.state.value,
        created=job.created,
        due=job.due,
        finished=job.finished,
        attempts=job.attempts,
        done=job.done,
        total=job.total,
        last_error=job.last_error,
    )

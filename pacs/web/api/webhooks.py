"""Webhooks over our own API; for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.webhooks import Webhooks
from pacs.web.access import Access
from pacs.web.api.answers import json_answer, no_content
from pacs.webhooks import Webhook


class WebhookWanted(BaseModel):
    """secret  left out: the one it has, or a new one that the answer tells."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000)
    secret: str | None = Field(None, max_length=256)
    enabled: bool = True


@dataclass(frozen=True)
class WebhookRow:
    name: str
    url: str
    enabled: bool
    created: datetime
    position: int


@dataclass(frozen=True)
class WebhookWithSecret(WebhookRow):
    """The secret is told when a webhook is put, and never again."""

    secret: str


@dataclass(frozen=True)
class WebhookList:
    webhooks: tuple[WebhookRow, ...]


class WebhookRoutes:
    """The routes of `/api/webhooks`."""

    def __init__(self, *, webhooks: Webhooks, access: Access) -> None:
        self._webhooks = webhooks
        self._access = access

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/webhooks", tags=["webhooks"])
        add = router.add_api_route
        add("", self.show, methods=["GET"], response_model=WebhookList)
        add("/{name}", self.put, methods=["PUT"], response_model=WebhookWithSecret)
        add("/{name}", self.remove, methods=["DELETE"], status_code=204)
        return router

    def show(self, request: Request) -> Response:
        found = self._webhooks.all(self._access.scope_of(request))
        return json_answer(WebhookList(tuple(WebhookRow(*_facts(one)) for one in found)))

    def put(self, request: Request, name: str, wanted: WebhookWanted) -> Response:
        scope = self._access.scope_of(request)
        webhook = self._webhooks.put(
            name, wanted.url, scope, secret=wanted.secret, enabled=wanted.enabled
        )
        return json_answer(WebhookWithSecret(*_facts(webhook), secret=webhook.secret))

    def remove(self, request: Request, name: str) -> Response:
        self._webhooks.remove(name, self._access.scope_of(request))
        return no_content()


def _facts(webhook: Webhook) -> tuple[str, str, bool, datetime, int]:
    return webhook.name, webhook.url, webhook.enabled, webhook.created, webhook.position

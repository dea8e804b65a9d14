"""Tells programs of new, changed and removed studies: in order, signed, until they took it.

The change feed is what is durable; a webhook is a position in it. A message may come twice (the
answer to the first was lost), never not at all, and says nothing of the patient.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from pacs.archive.jobs import JobKind, Jobs, RetryPolicy, Running
from pacs.audit import Action, Auditor
from pacs.errors import NotFound
from pacs.scope import Right, Scope
from pacs.storage.interfaces import Change, QueryIndex
from pacs.webhooks import (
    DELIVERY_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Courier,
    Webhook,
    WebhookStore,
    check_name,
    check_secret,
    check_url,
    sign,
)

TELLING = "webhook"
_SETTLE = timedelta(seconds=2)
"""More instances of a study follow the first; one message says it for all of them."""

_AT_ONCE = 500
# A receiver that is away for a month is told everything when it is back.
_POLICY = RetryPolicy(give_up_after=timedelta(days=3650))
_ADDED, _CHANGED = "study_added", "study_changed"


class Webhooks:
    """Safe to call from several threads and nodes."""

    def __init__(
        self,
        *,
        store: WebhookStore,
        query: QueryIndex,
        jobs: Jobs,
        courier: Courier,
        auditor: Auditor,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._query = query
        self._jobs = jobs
        self._courier = courier
        self._auditor = auditor
        self._now = now
        jobs.add_kind(TELLING, JobKind(self._tell, _POLICY))

    def all(self, scope: Scope) -> Sequence[Webhook]:
        scope.require(Right.ADMINISTER)
        return self._store.webhooks()

    def put(
        self,
        name: str,
        url: str,
        scope: Scope,
        *,
        secret: str | None = None,
        enabled: bool = True,
    ) -> Webhook:
        """Add one that is told what happens from now on, or change the one of this name.

        secret  None: the one it has, or a new one. Raises NotAllowed, RequestInvalid.
        """
        scope.require(Right.ADMINISTER)
        known = self._store.webhook(check_name(name))
        if known is None:
            made = secret or secrets.token_urlsafe(32)
            position = self._query.change_cursor()
            known = Webhook(name, url, made, self._now(), position)
        wanted = replace(
            known,
            url=check_url(url),
            secret=check_secret(secret or known.secret),
            enabled=enabled,
        )
        self._store.put(wanted)
        self._note(scope, f"webhook {name} put")
        return wanted

    def remove(self, name: str, scope: Scope) -> None:
        """Raises NotFound, NotAllowed."""
        scope.require(Right.ADMINISTER)
        if not self._store.remove(name):
            raise NotFound(f"no webhook is called '{name}'; see 'pacs webhook list'")
        self._jobs.store.cancel_waiting(TELLING, name, self._now())
        self._note(scope, f"webhook {name} removed")

    def follow(self) -> None:
        """Let everybody be told who has not been told everything."""
        cursor = self._query.change_cursor()
        for webhook in self._store.webhooks():
            if webhook.enabled and webhook.position < cursor:
                self._jobs.enqueue(TELLING, webhook.name, {}, after=_SETTLE)

    def _tell(self, running: Running) -> None:
        while True:
            webhook = self._store.webhook(running.job.subject)
            if webhook is None or not webhook.enabled:
                return
            changes = self._query.changes(webhook.position, limit=_AT_ONCE)
            if not changes:
                return
            self._post(webhook, _one_for_each_study(changes), changes[-1].cursor)
            self._store.move(webhook.name, changes[-1].cursor)
            running.progress(0, 0)

    def _post(self, webhook: Webhook, changes: Sequence[Change], cursor: int) -> None:
        body = orjson.dumps(
            {"webhook": webhook.name, "cursor": cursor, "changes": list(changes)},
            option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS,
        )
        timestamp = str(int(self._now().astimezone(UTC).timestamp()))
        headers = {
            "Content-Type": "application/json",
            DELIVERY_HEADER: f"{webhook.name}-{cursor}",
            TIME_HEADER: timestamp,
            SIGNATURE_HEADER: sign(webhook.secret, timestamp, body),
        }
        self._courier.post(webhook.url, body, headers)

    def _note(self, scope: Scope, what: str) -> None:
        self._auditor.record(scope, Action.CHANGE, details={"what": what})


def _one_for_each_study(changes: Iterable[Change]) -> list[Change]:
    """The newest change of each study; one that is new stays new, however often it changed."""
    newest: dict[str, Change] = {}
    for change in changes:
        before = newest.pop(change.study_instance_uid, None)
        stays_new = before is not None and (before.kind, change.kind) == (_ADDED, _CHANGED)
        newest[change.study_instance_uid] = replace(change, kind=_ADDED) if stays_new else change
    return list(newest.values())

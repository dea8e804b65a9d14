"""Programs that want to be told of studies: how they know us, and what remembers them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from pacs.errors import RequestInvalid

TIME_HEADER = "X-PACS-Timestamp"
SIGNATURE_HEADER = "X-PACS-Signature"
DELIVERY_HEADER = "X-PACS-Delivery"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHORTEST_SECRET = 16
_LONGEST_URL = 2000


@dataclass(frozen=True)
class Webhook:
    """Whom to tell. position  the change (cursor of the feed) that was told last."""

    name: str
    url: str
    secret: str
    created: datetime
    position: int
    enabled: bool = True


class WebhookStore(Protocol):
    """Remembers webhooks. What a call wrote is durable on return. IndexUnavailable from all."""

    def put(self, webhook: Webhook) -> None:
        """Add, or replace the one with the same name."""
        ...

    def remove(self, name: str) -> bool: ...

    def webhook(self, name: str) -> Webhook | None: ...

    def webhooks(self) -> Sequence[Webhook]:
        """In the order of their names."""
        ...

    def move(self, name: str, position: int) -> None:
        """Everything up to this change was told. Never moves back."""
        ...


class Courier(Protocol):
    """Brings a message to a web server."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Return when the server took it. Raises PeerUnreachable when it did not."""
        ...


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What SIGNATURE_HEADER says: HMAC-SHA256 of `<timestamp>.<body>`, in hexadecimal.

    The time is signed too, so that whoever overhears a message cannot send it again next week.
    """
    signed = timestamp.encode("ascii") + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def check_name(name: str) -> str:
    """The name, or RequestInvalid."""
    if not _NAME.fullmatch(name):
        raise RequestInvalid("a webhook's name has 1 to 64 letters, digits, dots, hyphens or _")
    return name


def check_url(url: str) -> str:
    """The URL of a web server without user or password in it, or RequestInvalid."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        raise RequestInvalid("a webhook's URL is like https://his.benhvien.vn/dicom-events")
    if parts.username is not None or " " in url or parts.fragment:
        raise RequestInvalid("a webhook's URL has no user, password, space or fragment")
    return url


def check_secret(secret: str) -> str:
    """A secret that cannot be guessed, as far as its length shows; or RequestInvalid."""
    if len(secret) < _SHORTEST_SECRET:
        raise RequestInvalid(f"a webhook's secret has at least {_SHORTEST_SECRET} characters")
    return secret

"""Who asks: a person with the viewer's cookie, a program with a bearer token, or nobody known."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request

from pacs.errors import NotSignedIn
from pacs.scope import ActorKind, Right, Scope
from pacs.web.origins import SAFE_METHODS, Origins, require_loopback_host

SESSION_COOKIE = "pacs_session"


class SignInRule(enum.StrEnum):
    """Whether people sign in. `none` is for one person at their own machine."""

    REQUIRED = "required"
    NONE = "none"


class Credentials(Protocol):
    """What of the accounts is needed to know who asks."""

    def scope_of_session(self, secret: str, *, address: str | None) -> Scope:
        """Raises NotSignedIn."""
        ...

    def scope_of_token(self, secret: str, *, address: str | None) -> Scope:
        """Raises NotSignedIn."""
        ...


class Access:
    """Turns a request into the Scope on whose behalf the archive acts."""

    def __init__(self, *, credentials: Credentials, origins: Origins, sign_in: SignInRule) -> None:
        self._remembered = RememberedScopes(credentials)
        self._origins = origins
        self._sign_in = sign_in

    def forget(self) -> None:
        """Ask anew who everybody is; for when a session or token just ended."""
        self._remembered.forget()

    def scope_of(self, request: Request) -> Scope:
        """Raises NotSignedIn, and NotAllowed for a request of somebody else's page."""
        if self._sign_in is SignInRule.NONE:
            return self._scope_of_local(request)
        authorization = request.headers.get("authorization")
        if authorization is not None:
            secret = _bearer_secret(authorization)
            return self._remembered.scope_of_token(secret, address=address_of(request))
        return self._scope_of_session(request)

    def _scope_of_session(self, request: Request) -> Scope:
        secret = request.cookies.get(SESSION_COOKIE)
        if not secret:
            raise NotSignedIn("sign in first, or send a bearer token")
        # A browser adds the cookie to requests that other pages make, so the cookie alone does
        # not show that the person wanted this.
        if request.method not in SAFE_METHODS:
            self._origins.require_own(request, when_absent=False)
        return self._remembered.scope_of_session(secret, address=address_of(request))

    def _scope_of_local(self, request: Request) -> Scope:
        require_loopback_host(request)
        if request.method not in SAFE_METHODS:
            self._origins.require_own(request, when_absent=True)
        return Scope("local", ActorKind.PERSON, frozenset(Right), address=address_of(request))


class RememberedScopes:
    """Credentials that are asked for once in a moment, not for each of a hundred frames.

    What ends elsewhere is honoured `for_s` later; what ends through this door, at once (forget).
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        for_s: float = 1.0,
        most: int = 1000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._for_s = for_s
        self._most = most
        self._monotonic = monotonic
        self._known: dict[tuple[str, str, str | None], tuple[float, Scope]] = {}

    @property
    def count(self) -> int:
        return len(self._known)

    def scope_of_session(self, secret: str, *, address: str | None) -> Scope:
        return self._scope(
            ("session", secret, address), self._credentials.scope_of_session, secret, address
        )

    def scope_of_token(self, secret: str, *, address: str | None) -> Scope:
        return self._scope(
            ("token", secret, address), self._credentials.scope_of_token, secret, address
        )

    def forget(self) -> None:
        self._known = {}

    def _scope(
        self,
        key: tuple[str, str, str | None],
        ask: Callable[..., Scope],
        secret: str,
        address: str | None,
    ) -> Scope:
        known = self._known
        now = self._monotonic()
        until, scope = known.get(key, (0.0, None))
        if scope is not None and now < until:
            return scope
        scope = ask(secret, address=address)
        if len(known) >= self._most:
            known.clear()
        # Into the dict that was there before asking: a forget() in between must win.
        known[key] = (now + self._for_s, scope)
        return scope


def _bearer_secret(authorization: str) -> str:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("the archive takes 'Authorization: Bearer <token>' only")
    return secret.strip()


def address_of(request: Request) -> str | None:
    """Where the request came from; behind a trusted proxy, whom that names."""
    return request.client.host if request.client else None

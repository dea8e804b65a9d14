"""Signing in and out, and what a signed-in person can change about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pacs.archive.accounts import SESSION_LIFETIME, Accounts, SignedInPerson
from pacs.errors import NotAllowed, NotSignedIn, RequestInvalid, SignInThrottled
from pacs.scope import Scope
from pacs.storage.interfaces import User
from pacs.web.access import SESSION_COOKIE, Access, address_of
from pacs.web.api.answers import json_answer, no_content
from pacs.web.origins import Origins


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Wanted):
    user_name: str = Field(max_length=256)
    password: str = Field(max_length=1024)


class LanguageChoice(_Wanted):
    language: Literal["vi", "en"]


class PasswordChange(_Wanted):
    current: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


@dataclass(frozen=True)
class SessionInfo:
    """Who is signed in and what they may do. role is null without sign-in."""

    user_name: str
    display_name: str
    role: str | None
    rights: tuple[str, ...]
    language: str | None


class Sessions:
    """The routes of `/api/session`."""

    def __init__(self, *, accounts: Accounts, access: Access, origins: Origins) -> None:
        self._accounts = accounts
        self._access = access
        self._origins = origins

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/session", tags=["session"])
        router.add_api_route("", self.sign_in, methods=["POST"], response_model=SessionInfo)
        router.add_api_route("", self.show, methods=["GET"], response_model=SessionInfo)
        router.add_api_route("", self.sign_out, methods=["DELETE"], status_code=204)
        router.add_api_route("/language", self.set_language, methods=["PUT"], status_code=204)
        router.add_api_route("/password", self.set_password, methods=["POST"], status_code=204)
        return router

    def sign_in(self, request: Request, wanted: Credentials) -> Response:
        # Another site must not be able to sign its visitors in under a name of its choice.
        self._origins.require_own(request, when_absent=True)
        person = self._accounts.sign_in(
            wanted.user_name, wanted.password, address=address_of(request)
        )
        answer = json_answer(_info(person.scope, person.user))
        self._set_cookie(request, answer, person)
        return answer

    def show(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        return json_answer(_info(scope, self._accounts.user_of(scope)))

    def sign_out(self, request: Request) -> Response:
        scope = self._access.scope_of(request)
        secret = request.cookies.get(SESSION_COOKIE)
        if secret:
            self._accounts.sign_out(secret, scope)
            self._access.forget()
        answer = no_content()
        answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
        return answer

    def set_language(self, request: Request, wanted: LanguageChoice) -> Response:
        scope = self._access.scope_of(request)
        self._require_person(scope)
        self._accounts.set_language(scope, wanted.language)
        return no_content()

    def set_password(self, request: Request, wanted: PasswordChange) -> Response:
        scope = self._access.scope_of(request)
        self._require_person(scope)
        try:
            user = self._accounts.change_password(scope, wanted.current, wanted.new)
        except SignInThrottled:
            raise
        except NotSignedIn as error:
            # The person is signed in; it is the form that is wrong.
            raise RequestInvalid(error.message) from error
        self._access.forget()
        # The change ended all sessions of this person; the one at hand goes on under a new secret.
        person = self._accounts.sign_in(user.user_name, wanted.new, address=address_of(request))
        answer = no_content()
        self._set_cookie(request, answer, person)
        return answer

    def _require_person(self, scope: Scope) -> None:
        if self._accounts.user_of(scope) is None:
            raise NotAllowed("without sign-in there is no account to change")

    def _set_cookie(self, request: Request, answer: Response, person: SignedInPerson) -> None:
        answer.set_cookie(
            SESSION_COOKIE,
            person.secret,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._origins.is_secure(request),
        )


def _info(scope: Scope, user: User | None) -> SessionInfo:
    return SessionInfo(
        user_name=scope.actor,
        display_name=user.display_name if user else "",
        role=str(user.role) if user else None,
        rights=tuple(sorted(str(right) for right in scope.rights)),
        language=user.language if user else None,
    )

"""How an error of the archive is told over HTTP: application/problem+json, RFC 9457."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pacs.dicom.statuses import failure_of
from pacs.errors import ArchiveError, NotSignedIn, SignInThrottled, TryAgain

PROBLEM_JSON = "application/problem+json"
TRY_AGAIN_AFTER_S = 5
_WORD_BEGIN = re.compile(r"(?<!^)(?=[A-Z])")


def problem(
    status: int, detail: str, *, code: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that says what is wrong, for people (`detail`) and for programs (`code`)."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    told = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(content), status, told, PROBLEM_JSON)


def problem_of(error: ArchiveError) -> Response:
    """The answer to an error of ours."""
    status = failure_of(error).http
    return problem(status, error.message, code=_code_of(error), headers=_headers_of(error))


def _code_of(error: ArchiveError) -> str:
    """`InstanceConflict` becomes `instance_conflict`."""
    return _WORD_BEGIN.sub("_", type(error).__name__).lower()


def _headers_of(error: ArchiveError) -> dict[str, str]:
    if isinstance(error, SignInThrottled):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TryAgain):
        return {"Retry-After": str(TRY_AGAIN_AFTER_S)}
    return {}


def add_problem_handlers(app: FastAPI) -> None:
    """Let the application answer known errors. Unexpected ones belong to the outer edge."""
    for kind in (ArchiveError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer_error)


# A coroutine: a plain function would cost a thread for every refused request.
async def _answer_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, ArchiveError):
        return problem_of(error)
    if isinstance(error, HTTPException):
        return _problem_of_http(error)
    if isinstance(error, RequestValidationError):
        return problem(400, _describe(error), code="request_invalid")
    raise error


def _problem_of_http(error: HTTPException) -> Response:
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    detail = f"{phrase}: {error.detail}" if error.detail != phrase else f"{phrase}."
    return problem(error.status_code, detail, code=code, headers=error.headers)


def _describe(error: RequestValidationError) -> str:
    """Where and what, without the value: it may be a password or a patient's name."""
    return "; ".join(
        f"{'.'.join(str(step) for step in found['loc'])}: {found['msg']}"
        for found in error.errors()
    )

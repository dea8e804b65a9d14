"""How values go out as JSON: fast, snake_case, instants in UTC with Z."""

from __future__ import annotations

import orjson
from starlette.responses import Response


def json_answer(content: object, status: int = 200) -> Response:
    """Dataclasses, mappings and aware datetimes as JSON; never kept by caches."""
    options = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_OMIT_MICROSECONDS
    return Response(
        orjson.dumps(content, option=options),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


def no_content() -> Response:
    return Response(status_code=204, headers={"Cache-Control": "no-store"})

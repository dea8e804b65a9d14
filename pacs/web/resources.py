"""What a DICOMweb path names: the instances of a study, of a series, or one instance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from pacs.archive.retrieve import Retrieval
from pacs.dicom.identity import is_usable_uid
from pacs.errors import NotFound, RequestInvalid
from pacs.scope import Scope
from pacs.storage.interfaces import Selection, SeriesState, StoredInstance

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
_MAX_FRAMES_ASKED = 10_000
_FRAME_LIST = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9})*")
_PARAMETERS = {
    "study": "study_instance_uids",
    "series": "series_instance_uids",
    "instance": "sop_instance_uids",
}


def selection_of(request: Request) -> Selection:
    """The UIDs of the path; NotFound for what cannot be one."""
    named = {
        field: (request.path_params[name],)
        for name, field in _PARAMETERS.items()
        if name in request.path_params
    }
    if not all(is_usable_uid(uid) for (uid,) in named.values()):
        raise NotFound("nothing has this name: it is not a UID")
    return Selection(**named)


def find_instances(retrieval: Retrieval, request: Request, scope: Scope) -> list[StoredInstance]:
    """The instances of the path, at least one; NotFound when there is none."""
    found = retrieval.instances(selection_of(request), scope)
    if not found:
        raise NotFound("the archive holds no instances of this study, series or instance UID")
    return found


def find_instance(retrieval: Retrieval, request: Request, scope: Scope) -> StoredInstance:
    """The one instance of the path."""
    return find_instances(retrieval, request, scope)[0]


def find_series(retrieval: Retrieval, request: Request, scope: Scope) -> list[SeriesState]:
    """The series of the path with their revisions, at least one."""
    found = retrieval.series_states(selection_of(request), scope)
    if not found:
        raise NotFound("the archive holds no series of this study or series UID")
    return found


def frame_numbers(request: Request, instance: StoredInstance) -> list[int]:
    """The frames of the path, in the order asked for. PS3.18 10.4.1.1.6."""
    text = request.path_params["frames"]
    if not _FRAME_LIST.fullmatch(text):
        raise RequestInvalid("frames are asked for by number from 1, parted by commas")
    numbers = [int(number) for number in text.split(",")]
    if len(numbers) > _MAX_FRAMES_ASKED:
        raise RequestInvalid(f"no more than {_MAX_FRAMES_ASKED} frames can be asked for at once")
    if min(numbers) < 1 or max(numbers) > instance.number_of_frames:
        raise NotFound(
            f"instance {instance.identity.sop_instance_uid} has frames 1 to "
            f"{instance.number_of_frames}"
        )
    return numbers


def entity_tag(*facts: object) -> str:
    """A strong ETag that changes with any of the facts."""
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


def content_of(instance: StoredInstance) -> tuple[str, datetime | None]:
    """What changes whenever the data set of an instance does, as it goes out."""
    overlay = instance.overlay
    return instance.stored.data_set_sha256, overlay.at if overlay is not None else None


def series_facts(states: Sequence[SeriesState]) -> list[tuple[int, int]]:
    """What changes whenever one of these series does."""
    return [(state.series_id, state.revision) for state in states]


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """304 when the asker holds what these headers (with ETag) describe, else None."""
    known = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    if headers["ETag"] in tags or "*" in tags:
        return Response(status_code=304, headers=dict(headers))
    return None

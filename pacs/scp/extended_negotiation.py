"""What is agreed beyond presentation contexts: relational queries and fuzzy names. PS3.4 C.5."""

from __future__ import annotations

from typing import Any

from pacs.scp.presentation_contexts import QUERY_MODELS, Service

_RELATIONAL = 0
_FUZZY = 2


def agree_on_extended_negotiation(event: Any) -> dict[str, bytes]:
    """Answer the requestor's proposals for query/retrieve SOP classes; others are ignored.

    Granted when asked for: relational queries and retrievals, fuzzy matching of names. Not
    granted: combined date and time matching, and adjusting to the requestor's time zone.
    """
    answers: dict[str, bytes] = {}
    for uid, proposed in event.app_info.items():
        model = QUERY_MODELS.get(str(uid))
        if model is None or not proposed:
            continue
        granted = _grant(model.service, proposed)
        answers[str(uid)] = granted
        if granted[_RELATIONAL]:
            event.assoc.relational.add(str(uid))
        if len(granted) > _FUZZY and granted[_FUZZY]:
            event.assoc.fuzzy.add(str(uid))
    return answers


def _grant(service: Service, proposed: bytes) -> bytes:
    ours = {_RELATIONAL, _FUZZY} if service is Service.FIND else {_RELATIONAL}
    return bytes(
        1 if wanted == 1 and number in ours else 0 for number, wanted in enumerate(proposed)
    )

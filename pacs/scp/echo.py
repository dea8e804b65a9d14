"""C-ECHO: are you there? PS3.4 Annex A."""

from __future__ import annotations

from pacs.dicom.statuses import NOT_AUTHORIZED, SUCCESS
from pacs.scope import Right
from pacs.scp.exchange import Exchange


def answer_echo(exchange: Exchange) -> None:
    """Say yes to whoever may ask."""
    may = exchange.caller.scope.may(Right.ECHO)
    exchange.respond(SUCCESS if may else NOT_AUTHORIZED)

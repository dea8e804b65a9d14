"""The Application Entities we know: title, address, and what each may ask."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pacs.errors import RequestInvalid
from pacs.scope import Right

PEER_RIGHTS: frozenset[Right] = frozenset(
    {Right.ECHO, Right.STORE, Right.FIND, Right.MOVE, Right.RETRIEVE, Right.COMMITMENT}
)
"""What a peer can be allowed; the command line calls RETRIEVE `get`."""

RIGHT_OF_WORD: dict[str, Right] = {
    "echo": Right.ECHO,
    "store": Right.STORE,
    "find": Right.FIND,
    "move": Right.MOVE,
    "get": Right.RETRIEVE,
    "commitment": Right.COMMITMENT,
}

_MAX_TITLE = 16


class Admit(enum.StrEnum):
    """`anyone`: every calling AE title may use every service; `registered`: only known peers."""

    ANYONE = "anyone"
    REGISTERED = "registered"


@dataclass(frozen=True)
class Peer:
    """One Application Entity. `host` may be a name; `port` is where it listens.

    associations  how many at once we may open to it.
    reports_here  it wants storage commitment reports on the association it asked on.
    """

    ae_title: str
    host: str
    port: int
    rights: frozenset[Right] = PEER_RIGHTS
    tls: bool = False
    assumed_character_set: str | None = None
    preferred_transfer_syntax: str | None = None
    facility: str | None = None
    reports_here: bool = False
    associations: int = 1


def check_ae_title(title: str) -> str:
    """Return the title without padding spaces, or raise RequestInvalid. PS3.5 6.2 (VR AE)."""
    stripped = title.strip(" ")
    usable = all(" " <= character <= "~" and character != "\\" for character in stripped)
    if not stripped or len(stripped) > _MAX_TITLE or not usable:
        raise RequestInvalid(
            f"AE title {title!r} is not usable: 1 to {_MAX_TITLE} ASCII characters, no backslash"
        )
    return stripped


def parse_rights(words: str) -> frozenset[Right]:
    """Turn `echo,store,find` into rights; raise RequestInvalid for an unknown word."""
    rights = set()
    for word in filter(None, (part.strip().lower() for part in words.split(","))):
        if word not in RIGHT_OF_WORD:
            known = ", ".join(RIGHT_OF_WORD)
            raise RequestInvalid(f"'{word}' is no right of a peer; known are: {known}")
        rights.add(RIGHT_OF_WORD[word])
    return frozenset(rights)

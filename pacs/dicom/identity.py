"""What names an instance: its four UIDs, and what counts as a UID that can be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UID_MAX = 64
_USABLE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_STRICT = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")


@dataclass(frozen=True)
class InstanceIdentity:
    """The UIDs of one instance, without padding, as its data set gives them."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str


def strip_uid(raw: bytes | str) -> str:
    """The UID without trailing NUL and without the spaces some carts pad with. PS3.5 9.1."""
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
    return text.strip("\0 ")


def is_valid_uid(uid: str) -> bool:
    """Whether the UID keeps the rules of PS3.5 9.1."""
    return len(uid) <= _UID_MAX and _STRICT.fullmatch(uid) is not None


def is_usable_uid(uid: str) -> bool:
    """Whether the UID can name an instance here, even if it breaks the rules of PS3.5 9.1.

    Real machines send leading zeros, letters and more than 64 characters, and such images must not
    be lost. What could not be written in a query or a URL is not usable.
    """
    return _USABLE.fullmatch(uid) is not None

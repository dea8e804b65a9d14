"""What objects are called: dated and random, never built from UIDs or content, never used twice."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

INSTANCE_PREFIX = "o/"
LEDGER_PREFIX = "ledger/"
DERIVED_PREFIX = "derived/"

_KEY = re.compile(r"(o|ledger|derived)(/[A-Za-z0-9_.-]+)+")


def instance_key(received: datetime, random: UUID) -> str:
    """The key of a newly received instance, such as `o/2026/01/31/<uuid>`. `received` is UTC."""
    return f"{INSTANCE_PREFIX}{received:%Y/%m/%d}/{random}"


def ledger_key(decided: datetime, random: UUID) -> str:
    """The key of a written decision, such as `ledger/2026/01/31/<uuid>.json`."""
    return f"{LEDGER_PREFIX}{decided:%Y/%m/%d}/{random}.json"


def is_key(key: str) -> bool:
    """Whether this can be one of our keys: a store refuses anything else."""
    return _KEY.fullmatch(key) is not None and "/.." not in key and "/./" not in key


def check_key(key: str) -> str:
    """The key itself; raises ValueError for what can be no key of ours, as a store must."""
    if not is_key(key):
        raise ValueError(f"{key!r} is no key of an object")
    return key

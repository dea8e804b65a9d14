"""Attributes laid over a data set on its way out: its header is rewritten, its pixels are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Overlay:
    """What lies over a study: attributes by keyword, "" to empty one, and when that was decided."""

    attributes: Mapping[str, str]
    at: datetime

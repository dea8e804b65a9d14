"""The table of docs/settings.md, made from pacs.settings. To write it anew:
`python -m tests.house.settings_table`.
"""

from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import Any

from pacs.settings import ENVIRONMENT_PREFIX, Settings
from tests.needs import PROJECT

PAGE = PROJECT / "docs" / "settings.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", re.DOTALL)
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def settings_table() -> str:
    """Markdown, a row for each setting in the order of the code."""
    rows = [
        f"| `{ENVIRONMENT_PREFIX}{name.upper()}` | {_default(name, field.default)} "
        f"| {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows]) + "\n"


def table_of_page() -> str:
    found = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    return found.group() if found else ""


def _default(name: str, default: Any) -> str:
    if default is None or default == "":
        return "unset"
    if isinstance(default, enum.Enum):
        return f"`{default.value}`"
    if isinstance(default, Path):
        return f"`./{default}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if name.endswith("_bytes"):
        return _bytes(default)
    return f"`{default}`"


def _bytes(count: int) -> str:
    for size, unit in _UNITS:
        if count >= size and count % size == 0:
            return f"`{count}` ({count // size} {unit})"
    return f"`{count}`"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: settings_table(), page), encoding="utf-8")

"""The tables of docs/conformance.md, made from the code. To write them anew:
`python -m tests.house.conformance_tables`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from pydicom._uid_dict import UID_dictionary

from pacs.dicom.hierarchy import LEVELS, UNIQUE_KEY, attributes_of
from pacs.dicom.statuses import FAILURES
from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, Coding
from pacs.peers import RIGHT_OF_WORD
from pacs.scp.admission import REFUSALS
from pacs.scp.presentation_contexts import (
    QUERY_MODELS,
    STORAGE_COMMITMENT,
    VERIFICATION,
    is_storage,
)
from tests.needs import PROJECT

PAGE = PROJECT / "docs" / "conformance.md"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def services() -> str:
    rows: list[tuple[str, ...]] = [("Verification", f"`{VERIFICATION}`", "SCP, SCU")]
    roles = {"find": "SCP, SCU", "move": "SCP, SCU", "get": "SCP"}
    for uid, model in QUERY_MODELS.items():
        is_study_root = uid.startswith("1.2.840.10008.5.1.4.1.2.2.")
        role = roles[model.service.value] if is_study_root else "SCP"
        rows.append((_name(uid), f"`{uid}`", role))
    rows.append(("Storage Commitment Push Model", f"`{STORAGE_COMMITMENT}`", "SCP"))
    return _table(("SOP class", "UID", "role"), rows)


def storage_classes() -> str:
    known = sorted(
        (name, uid)
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class" and is_storage(uid)
    )
    return _table(("SOP class", "UID"), ((name, f"`{uid}`") for name, uid in known))


def transfer_syntaxes() -> str:
    rows = [
        (
            syntax.name + (" (retired)" if syntax.retired else ""),
            f"`{syntax.uid}`",
            "yes" if syntax.coding not in (Coding.VIDEO, Coding.REFERENCED) else "no",
        )
        for syntax in TRANSFER_SYNTAXES.values()
    ]
    return _table(("transfer syntax", "UID", "given uncompressed on demand"), rows)


def keys() -> str:
    rows = [
        (
            level.value,
            attribute.keyword,
            f"({attribute.tag >> 16:04X},{attribute.tag & 0xFFFF:04X})",
            attribute.vr,
            "unique" if attribute.keyword == UNIQUE_KEY[level] else attribute.kind.value,
            "yes" if attribute.web else "",
        )
        for level in LEVELS
        for attribute in attributes_of(level)
    ]
    head = ("level", "attribute", "tag", "VR", "kind", "in QIDO-RS unasked")
    return _table(head, rows)


def statuses() -> str:
    rows = [
        (
            _words(kind.__name__),
            *(f"{code:04X}" for code in (found.store, found.find, found.retrieve, found.reason)),
            found.http,
        )
        for kind, found in FAILURES.items()
    ]
    head = ("what happened", "C-STORE", "C-FIND", "C-MOVE, C-GET", "failure reason", "HTTP")
    return _table(head, rows)


def rejections() -> str:
    rows = [(one.why, one.result, one.source, one.reason) for one in REFUSALS]
    return _table(("why", "result", "source", "reason"), rows)


def rights() -> str:
    return _table(("word", "right"), ((word, right.value) for word, right in RIGHT_OF_WORD.items()))


TABLES: dict[str, Callable[[], str]] = {
    "services": services,
    "storage": storage_classes,
    "transfer syntaxes": transfer_syntaxes,
    "keys": keys,
    "statuses": statuses,
    "rejections": rejections,
    "rights": rights,
}


def table_of_page(name: str, text: str | None = None) -> str:
    found = _pattern(name).search(PAGE.read_text(encoding="utf-8") if text is None else text)
    return found.group(0) if found else ""


def write_page(page: Path = PAGE) -> None:
    text = page.read_text(encoding="utf-8")
    for name, made in TABLES.items():
        content = made()
        text = _pattern(name).sub(lambda _, content=content: content, text, count=1)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def _pattern(name: str) -> re.Pattern[str]:
    begin, end = re.escape(f"<!-- {name} -->\n"), re.escape("<!-- end -->")
    return re.compile(f"(?<={begin}).*?(?={end})", re.DOTALL)


def _name(uid: str) -> str:
    return UID_dictionary[uid][0]


def _words(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", class_name).lower()


if __name__ == "__main__":
    write_page()

"""`pacs import`: brings files into the archive through the one way in."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from pacs.archive.ingest import Ingest, ReceiptKind
from pacs.archive.reception import Reception
from pacs.commands.file_sources import Source, find_sources, opened
from pacs.dicom.part10 import read_file_head
from pacs.errors import ArchiveError, InstanceRefused, InstanceUnreadable, TryAgain
from pacs.scope import Scope
from pacs.storage.interfaces import Sender

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class Imported:
    """How it ended for one file. kind  a ReceiptKind, `skipped` (not DICOM) or `refused`."""

    source: Source
    kind: str
    why: str = ""


class Import:
    """Imports files one after another. Stops only for what would stop all that follow."""

    def __init__(self, *, ingest: Ingest, reception: Reception, scope: Scope) -> None:
        self._ingest = ingest
        self._reception = reception
        self._scope = scope

    def run(self, sources: Iterable[Source]) -> Iterator[Imported]:
        """Raises TryAgain (disk full, database away): what came before is safely stored."""
        for source in sources:
            yield self._one(source)

    def _one(self, source: Source) -> Imported:
        try:
            with opened(source, self._reception) as data:
                return self._take(source, data)
        except TryAgain:
            raise
        except (InstanceRefused, ArchiveError) as error:
            return Imported(source, "refused", str(error))
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            # RuntimeError and NotImplementedError are zipfile's for encrypted and odd entries.
            return Imported(source, "refused", f"it cannot be read: {error}")

    def _take(self, source: Source, data: memoryview) -> Imported:
        try:
            head = read_file_head(data)
        except InstanceUnreadable as error:
            return Imported(source, "skipped", str(error))
        if head.sop_class_uid == _MEDIA_STORAGE_DIRECTORY:
            return Imported(source, "skipped", "a DICOMDIR lists instances but is none")
        sender = Sender(how="import", actor=self._scope.actor)
        receipt = self._ingest.ingest_file(data, sender=sender, scope=self._scope)
        return Imported(source, receipt.kind.value, receipt.message or "")


def import_paths(paths: list[Path], importing: Import, console: Console) -> bool:
    """Import, with a progress bar on a terminal; True when all went well."""
    with console.status("looking for files"):
        sources = list(find_sources(paths))
    counts: Counter[str] = Counter()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("importing", total=len(sources))
        for done in importing.run(sources):
            counts[done.kind] += 1
            progress.advance(task)
            if done.why:
                console.print(f"{done.kind}: {done.source.name}: {done.why}", highlight=False)
    _tell(counts, console)
    return counts["refused"] == 0 and counts[ReceiptKind.CONFLICT.value] == 0


def _tell(counts: Counter[str], console: Console) -> None:
    words = {
        ReceiptKind.STORED.value: "new",
        ReceiptKind.SAME.value: "known already",
        ReceiptKind.RESTORED.value: "back from the trash",
        ReceiptKind.CONFLICT.value: "in conflict with what is stored",
        "skipped": "not DICOM, skipped",
        "refused": "refused",
    }
    told = [f"{counts[kind]} {word}" for kind, word in words.items() if counts[kind]]
    console.print(f"{counts.total()} files: {', '.join(told) or 'nothing to import'}")

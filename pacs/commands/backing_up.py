"""`pacs backup`, `pacs restore`: the archive copied while it works, and brought back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pacs.archive.backup import COPY
from pacs.archive.backup_folder import BackedUpRun, newest_run
from pacs.archive.restoring import Restored, Restoring
from pacs.commands.people import command_scope
from pacs.commands.progress import shown
from pacs.commands.session import FOUND_OR_FAILED, USED_WRONGLY, archive_of, complain, told_plainly
from pacs.findings import FindingKind
from pacs.settings import Settings, read_settings
from pacs.storage.stores import Stores
from pacs.wiring import Archive
from pacs.wiring_backup import (
    build_backup,
    build_restoring,
    objects_of_backup,
    plan_backup,
    prepare_empty,
)

backup = typer.Typer(help="Copy the archive while it works, and try whether the copy is good.")

From = Annotated[Path, typer.Option("--from", metavar="FOLDER", help="a folder of 'pacs backup'")]


class Objects(StrEnum):
    COPY = "copy"
    REFERENCE = "reference"


@backup.callback(invoke_without_command=True)
@told_plainly
def make_backup(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="on another disk or machine")
    ] = None,
    objects: Annotated[
        Objects, typer.Option(help="reference: the S3 service has a backup of its own")
    ] = Objects.COPY,
    keep: Annotated[int, typer.Option(min=1, help="how many copies of the index stay")] = 7,
) -> None:
    """Copy index, objects and ledger into a folder; what is there already is not copied again."""
    if context.invoked_subcommand is not None:
        return
    if to is None:
        complain("say where: 'pacs backup --to FOLDER'")
        raise typer.Exit(USED_WRONGLY)
    settings, started, done, troubles = read_settings(), time.monotonic(), 0, 0
    plan = plan_backup(settings, to, copies=objects is Objects.COPY, keep=keep)
    with archive_of(settings) as archive, shown("backed up") as show:
        for step in build_backup(archive).run(plan, command_scope()):
            done = step.done
            show(step.done, step.total, "objects")
            if step.trouble is not None:
                troubles += 1
                typer.echo(step.trouble)
    typer.echo(f"{done - troubles} objects and the index are in {to} ({_since(started)})")
    for sentence in plan.kept_elsewhere:
        typer.echo(f"to keep elsewhere: {sentence}")
    _end(troubles, "objects are not in the backup; see 'pacs check'")


@told_plainly
def restore(source: From) -> None:
    """Bring a backup back to an empty machine. Every byte is compared with its digest."""
    settings, run = read_settings(), newest_run(source)
    prepare_empty(settings)
    with archive_of(settings) as archive:
        tally = _restored(build_restoring(archive), run, source)
    _end(tally.troubles, "objects could not be restored; all else is there")


@backup.command("drill")
@told_plainly
def drill(
    source: From,
    aside: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="where there is room for all objects")
    ] = None,
) -> None:
    """Restore aside, compare all, say how long it took. Exit code 1 when something is wrong."""
    started, run = time.monotonic(), newest_run(source)
    copied = run.manifest["objects"] == COPY
    with (
        tempfile.TemporaryDirectory(prefix="pacs-drill-", dir=aside) as folder,
        _referred(not copied) as referred,
        archive_of(_aside(Path(folder))) as archive,
    ):
        restoring = build_restoring(archive, referred=referred)
        tally = _restored(restoring, run, source)
        wrong = tally.troubles + _compared(restoring, run)
        if copied:
            wrong += _checked(archive, tally.absent)
    typer.echo(f"the drill took {_since(started)}")
    _end(wrong, "things are wrong with this backup")
    typer.echo("the backup is good")


@dataclass
class _Tally:
    """What came of restoring. absent  keys of objects that are known not to be there, or wrong."""

    troubles: int = 0
    objects: int = 0
    size_bytes: int = 0
    absent: set[str] = field(default_factory=set)

    def add(self, step: Restored) -> None:
        if step.removed or step.trouble is not None:
            self.absent.add(step.key)
            self.troubles += step.trouble is not None
        else:
            self.objects += 1
            self.size_bytes += step.size_bytes


def _restored(restoring: Restoring, run: BackedUpRun, source: Path) -> _Tally:
    started, tally = time.monotonic(), _Tally()
    with shown("restored") as show:
        for step in restoring.run(run, objects_of_backup(source), command_scope()):
            tally.add(step)
            show(step.done, step.total, "objects")
            if step.trouble is not None:
                typer.echo(step.trouble)
    rows, size = sum(run.manifest["rows"].values()), f"{tally.size_bytes >> 20} MiB"
    typer.echo(
        f"restored {tally.objects} objects ({size}, digests compared) and {rows} rows "
        f"in {_since(started)}"
    )
    if removed := len(tally.absent) - tally.troubles:
        typer.echo(f"{removed} objects were deleted by somebody while the backup was made")
    return tally


def _compared(restoring: Restoring, run: BackedUpRun) -> int:
    """Table by table; how many rows are wrong."""
    wrong = tables = rows = 0
    for table in restoring.compare(run):
        tables, rows, wrong = tables + 1, rows + table.rows, wrong + table.wrong
        if table.wrong:
            typer.echo(f"{table.wrong} rows of the table {table.table} are not as backed up")
    typer.echo(f"compared {tables} tables with {rows} rows")
    return wrong


def _checked(archive: Archive, absent: set[str]) -> int:
    """What `pacs check` says of the restored archive, beside what was told before."""
    wrong = checked = 0
    for looked in archive.care.integrity.check(command_scope()):
        checked = max(checked, looked.checked_objects)
        finding = looked.finding
        if finding is None or finding.subject in absent:
            continue
        # A decision that waited for its effect does so here: 'pacs repair' helps in both places.
        wrong += finding.kind is not FindingKind.UNDECIDED
        typer.echo(f"{finding.kind}\t{finding.sentence}")
    typer.echo(f"checked that index, objects and ledger agree ({checked} objects)")
    return wrong


def _aside(folder: Path) -> Settings:
    """An archive in a folder of its own, whatever the real one is made of."""
    own = {"data_dir": folder, "database_url": None, "s3_endpoint": None, "reserve_bytes": 0}
    return read_settings().model_copy(update=own)


@contextmanager
def _referred(wanted: bool) -> Iterator[Stores | None]:
    """The stores of the archive at work, when the backup refers to them."""
    if not wanted:
        yield None
        return
    with archive_of() as archive:
        yield archive.stores


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _end(troubles: int, sentence: str) -> None:
    if troubles:
        typer.echo(f"{troubles} {sentence}")
        raise typer.Exit(FOUND_OR_FAILED)

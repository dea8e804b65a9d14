"""`pacs backup`, `pacs restore`: the archive copied while it works, and brought back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pacs.archive.backup import COPY
from pacs.archive.backup_folder import BackedUpRun, newest_run
from pacs.archive.restoring import Restoring
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
    settings, started, run = read_settings(), time.monotonic(), newest_run(source)
    prepare_empty(settings)
    with archive_of(settings) as archive:
        restoring = build_restoring(archive)
        troubles, told = _restored(restoring, run, source)
    typer.echo(f"restored {told} in {_since(started)}")
    _end(troubles, "objects could not be restored; all else is there")


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
        wrong, told = _restored(restoring, run, source)
        typer.echo(f"restored {told} in {_since(started)}")
        wrong += _compared(restoring, run)
        if copied:
            wrong += _checked(archive, already_told=wrong > 0)
    typer.echo(f"the drill took {_since(started)}")
    _end(wrong, "things are wrong with this backup")
    typer.echo("the backup is good")


def _restored(restoring: Restoring, run: BackedUpRun, source: Path) -> tuple[int, str]:
    """Do it; how many troubles there were, and what was restored."""
    troubles = done = size_bytes = 0
    with shown("restored") as show:
        for step in restoring.run(run, objects_of_backup(source), command_scope()):
            done += step.trouble is None
            size_bytes += step.size_bytes
            show(step.done, step.total, "objects")
            if step.trouble is not None:
                troubles += 1
                typer.echo(step.trouble)
    rows = sum(run.manifest["rows"].values())
    return troubles, f"{done} objects ({size_bytes >> 20} MiB, digests compared) and {rows} rows"


def _compared(restoring: Restoring, run: BackedUpRun) -> int:
    """Table by table; how many rows are wrong."""
    wrong = tables = rows = 0
    for table in restoring.compare(run):
        tables, rows, wrong = tables + 1, rows + table.rows, wrong + table.wrong
        if table.wrong:
            typer.echo(f"{table.wrong} rows of the table {table.table} are not as backed up")
    typer.echo(f"compared {tables} tables with {rows} rows")
    return wrong


def _checked(archive: Archive, *, already_told: bool) -> int:
    """What `pacs check` says of the restored archive. A lost object was told before."""
    wrong = checked = 0
    for looked in archive.care.integrity.check(command_scope()):
        checked = max(checked, looked.checked_objects)
        finding = looked.finding
        if finding is None or (already_told and finding.kind is FindingKind.MISSING):
            continue
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

"""`pacs check`, `pacs repair`, `pacs reindex`: whether all is there and whole, and what helps."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from pacs.archive.integrity import Progress
from pacs.commands.people import command_scope
from pacs.commands.progress import shown
from pacs.commands.session import FOUND_OR_FAILED, archive_of, told_plainly
from pacs.settings import read_settings
from pacs.storage.sql_migrations import migrate

_MEGABYTE = 1_000_000


@told_plainly
def check(
    deep: Annotated[bool, typer.Option("--deep", help="read every byte of every object")] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="with --deep: at most so many MB per second")
    ] = None,
) -> None:
    """Do objects, index and ledger agree? Exit code 1 when not."""
    found = 0
    with archive_of() as archive, shown("checked") as show:
        started = time.monotonic()
        for looked in archive.care.integrity.check(command_scope(), deep=deep):
            show(looked.checked_objects, None, "objects")
            if looked.finding is not None:
                found += 1
                typer.echo(f"{looked.finding.kind}\t{looked.finding.sentence}")
            _keep_to(rate, looked, started)
    if found:
        typer.echo(f"{found} found; 'pacs repair --dry-run' says what can be done")
        raise typer.Exit(FOUND_OR_FAILED)
    typer.echo("objects, index and ledger agree")


def _keep_to(rate: float | None, looked: Progress, started: float) -> None:
    if rate is not None:
        ahead_s = looked.checked_bytes / (rate * _MEGABYTE) - (time.monotonic() - started)
        time.sleep(max(0.0, ahead_s))


@told_plainly
def repair(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what it would try")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="look at every byte first")] = False,
) -> None:
    """Mend what can be mended, set the rest aside. Exit code 1 when something is left."""
    scope, left = command_scope(), 0
    with archive_of() as archive, shown("checked") as show:
        for looked in archive.care.integrity.check(scope, deep=deep):
            show(looked.checked_objects, None, "objects")
        care = archive.care.repair
        for one in care.plan(scope) if dry_run else care.run(scope):
            left += not one.mended
            typer.echo(f"{one.finding.kind}\t{one.finding.sentence}: {one.done}")
        if not dry_run:
            removed = archive.care.removal.collect()
            typer.echo(f"{removed} objects of emptied trash deleted")
    if left:
        raise typer.Exit(FOUND_OR_FAILED)


@told_plainly
def reindex(
    into: Annotated[
        str | None, typer.Option(help="an empty database; left out: the configured one")
    ] = None,
) -> None:
    """Make the index again from the objects and the ledger. Stop the archive first.

    Users, sessions, peers, jobs and the audit trail are not in there: they come from the backup.
    """
    settings = read_settings()
    if into is not None:
        settings = settings.model_copy(update={"database_url": into})
        migrate(into)
    troubles = 0
    with archive_of(settings) as archive, shown("read") as show:
        done = 0
        archive.reception.sweep()
        for step in archive.care.reindexing.run(command_scope()):
            done = max(done, step.done)
            show(step.done, step.total, "objects")
            if step.trouble is not None:
                troubles += 1
                typer.echo(step.trouble)
        typer.echo(f"{done - troubles} objects are in the index again")
    if troubles:
        typer.echo(f"{troubles} objects could not be used; see 'pacs check'")
        raise typer.Exit(FOUND_OR_FAILED)

"""The command line: `pacs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pacs import __version__
from pacs.commands.backing_up import backup, restore
from pacs.commands.checking import check, reindex, repair
from pacs.commands.deciding import (
    conflict,
    correct,
    decisions,
    delete,
    hold,
    merge,
    move,
    trash,
    undo,
)
from pacs.commands.doctor import examine
from pacs.commands.doors import Part
from pacs.commands.exporting import export_study
from pacs.commands.fetching import fetch_studies
from pacs.commands.forwarding import forwarding, jobs, send_study
from pacs.commands.importing import Import, import_paths
from pacs.commands.machines import peers
from pacs.commands.people import command_scope, tokens, users
from pacs.commands.serving import serve_archive
from pacs.commands.session import (
    FOUND_OR_FAILED,
    USED_WRONGLY,
    archive_of,
    complain,
    told_plainly,
)
from pacs.commands.spools import empty_spool, nodes
from pacs.commands.synthetic import send_demo
from pacs.commands.webhooks import webhooks
from pacs.settings import read_settings
from pacs.storage.sql_migrations import SchemaState, migrate

app = typer.Typer(
    name="pacs",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A DICOM imaging archive: machines send studies in, people read them in a browser.",
)
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")
app.add_typer(peers, name="peer")
app.add_typer(nodes, name="node")
app.add_typer(forwarding, name="forward")
app.add_typer(jobs, name="jobs")
app.add_typer(webhooks, name="webhook")
app.command("send")(send_study)
app.command("fetch")(fetch_studies)
app.add_typer(trash, name="trash")
app.add_typer(conflict, name="conflict")
app.add_typer(backup, name="backup")
for command in (
    check,
    repair,
    reindex,
    restore,
    delete,
    hold,
    correct,
    merge,
    move,
    undo,
    decisions,
):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What holds for every command."""
    del version


@app.command()
@told_plainly
def serve(
    only: Annotated[Part | None, typer.Option(help="run one part of a larger installation")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="fill an empty archive with synthetic studies")
    ] = False,
) -> None:
    """Run the archive until it is told to stop (Ctrl-C, SIGTERM)."""
    serve_archive(read_settings(), only=only, demo=demo)


@app.command("import")
@told_plainly
def import_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
) -> None:
    """Bring in files, folders, what a DICOMDIR lists, or a zip."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        complain(f"there is no {missing[0]}")
        raise typer.Exit(USED_WRONGLY)
    with archive_of() as archive:
        archive.reception.folder.mkdir(parents=True, exist_ok=True)
        importing = Import(
            ingest=archive.ingest, reception=archive.reception, scope=command_scope()
        )
        done = import_paths(paths, importing, Console())
        if left := empty_spool(archive):
            complain(left)
        if not done:
            raise typer.Exit(FOUND_OR_FAILED)


@app.command("export")
@told_plainly
def export(
    study: Annotated[str, typer.Option(help="Study Instance UID")],
    to: Annotated[Path, typer.Option(help="folder to write into")],
) -> None:
    """Write a study as DICOM files."""
    with archive_of() as archive:
        written = sum(1 for _ in export_study(archive.retrieval, study, to, command_scope()))
        typer.echo(f"{written} files written to {to}")


@app.command("migrate")
@told_plainly
def migrate_database() -> None:
    """Bring the database up to the schema of this version."""
    settings = read_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    before = migrate(settings.index_url)
    current = before is SchemaState.CURRENT
    typer.echo("the database is up to date" if current else f"the database was {before}; done")


@app.command()
@told_plainly
def demo() -> None:
    """Send small synthetic studies to the running archive, through its C-STORE door."""
    for line in send_demo(read_settings()):
        typer.echo(line)


@app.command()
@told_plainly
def doctor() -> None:
    """Say in plain words what is set up and what is missing."""
    findings = list(examine(read_settings()))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.good else 'MEND'} {finding.sentence}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(FOUND_OR_FAILED)


def main() -> None:
    app()


if __name__ == "__main__":
    main()

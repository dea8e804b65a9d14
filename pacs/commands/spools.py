"""`pacs node`: the nodes of the archive and what waits on their disks."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.commands.session import archive_of, told_plainly
from pacs.errors import ArchiveError, TryAgain
from pacs.nodes import node_of_spool, spool_name
from pacs.wiring import Archive

nodes = typer.Typer(no_args_is_help=True, help="The nodes of the archive and their spools.")


@nodes.command("list")
@told_plainly
def list_nodes() -> None:
    """Each node, where it is reached, when it was seen last, and how much waits in its spool."""
    with archive_of() as archive:
        for node in archive.nodes.nodes():
            backlog = archive.spool_rows.backlog(spool_name(node.name))
            typer.echo(
                f"{node.name}  {node.url}  seen {node.last_seen:%Y-%m-%d %H:%M} UTC  "
                f"{backlog.objects} objects wait ({backlog.size_bytes >> 20} MiB)"
            )


@nodes.command("waiting")
@told_plainly
def list_waiting(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """The studies of which something is only on the disk of this node."""
    with archive_of() as archive:
        for study, count in archive.spool_rows.studies_waiting(spool_name(name)).items():
            typer.echo(f"{study}  {count} instances")


def empty_spool(archive: Archive) -> str | None:
    """Move on what a command has stored, unless a running service does that.

    Returns what a person should know when something is left, None when nothing is.
    """
    spool, uploader = archive.stores.spool, archive.uploader
    if spool is None or uploader is None or not spool.claim_upload():
        return None
    try:
        uploader.upload_waiting()
    except TryAgain as error:
        return _left(archive, error)
    return None


def _left(archive: Archive, error: ArchiveError) -> str:
    node = node_of_spool(archive.stores.incoming.name)
    return f"all is stored safely, some only on this node ({node}); 'pacs serve' moves it: {error}"

"""`pacs webhook`: programs that are told of new, changed and removed studies."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.commands.people import command_scope
from pacs.commands.session import archive_of, told_plainly

webhooks = typer.Typer(no_args_is_help=True, help="Programs that are told of studies.")

Name = Annotated[str, typer.Argument(metavar="NAME")]


@webhooks.command("add")
@told_plainly
def add_webhook(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="http or https")],
    secret: Annotated[
        str | None, typer.Option(help="signs the messages; made up when left out")
    ] = None,
) -> None:
    """Tell a program from now on, or change whom; prints the secret."""
    with archive_of() as archive:
        put = archive.work.webhooks.put(name, url, command_scope(), secret=secret)
        typer.echo(put.secret)


@webhooks.command("list")
@told_plainly
def list_webhooks() -> None:
    """List them: name, URL, and up to which change of the feed each was told."""
    with archive_of() as archive:
        for one in archive.work.webhooks.all(command_scope()):
            off = "" if one.enabled else "\toff"
            typer.echo(f"{one.name}\t{one.url}\t{one.position}{off}")


@webhooks.command("remove")
@told_plainly
def remove_webhook(name: Name) -> None:
    """Tell a program nothing any more."""
    with archive_of() as archive:
        archive.work.webhooks.remove(name, command_scope())

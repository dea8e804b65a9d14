"""`pacs peer`: the Application Entities we know."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from pacs.archive.machines import DEFAULT_PORT
from pacs.associations import sentence
from pacs.commands.people import command_scope
from pacs.commands.session import archive_of, told_plainly
from pacs.peers import PEER_RIGHTS, RIGHT_OF_WORD, Peer, check_ae_title, parse_rights

peers = typer.Typer(no_args_is_help=True, help="Machines and workstations we know.")

Title = Annotated[str, typer.Argument(metavar="TITLE")]


@peers.command("add")
@told_plainly
def add_peer(
    title: Title,
    host: Annotated[str, typer.Argument(metavar="HOST")],
    port: Annotated[int, typer.Argument(metavar="PORT", min=1, max=65535)],
    may: Annotated[
        str | None,
        typer.Option(help="echo,store,find,move,get,commitment; all when left out"),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="speak TLS when calling it")] = False,
    character_set: Annotated[
        str | None, typer.Option(help="what to assume when it declares none, such as ISO_IR 192")
    ] = None,
    prefers: Annotated[
        str | None, typer.Option(help="transfer syntax UID it is sent when that loses nothing")
    ] = None,
    reports_here: Annotated[
        bool,
        typer.Option(
            "--reports-here", help="tell it of storage commitment on the association it asked on"
        ),
    ] = False,
    associations: Annotated[
        int, typer.Option(min=1, max=16, help="how many at once it takes from us")
    ] = 1,
) -> None:
    """Register a machine, or change it."""
    rights = PEER_RIGHTS if may is None else parse_rights(may)
    with archive_of() as archive:
        archive.work.machines.put(
            Peer(
                check_ae_title(title),
                host,
                port,
                rights,
                tls=tls,
                assumed_character_set=character_set,
                preferred_transfer_syntax=prefers,
                reports_here=reports_here,
                associations=associations,
            ),
            command_scope(),
        )


@peers.command("list")
@told_plainly
def list_peers() -> None:
    """List the machines we know, then those that knocked without being known."""
    with archive_of() as archive:
        for peer in archive.peers.peers():
            words = [word for word, right in RIGHT_OF_WORD.items() if right in peer.rights]
            tls = "\ttls" if peer.tls else ""
            typer.echo(f"{peer.ae_title}\t{peer.host}\t{peer.port}\t{','.join(words)}{tls}")
        for knock in archive.peers.knocks():
            typer.echo(
                f"# unknown: {knock.ae_title} at {knock.address} asked {knock.times} times for "
                f"{knock.wanted}; 'pacs peer accept {knock.ae_title} --port PORT' lets it in"
            )


@peers.command("remove")
@told_plainly
def remove_peer(title: Title) -> None:
    """Forget a machine."""
    with archive_of() as archive:
        archive.work.machines.remove(title, command_scope())


@peers.command("accept")
@told_plainly
def accept_peer(
    title: Title,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="where it listens, for C-MOVE and reports")
    ] = DEFAULT_PORT,
) -> None:
    """Register a machine that knocked, with the rights it asked for."""
    with archive_of() as archive:
        peer = archive.work.machines.accept(title, command_scope(), port=port)
        words = [word for word, right in RIGHT_OF_WORD.items() if right in peer.rights]
        typer.echo(f"{peer.ae_title}\t{peer.host}\t{peer.port}\t{','.join(words)}")


@peers.command("troubles")
@told_plainly
def list_troubles(limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    """List associations that were refused or broke, and what to do about each."""
    with archive_of() as archive:
        language = archive.settings.language.value
        for failed in archive.work.machines.failures(command_scope(), limit=limit):
            at = failed.at.astimezone(ZoneInfo(archive.settings.timezone))
            times = f" ({failed.times}x)" if failed.times > 1 else ""
            typer.echo(f"{at:%Y-%m-%d %H:%M:%S}\t{sentence(failed, language)}{times}")


@peers.command("echo")
@told_plainly
def echo_peer(title: Title) -> None:
    """Ask a machine whether it hears us (C-ECHO)."""
    with archive_of() as archive:
        peer = archive.work.machines.echo(title, command_scope())
        typer.echo(f"{peer.ae_title} at {peer.host}:{peer.port} answers")

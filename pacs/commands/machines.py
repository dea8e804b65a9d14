"""`pacs peer`: the Application Entities we know."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.commands.session import archive_of, told_plainly
from pacs.errors import PeerUnknown
from pacs.peers import PEER_RIGHTS, RIGHT_OF_WORD, Peer, check_ae_title, parse_rights
from pacs.scu.association import Target
from pacs.scu.echo import echo

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
) -> None:
    """Register a machine, or change it."""
    rights = PEER_RIGHTS if may is None else parse_rights(may)
    with archive_of() as archive:
        archive.peers.add_peer(
            Peer(
                check_ae_title(title),
                host,
                port,
                rights,
                tls=tls,
                assumed_character_set=character_set,
            )
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
                f"{knock.wanted}; 'pacs peer add {knock.ae_title} {knock.address} PORT' lets it in"
            )


@peers.command("remove")
@told_plainly
def remove_peer(title: Title) -> None:
    """Forget a machine."""
    with archive_of() as archive:
        if not archive.peers.remove_peer(title):
            raise PeerUnknown(f"no peer has the title {title}; see 'pacs peer list'")


@peers.command("echo")
@told_plainly
def echo_peer(title: Title) -> None:
    """Ask a machine whether it hears us (C-ECHO)."""
    with archive_of() as archive:
        peer = archive.peers.peer(title)
        if peer is None:
            raise PeerUnknown(f"no peer has the title {title}; see 'pacs peer list'")
        target = Target(peer.ae_title, peer.host, peer.port)
        echo(target, calling_ae_title=archive.settings.ae_title)
        typer.echo(f"{peer.ae_title} at {peer.host}:{peer.port} answers")

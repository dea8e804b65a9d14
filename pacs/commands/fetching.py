"""`pacs fetch`: studies come in from another archive."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.archive.fetching import FETCHING
from pacs.commands.forwarding import watch
from pacs.commands.people import command_scope
from pacs.commands.session import FOUND_OR_FAILED, archive_of, told_plainly
from pacs.remote import RemoteQuery, RemoteStudy


@told_plainly
def fetch_studies(
    peer: Annotated[str, typer.Option(help="AE title of a registered archive")],
    patient: Annotated[str, typer.Option(help="patient ID")] = "",
    name: Annotated[str, typer.Option(help="patient name; * and ? stand for characters")] = "",
    study: Annotated[list[str] | None, typer.Option(help="Study Instance UID")] = None,
    accession: Annotated[str, typer.Option(help="accession number")] = "",
    date: Annotated[str, typer.Option(help="such as 20260101-20260131")] = "",
    modality: Annotated[str, typer.Option(help="such as CT")] = "",
    only_list: Annotated[bool, typer.Option("--list", help="look, but fetch nothing")] = False,
    wait: Annotated[bool, typer.Option(help="show how far it is until all is here")] = False,
) -> None:
    """Ask another archive for studies and let the running archive have them sent."""
    query = RemoteQuery(tuple(study or ()), patient, name, date, accession, modality)
    with archive_of() as archive:
        fetching = archive.work.fetching
        found = fetching.find(peer, query, command_scope())
        subjects = []
        for one in found:
            typer.echo(_line(one))
            if not only_list:
                subjects.append(fetching.fetch(peer, one.study_instance_uid, command_scope()))
        if not found:
            typer.echo("nothing matches", err=True)
            raise typer.Exit(FOUND_OR_FAILED)
        if wait:
            watch(archive, FETCHING, subjects)


def _line(study: RemoteStudy) -> str:
    count = "?" if study.instances is None else str(study.instances)
    modalities = ",".join(study.modalities)
    return f"{study.study_instance_uid}\t{study.study_date}\t{modalities}\t{count}"

"""`pacs forward`, `pacs send`, `pacs jobs`: what goes out to other machines, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from pacs.archive.forwarding import SENDING
from pacs.commands.people import command_scope
from pacs.commands.progress import shown
from pacs.commands.session import FOUND_OR_FAILED, archive_of, told_plainly
from pacs.errors import NotFound
from pacs.forwarding import Conditions, Rule, parse_time_of_day
from pacs.jobs import ENDED, JobState
from pacs.peers import check_ae_title
from pacs.wiring import Archive

forwarding = typer.Typer(no_args_is_help=True, help="Rules that send studies on to machines.")
jobs = typer.Typer(no_args_is_help=True, help="Work in the background: sending, commitment.")

_LOOK_EVERY_S = 0.5

Several = Annotated[list[str] | None, typer.Option(help="* and ? stand for characters")]


@forwarding.command("add")
@told_plainly
def add_rule(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    to: Annotated[str, typer.Option(help="AE title of a registered machine")],
    calling: Several = None,
    modality: Several = None,
    station: Several = None,
    institution: Several = None,
    between: Annotated[str | None, typer.Option(help="such as 07:00-17:30")] = None,
) -> None:
    """Send on what arrives from now on and fits everything that is given."""
    with archive_of() as archive:
        conditions = Conditions(
            calling_ae_titles=tuple(calling or ()),
            modalities=tuple(modality or ()),
            station_names=tuple(station or ()),
            institution_names=tuple(institution or ()),
            received=parse_time_of_day(between) if between else None,
        )
        rule = Rule(name, check_ae_title(to), archive.now(), conditions)
        archive.work.forwarding.put_rule(rule, command_scope())


@forwarding.command("list")
@told_plainly
def list_rules() -> None:
    """List the rules."""
    with archive_of() as archive:
        for rule in archive.work.forwarding.rules(command_scope()):
            typer.echo(f"{rule.name}\t{rule.ae_title}\t{describe(rule.conditions)}")


@forwarding.command("remove")
@told_plainly
def remove_rule(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Forget a rule; what already waits is sent only if another rule wants it."""
    with archive_of() as archive:
        archive.work.forwarding.remove_rule(name, command_scope())


def describe(conditions: Conditions) -> str:
    """The conditions in one line."""
    parts = [
        ("from", ",".join(conditions.calling_ae_titles)),
        ("modality", ",".join(conditions.modalities)),
        ("station", ",".join(conditions.station_names)),
        ("institution", ",".join(conditions.institution_names)),
        ("between", str(conditions.received or "")),
    ]
    return "; ".join(f"{name} {value}" for name, value in parts if value) or "everything"


@told_plainly
def send_study(
    study: Annotated[str, typer.Option(help="Study Instance UID")],
    to: Annotated[str, typer.Option(help="AE title of a registered machine")],
    series: Annotated[
        list[str] | None, typer.Option(help="only this Series Instance UID; may be repeated")
    ] = None,
    wait: Annotated[bool, typer.Option(help="show how far it is until it is done")] = False,
) -> None:
    """Let the running archive send a study to a machine, again and again until it has it."""
    with archive_of() as archive:
        subject = archive.work.forwarding.send(
            study, to, command_scope(), series_instance_uids=tuple(series or ())
        )
        if wait:
            watch(archive, SENDING, [subject])
        else:
            typer.echo("the running archive sends it; see 'pacs jobs list'")


def watch(archive: Archive, kind: str, subjects: Sequence[str]) -> None:
    """Show how far the newest jobs of these subjects are until all have ended."""
    known = archive.work.jobs.store.jobs(kinds=(kind,), limit=1000)
    newest = {job.subject: job.job_id for job in reversed(known)}
    for subject in subjects:
        _watch_one(archive, subject, newest[subject])


def _watch_one(archive: Archive, subject: str, job_id: int) -> None:
    with shown(subject) as tell:
        while (job := archive.work.jobs.store.job(job_id)) is not None and job.state not in ENDED:
            tell(job.done, job.total, job.last_error or "")
            time.sleep(_LOOK_EVERY_S)
    if job is not None and job.state is not JobState.DONE:
        typer.echo(f"job {job.job_id} {job.state}: {job.last_error or ''}", err=True)
        raise typer.Exit(FOUND_OR_FAILED)


@jobs.command("list")
@told_plainly
def list_jobs(
    state: Annotated[list[JobState] | None, typer.Option(help="only these")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> None:
    """List jobs, the newest first."""
    with archive_of() as archive:
        for job in archive.work.jobs.store.jobs(states=tuple(state or ()), limit=limit):
            progress = f"{job.done}/{job.total}" if job.total else "-"
            why = f"\t{job.last_error}" if job.last_error else ""
            typer.echo(f"{job.job_id}\t{job.state}\t{job.kind}\t{job.subject}\t{progress}{why}")


@jobs.command("retry")
@told_plainly
def retry_job(job_id: Annotated[int, typer.Argument(metavar="JOB")]) -> None:
    """Try a job now that waits or has failed."""
    with archive_of() as archive:
        if not archive.work.jobs.store.retry(job_id, archive.now()):
            raise NotFound(f"no job {job_id} waits or has ended; see 'pacs jobs list'")


@jobs.command("cancel")
@told_plainly
def cancel_job(job_id: Annotated[int, typer.Argument(metavar="JOB")]) -> None:
    """Stop a job at its next step."""
    with archive_of() as archive:
        if not archive.work.jobs.store.cancel(job_id, archive.now()):
            raise NotFound(f"no job {job_id} waits or runs; see 'pacs jobs list'")

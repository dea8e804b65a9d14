"""`pacs trash`, `pacs conflict`, `pacs correct` and their kin: what a person decides."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Annotated

import typer

from pacs.archive.corrections import PatientName
from pacs.archive.removal import Trashed
from pacs.commands.session import archive_of, told_plainly
from pacs.errors import RequestInvalid
from pacs.ledger import Correct, Delete, Hold, Keep, Merge, Replace, Split
from pacs.scope import Scope, system_scope
from pacs.storage.interfaces import Selection

trash = typer.Typer(no_args_is_help=True, help="What was deleted and can still come back.")
conflict = typer.Typer(no_args_is_help=True, help="Two contents under one SOP Instance UID.")

Reason = Annotated[str, typer.Option(help="why; it stays in the ledger")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="as 'pacs conflict list' says")]
DecisionId = Annotated[str, typer.Argument(metavar="DECISION")]


def person_scope() -> Scope:
    """The ledger names the account that typed the command."""
    return system_scope(f"command line ({getpass.getuser()})")


@told_plainly
def delete(
    reason: Reason,
    study: Annotated[str | None, typer.Option(help="Study Instance UID")] = None,
    series: Annotated[str | None, typer.Option(help="Series Instance UID")] = None,
    instance: Annotated[str | None, typer.Option(help="SOP Instance UID")] = None,
) -> None:
    """Put a study, a series or an instance into the trash."""
    selection = Selection(
        study_instance_uids=(study,) if study else (),
        series_instance_uids=(series,) if series else (),
        sop_instance_uids=(instance,) if instance else (),
    )
    if selection == Selection():
        raise RequestInvalid("say what: --study, --series or --instance with its UID")
    with archive_of() as archive:
        for decision in archive.care.removal.delete(selection, person_scope(), reason=reason):
            count = len(decision.body.sop_instance_uids) if isinstance(decision.body, Delete) else 0
            typer.echo(f"{decision.decision_id}\t{decision.study_instance_uid}\t{count} instances")


@trash.command("list")
@told_plainly
def list_trash() -> None:
    """One deletion a line: decision, when, who, study, instances, bytes, why."""
    with archive_of() as archive:
        for one in archive.care.removal.trash(person_scope()):
            typer.echo(_line(one))


@trash.command("restore")
@told_plainly
def restore(decision: DecisionId, reason: Reason = "") -> None:
    """Bring back what one deletion put into the trash."""
    with archive_of() as archive:
        undone = archive.care.removal.undo(decision, person_scope(), reason=reason)
        typer.echo(f"{undone.study_instance_uid} is back")


@trash.command("empty")
@told_plainly
def empty_trash(
    older_than: Annotated[int, typer.Option(min=0, help="only what was deleted so many days ago")],
    preview: Annotated[bool, typer.Option("--preview", help="only say what would go")] = False,
    reason: Reason = "",
) -> None:
    """Remove for good what has been in the trash for longer. There is no way back."""
    age, scope = timedelta(days=older_than), person_scope()
    with archive_of() as archive:
        removal = archive.care.removal
        gone = removal.preview(age, scope) if preview else removal.empty(age, scope, reason=reason)
        for one in gone:
            typer.echo(_line(one))
        if not preview:
            removal.collect()
        count = sum(one.instance_count for one in gone)
        size = sum(one.size_bytes for one in gone)
        typer.echo(f"{count} instances, {size} bytes {'would go' if preview else 'are gone'}")


@told_plainly
def hold(study: Annotated[str, typer.Option(help="Study Instance UID")], reason: Reason) -> None:
    """Keep a study from being deleted until this is undone."""
    with archive_of() as archive:
        typer.echo(archive.care.removal.hold(study, person_scope(), reason=reason).decision_id)


@conflict.command("list")
@told_plainly
def list_conflicts() -> None:
    """One conflict a line: number, instance, when and whence both came."""
    with archive_of() as archive:
        for one in archive.care.conflicts.waiting(person_scope()):
            present, sender = one.existing, one.sender
            typer.echo(
                f"{one.conflict_id}\t{present.identity.sop_instance_uid}\t"
                f"{present.received:%Y-%m-%d %H:%M} {present.sender.how} {present.sender.actor}\t"
                f"{one.received:%Y-%m-%d %H:%M} {sender.how} {sender.actor}"
            )


@conflict.command("show")
@told_plainly
def show_conflict(number: Number) -> None:
    """Compare both sides."""
    with archive_of() as archive:
        compared = archive.care.conflicts.compare(number, person_scope())
        if compared.trouble is not None:
            typer.echo(compared.trouble)
        pixels = {True: "equal", False: "different", None: "cannot be compared"}
        typer.echo(f"pixels: {pixels[compared.same_pixels]}")
        for one in compared.differences:
            name = one.keyword or f"({one.tag >> 16:04X},{one.tag & 0xFFFF:04X})"
            typer.echo(f"{name}\t{_side(one.present)}\t{_side(one.newcomer)}")


@conflict.command("keep")
@told_plainly
def keep(number: Number, reason: Reason = "") -> None:
    """What is served stays; the newcomer remains as history."""
    with archive_of() as archive:
        done = archive.care.conflicts.keep(number, person_scope(), reason=reason)
        typer.echo(done.decision_id)


@conflict.command("replace")
@told_plainly
def replace(number: Number, reason: Reason = "") -> None:
    """The newcomer is served from now on; what was served remains as history."""
    with archive_of() as archive:
        done = archive.care.conflicts.replace(number, person_scope(), reason=reason)
        typer.echo(done.decision_id)


@conflict.command("split")
@told_plainly
def split(
    number: Number,
    reason: Reason = "",
    new_study: Annotated[
        bool, typer.Option("--new-study", help="under a new Study Instance UID, too")
    ] = False,
) -> None:
    """The newcomer becomes an instance of its own under new UIDs."""
    with archive_of() as archive:
        done = archive.care.conflicts.split(
            number, person_scope(), reason=reason, new_study=new_study
        )
        typer.echo(done.decision_id)


@told_plainly
def correct(
    study: Annotated[str, typer.Option(help="Study Instance UID")],
    reason: Reason,
    values: Annotated[
        list[str], typer.Argument(metavar="KEYWORD=VALUE...", help="PatientName=NGUYỄN^VĂN AN")
    ],
) -> None:
    """Correct attributes of a study and its patient; an empty value empties."""
    pairs = [value.partition("=") for value in values]
    if not all(separator for _, separator, _ in pairs):
        raise RequestInvalid("write each correction as KEYWORD=VALUE")
    attributes = {keyword: text for keyword, _, text in pairs}
    with archive_of() as archive:
        done = archive.care.corrections.correct(study, attributes, person_scope(), reason=reason)
        typer.echo(done.decision_id)


@told_plainly
def merge(
    patient: Annotated[str, typer.Argument(metavar="PATIENT_ID")],
    into: Annotated[str, typer.Argument(metavar="INTO_PATIENT_ID")],
    reason: Reason,
    issuer: Annotated[str, typer.Option(help="issuer of the first ID")] = "",
    into_issuer: Annotated[str, typer.Option(help="issuer of the second ID")] = "",
) -> None:
    """Give all studies of one patient, those to come as well, to another."""
    with archive_of() as archive:
        done = archive.care.corrections.merge(
            PatientName(patient, issuer),
            PatientName(into, into_issuer),
            person_scope(),
            reason=reason,
        )
        typer.echo(done.decision_id)


@told_plainly
def move(
    study: Annotated[str, typer.Option(help="Study Instance UID")],
    to: Annotated[str, typer.Argument(metavar="PATIENT_ID")],
    reason: Reason,
    issuer: Annotated[str, typer.Option(help="issuer of the ID")] = "",
) -> None:
    """Give a study to another patient that the archive knows."""
    with archive_of() as archive:
        done = archive.care.corrections.move(
            study, PatientName(to, issuer), person_scope(), reason=reason
        )
        typer.echo(done.decision_id)


@told_plainly
def undo(decision: DecisionId, reason: Reason = "") -> None:
    """Take any decision back that can be taken back."""
    with archive_of() as archive:
        care, scope = archive.care, person_scope()
        body = care.decisions.find(decision).decision.body
        if isinstance(body, Keep | Replace | Split):
            care.conflicts.undo(decision, scope, reason=reason)
        elif isinstance(body, Correct | Merge):
            care.corrections.undo(decision, scope, reason=reason)
        elif isinstance(body, Delete | Hold):
            care.removal.undo(decision, scope, reason=reason)
        else:
            raise RequestInvalid(f"decision {decision} cannot be undone")
        typer.echo("undone")


@told_plainly
def decisions(
    study: Annotated[str | None, typer.Option(help="only about this Study Instance UID")] = None,
) -> None:
    """List what was decided, oldest first: decision, when, kind, who, study, undone or not, why."""
    with archive_of() as archive:
        for one in archive.care.decisions.all(study_instance_uid=study):
            made = one.decision
            state = "undone" if one.undone_by else "stands"
            typer.echo(
                f"{made.decision_id}\t{made.at:%Y-%m-%d %H:%M}\t{made.kind}\t{made.actor}\t"
                f"{made.study_instance_uid or ''}\t{state}\t{made.reason}"
            )


def _line(one: Trashed) -> str:
    made = one.decision
    return (
        f"{made.decision_id}\t{made.at:%Y-%m-%d %H:%M}\t{made.actor}\t{made.study_instance_uid}\t"
        f"{one.instance_count}\t{one.size_bytes}\t{made.reason}"
    )


def _side(text: str | None) -> str:
    return "-" if text is None else text

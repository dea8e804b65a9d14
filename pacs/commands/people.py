"""`pacs user` and `pacs token`: who may sign in."""

from __future__ import annotations

import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pacs.archive.accounts import Accounts
from pacs.commands.session import archive_of, told_plainly
from pacs.scope import Role, Scope, system_scope

users = typer.Typer(no_args_is_help=True, help="Users of the web pages and their roles.")
tokens = typer.Typer(no_args_is_help=True, help="Bearer tokens for programs.")

INITIAL_USER = "admin"
INITIAL_PASSWORD_FILE = "initial-admin-password"  # noqa: S105  # the name of a file, no secret

Name = Annotated[str, typer.Argument(metavar="NAME")]


def command_scope() -> Scope:
    """Whoever can run commands on this machine administers the archive."""
    return system_scope("command line")


@users.command("add")
@told_plainly
def add_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="what the user is in the hospital")] = Role.CLINICIAN,
    display_name: Annotated[str, typer.Option(help="name shown on screen")] = "",
    password: Annotated[
        str | None, typer.Option(help="better left out: then it is asked, or read from stdin")
    ] = None,
) -> None:
    """Add a user."""
    with archive_of() as archive:
        user = archive.accounts.add_user(
            name,
            password if password is not None else _ask_password(),
            role,
            display_name=display_name,
            scope=command_scope(),
        )
        Console().print(f"user {user.user_name} added as {user.role}")


@users.command("list")
@told_plainly
def list_users() -> None:
    """List users, one a line: name, role, state, display name."""
    with archive_of() as archive:
        for user in archive.accounts.users():
            state = "disabled" if user.disabled else "active"
            typer.echo(f"{user.user_name}\t{user.role}\t{state}\t{user.display_name}")


@users.command("disable")
@told_plainly
def disable_user(name: Name) -> None:
    """End the user's sessions and tokens and let nobody in by that name."""
    with archive_of() as archive:
        archive.accounts.disable(name, scope=command_scope())
        Console().print(f"user {name} disabled")


@users.command("password")
@told_plainly
def set_password(
    name: Name,
    password: Annotated[
        str | None, typer.Option(help="better left out: then it is asked, or read from stdin")
    ] = None,
) -> None:
    """Set a new password and enable the account."""
    with archive_of() as archive:
        new = password if password is not None else _ask_password()
        user = archive.accounts.set_password(name, new, scope=command_scope())
        forget_initial_password(archive.settings.data_dir, user.user_name)
        Console().print(f"password of {user.user_name} changed")


@tokens.command("create")
@told_plainly
def create_token(
    user: Annotated[str, typer.Option(help="whose rights the token has")],
    role: Annotated[Role | None, typer.Option(help="a lesser role for the token")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="how long it is valid")] = None,
) -> None:
    """Print a bearer token, and nothing else."""
    with archive_of() as archive:
        lifetime = timedelta(days=days) if days else None
        typer.echo(
            archive.accounts.create_token(user, role=role, lifetime=lifetime, scope=command_scope())
        )


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def ensure_first_user(accounts: Accounts, data_dir: Path) -> str | None:
    """On the first start make `admin` with a random password; return the password, else None.

    The password stands in a file that only the archive's own account can read, until it is changed.
    """
    if accounts.users():
        return None
    password = secrets.token_urlsafe(12)
    file = data_dir / INITIAL_PASSWORD_FILE
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(password, encoding="utf-8")
    accounts.add_user(
        INITIAL_USER,
        password,
        Role.ADMINISTRATOR,
        display_name="Quản trị viên",
        scope=system_scope(),
    )
    return password


def forget_initial_password(data_dir: Path, user_name: str) -> None:
    """Remove the file once it is of no use any more."""
    if user_name == INITIAL_USER:
        (data_dir / INITIAL_PASSWORD_FILE).unlink(missing_ok=True)

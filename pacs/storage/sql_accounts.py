"""Users, their sessions and tokens in SQL tables: the AccountStore."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from pacs.errors import NotFound
from pacs.scope import Role
from pacs.storage.interfaces import SignedIn, User
from pacs.storage.sql_database import Database
from pacs.storage.sql_inserts import insert_missing
from pacs.storage.sql_schema import sign_ins, users


class SqlAccounts:
    """The AccountStore. Names are one and the same whatever their case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_user(self, user: User) -> bool:
        with self._database.writing() as connection:
            made = insert_missing(
                connection,
                users,
                [_user_values(user)],
                unique=("user_name_folded",),
                returned=("id",),
            )
        return bool(made)

    def user(self, user_name: str) -> User | None:
        statement = select(users).where(users.c.user_name_folded == _folded(user_name))
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return _user(row) if row else None

    def users(self) -> Sequence[User]:
        with self._database.reading() as connection:
            rows = connection.execute(select(users).order_by(users.c.user_name_folded)).all()
        return [_user(row) for row in rows]

    def update_user(self, user: User) -> None:
        known = users.c.user_name_folded == _folded(user.user_name)
        with self._database.writing() as connection:
            done = connection.execute(update(users).where(known).values(_user_values(user)))
            if not done.rowcount:
                raise NotFound(f"there is no user {user.user_name}; see 'pacs user list'")

    def add_sign_in(self, sign_in: SignedIn) -> None:
        """Raises NotFound when there is no such user."""
        user_row = select(users.c.id).where(users.c.user_name_folded == _folded(sign_in.user_name))
        with self._database.writing() as connection:
            row = connection.execute(user_row).scalar()
            if row is None:
                raise NotFound(f"there is no user {sign_in.user_name}; see 'pacs user list'")
            connection.execute(
                sign_ins.insert(),
                {
                    "secret_sha256": sign_in.secret_sha256,
                    "user_row": row,
                    "kind": sign_in.kind,
                    "created": sign_in.created,
                    "expires": sign_in.expires,
                    "role": sign_in.role.value if sign_in.role else None,
                },
            )

    def sign_in(self, secret_sha256: str) -> SignedIn | None:
        statement = (
            select(sign_ins, users.c.user_name)
            .join(users, users.c.id == sign_ins.c.user_row)
            .where(sign_ins.c.secret_sha256 == secret_sha256)
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return _signed_in(row) if row else None

    def remove_sign_in(self, secret_sha256: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.secret_sha256 == secret_sha256))

    def remove_sign_ins_of(self, user_name: str, *, kind: str | None = None) -> None:
        of_user = select(users.c.id).where(users.c.user_name_folded == _folded(user_name))
        statement = delete(sign_ins).where(sign_ins.c.user_row.in_(of_user))
        if kind is not None:
            statement = statement.where(sign_ins.c.kind == kind)
        with self._database.writing() as connection:
            connection.execute(statement)

    def remove_expired(self, now: datetime) -> None:
        expired = sign_ins.c.expires <= now
        with self._database.reading() as connection:
            count = connection.execute(select(func.count()).where(expired)).scalar_one()
        if count:  # a write costs a sync of the disk
            with self._database.writing() as connection:
                connection.execute(delete(sign_ins).where(expired))


def _folded(user_name: str) -> str:
    return user_name.strip().casefold()


def _user_values(user: User) -> dict[str, Any]:
    return {
        "user_name_folded": _folded(user.user_name),
        "user_name": user.user_name,
        "role": user.role.value,
        "display_name": user.display_name,
        "password_hash": user.password_hash,
        "language": user.language,
        "disabled": user.disabled,
    }


def _user(row: Row[Any]) -> User:
    return User(
        user_name=row.user_name,
        role=Role(row.role),
        display_name=row.display_name,
        password_hash=row.password_hash,
        language=row.language,
        disabled=row.disabled,
    )


def _signed_in(row: Row[Any]) -> SignedIn:
    return SignedIn(
        secret_sha256=row.secret_sha256,
        user_name=row.user_name,
        kind=row.kind,
        created=row.created,
        expires=row.expires,
        role=Role(row.role) if row.role else None,
    )

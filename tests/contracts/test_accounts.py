"""What an AccountStore promises, asked of both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pacs.errors import NotFound
from pacs.scope import Role
from pacs.storage.interfaces import SignedIn, User
from pacs.storage.sql_accounts import SqlAccounts
from pacs.storage.sql_database import Database

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
LAN = User(
    user_name="Lan",
    role=Role.RADIOLOGIST,
    display_name="BS. Đặng Thị Lan",
    password_hash="$argon2id$...",
    language="vi",
)


@pytest.fixture
def accounts(database: Database) -> SqlAccounts:
    return SqlAccounts(database)


def signed_in(secret: str, *, kind: str = "session", hours: float | None = 1) -> SignedIn:
    expires = None if hours is None else NOW + timedelta(hours=hours)
    return SignedIn(secret, "Lan", kind, created=NOW, expires=expires, role=Role.MACHINE)


def test_a_user_comes_back_as_added(accounts: SqlAccounts) -> None:
    assert accounts.add_user(LAN)

    assert accounts.user("Lan") == LAN
    assert accounts.users() == [LAN]


def test_names_do_not_differ_by_case_alone(accounts: SqlAccounts) -> None:
    accounts.add_user(LAN)

    assert not accounts.add_user(replace(LAN, user_name="LAN", role=Role.ADMINISTRATOR))

    assert accounts.user("lan") == LAN


def test_of_many_who_add_the_same_name_one_succeeds(accounts: SqlAccounts) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: accounts.add_user(LAN), range(8)))

    assert results.count(True) == 1


def test_all_fields_of_a_user_can_be_changed(accounts: SqlAccounts) -> None:
    accounts.add_user(LAN)
    changed = User("Lan", Role.CLINICIAN, "Lan", "other", language=None, disabled=True)

    accounts.update_user(changed)

    assert accounts.user("Lan") == changed


def test_changing_an_unknown_user_says_so(accounts: SqlAccounts) -> None:
    with pytest.raises(NotFound):
        accounts.update_user(LAN)


def test_an_unknown_user_is_none(accounts: SqlAccounts) -> None:
    assert accounts.user("nobody") is None


@pytest.mark.parametrize("hours", [1, None])
def test_a_sign_in_comes_back_as_added(accounts: SqlAccounts, hours: float | None) -> None:
    accounts.add_user(LAN)
    added = signed_in("digest", hours=hours)

    accounts.add_sign_in(added)

    assert accounts.sign_in("digest") == added
    assert accounts.sign_in("other") is None


def test_a_sign_in_needs_a_user(accounts: SqlAccounts) -> None:
    with pytest.raises(NotFound):
        accounts.add_sign_in(signed_in("digest"))


def test_a_removed_sign_in_is_gone_and_may_be_removed_again(accounts: SqlAccounts) -> None:
    accounts.add_user(LAN)
    accounts.add_sign_in(signed_in("digest"))

    accounts.remove_sign_in("digest")
    accounts.remove_sign_in("digest")

    assert accounts.sign_in("digest") is None


def test_the_sign_ins_of_a_user_can_be_removed_by_kind(accounts: SqlAccounts) -> None:
    accounts.add_user(LAN)
    accounts.add_sign_in(signed_in("s", kind="session"))
    accounts.add_sign_in(signed_in("t", kind="token"))

    accounts.remove_sign_ins_of("lan", kind="session")

    assert accounts.sign_in("s") is None
    assert accounts.sign_in("t") is not None
    accounts.remove_sign_ins_of("Lan")
    assert accounts.sign_in("t") is None


def test_what_has_expired_is_removed(accounts: SqlAccounts) -> None:
    accounts.add_user(LAN)
    for secret, hours in (("old", -1), ("now", 0), ("new", 1), ("lasting", None)):
        accounts.add_sign_in(signed_in(secret, hours=hours))

    accounts.remove_expired(NOW)

    kept = [secret for secret in ("old", "now", "new", "lasting") if accounts.sign_in(secret)]
    assert kept == ["new", "lasting"]

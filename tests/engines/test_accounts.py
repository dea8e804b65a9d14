"""Who someone is, and how long that holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pacs.commands.people import ensure_first_user, forget_initial_password
from pacs.errors import NotFound, NotSignedIn, RequestInvalid, SignInThrottled
from pacs.scope import RIGHTS_OF_ROLE, Right, Role, system_scope
from pacs.wiring import Archive, open_archive
from tests.archives import settings_for

SCOPE = system_scope("test")
PASSWORD = "mat-khau-dai-1"


class Clock:
    """Time that moves only when told."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **more: float) -> None:
        self.time += timedelta(**more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(tmp_path: Path, clock: Clock) -> Archive:
    archive = open_archive(settings_for(tmp_path / "data"), now=clock)
    archive.accounts.add_user("Thu", PASSWORD, Role.CLINICIAN, scope=SCOPE)
    return archive


@pytest.fixture(autouse=True)
def _close(timed: Archive) -> object:
    yield
    timed.close()


def test_a_session_gives_the_rights_of_the_role(timed: Archive) -> None:
    person = timed.accounts.sign_in("thu", PASSWORD, address="127.0.0.1")

    scope = timed.accounts.scope_of_session(person.secret, address="127.0.0.1")

    assert scope.rights == RIGHTS_OF_ROLE[Role.CLINICIAN]
    assert scope.actor == "thu"


@pytest.mark.parametrize(("name", "password"), [("thu", "wrong-one"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(
    timed: Archive, name: str, password: str
) -> None:
    with pytest.raises(NotSignedIn, match="user name or password is wrong"):
        timed.accounts.sign_in(name, password, address=None)


def test_guessing_is_slowed_down_even_for_the_right_password(timed: Archive, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            timed.accounts.sign_in("thu", "guess-guess", address=None)

    with pytest.raises(SignInThrottled) as throttled:
        timed.accounts.sign_in("thu", PASSWORD, address=None)

    clock.pass_by(seconds=throttled.value.retry_after_s + 1)
    assert timed.accounts.sign_in("thu", PASSWORD, address=None).user.user_name == "thu"


def test_a_session_ends_by_itself(timed: Archive, clock: Clock) -> None:
    person = timed.accounts.sign_in("thu", PASSWORD, address=None)
    clock.pass_by(hours=13)

    with pytest.raises(NotSignedIn):
        timed.accounts.scope_of_session(person.secret, address=None)


def test_signing_out_ends_the_session(timed: Archive) -> None:
    person = timed.accounts.sign_in("thu", PASSWORD, address=None)
    timed.accounts.sign_out(person.secret, person.scope)

    with pytest.raises(NotSignedIn):
        timed.accounts.scope_of_session(person.secret, address=None)


def test_disabling_ends_sessions_and_tokens(timed: Archive) -> None:
    person = timed.accounts.sign_in("thu", PASSWORD, address=None)
    token = timed.accounts.create_token("thu", scope=SCOPE)
    timed.accounts.disable("thu", scope=SCOPE)

    with pytest.raises(NotSignedIn):
        timed.accounts.scope_of_session(person.secret, address=None)
    with pytest.raises(NotSignedIn):
        timed.accounts.scope_of_token(token, address=None)
    with pytest.raises(NotSignedIn):
        timed.accounts.sign_in("thu", PASSWORD, address=None)


def test_a_token_may_have_less_but_never_more_than_its_user(timed: Archive) -> None:
    timed.accounts.add_user("chief", PASSWORD, Role.ADMINISTRATOR, scope=SCOPE)
    lesser = timed.accounts.create_token("chief", role=Role.MACHINE, scope=SCOPE)

    scope = timed.accounts.scope_of_token(lesser, address=None)

    assert not scope.may(Right.ADMINISTER)
    with pytest.raises(RequestInvalid):
        timed.accounts.create_token("thu", role=Role.ADMINISTRATOR, scope=SCOPE)


def test_a_token_is_no_session_and_a_session_no_token(timed: Archive) -> None:
    token = timed.accounts.create_token("thu", scope=SCOPE)

    with pytest.raises(NotSignedIn):
        timed.accounts.scope_of_session(token, address=None)


def test_changing_the_password_needs_the_old_one(timed: Archive) -> None:
    person = timed.accounts.sign_in("thu", PASSWORD, address=None)

    with pytest.raises(NotSignedIn):
        timed.accounts.change_password(person.scope, "wrong-one", "another-long-1")


@pytest.mark.parametrize("password", ["", "short", "x" * 300])
def test_weak_passwords_are_refused(timed: Archive, password: str) -> None:
    with pytest.raises(RequestInvalid, match="password"):
        timed.accounts.add_user("new", password, Role.CLINICIAN, scope=SCOPE)


def test_names_differ_by_more_than_case(timed: Archive) -> None:
    with pytest.raises(RequestInvalid, match="exists"):
        timed.accounts.add_user("THU", PASSWORD, Role.CLINICIAN, scope=SCOPE)


def test_an_unknown_user_is_said_to_be_unknown(timed: Archive) -> None:
    with pytest.raises(NotFound):
        timed.accounts.disable("nobody", scope=SCOPE)


def test_the_first_password_is_in_a_private_file_until_it_is_changed(tmp_path: Path) -> None:
    archive = open_archive(settings_for(tmp_path / "fresh"))
    file = tmp_path / "fresh" / "initial-admin-password"

    password = ensure_first_user(archive.accounts, archive.settings.data_dir)

    assert password is not None
    assert file.read_text() == password
    assert file.stat().st_mode & 0o777 == 0o600
    assert archive.accounts.sign_in("admin", password, address=None).user.role == "administrator"
    assert ensure_first_user(archive.accounts, archive.settings.data_dir) is None
    forget_initial_password(archive.settings.data_dir, "admin")
    assert not file.exists()
    archive.close()

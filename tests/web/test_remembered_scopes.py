"""Who asks is remembered for a moment, and forgotten when a sign-in ends."""

from __future__ import annotations

import pytest

from pacs.errors import NotSignedIn
from pacs.scope import ActorKind, Scope
from pacs.web.access import RememberedScopes


class CountingCredentials:
    """Knows one secret until it is revoked."""

    def __init__(self) -> None:
        self.asked = 0
        self.revoked = False

    def scope_of_token(self, secret: str, *, address: str | None) -> Scope:
        self.asked += 1
        if self.revoked or secret != "right":
            raise NotSignedIn("sign in first")
        return Scope("an", ActorKind.PROGRAM, address=address)

    scope_of_session = scope_of_token


def test_many_requests_in_a_moment_ask_once() -> None:
    credentials = CountingCredentials()
    remembered = RememberedScopes(credentials, monotonic=lambda: 10.0)

    scopes = {remembered.scope_of_token("right", address="::1") for _ in range(100)}

    assert len(scopes) == 1
    assert credentials.asked == 1


def test_what_was_revoked_elsewhere_is_honoured_a_moment_later() -> None:
    credentials, clock = CountingCredentials(), iter([0.0, 0.9, 1.1])
    remembered = RememberedScopes(credentials, for_s=1.0, monotonic=lambda: next(clock))
    remembered.scope_of_token("right", address=None)
    credentials.revoked = True

    remembered.scope_of_token("right", address=None)

    with pytest.raises(NotSignedIn):
        remembered.scope_of_token("right", address=None)


def test_what_ended_here_is_forgotten_at_once() -> None:
    credentials = CountingCredentials()
    remembered = RememberedScopes(credentials, monotonic=lambda: 0.0)
    remembered.scope_of_token("right", address=None)
    credentials.revoked = True

    remembered.forget()

    with pytest.raises(NotSignedIn):
        remembered.scope_of_token("right", address=None)


def test_a_wrong_secret_is_asked_for_each_time() -> None:
    credentials = CountingCredentials()
    remembered = RememberedScopes(credentials, monotonic=lambda: 0.0)

    for _ in range(3):
        with pytest.raises(NotSignedIn):
            remembered.scope_of_token("wrong", address=None)

    assert credentials.asked == 3


def test_the_address_belongs_to_who_asks() -> None:
    remembered = RememberedScopes(CountingCredentials(), monotonic=lambda: 0.0)

    here = remembered.scope_of_token("right", address="10.0.0.1")
    there = remembered.scope_of_token("right", address="10.0.0.2")

    assert (here.address, there.address) == ("10.0.0.1", "10.0.0.2")


def test_a_session_is_not_taken_for_a_token() -> None:
    credentials = CountingCredentials()
    remembered = RememberedScopes(credentials, monotonic=lambda: 0.0)

    remembered.scope_of_token("right", address=None)
    remembered.scope_of_session("right", address=None)

    assert credentials.asked == 2


def test_memory_does_not_grow_with_the_number_of_askers() -> None:
    credentials = CountingCredentials()
    remembered = RememberedScopes(credentials, most=10, monotonic=lambda: 0.0)

    for number in range(25):
        remembered.scope_of_token("right", address=f"10.0.0.{number}")

    assert remembered.count <= 10

"""Users, their sign-ins and tokens: who someone is, and the Scope that follows from it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from pacs.audit import Action, Auditor, Outcome
from pacs.errors import (
    NotFound,
    NotSignedIn,
    RequestInvalid,
    SignInThrottled,
)
from pacs.scope import RIGHTS_OF_ROLE, ActorKind, Role, Scope
from pacs.storage.interfaces import AccountStore, SignedIn, User

SESSION_LIFETIME = timedelta(hours=12)
MIN_PASSWORD_LENGTH = 8
_FREE_ATTEMPTS = 5
_LONGEST_WAIT_S = 300
_REMEMBERED_NAMES = 10_000
_LANGUAGES = frozenset({"vi", "en"})


@dataclass(frozen=True)
class SignedInPerson:
    """A fresh session. secret is what the cookie holds; it is not stored anywhere."""

    secret: str
    user: User
    scope: Scope
    expires: datetime


@dataclass(frozen=True)
class _Failures:
    count: int
    last: datetime


class Accounts:
    """Answers who someone is. Safe to call from several threads."""

    def __init__(
        self, *, store: AccountStore, auditor: Auditor, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._auditor = auditor
        self._now = now
        self._hasher = PasswordHasher()
        self._failures: dict[str, _Failures] = {}
        self._nobody: str | None = None
        self._lock = threading.Lock()

    # --- people ----------------------------------------------------------------------------------

    def sign_in(self, user_name: str, password: str, *, address: str | None) -> SignedInPerson:
        """Check the password and begin a session.

        Raises NotSignedIn without saying what was wrong, SignInThrottled after repeated failures.
        """
        name = user_name.strip().casefold()
        self._check_throttle(name)
        user = self._store.user(name)
        if not self._verify(user, password) or user is None:
            self._note_failure(name, address)
            raise NotSignedIn("user name or password is wrong")
        with self._lock:
            self._failures.pop(name, None)
        return self._begin_session(user, address)

    def _begin_session(self, user: User, address: str | None) -> SignedInPerson:
        secret, now = secrets.token_urlsafe(32), self._now()
        expires = now + SESSION_LIFETIME
        self._store.remove_expired(now)
        self._store.add_sign_in(SignedIn(_digest(secret), user.user_name, "session", now, expires))
        scope = _scope_of(user, user.role, ActorKind.PERSON, address, _digest(secret))
        self._auditor.record(scope, Action.SIGN_IN)
        return SignedInPerson(secret, user, scope, expires)

    def scope_of_session(self, secret: str, *, address: str | None) -> Scope:
        """Raises NotSignedIn when the session is unknown, over, or its user disabled."""
        return self._scope(secret, "session", ActorKind.PERSON, address)

    def scope_of_token(self, secret: str, *, address: str | None) -> Scope:
        """Raises NotSignedIn when the token is unknown, expired, or its user disabled."""
        return self._scope(secret, "token", ActorKind.PROGRAM, address)

    def _scope(self, secret: str, kind: str, actor: ActorKind, address: str | None) -> Scope:
        sign_in = self._store.sign_in(_digest(secret))
        if sign_in is None or sign_in.kind != kind:
            raise NotSignedIn("sign in first")
        if sign_in.expires is not None and sign_in.expires <= self._now():
            raise NotSignedIn("the session is over; sign in again")
        user = self._store.user(sign_in.user_name)
        if user is None or user.disabled:
            raise NotSignedIn("this account is disabled; ask an administrator")
        return _scope_of(user, sign_in.role or user.role, actor, address, sign_in.secret_sha256)

    def sign_out(self, secret: str, scope: Scope) -> None:
        self._store.remove_sign_in(_digest(secret))
        self._auditor.record(scope, Action.SIGN_OUT)

    def user_of(self, scope: Scope) -> User | None:
        """The user behind a person's or program's scope."""
        people = (ActorKind.PERSON, ActorKind.PROGRAM)
        return self._store.user(scope.actor) if scope.kind in people else None

    def set_language(self, scope: Scope, language: str) -> None:
        if language not in _LANGUAGES:
            raise RequestInvalid(f"language '{language}' is not known; use vi or en")
        self._store.update_user(replace(self._known(scope.actor), language=language))

    def change_password(self, scope: Scope, current: str, new: str) -> User:
        """Raises NotSignedIn when `current` is wrong, RequestInvalid when `new` is too weak."""
        user = self._known(scope.actor)
        if not self._verify(user, current):
            raise NotSignedIn("the current password is wrong")
        return self._set_password(user, new, scope)

    # --- administration --------------------------------------------------------------------------

    def add_user(
        self, user_name: str, password: str, role: Role, *, display_name: str = "", scope: Scope
    ) -> User:
        """Raises RequestInvalid when the name is taken or unusable, or the password too weak."""
        name = user_name.strip().casefold()
        if not name or len(name) > 64 or not name.isprintable() or " " in name:
            raise RequestInvalid("a user name has 1 to 64 characters and no spaces")
        check_password(password)
        user = User(name, role, display_name or user_name.strip(), self._hasher.hash(password))
        if not self._store.add_user(user):
            raise RequestInvalid(f"user '{name}' exists already")
        self._auditor.record(scope, Action.CHANGE, details={"user_added": name, "role": str(role)})
        return user

    def users(self) -> list[User]:
        return list(self._store.users())

    def disable(self, user_name: str, *, scope: Scope) -> None:
        """End all sessions and tokens of the user and let nobody in by that name."""
        user = self._known(user_name)
        self._store.update_user(replace(user, disabled=True))
        self._store.remove_sign_ins_of(user.user_name)
        self._auditor.record(scope, Action.CHANGE, details={"user_disabled": user.user_name})

    def set_password(self, user_name: str, password: str, *, scope: Scope) -> User:
        """Set another person's password and enable the account."""
        user = replace(self._known(user_name), disabled=False)
        return self._set_password(user, password, scope)

    def create_token(
        self,
        user_name: str,
        *,
        role: Role | None = None,
        lifetime: timedelta | None = None,
        scope: Scope,
    ) -> str:
        """A bearer token of this user, perhaps with a lesser role; shown once, never stored.

        Raises RequestInvalid when the role has a right that the user has not.
        """
        user, now = self._known(user_name), self._now()
        if role is not None and not RIGHTS_OF_ROLE[role] <= RIGHTS_OF_ROLE[user.role]:
            raise RequestInvalid(
                f"user '{user.user_name}' is {user.role} and cannot give a token the role {role}"
            )
        secret = secrets.token_urlsafe(32)
        expires = now + lifetime if lifetime else None
        self._store.add_sign_in(
            SignedIn(_digest(secret), user.user_name, "token", now, expires, role)
        )
        self._auditor.record(scope, Action.CHANGE, details={"token_for": user.user_name})
        return secret

    def _known(self, user_name: str) -> User:
        user = self._store.user(user_name.strip().casefold())
        if user is None:
            raise NotFound(f"there is no user '{user_name}'")
        return user

    def _set_password(self, user: User, password: str, scope: Scope) -> User:
        check_password(password)
        changed = replace(user, password_hash=self._hasher.hash(password))
        self._store.update_user(changed)
        self._store.remove_sign_ins_of(user.user_name, kind="session")
        self._auditor.record(scope, Action.CHANGE, details={"password_changed": user.user_name})
        return changed

    # --- passwords -------------------------------------------------------------------------------

    def _verify(self, user: User | None, password: str) -> bool:
        # An unknown name costs as much time as a known one, so that names cannot be found out.
        stored = user.password_hash if user is not None else self._hash_of_nobody()
        try:
            right = self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False
        return right and user is not None and not user.disabled

    def _hash_of_nobody(self) -> str:
        with self._lock:
            if self._nobody is None:
                self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
            return self._nobody

    def _check_throttle(self, name: str) -> None:
        with self._lock:
            failures = self._failures.get(name)
        if failures is None or failures.count < _FREE_ATTEMPTS:
            return
        wait_s = min(2 ** (failures.count - _FREE_ATTEMPTS + 1), _LONGEST_WAIT_S)
        left_s = wait_s - (self._now() - failures.last).total_seconds()
        if left_s > 0:
            raise SignInThrottled(
                "too many wrong attempts; wait a little and try again",
                retry_after_s=max(1, round(left_s)),
            )

    def _note_failure(self, name: str, address: str | None) -> None:
        with self._lock:
            if len(self._failures) >= _REMEMBERED_NAMES:
                self._failures.pop(next(iter(self._failures)))
            before = self._failures.get(name)
            count = before.count + 1 if before else 1
            self._failures[name] = _Failures(count, self._now())
        nobody = Scope(actor=name[:64], kind=ActorKind.PERSON, address=address)
        self._auditor.record(nobody, Action.SIGN_IN, Outcome.FAILURE)


def check_password(password: str) -> None:
    """Raise RequestInvalid when the password is too short or too long to be kept."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= 256:
        raise RequestInvalid(f"a password has {MIN_PASSWORD_LENGTH} to 256 characters")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _scope_of(user: User, role: Role, kind: ActorKind, address: str | None, session: str) -> Scope:
    return Scope(
        actor=user.user_name,
        kind=kind,
        rights=RIGHTS_OF_ROLE[role],
        address=address,
        session=session[:16],
    )

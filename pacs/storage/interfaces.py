"""The promises behind which bytes and rows live, and the values that pass through them.

Each promise has one contract suite in tests/contracts that every implementation passes. All methods
may be called from several threads at once. Errors that derive from `TryAgain` mean that nothing was
changed and that the same call may succeed later.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pacs.dicom.hierarchy import Level
from pacs.dicom.identity import InstanceIdentity
from pacs.dicom.matching import Query
from pacs.dicom.overlay import Overlay
from pacs.peers import Peer
from pacs.scope import Role, Scope

Chunk = bytes | bytearray | memoryview
"""Some bytes on their way; a receiver must not keep a memoryview after the call."""

Value = str | int | tuple[str, ...] | None
"""A value of an attribute: text as decoded, a number, several texts, or nothing."""


@dataclass(frozen=True)
class ObjectEntry:
    """What a listing tells of one object."""

    key: str
    size_bytes: int
    modified: datetime


class ObjectReader(Protocol):
    """Gives the bytes that lie under keys."""

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset`, `length` of them or up to the end, in pieces of bounded size.

        The first piece is fetched before this returns, so that ObjectMissing comes at once.
        The iterator has close(); closing early releases what it holds.
        Raises ObjectMissing, TryAgain; ObjectDamaged when the object is shorter than asked.
        """
        ...


class ObjectStore(ObjectReader, Protocol):
    """Keeps bytes under keys. Keys are our own (object_keys), written once and never re-used."""

    @property
    def name(self) -> str:
        """What rows call this store, such as `folder` or `s3`."""
        ...

    def put(self, key: str, chunks: Iterable[Chunk], *, size_bytes: int) -> None:
        """Store `size_bytes` bytes; when this returns they survive a loss of power.

        After any failure the key is not visible (a half-written object is never read as whole).
        Raises StorageFull, StoreUnavailable; ValueError when the chunks are not `size_bytes` long.
        """
        ...

    def size_bytes(self, key: str) -> int:
        """Raises ObjectMissing, StoreUnavailable."""
        ...

    def delete(self, key: str) -> None:
        """Forget the object; nothing happens when it is not there. Raises StoreUnavailable."""
        ...

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        """All finished objects whose key begins with `prefix`, in no promised order."""
        ...

    def free_bytes(self) -> int | None:
        """Room left, or None when the store cannot tell."""
        ...

    def check_ready(self) -> None:
        """Raises StoreUnavailable or StorageFull, with a sentence, when a put could not succeed."""
        ...


@dataclass(frozen=True)
class PixelLocation:
    """Where the pixel data element lies within the data set, as stored.

    tag           (7FE0,0010), or (7FE0,0008) float, (7FE0,0009) double float.
    offset        of the first byte of its value, counted from the start of the data set.
    length        of its value in bytes, or None when of undefined length (encapsulated).
    header_length where the element itself begins: the bytes before it are the header.
    """

    tag: int
    offset: int
    length: int | None
    header_length: int


@dataclass(frozen=True)
class StoredBytes:
    """Where the bytes of an instance are, and how to know that they are whole.

    store, key       the object; `offset` is where this instance's preamble begins in it.
    head_size        preamble, `DICM` and file meta information.
    head_sha256, data_set_sha256   lower-case hexadecimal digests of the two parts.
    """

    store: str
    key: str
    offset: int
    head_size: int
    data_set_size: int
    head_sha256: str
    data_set_sha256: str

    @property
    def size_bytes(self) -> int:
        return self.head_size + self.data_set_size


@dataclass(frozen=True)
class Sender:
    """Where an instance came from. `how` is `C-STORE`, `STOW-RS` or `import`."""

    how: str
    actor: str
    address: str | None = None


@dataclass(frozen=True)
class StoredInstance:
    """What the index knows of one instance, enough to read it without opening it first.

    overlay  what people corrected of its study; laid over the header on every way out."""

    instance_id: int
    series_id: int
    identity: InstanceIdentity
    transfer_syntax_uid: str
    stored: StoredBytes
    pixels: PixelLocation | None
    number_of_frames: int
    received: datetime
    sender: Sender
    in_trash: bool = False
    overlay: Overlay | None = None


@dataclass(frozen=True)
class InstanceRecord:
    """All that is written to the index when an instance arrives.

    values  by keyword, for every STORED attribute of dicom.hierarchy that the data set has a
            non-empty value for; text decoded, raw otherwise (dates and times stay as sent).
    text_guessed  whether the character set had to be guessed.
    """

    identity: InstanceIdentity
    transfer_syntax_uid: str
    stored: StoredBytes
    pixels: PixelLocation | None
    number_of_frames: int
    received: datetime
    sender: Sender
    values: Mapping[str, Value]
    text_guessed: bool = False


class AddResult(enum.StrEnum):
    ADDED = "added"
    """the row is durable and the instance is served from now on"""
    EXISTS = "exists"
    """an instance with this SOP Instance UID was there before; nothing was changed"""


@dataclass(frozen=True)
class Added:
    result: AddResult
    existing: StoredInstance | None = None


@dataclass(frozen=True)
class Selection:
    """Which instances: every UID list narrows; empty means any. At least one list is not empty."""

    study_instance_uids: tuple[str, ...] = ()
    series_instance_uids: tuple[str, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()
    patient_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesState:
    """One series of a selection with its revision, which rises with every change to the series."""

    series_id: int
    study_instance_uid: str
    series_instance_uid: str
    revision: int
    changed: datetime


@dataclass(frozen=True)
class Conflict:
    """A second instance under a known SOP Instance UID, kept aside for a person to judge."""

    conflict_id: int
    existing: StoredInstance
    newcomer: StoredBytes
    newcomer_identity: InstanceIdentity
    transfer_syntax_uid: str
    received: datetime
    sender: Sender


class InstanceIndex(Protocol):
    """Which instances are held. What a call wrote is durable when it returns."""

    def find(self, sop_instance_uid: str) -> StoredInstance | None:
        """The instance served under this UID (also one in the trash), or None. IndexUnavailable."""
        ...

    def add(self, record: InstanceRecord) -> Added:
        """Write patient, study, series and instance rows, counts, revision and change row at once.

        Many callers may share one commit. Two callers with the same SOP Instance UID: exactly one
        gets ADDED. Raises IndexUnavailable: nothing was written, except when the database fell
        silent during the commit itself, which nobody can tell apart. So the caller leaves the
        object where it is: `integrity` collects what no row holds.
        """
        ...

    def add_conflict(self, record: InstanceRecord, existing: StoredInstance) -> bool:
        """Keep the newcomer aside. False when a conflict with the same UID, transfer syntax and
        data set digest was there already: nothing was written, its object is not needed.
        """
        ...

    def has_conflict(
        self, sop_instance_uid: str, transfer_syntax_uid: str, data_set_sha256: str
    ) -> bool:
        """Whether exactly this newcomer is already kept aside."""
        ...

    def conflicts(self) -> Sequence[Conflict]:
        """The unresolved ones, oldest first."""
        ...

    def restore(self, sop_instance_uid: str) -> None:
        """Bring an instance back from the trash, marked as sent again."""
        ...

    def instances(self, selection: Selection) -> Iterator[StoredInstance]:
        """The instances of the selection, trash excluded, by study, series and instance number."""
        ...

    def series_states(self, selection: Selection) -> Sequence[SeriesState]:
        """The series of the selection that hold instances."""
        ...

    def check_ready(self) -> None:
        """Raises IndexUnavailable or SchemaOutdated with a sentence."""
        ...


@dataclass(frozen=True)
class Match:
    """One answer of a query.

    values  by keyword: the attributes of the query's level and of those above.
    facts   what the archive knows beside DICOM, by our own names. At study level: `received_at` and
            `changed_at` (datetime), `size_bytes`, `demographics_conflict`, `body_parts`,
            `institution_name`, `department`, `station_name`. At series level: `revision`,
            `changed_at`, `frame_count`, `size_bytes`, `cover` (SOP Instance UID, SOP Class UID or
            None), `sop_class_uids`, `transfer_syntax_uids`.
            At image level: `transfer_syntax_uid`, `received_at`, `size_bytes`.
    """

    level: Level
    values: Mapping[str, Value]
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Some matches; `total` counts all when it was asked for; `more` says that others follow."""

    matches: tuple[Match, ...]
    total: int | None
    more: bool


@dataclass(frozen=True)
class Change:
    """One entry of the change feed; cursors rise and are never re-used."""

    cursor: int
    kind: str
    study_instance_uid: str
    at: datetime


class QueryIndex(Protocol):
    """Answers questions from columns alone; never opens an object."""

    def search(self, query: Query, scope: Scope) -> Page:
        """The matches the scope may see, in a stable total order. Raises IndexUnavailable."""
        ...

    def changes(self, since: int, *, limit: int) -> Sequence[Change]:
        """Entries after the cursor `since`, oldest first."""
        ...

    def change_cursor(self) -> int:
        """The cursor of the newest entry, 0 when there is none."""
        ...


@dataclass(frozen=True)
class User:
    user_name: str
    role: Role
    display_name: str
    password_hash: str
    language: str | None = None
    disabled: bool = False


@dataclass(frozen=True)
class SignedIn:
    """A session or a token, by the digest of its secret; the secret itself is never stored."""

    secret_sha256: str
    user_name: str
    kind: str  # "session" or "token"
    created: datetime
    expires: datetime | None
    role: Role | None = None  # narrower than the user's, for tokens


class AccountStore(Protocol):
    """Users, their sessions and tokens."""

    def add_user(self, user: User) -> bool:
        """False when the name is taken; names differ by more than case."""
        ...

    def user(self, user_name: str) -> User | None: ...

    def users(self) -> Sequence[User]: ...

    def update_user(self, user: User) -> None:
        """Write all fields of a known user. Raises NotFound."""
        ...

    def add_sign_in(self, sign_in: SignedIn) -> None: ...

    def sign_in(self, secret_sha256: str) -> SignedIn | None: ...

    def remove_sign_in(self, secret_sha256: str) -> None: ...

    def remove_sign_ins_of(self, user_name: str, *, kind: str | None = None) -> None: ...

    def remove_expired(self, now: datetime) -> None: ...


@dataclass(frozen=True)
class Knock:
    """A caller that is not registered, and what it asked for."""

    ae_title: str
    address: str
    wanted: str
    first_seen: datetime
    last_seen: datetime
    times: int


class PeerDirectory(Protocol):
    """The Application Entities we know and those that knocked."""

    def add_peer(self, peer: Peer) -> None:
        """Add, or replace the one with the same title."""
        ...

    def remove_peer(self, ae_title: str) -> bool: ...

    def peer(self, ae_title: str) -> Peer | None: ...

    def peers(self) -> Sequence[Peer]: ...

    def record_knock(self, ae_title: str, address: str, wanted: str, at: datetime) -> None: ...

    def knocks(self) -> Sequence[Knock]: ...

"""What can go wrong, in the archive's own words; the only exceptions that cross a module border.

ArchiveError
├── InstanceRefused        the sender must not send this again as it is
│   ├── InstanceUnreadable     the bytes are no DICOM data set we can follow
│   ├── IdentifiersMissing     no Study, Series or SOP Instance UID
│   ├── IdentifiersMismatch    the announcement and the data set disagree
│   └── LimitExceeded          larger, deeper or longer than we accept
├── RequestInvalid         the asker must ask differently
│   └── QueryInvalid
├── NotAllowed             known, but without the right
├── NotSignedIn            unknown
│   └── SignInThrottled
├── NotFound               nothing by that name
│   ├── PeerUnknown
│   └── ObjectMissing          a row without its object: the archive is damaged
├── ObjectDamaged          the bytes are not those that were stored
├── NotDecodable           stored safely, but no picture can be made of it
│   └── DecodingLimitExceeded
├── NotAcceptable          cannot be had in any of the forms asked for
├── TryAgain               true now, perhaps not later; nothing was lost
│   ├── StorageFull
│   ├── StoreUnavailable
│   ├── IndexUnavailable
│   ├── NodeUnavailable
│   ├── DecoderBusy
│   └── PeerUnreachable
├── SchemaOutdated         the index waits for `pacs migrate`
└── SettingsInvalid        the archive cannot start like this
"""

from __future__ import annotations


class ArchiveError(Exception):
    """Root of all errors of the archive. The message says who, what, and what to do.

    A message never holds a patient's name, identifier or birth date.
    """

    @property
    def message(self) -> str:
        return str(self)


class InstanceRefused(ArchiveError):
    """The instance was not stored, and sending it again unchanged is pointless."""


class InstanceUnreadable(InstanceRefused):
    """The bytes cannot be followed as a DICOM data set."""


class IdentifiersMissing(InstanceRefused):
    """Study, Series or SOP Instance UID is absent, empty or no UID at all."""


class IdentifiersMismatch(InstanceRefused):
    """The command, the file meta information or the URL names another instance than the data."""


class LimitExceeded(InstanceRefused):
    """The data set is larger, deeper or has more elements than the archive accepts."""


class RequestInvalid(ArchiveError):
    """The request cannot be answered as it is written."""


class QueryInvalid(RequestInvalid):
    """A key of the query has a value that cannot be matched."""


class NotAllowed(ArchiveError):
    """The asker is known but has not the right."""


class NotSignedIn(ArchiveError):
    """The asker is not known."""


class SignInThrottled(NotSignedIn):
    """Too many wrong attempts; `retry_after_s` says when to try again."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotFound(ArchiveError):
    """Nothing the asker may see has this name."""


class PeerUnknown(NotFound):
    """No peer with this AE title is known."""


class ObjectMissing(NotFound):
    """A store does not hold an object under this key."""


class ObjectDamaged(ArchiveError):
    """The bytes read are not the bytes that were stored."""


class NotDecodable(ArchiveError):
    """The instance is stored, but its pixels cannot be decoded or shown; the message says why."""


class DecodingLimitExceeded(NotDecodable):
    """Decoding took more memory or time than one picture may take."""


class NotAcceptable(ArchiveError):
    """None of the representations the asker accepts can be made."""


class TryAgain(ArchiveError):
    """Refused for a reason that can pass; nothing was stored, nothing was lost."""


class StorageFull(TryAgain):
    """No room is left for the bytes."""


class StoreUnavailable(TryAgain):
    """The object store did not answer, or not in time."""


class IndexUnavailable(TryAgain):
    """The database did not answer, or not in time."""


class NodeUnavailable(TryAgain):
    """The node whose spool holds the bytes is away."""


class DecoderBusy(TryAgain):
    """Too many pictures wait for decoding."""


class PeerUnreachable(TryAgain):
    """Another Application Entity did not answer, refused or broke off."""


class SchemaOutdated(ArchiveError):
    """The database has an older schema than this program; `pacs migrate` brings it up."""


class SettingsInvalid(ArchiveError):
    """A setting is unknown, contradictory or unsafe; the message says what to write instead."""

"""What is answered when something goes wrong: one table for all doors and the conformance page.

DIMSE: PS3.4 B.2.3 (C-STORE), C.4.1.1.4 (C-FIND), C.4.2.1.5 (C-MOVE), C.4.3.1.4 (C-GET), PS3.7 C.
STOW-RS failure reasons: PS3.18 Table I.2-2. N-ACTION: PS3.7 10.1.4.1.10.
"""

from __future__ import annotations

from dataclasses import dataclass

from pacs import errors

SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_OPTIONAL_KEYS_UNSUPPORTED = 0xFF01
CANCEL = 0xFE00
OUT_OF_RESOURCES = 0xA700
OUT_OF_RESOURCES_SUB_OPERATIONS = 0xA702
MOVE_DESTINATION_UNKNOWN = 0xA801
DATA_SET_MISMATCH = 0xA900
COERCION = 0xB000
SUB_OPERATIONS_WARNING = 0xB000
CANNOT_UNDERSTAND = 0xC000
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
INVALID_ARGUMENT = 0x0115
NO_SUCH_SOP_CLASS = 0x0118
CLASS_INSTANCE_CONFLICT = 0x0119
MISSING_ATTRIBUTE = 0x0120
SOP_CLASS_NOT_SUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
NOT_AUTHORIZED = 0x0124


@dataclass(frozen=True)
class Failure:
    """How one of our errors is said to a peer.

    store, find, retrieve  the DIMSE status of C-STORE, C-FIND, and C-MOVE or C-GET.
    reason                 Failure Reason (0008,1197) of STOW-RS and of storage commitment.
    http                   the HTTP status when it concerns the whole request.
    """

    store: int
    find: int
    retrieve: int
    reason: int
    http: int


_UNABLE = CANNOT_UNDERSTAND

FAILURES: dict[type[errors.ArchiveError], Failure] = {
    errors.InstanceUnreadable: Failure(0xC000, _UNABLE, _UNABLE, 0xC000, 400),
    errors.IdentifiersMissing: Failure(0xA900, _UNABLE, _UNABLE, 0xA900, 400),
    errors.IdentifiersMismatch: Failure(0xA900, _UNABLE, _UNABLE, 0xA900, 409),
    errors.LimitExceeded: Failure(0xC000, _UNABLE, _UNABLE, 0xC000, 413),
    errors.InstanceRefused: Failure(0xC000, _UNABLE, _UNABLE, 0xC000, 400),
    errors.QueryInvalid: Failure(0xC000, 0xA900, 0xA900, 0x0110, 400),
    errors.RequestInvalid: Failure(0xC000, 0xA900, 0xA900, 0x0110, 400),
    errors.NotAllowed: Failure(0x0124, 0x0124, 0x0124, 0x0124, 403),
    errors.SignInThrottled: Failure(0x0124, 0x0124, 0x0124, 0x0124, 429),
    errors.NotSignedIn: Failure(0x0124, 0x0124, 0x0124, 0x0124, 401),
    errors.PeerUnknown: Failure(0xC000, _UNABLE, 0xA801, 0x0110, 404),
    errors.ObjectMissing: Failure(0xC000, _UNABLE, _UNABLE, 0x0110, 500),
    errors.NotFound: Failure(0xC000, _UNABLE, _UNABLE, 0x0112, 404),
    errors.ObjectDamaged: Failure(0xC000, _UNABLE, _UNABLE, 0x0110, 500),
    errors.NotDecodable: Failure(0xC000, _UNABLE, _UNABLE, 0x0110, 406),
    errors.NotAcceptable: Failure(0xC000, _UNABLE, _UNABLE, 0x0110, 406),
    errors.StorageFull: Failure(0xA700, 0xA700, 0xA702, 0xA700, 503),
    errors.TryAgain: Failure(0xA700, 0xA700, 0xA702, 0xA700, 503),
    errors.ArchiveError: Failure(0x0110, _UNABLE, _UNABLE, 0x0110, 500),
}
"""Looked up along the class tree, so a child without a line answers like its parent."""

UNEXPECTED = FAILURES[errors.ArchiveError]
"""For what is no error of ours: a defect of the archive."""


def failure_of(error: BaseException) -> Failure:
    """How this error is said to a peer."""
    for kind in type(error).__mro__:
        if kind in FAILURES:
            return FAILURES[kind]
    return UNEXPECTED

"""Which presentation contexts are accepted, and with which transfer syntax. PS3.8 9.3.3.2."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from pacs.dicom.hierarchy import Level
from pacs.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
)

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"


class Service(enum.StrEnum):
    """What may be asked under an abstract syntax."""

    VERIFICATION = "verification"
    STORAGE = "storage"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    COMMITMENT = "commitment"


@dataclass(frozen=True)
class QueryModel:
    """One query/retrieve SOP class. PS3.4 C.6."""

    service: Service
    levels: tuple[Level, ...]


_PATIENT_ROOT = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE)
_STUDY_ROOT = (Level.STUDY, Level.SERIES, Level.IMAGE)
_PATIENT_STUDY_ONLY = (Level.PATIENT, Level.STUDY)

QUERY_MODELS: dict[str, QueryModel] = {
    "1.2.840.10008.5.1.4.1.2.1.1": QueryModel(Service.FIND, _PATIENT_ROOT),
    "1.2.840.10008.5.1.4.1.2.1.2": QueryModel(Service.MOVE, _PATIENT_ROOT),
    "1.2.840.10008.5.1.4.1.2.1.3": QueryModel(Service.GET, _PATIENT_ROOT),
    "1.2.840.10008.5.1.4.1.2.2.1": QueryModel(Service.FIND, _STUDY_ROOT),
    "1.2.840.10008.5.1.4.1.2.2.2": QueryModel(Service.MOVE, _STUDY_ROOT),
    "1.2.840.10008.5.1.4.1.2.2.3": QueryModel(Service.GET, _STUDY_ROOT),
    # Patient/Study Only is retired, but old workstations still ask by it.
    "1.2.840.10008.5.1.4.1.2.3.1": QueryModel(Service.FIND, _PATIENT_STUDY_ONLY),
    "1.2.840.10008.5.1.4.1.2.3.2": QueryModel(Service.MOVE, _PATIENT_STUDY_ONLY),
    "1.2.840.10008.5.1.4.1.2.3.3": QueryModel(Service.GET, _PATIENT_STUDY_ONLY),
}

_DICOM_ROOT = "1.2.840.10008."
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

_STORAGE_ELSEWHERE: frozenset[str] = frozenset(
    {
        # A DICOMDIR. It names no instance, and its sender shall hear A900 rather than guess.
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.5.1.1.27",  # Stored Print (retired)
        "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image (retired)
        "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image (retired)
        "1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction, trial (retired)
        "1.2.840.10008.5.1.4.34.7",  # RT Beams Delivery Instruction
        "1.2.840.10008.5.1.4.34.10",  # RT Brachy Application Setup Delivery Instruction
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        "1.2.840.10008.5.1.4.39.1",  # Color Palette
        "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
    }
)
"""What is sent by C-STORE and lies outside the usual branch. PS3.6 Table A-1."""

_NO_STORAGE: frozenset[str] = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.200.4",  # Protocol Approval - FIND
        "1.2.840.10008.5.1.4.1.1.200.5",  # Protocol Approval - MOVE
        "1.2.840.10008.5.1.4.1.1.200.6",  # Protocol Approval - GET
        "1.2.840.10008.5.1.4.1.1.201.2",  # Inventory - FIND
        "1.2.840.10008.5.1.4.1.1.201.3",  # Inventory - MOVE
        "1.2.840.10008.5.1.4.1.1.201.4",  # Inventory - GET
        "1.2.840.10008.5.1.4.1.1.201.5",  # Inventory Creation
        "1.2.840.10008.5.1.4.1.1.201.6",  # Repository Query
    }
)
"""What is no storage although it lies in the branch of storage."""

_UNCOMPRESSED = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
_FOR_MESSAGES = frozenset(_UNCOMPRESSED)


def service_of(abstract_syntax: str) -> Service | None:
    """The service behind an abstract syntax, or None when we have none."""
    if abstract_syntax == VERIFICATION:
        return Service.VERIFICATION
    if abstract_syntax == STORAGE_COMMITMENT:
        return Service.COMMITMENT
    model = QUERY_MODELS.get(abstract_syntax)
    if model is not None:
        return model.service
    return Service.STORAGE if is_storage(abstract_syntax) else None


def is_storage(abstract_syntax: str) -> bool:
    """Whether instances of this SOP class are taken: all of the standard, and all private ones.

    Makers add private SOP classes and the standard adds new ones every year; refusing a class only
    because nobody here has heard of it would lose images.
    """
    if abstract_syntax in _NO_STORAGE:
        return False
    if not abstract_syntax.startswith(_DICOM_ROOT):
        return True
    return abstract_syntax.startswith(_STORAGE_ROOT) or abstract_syntax in _STORAGE_ELSEWHERE


def choose_transfer_syntax(
    service: Service, proposed: Sequence[str], *, requestor_receives: bool = False
) -> str | None:
    """The one transfer syntax we accept of those proposed for a context, or None.

    requestor_receives  the requestor asked for the SCP role too: it wants C-GET's sub-operations.
    """
    if service is not Service.STORAGE:
        return _first(proposed, _UNCOMPRESSED)
    if requestor_receives:
        # Anything that can be decoded can be given uncompressed, so that serves most instances.
        return _first(proposed, _UNCOMPRESSED) or _first_storable(proposed)
    first = _first_storable(proposed)
    if first in _FOR_MESSAGES:
        # Implicit VR loses the VR of private elements, so explicit is better to keep.
        return _first(proposed, _UNCOMPRESSED)
    return first


def _first(proposed: Sequence[str], preferred: Sequence[str]) -> str | None:
    return next((uid for uid in preferred if uid in proposed), None)


def _first_storable(proposed: Sequence[str]) -> str | None:
    return next((uid for uid in proposed if uid in TRANSFER_SYNTAXES), None)

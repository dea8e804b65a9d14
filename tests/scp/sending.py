"""A well-behaved requestor (pynetdicom's) for tests of the DIMSE door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, build_role, evt

from pacs.scp.server import DicomServer

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"

Context = tuple[str, Any]


@contextmanager
def associated(
    door: DicomServer,
    *contexts: Context,
    calling: str = "TESTSCU",
    called: str = "PACS",
    roles: Sequence[str] = (),
    handlers: Sequence[tuple[Any, Any]] = (),
    **more: Any,
) -> Iterator[Any]:
    """An association with the door; the caller looks whether it is established."""
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    association = entity.associate(
        "127.0.0.1",
        door.port,
        contexts=[build_context(abstract, syntaxes) for abstract, syntaxes in contexts],
        ae_title=called,
        ext_neg=[build_role(uid, scp_role=True) for uid in roles] + list(more.pop("ext_neg", [])),
        evt_handlers=list(handlers),
        **more,
    )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def store(door: DicomServer, *data_sets: Dataset, **more: Any) -> list[Any]:
    """Send data sets over one association, each in its own transfer syntax; the responses."""
    contexts = {
        (str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)): None for ds in data_sets
    }
    wanted = [(abstract, [syntax]) for abstract, syntax in contexts]
    with associated(door, *wanted, **more) as association:
        assert association.is_established
        return [association.send_c_store(ds) for ds in data_sets]


def find(door: DicomServer, identifier: Dataset, model: str = STUDY_ROOT_FIND, **more: Any) -> Any:
    """Matches and the final status of a C-FIND."""
    with associated(door, (model, None), **more) as association:
        assert association.is_established
        answers = list(association.send_c_find(identifier, model))
    return [match for _, match in answers if match is not None], answers[-1][0]


def get(
    door: DicomServer,
    identifier: Dataset,
    storage: Sequence[tuple[str, Sequence[str]]],
    *,
    answer: Any = 0x0000,
    **more: Any,
) -> tuple[list[tuple[str, bytes]], Any, Dataset | None]:
    """What a C-GET brought (transfer syntax, data set bytes), its final status and identifier."""
    received: list[tuple[str, bytes]] = []

    def keep(event: Any) -> Any:
        received.append((str(event.context.transfer_syntax), event.request.DataSet.getvalue()))
        return answer(event) if callable(answer) else answer

    with associated(
        door,
        (STUDY_ROOT_GET, None),
        *storage,
        roles=sorted({uid for uid, _ in storage}),
        handlers=[(evt.EVT_C_STORE, keep)],
        **more,
    ) as association:
        assert association.is_established
        *_, (status, failed) = association.send_c_get(identifier, STUDY_ROOT_GET)
    return received, status, failed


def keys(level: str, **values: Any) -> Dataset:
    """An identifier by keyword; values may break the rules of their VR, as those of real askers."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(identifier, keyword, value)
    return identifier

"""C-FIND and C-MOVE to another archive, Study Root. PS3.4 C.4.1 and C.4.2.

Keeps the promise `pacs.remote.RemoteArchives`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO

from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from pacs.dicom.messages import (
    Command,
    CommandField,
    Element,
    encode_command,
    encode_message,
)
from pacs.dicom.statuses import (
    MOVE_DESTINATION_UNKNOWN,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
)
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import NotAcceptable, RequestInvalid
from pacs.peers import Peer
from pacs.remote import Moved, RemoteQuery, RemoteStudy
from pacs.scu.association import OpenAssociation, Proposal, Target, associate
from pacs.scu.send import Sender

_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_SYNTAXES = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_PENDING = frozenset({PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED})
_OUTCOMES = frozenset({SUCCESS, SUB_OPERATIONS_WARNING})
_MESSAGE_ID = 1
_MOST_STUDIES = 1000
_BETWEEN_SUB_OPERATIONS_S = 600.0
"""An archive that fetches from tape, or sends one large instance, is silent for long."""


class RemoteArchivesByDimse:
    """Asks under our AE title, and has studies sent there."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def find_studies(self, peer: Peer, query: RemoteQuery) -> Sequence[RemoteStudy]:
        target = self._sender.target(peer)
        found: list[RemoteStudy] = []
        with associate(
            target,
            [Proposal(_FIND, _SYNTAXES)],
            calling_ae_title=self._sender.calling_ae_title,
            deadlines=self._sender.deadlines,
        ) as association:
            syntax = _ask(association, CommandField.C_FIND_RQ, _FIND, _keys(query))
            while True:
                command, data_set = association.answer(_MESSAGE_ID)
                if command.status not in _PENDING:
                    break
                if len(found) >= _MOST_STUDIES:
                    raise RequestInvalid(
                        f"more than {_MOST_STUDIES} studies match at {target}; ask more narrowly"
                    )
                found.append(_study(data_set, syntax))
        _require_success(command, target, "C-FIND")
        return found

    def move_study(self, peer: Peer, study_instance_uid: str) -> Iterator[Moved]:
        target = self._sender.target(peer)
        ours = self._sender.calling_ae_title
        patient = replace(self._sender.deadlines, respond_s=_BETWEEN_SUB_OPERATIONS_S)
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "STUDY"
        _set(identifier, {"StudyInstanceUID": study_instance_uid})
        with associate(
            target, [Proposal(_MOVE, _SYNTAXES)], calling_ae_title=ours, deadlines=patient
        ) as association:
            destination = {Element.MOVE_DESTINATION: ours}
            _ask(association, CommandField.C_MOVE_RQ, _MOVE, identifier, destination)
            while True:
                command, _ = association.answer(_MESSAGE_ID)
                if command.status not in _PENDING:
                    break
                yield _moved(command)
        if command.status == MOVE_DESTINATION_UNKNOWN:
            raise NotAcceptable(
                f"{target} does not know us; register there the AE title {ours} with our address"
            )
        if command.status not in _OUTCOMES and not _moved(command).done:
            _require_success(command, target, "C-MOVE")
        yield _moved(command)


def _ask(
    association: OpenAssociation,
    field: CommandField,
    sop_class_uid: str,
    identifier: Dataset,
    more: Mapping[Element, str] | None = None,
) -> str:
    """Send a request with its identifier; the transfer syntax both speak."""
    (_, syntax), context_id = next(iter(association.contexts.items()))
    command = encode_command(
        {
            Element.AFFECTED_SOP_CLASS_UID: sop_class_uid,
            Element.COMMAND_FIELD: field,
            Element.MESSAGE_ID: _MESSAGE_ID,
            Element.PRIORITY: 0,
            Element.COMMAND_DATA_SET_TYPE: 0x0001,
            **(more or {}),
        }
    )
    written = (_written(identifier, syntax),)
    association.write(
        encode_message(
            context_id, command, written, maximum_pdu_bytes=association.maximum_pdu_bytes
        )
    )
    return syntax


def _keys(query: RemoteQuery) -> Dataset:
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = "STUDY"
    asked = {
        "StudyInstanceUID": "\\".join(query.study_instance_uids),
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "StudyDate": query.study_date,
        "AccessionNumber": query.accession_number,
        "ModalitiesInStudy": query.modality,
        "StudyDescription": "",
        "NumberOfStudyRelatedInstances": "",
    }
    _set(identifier, asked)
    return identifier


def _set(identifier: Dataset, values: Mapping[str, str]) -> None:
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(identifier, keyword, value)


def _written(identifier: Dataset, transfer_syntax_uid: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
    with disable_value_validation():
        write_dataset(buffer, identifier)
    return bytes(buffer.getvalue())


def _study(data_set: bytes, transfer_syntax_uid: str) -> RemoteStudy:
    with disable_value_validation():
        answer = _read(data_set, transfer_syntax_uid)
        count = _text(answer, "NumberOfStudyRelatedInstances")
        modalities = answer.get("ModalitiesInStudy") or ()
        if isinstance(modalities, str):
            modalities = (modalities,)
        return RemoteStudy(
            study_instance_uid=_text(answer, "StudyInstanceUID"),
            patient_id=_text(answer, "PatientID"),
            patient_name=_text(answer, "PatientName"),
            study_date=_text(answer, "StudyDate"),
            study_description=_text(answer, "StudyDescription"),
            modalities=tuple(str(one) for one in modalities),
            instances=int(count) if count.isdigit() else None,
        )


def _read(data_set: bytes, transfer_syntax_uid: str) -> Dataset:
    return read_dataset(
        BytesIO(data_set),
        is_implicit_VR=transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN,
        is_little_endian=True,
    )


def _text(answer: Dataset, keyword: str) -> str:
    value = answer.get(keyword)
    return "" if value is None else str(value)


def _moved(command: Command) -> Moved:
    return Moved(
        remaining=command.number(Element.NUMBER_OF_REMAINING_SUB_OPERATIONS),
        completed=command.number(Element.NUMBER_OF_COMPLETED_SUB_OPERATIONS) or 0,
        failed=command.number(Element.NUMBER_OF_FAILED_SUB_OPERATIONS) or 0,
        warning=command.number(Element.NUMBER_OF_WARNING_SUB_OPERATIONS) or 0,
    )


def _require_success(command: Command, target: Target, what: str) -> None:
    if command.status != SUCCESS:
        comment = command.text(Element.ERROR_COMMENT)
        why = f": {comment}" if comment else ""
        raise NotAcceptable(f"{target} answered {what} with {command.status or 0:04X}H{why}")

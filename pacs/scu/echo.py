"""C-ECHO to a peer: is it there, does it know us?"""

from __future__ import annotations

from pacs.dicom.messages import (
    NO_DATA_SET,
    CommandField,
    Element,
    encode_command,
    encode_message,
)
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import PeerUnreachable
from pacs.scu.association import Deadlines, Proposal, Target, associate

_VERIFICATION = "1.2.840.10008.1.1"
_PROPOSAL = Proposal(_VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN))
_MESSAGE_ID = 1


def echo(
    target: Target,
    *,
    calling_ae_title: str,
    deadlines: Deadlines = Deadlines(),  # noqa: B008
) -> None:
    """Return when the peer answered with success. Raises PeerUnreachable."""
    request = encode_command(
        {
            Element.AFFECTED_SOP_CLASS_UID: _VERIFICATION,
            Element.COMMAND_FIELD: CommandField.C_ECHO_RQ,
            Element.MESSAGE_ID: _MESSAGE_ID,
            Element.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        }
    )
    with associate(
        target, [_PROPOSAL], calling_ae_title=calling_ae_title, deadlines=deadlines
    ) as association:
        context_id = next(iter(association.contexts.values()))
        association.write(
            encode_message(
                context_id, request, None, maximum_pdu_bytes=association.maximum_pdu_bytes
            )
        )
        status = association.response(_MESSAGE_ID).status
    if status != 0:
        raise PeerUnreachable(f"{target} answered C-ECHO with status {status or 0:04X}H")

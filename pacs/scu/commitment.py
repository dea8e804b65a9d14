"""N-EVENT-REPORT to a peer that asked whether instances are safe. PS3.4 J.3.3."""

from __future__ import annotations

from pacs.dicom.commitment import (
    STORAGE_COMMITMENT_PUSH_MODEL,
    CommitmentReport,
    encode_report_command,
    write_commitment_report,
)
from pacs.dicom.messages import encode_message
from pacs.dicom.statuses import SUCCESS
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import PeerUnreachable
from pacs.peers import Peer
from pacs.scu.association import Proposal, associate
from pacs.scu.send import Sender

_SYNTAXES = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_MESSAGE_ID = 1


class CommitmentReporter:
    """Calls the peer, in the role of the SCP, and gives it the report."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def report(self, peer: Peer, report: CommitmentReport) -> None:
        """Return when the peer took it. Raises PeerUnreachable."""
        target = self._sender.target(peer)
        # Not every peer answers a role selection; whoever accepted the class is given the report.
        proposal = Proposal(STORAGE_COMMITMENT_PUSH_MODEL, _SYNTAXES, as_scp=True)
        with associate(
            target,
            [proposal],
            calling_ae_title=self._sender.calling_ae_title,
            deadlines=self._sender.deadlines,
        ) as association:
            (_, syntax), context_id = next(iter(association.contexts.items()))
            association.write(
                encode_message(
                    context_id,
                    encode_report_command(report.event_type, message_id=_MESSAGE_ID),
                    (write_commitment_report(report, syntax),),
                    maximum_pdu_bytes=association.maximum_pdu_bytes,
                )
            )
            status = association.response(_MESSAGE_ID).status
        if status != SUCCESS:
            raise PeerUnreachable(f"{target} refused the report with status {status or 0:04X}H")

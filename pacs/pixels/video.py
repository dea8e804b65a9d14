"""Pixels that are not made of frames the archive could decode, and why."""

from __future__ import annotations

from pacs.dicom.transfer_syntaxes import Coding, TransferSyntax
from pacs.errors import NotDecodable


def refuse_what_has_no_frames(syntax: TransferSyntax) -> None:
    """Raises NotDecodable for video and for pixels that are only referenced."""
    if syntax.coding is Coding.VIDEO:
        raise NotDecodable(
            f"transfer syntax {syntax.uid} is a video ({syntax.name}); "
            "its stream can be fetched as it is, but not as frames"
        )
    if syntax.coding is Coding.REFERENCED:
        raise NotDecodable(f"the pixels are not stored but only referenced ({syntax.name})")

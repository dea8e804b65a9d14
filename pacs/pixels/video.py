"""Pixels that are not made of frames the archive could decode, and why."""

from __future__ import annotations

from pacs.dicom.transfer_syntaxes import Coding, TransferSyntax
from pacs.errors import NotDecodable

MEDIA_TYPES: dict[str, str] = {
    "1.2.840.10008.1.2.4.100": "video/mpeg",
    "1.2.840.10008.1.2.4.101": "video/mpeg",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
    "1.2.840.10008.1.2.4.107": "video/mp4",
    "1.2.840.10008.1.2.4.108": "video/mp4",
}
"""What the joined fragments are; the fragmentable twins (…100.1) are the same."""


def media_type(transfer_syntax_uid: str) -> str | None:
    """The media type of the stream in a video transfer syntax, None for any other syntax."""
    return MEDIA_TYPES.get(transfer_syntax_uid.removesuffix(".1"))


def refuse_what_has_no_frames(syntax: TransferSyntax) -> None:
    """Raises NotDecodable for video and for pixels that are only referenced."""
    if syntax.coding is Coding.VIDEO:
        raise NotDecodable(
            f"transfer syntax {syntax.uid} is a video ({syntax.name}); "
            "its stream can be fetched as it is, but not as frames"
        )
    if syntax.coding is Coding.REFERENCED:
        raise NotDecodable(f"the pixels are not stored but only referenced ({syntax.name})")

"""Which media types carry the frames of which transfer syntaxes. PS3.18 Table 8.7.3-5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS
from pacs.web.media_types import ANY_TRANSFER_SYNTAX, OCTET_STREAM


@dataclass(frozen=True)
class FrameMediaType:
    """A compressed representation of frames.

    names  what askers call it, the standard's name first.
    transfer_syntax_uids  what may be in it; the first is meant when none is asked for.
    """

    names: tuple[str, ...]
    transfer_syntax_uids: tuple[str, ...]


def _syntaxes(*numbers: int) -> tuple[str, ...]:
    return tuple(f"1.2.840.10008.1.2.4.{number}" for number in numbers)


FRAME_MEDIA_TYPES: tuple[FrameMediaType, ...] = (
    FrameMediaType(("image/jpeg",), _syntaxes(70, 50, 51, 57)),
    # Both spellings were in the standard at some time; clients send either.
    FrameMediaType(("image/dicom-rle", "image/x-dicom-rle"), (RLE_LOSSLESS,)),
    FrameMediaType(("image/jls", "image/x-jls"), _syntaxes(80, 81)),
    FrameMediaType(("image/jp2",), _syntaxes(90, 91)),
    FrameMediaType(("image/jpx",), _syntaxes(92, 93)),
    FrameMediaType(("image/jphc",), _syntaxes(201, 202, 203)),
    FrameMediaType(("image/jxl",), _syntaxes(110, 111, 112)),
)


def frame_type_names(stored_uid: str) -> Iterator[str]:
    """All names of all types: uncompressed first, then the stored type's, then the others'."""
    yield OCTET_STREAM
    by_nearness = sorted(
        FRAME_MEDIA_TYPES, key=lambda each: stored_uid not in each.transfer_syntax_uids
    )
    for each in by_nearness:
        yield from each.names


def frame_transfer_syntax(name: str, asked: str | None, stored_uid: str) -> str | None:
    """The transfer syntax in which frames go out as this media type, or None when they cannot.

    asked  the parameter of the Accept header: a UID, `*` for the stored one, or None for the
           default. Where the stored syntax fits the type it is taken as the default, since it is
           what costs nobody anything.
    """
    if name == OCTET_STREAM:
        explicit = asked in (None, ANY_TRANSFER_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN)
        return EXPLICIT_VR_LITTLE_ENDIAN if explicit else None
    known = next(each for each in FRAME_MEDIA_TYPES if name in each.names)
    if asked in (None, ANY_TRANSFER_SYNTAX) and stored_uid in known.transfer_syntax_uids:
        return stored_uid
    if asked is None:
        return known.transfer_syntax_uids[0]
    return asked if asked in known.transfer_syntax_uids else None

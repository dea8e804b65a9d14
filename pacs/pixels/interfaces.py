"""What can be asked about pixels, and the values that pass through.

Nothing here imports numpy, a codec or an image library, so that every room may import it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pacs.dicom.transfer_syntaxes import (
    DEFLATED_IMAGE_FRAME,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    RLE_LOSSLESS,
)

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009

JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"

NATIVE_TARGETS: frozenset[str] = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN})
"""Transfer syntaxes without compression that instances can be written in."""

LOSSLESS_TARGETS: frozenset[str] = frozenset(
    {
        JPEG_LOSSLESS_SV1,
        JPEG_LS_LOSSLESS,
        JPEG_2000_LOSSLESS,
        JPEG_XL_LOSSLESS,
        HTJ2K_LOSSLESS,
        HTJ2K_LOSSLESS_RPCL,
        RLE_LOSSLESS,
        DEFLATED_IMAGE_FRAME,
    }
)
"""Encapsulated transfer syntaxes that frames can be written in."""


class ReadRange(Protocol):
    """Reads bytes of the pixel element's value."""

    def __call__(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, counted from the first byte of the value.

        What follows the value in the data set may be read too. Fewer bytes come back only where
        the data set ends; an offset at or beyond its end gives b"".
        """
        ...


@dataclass(frozen=True)
class EncodedInstance:
    """One instance as stored, with the means to read its pixels piece by piece.

    header         the data set's bytes before the pixel element, in transfer_syntax_uid's encoding;
                   all of the data set when it has no pixel element (pixel_tag is None then).
    transfer_syntax_uid   of the bytes given here: who inflated a deflated data set says
                   Explicit VR Little Endian.
    pixel_tag      PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA or None.
    pixel_vr       VR of the pixel element as stored; "OW" where the encoding is implicit.
    value_length   of the pixel element in bytes, None when undefined (encapsulated).
    """

    header: bytes
    transfer_syntax_uid: str
    read: ReadRange
    value_length: int | None
    pixel_tag: int | None = PIXEL_DATA
    pixel_vr: str = "OW"


@dataclass(frozen=True)
class EncodedFrame:
    """One frame as stored; made by `frames.encoded_frame`.

    header, transfer_syntax_uid, pixel_tag, pixel_vr   as in EncodedInstance.
    frame_index   from 0.
    data          native: the bytes that hold the frame (the enclosing ones where it does not begin
                  or end on a byte, or on a word where words are swapped); encapsulated: the frame's
                  fragments joined, without item headers.
    """

    header: bytes
    transfer_syntax_uid: str
    frame_index: int
    data: bytes
    pixel_tag: int = PIXEL_DATA
    pixel_vr: str = "OW"


@dataclass(frozen=True)
class NativeFrame:
    """One frame decoded: little endian, colour by pixel (planar configuration 0), rows top down.

    data   1 bit per pixel: packed, the first pixel in the lowest bit of the first byte.
    photometric_interpretation   of these bytes, which may differ from the stored one: YBR colour
           of JPEG, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL comes out as RGB. Native and RLE colour
           stays what it was; native YBR_FULL_422 keeps its subsampled layout.
    is_float   samples are IEEE 754 numbers of 32 or 64 bits.
    """

    data: bytes
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    is_float: bool = False


class WindowFunction(enum.StrEnum):
    """VOI LUT Function, PS3.3 C.11.2.1.3."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True)
class Window:
    """Center and width in modality units. Width must be >= 1 for LINEAR, > 0 for the others."""

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR


@dataclass(frozen=True)
class Region:
    """A part of the picture in its own pixels; a negative width or height mirrors it."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Viewport:
    """Where the picture must fit: scaled as a whole, its shape kept, never cropped.

    With one side None, only the other one bounds. The region, if any, is cut out first.
    """

    width: int | None
    height: int | None
    region: Region | None = None


class PictureType(enum.StrEnum):
    """The media types a frame can be rendered to."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"


@dataclass(frozen=True)
class RenderRequest:
    """How a frame is to be shown.

    viewport   None: one picture pixel per stored pixel.
    window     for grayscale; None: the instance's own first VOI LUT or window, else all values from
               least to most. Colour has none.
    quality    of JPEG, 1 to 100; other types are lossless and do not look at it.
    """

    picture_type: PictureType = PictureType.JPEG
    viewport: Viewport | None = None
    window: Window | None = None
    quality: int = 90


class PixelDecoder(Protocol):
    """Decodes untrusted pixels. All methods may be called from several threads at once.

    Every method may raise, beside what it says:
    NotDecodable            these pixels cannot be decoded, now or later; the message says why.
    DecodingLimitExceeded   (a NotDecodable) they took more memory or time than one frame may take.
    DecoderBusy             (a TryAgain) too many callers wait already.
    """

    def decode_frame(self, frame: EncodedFrame) -> NativeFrame:
        """The frame's pixels as the sender meant them."""
        ...

    def render_frame(self, frame: EncodedFrame, request: RenderRequest) -> bytes:
        """The frame as a picture file. RequestInvalid for a window or viewport without sense."""
        ...

    def transcode_frame(self, frame: EncodedFrame, transfer_syntax_uid: str) -> bytes:
        """The frame encoded without loss in one of `LOSSLESS_TARGETS` or natively.

        Raises NotAcceptable when that syntax cannot hold these pixels or we cannot write it.
        """
        ...

    def convert_instance(
        self, instance: EncodedInstance, transfer_syntax_uid: str
    ) -> Iterator[bytes]:
        """The whole data set (no file meta information) in another transfer syntax, without loss.

        For Implicit and Explicit VR Little Endian and `LOSSLESS_TARGETS`; instances without
        pixels too. One frame is held at a time. The first piece is made before this returns; a
        damaged later frame raises in the middle of the iteration, so whoever cannot take back what
        was sent writes to a spool file first. Elements after the pixels are kept; a compressed
        icon is left out, since it would have to be in the new syntax too.
        Raises NotAcceptable as transcode_frame.
        """
        ...

    def same_pixels(self, one: EncodedInstance, other: EncodedInstance) -> bool:
        """Whether both decode to equal pixels. Lossy never equals lossless.

        False too when either has no pixels or cannot be decoded; only DecoderBusy is raised.
        """
        ...

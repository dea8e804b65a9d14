"""What the first bytes of a compressed frame say about it, read without decoding anything.

A codec allocates what the codestream announces; so this is compared with the header before.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pacs.dicom.transfer_syntaxes import Coding
from pacs.errors import NotDecodable

_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_FRAME_HEADERS = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
)
"""SOF0..15 of JPEG and SOF55 of JPEG-LS."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN = 0xDA
_APP14 = 0xEE
_SOF3_LOSSLESS = 0xC3

_J2K_START = b"\xff\x4f\xff\x51"
_COD = 0xFF52
_SOT = 0xFF90


@dataclass(frozen=True)
class Codestream:
    """The size of the picture within, and what says how its colours are to be understood.

    is_signed         samples are signed numbers (JPEG 2000 only).
    is_transformed    colours were transformed for compression: by the Adobe marker of a JPEG, by
                      the multiple component transformation of JPEG 2000; None when nothing tells.
    is_lossless_jpeg  coded by prediction (SOF3).
    is_ended          its end marker is there; a JPEG decoder fills what is missing with grey.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    precision: int
    is_signed: bool = False
    is_transformed: bool | None = None
    is_lossless_jpeg: bool = False
    is_ended: bool = True


def read_codestream(data: bytes, coding: Coding) -> Codestream:
    """Raises NotDecodable when the bytes do not begin as this coding does.

    For JPEG, JPEG lossless, JPEG-LS, JPEG 2000 and HTJ2K; JPEG XL says its size in a way that only
    its decoder reads.
    """
    try:
        if coding in (Coding.JPEG_2000, Coding.HTJ2K):
            return _read_jpeg_2000(data)
        return _read_jpeg(data)
    except (struct.error, IndexError) as error:
        raise NotDecodable(f"the {coding.value} codestream ends within its header") from error


def _read_jpeg(data: bytes) -> Codestream:
    """Walk the markers up to the frame header. ITU-T T.81 Annex B, T.87 Annex C."""
    if data[:2] != _SOI:
        raise NotDecodable("the frame is not a JPEG codestream")
    transformed: bool | None = None
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _START_OF_SCAN:
            raise NotDecodable("the JPEG codestream has no frame header")
        (length,) = struct.unpack_from(">H", data, position)
        if marker in _FRAME_HEADERS:
            return _jpeg_frame_header(data, position, marker, transformed)
        if marker == _APP14 and data[position + 2 : position + 7] == b"Adobe":
            transformed = data[position + 13] != 0
        position += max(length, 2)


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """The marker at or after this place, and where its segment begins; fill bytes are passed."""
    position = data.find(b"\xff", position)
    if position < 0:
        raise NotDecodable("the JPEG codestream ends within its header")
    while data[position] == 0xFF:
        position += 1
    return data[position], position + 1


def _jpeg_frame_header(
    data: bytes, position: int, marker: int, transformed: bool | None
) -> Codestream:
    precision, rows, columns, components = struct.unpack_from(">BHHB", data, position + 2)
    names = bytes(data[position + 8 + 3 * index] for index in range(components))
    if transformed is None and names == b"RGB":
        transformed = False
    return Codestream(
        rows,
        columns,
        components,
        precision,
        is_transformed=transformed,
        is_lossless_jpeg=marker == _SOF3_LOSSLESS,
        is_ended=data.rfind(_EOI, position) >= 0,
    )


def _read_jpeg_2000(data: bytes) -> Codestream:
    """Read SIZ and COD of the main header. ITU-T T.800 Annex A."""
    start = _j2k_start(data)
    (length,) = struct.unpack_from(">H", data, start + 4)
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    depths = {data[start + 42 + 3 * index] for index in range(components)}
    if not depths:
        raise NotDecodable("the JPEG 2000 codestream has no components")
    return Codestream(
        rows=bottom - top,
        columns=right - left,
        samples_per_pixel=components,
        precision=(max(depth & 0x7F for depth in depths)) + 1,
        is_signed=any(depth & 0x80 for depth in depths),
        is_transformed=_has_component_transformation(data, start + 4 + length),
    )


def _j2k_start(data: bytes) -> int:
    """Where the codestream begins: at once, or in the jp2c box of a JP2 file."""
    if data[:4] == _J2K_START:
        return 0
    position = 0
    while position + 8 <= len(data) and data[4:8] == b"jP  ":
        length, name = struct.unpack_from(">I4s", data, position)
        if name == b"jp2c":
            header = 16 if length == 1 else 8
            if data[position + header : position + header + 4] == _J2K_START:
                return position + header
            break
        if length < 8:
            break
        position += length
    raise NotDecodable("the frame is not a JPEG 2000 codestream")


def _has_component_transformation(data: bytes, position: int) -> bool:
    while True:
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == _COD:
            return data[position + 8] == 1
        if marker == _SOT or not marker & 0xFF00 == 0xFF00:
            raise NotDecodable("the JPEG 2000 codestream has no coding style")
        position += 2 + max(length, 2)

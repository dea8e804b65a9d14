"""What a header says about the pixels of its instance, each value checked before it counts."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from pacs.dicom.element_walk import ElementWalk, HeaderLimits
from pacs.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from pacs.errors import InstanceRefused, NotDecodable
from pacs.pixels.interfaces import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, PIXEL_DATA

MAX_FRAME_BYTES = 512 * 1024 * 1024
"""No real frame is larger; what announces more is refused before a byte is allocated."""

_SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
_NUMBER_OF_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_BITS_ALLOCATED = 0x00280100
_BITS_STORED = 0x00280101
_HIGH_BIT = 0x00280102
_PIXEL_REPRESENTATION = 0x00280103
EXTENDED_OFFSET_TABLE = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002

_WANTED = frozenset(
    {
        _SAMPLES_PER_PIXEL,
        PHOTOMETRIC_INTERPRETATION,
        PLANAR_CONFIGURATION,
        _NUMBER_OF_FRAMES,
        _ROWS,
        _COLUMNS,
        _BITS_ALLOCATED,
        _BITS_STORED,
        _HIGH_BIT,
        _PIXEL_REPRESENTATION,
        EXTENDED_OFFSET_TABLE,
        EXTENDED_OFFSET_TABLE_LENGTHS,
    }
)

ALLOCATIONS: dict[int, frozenset[int]] = {
    PIXEL_DATA: frozenset({1, 8, 16, 32}),
    FLOAT_PIXEL_DATA: frozenset({32}),
    DOUBLE_FLOAT_PIXEL_DATA: frozenset({64}),
}
"""Bits Allocated that each pixel element may have. PS3.3 C.7.6.3.1, C.7.6.24, C.7.6.25."""

COLOUR: dict[str, int] = {
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
}
"""Photometric interpretations with three samples per pixel. PS3.3 C.7.6.3.1.2."""

HALVED_CHROMINANCE = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
"""Natively two pixels share their chrominance: four samples for two pixels."""


@dataclass(frozen=True)
class PixelDescription:
    """The Image Pixel module of one instance.

    number_of_frames   as announced; there may be fewer.
    frame_offsets, frame_lengths   the Extended Offset Table, empty when there is none.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int
    number_of_frames: int
    is_float: bool = False
    frame_offsets: tuple[int, ...] = ()
    frame_lengths: tuple[int, ...] = ()

    @property
    def pixels(self) -> int:
        return self.rows * self.columns

    @property
    def native_frame_bits(self) -> int:
        """Of one frame stored natively in the announced photometric interpretation."""
        samples = self.pixels * self.samples_per_pixel
        if self.photometric_interpretation in HALVED_CHROMINANCE:
            samples = self.pixels * 2
        return samples * self.bits_allocated

    @property
    def full_frame_bits(self) -> int:
        """Of one frame with every sample of every pixel written out."""
        return self.pixels * self.samples_per_pixel * self.bits_allocated

    @property
    def full_frame_bytes(self) -> int:
        return -(-self.full_frame_bits // 8)


def known_syntax(transfer_syntax_uid: str) -> TransferSyntax:
    """Raises NotDecodable for a transfer syntax that is none of the standard's."""
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax is None:
        raise NotDecodable(f"no decoder for the unknown transfer syntax {transfer_syntax_uid}")
    return syntax


# The frames of one instance are asked for one after another, all with the same header.
@lru_cache(maxsize=4)
def describe_pixels(
    header: bytes, transfer_syntax_uid: str, pixel_tag: int | None = PIXEL_DATA
) -> PixelDescription:
    """Read and check the Image Pixel module. Raises NotDecodable, saying which value is wrong.

    header  the data set's bytes before the pixel element.
    """
    if pixel_tag is None:
        raise NotDecodable("the instance has no pixel data")
    if pixel_tag not in ALLOCATIONS:
        raise NotDecodable(f"element {pixel_tag:08X} holds no pixels")
    values = _Values(top_level_values(header, transfer_syntax_uid, _WANTED), transfer_syntax_uid)
    return _checked(values, pixel_tag)


class _TopLevelWalk(ElementWalk):
    """Keeps the wanted values of the top level; the first of a duplicated element counts."""

    def __init__(self, data: memoryview, syntax: TransferSyntax, wanted: frozenset[int]) -> None:
        super().__init__(data, syntax, HeaderLimits())
        self._wanted = wanted
        self.values: dict[int, bytes] = {}

    def visit_leaf(self, tag: int, vr: bytes | None, value: int, end: int) -> None:  # noqa: ARG002
        if tag in self._wanted and not self.depth and tag not in self.values:
            self.values[tag] = bytes(self.data[value:end])


def top_level_values(
    header: bytes, transfer_syntax_uid: str, wanted: frozenset[int]
) -> dict[int, bytes]:
    """The wanted elements outside of sequences, as they came. Raises NotDecodable."""
    walk = _TopLevelWalk(memoryview(header), known_syntax(transfer_syntax_uid), wanted)
    try:
        walk.run()
    except InstanceRefused as error:
        raise NotDecodable(f"the header cannot be read: {error.message}") from error
    return walk.values


class _Values:
    """Raw values with the readers for them; an absent or empty element gives the default."""

    def __init__(self, raw: dict[int, bytes], transfer_syntax_uid: str) -> None:
        self._raw = raw
        self._order = "<" if known_syntax(transfer_syntax_uid).little_endian else ">"

    def number(self, tag: int, name: str, default: int | None = None) -> int:
        raw = self._raw.get(tag, b"")
        if not raw and default is not None:
            return default
        if len(raw) < 2:
            raise NotDecodable(f"{name} is missing")
        return int(struct.unpack_from(self._order + "H", raw)[0])

    def text(self, tag: int) -> str:
        return self._raw.get(tag, b"").decode("ascii", "replace").strip(" \0").upper()

    def longs(self, tag: int) -> tuple[int, ...]:
        raw = self._raw.get(tag, b"")
        return struct.unpack(f"{self._order}{len(raw) // 8}Q", raw[: len(raw) // 8 * 8])


def _checked(values: _Values, pixel_tag: int) -> PixelDescription:
    is_float = pixel_tag != PIXEL_DATA
    bits_allocated = values.number(_BITS_ALLOCATED, "Bits Allocated")
    if bits_allocated not in ALLOCATIONS[pixel_tag]:
        raise NotDecodable(f"Bits Allocated is {bits_allocated}, which cannot be decoded")
    bits_stored = _bits_stored(values, bits_allocated, is_float)
    description = PixelDescription(
        rows=_side(values, _ROWS, "Rows"),
        columns=_side(values, _COLUMNS, "Columns"),
        samples_per_pixel=values.number(_SAMPLES_PER_PIXEL, "Samples per Pixel", 1),
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=_high_bit(values, bits_allocated, bits_stored, is_float),
        pixel_representation=values.number(_PIXEL_REPRESENTATION, "Pixel Representation", 0),
        photometric_interpretation=values.text(PHOTOMETRIC_INTERPRETATION),
        planar_configuration=values.number(PLANAR_CONFIGURATION, "Planar Configuration", 0),
        number_of_frames=_number_of_frames(values),
        is_float=is_float,
        frame_offsets=values.longs(EXTENDED_OFFSET_TABLE),
        frame_lengths=values.longs(EXTENDED_OFFSET_TABLE_LENGTHS),
    )
    return _consistent(description)


def _side(values: _Values, tag: int, name: str) -> int:
    side = values.number(tag, name)
    if side == 0:
        raise NotDecodable(f"{name} is 0")
    return side


def _bits_stored(values: _Values, bits_allocated: int, is_float: bool) -> int:
    if is_float:
        return bits_allocated
    stored = values.number(_BITS_STORED, "Bits Stored", bits_allocated)
    if not 1 <= stored <= bits_allocated:
        raise NotDecodable(f"Bits Stored is {stored} with {bits_allocated} bits allocated")
    return stored


def _high_bit(values: _Values, bits_allocated: int, bits_stored: int, is_float: bool) -> int:
    if is_float:
        return bits_allocated - 1
    high_bit = values.number(_HIGH_BIT, "High Bit", bits_stored - 1)
    # A High Bit that cannot be is more often a slip of the sender than a shifted picture.
    return high_bit if bits_stored - 1 <= high_bit < bits_allocated else bits_stored - 1


def _number_of_frames(values: _Values) -> int:
    text = values.text(_NUMBER_OF_FRAMES)
    if not text:
        return 1
    if not (text.isascii() and text.lstrip("+").isdigit()) or len(text) > 12:
        raise NotDecodable(f"Number of Frames is {text!r}, not a number")
    # Some single-frame devices send 0.
    return max(int(text), 1)


def _consistent(description: PixelDescription) -> PixelDescription:
    if description.samples_per_pixel not in (1, 3):
        raise NotDecodable(f"Samples per Pixel is {description.samples_per_pixel}, not 1 or 3")
    expected = COLOUR.get(description.photometric_interpretation, 1)
    if description.photometric_interpretation and expected != description.samples_per_pixel:
        raise NotDecodable(
            f"Photometric Interpretation is {description.photometric_interpretation} "
            f"with {description.samples_per_pixel} samples per pixel"
        )
    if description.full_frame_bytes > MAX_FRAME_BYTES:
        raise NotDecodable(
            f"one frame would have {description.full_frame_bytes} bytes "
            f"({description.rows} rows, {description.columns} columns)"
        )
    return description

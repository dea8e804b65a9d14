"""How a built data set becomes bytes: native transfer syntaxes, and pixels compressed on purpose.

The encoders come from libraries the archive itself uses; pictures made by other programs are
compared in tests/peers.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

DeflatedImageFrame = UID("1.2.840.10008.1.2.8.1")
JPEGXLLossless = UID("1.2.840.10008.1.2.4.110")

NATIVE: tuple[UID, ...] = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
"""Every transfer syntax `data_set_bytes` can write a native data set in."""


def data_set_bytes(ds: Dataset, transfer_syntax: str | None = None) -> bytes:
    """The data set alone, as it travels in a C-STORE: no preamble, no file meta information.

    transfer_syntax  one of NATIVE, for a data set built native; its own when left out.
    """
    own = transfer_syntax_of(ds)
    syntax = UID(transfer_syntax) if transfer_syntax else own
    if syntax != own and not {syntax, own} <= set(NATIVE):
        raise ValueError(f"a data set in {own} cannot be written as {syntax}")
    buffer = DicomBytesIO()
    buffer.is_little_endian = syntax != ExplicitVRBigEndian
    buffer.is_implicit_VR = syntax == ImplicitVRLittleEndian
    write_dataset(buffer, ds if buffer.is_little_endian else _with_swapped_words(ds))
    written = buffer.getvalue()
    return _deflate(written) if syntax == DeflatedExplicitVRLittleEndian else written


def file_bytes(ds: Dataset, transfer_syntax: str | None = None) -> bytes:
    """A DICOM file: preamble, file meta information and `data_set_bytes`."""
    meta = FileMetaDataset()
    meta.update(copy.deepcopy(ds.file_meta))
    meta.TransferSyntaxUID = UID(transfer_syntax) if transfer_syntax else transfer_syntax_of(ds)
    meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
    # A test may leave out what names the instance; the meta information then lacks it, too.
    is_named = bool(meta.MediaStorageSOPClassUID and meta.MediaStorageSOPInstanceUID)
    buffer = DicomBytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta, enforce_standard=is_named)
    return buffer.getvalue() + data_set_bytes(ds, transfer_syntax)


def transfer_syntax_of(ds: Dataset) -> UID:
    return UID(ds.file_meta.TransferSyntaxUID)


def _deflate(data: bytes) -> bytes:
    """PS3.5 A.5: a raw deflate stream, padded to even length."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(data) + compressor.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def _with_swapped_words(ds: Dataset) -> Dataset:
    """pydicom writes OW values as they are; in big endian every 16-bit word is turned round."""
    swapped = copy.deepcopy(ds)
    for element in swapped.iterall():
        if element.VR == "OW":
            element.value = np.frombuffer(element.value, "<u2").byteswap().tobytes()
    return swapped


def compressed(ds: Dataset, transfer_syntax: str) -> Dataset:
    """A copy with its pixels in the transfer syntax, one fragment per frame, offsets in the table.

    What describes the pixels is changed with them: photometric interpretation, planar
    configuration and, for lossy syntaxes, the attributes that admit it.
    """
    syntax = UID(transfer_syntax)
    frames = frames_of(ds)
    result = copy.deepcopy(ds)
    if syntax == RLELossless:
        encoded = [RLELosslessEncoder.encode(ds, index=index) for index in range(len(frames))]
    else:
        encoded = [_ENCODERS[syntax](frame, int(ds.BitsStored)) for frame in frames]
    result.PixelData = encapsulate([_even(frame) for frame in encoded], has_bot=True)
    result["PixelData"].VR = "OB"
    result["PixelData"].is_undefined_length = True
    result.file_meta.TransferSyntaxUID = syntax
    if result.SamplesPerPixel == 3:
        result.PhotometricInterpretation = _COLOUR_MODEL.get(syntax, "RGB")
    if syntax in _LOSSY_METHOD:
        result.LossyImageCompression = "01"
        result.LossyImageCompressionRatio = f"{_ratio(frames, encoded):.2f}"
        result.LossyImageCompressionMethod = _LOSSY_METHOD[syntax]
    return result


def frames_of(ds: Dataset) -> list[NDArray[Any]]:
    """The frames of a native little endian data set, each (rows, columns) or (rows, columns, 3)."""
    if transfer_syntax_of(ds) != ExplicitVRLittleEndian:
        raise ValueError("only data sets as the builders make them have frames to read")
    count, rows, columns = int(ds.get("NumberOfFrames", 1)), int(ds.Rows), int(ds.Columns)
    sign = "i" if ds.PixelRepresentation else "u"
    dtype = np.dtype(f"<{sign}{ds.BitsAllocated // 8}")
    samples = int(ds.SamplesPerPixel)
    used = ds.PixelData[: count * rows * columns * samples * dtype.itemsize]
    shape = (count, rows, columns, samples) if samples > 1 else (count, rows, columns)
    return list(np.frombuffer(used, dtype).reshape(shape))


def _even(frame: bytes) -> bytes:
    return frame + b"\0" * (len(frame) % 2)


def _ratio(frames: list[NDArray[Any]], encoded: list[bytes]) -> float:
    return float(sum(frame.nbytes for frame in frames) / sum(map(len, encoded)))


_Encoder = Callable[[NDArray[Any], int], bytes]


def _jpeg_8_bit(frame: NDArray[Any], bits_stored: int) -> bytes:
    if bits_stored > 8:
        raise ValueError(f"JPEG Baseline holds 8 bits, not {bits_stored}")
    return bytes(imagecodecs.jpeg8_encode(frame.astype(np.uint8), level=90, subsampling="422"))


def _jpeg_12_bit(frame: NDArray[Any], bits_stored: int) -> bytes:
    if bits_stored > 12:
        raise ValueError(f"JPEG Extended holds 12 bits, not {bits_stored}")
    return bytes(imagecodecs.jpeg8_encode(frame, level=95, bitspersample=12))


def _jpeg_lossless(frame: NDArray[Any], bits_stored: int) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(frame, lossless=True, bitspersample=bits_stored))


def _jpeg_ls(frame: NDArray[Any], _bits_stored: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(frame))


def _jpeg_ls_near(frame: NDArray[Any], _bits_stored: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(frame, level=2))


def _jpeg_2000(frame: NDArray[Any], bits_stored: int) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            frame, level=0, codecformat="J2K", reversible=True, bitspersample=bits_stored
        )
    )


def _htj2k(frame: NDArray[Any], _bits_stored: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


def _jpeg_xl(frame: NDArray[Any], _bits_stored: int) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(frame, lossless=True, usecontainer=False))


def _deflated_frame(frame: NDArray[Any], _bits_stored: int) -> bytes:
    return _deflate(frame.tobytes())


_ENCODERS: dict[UID, _Encoder] = {
    JPEGBaseline8Bit: _jpeg_8_bit,
    JPEGExtended12Bit: _jpeg_12_bit,
    JPEGLosslessSV1: _jpeg_lossless,
    JPEGLSLossless: _jpeg_ls,
    JPEGLSNearLossless: _jpeg_ls_near,
    JPEG2000Lossless: _jpeg_2000,
    HTJ2KLossless: _htj2k,
    JPEGXLLossless: _jpeg_xl,
    DeflatedImageFrame: _deflated_frame,
}

COMPRESSED: tuple[UID, ...] = (RLELossless, *_ENCODERS)
"""Every transfer syntax `compressed` can make; the two JPEG with DCT want 8 or 12 bits stored."""

LOSSLESS: tuple[UID, ...] = (
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    JPEGXLLossless,
    DeflatedImageFrame,
)
"""Those of COMPRESSED that give back every bit."""

_COLOUR_MODEL: dict[UID, str] = {
    JPEGBaseline8Bit: "YBR_FULL_422",
    JPEG2000Lossless: "YBR_RCT",
    HTJ2KLossless: "YBR_RCT",
}

_LOSSY_METHOD: dict[UID, str] = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
}

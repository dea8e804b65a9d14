"""Built data sets as the pixel rooms get them, and pictures made of any numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.dicom.element_walk import ElementWalk, HeaderLimits
from pacs.dicom.header import inflate
from pacs.dicom.part10 import read_file_head
from pacs.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
)
from pacs.pixels.description import known_syntax
from pacs.pixels.frames import encoded_frame, locate_frames, pixel_vr
from pacs.pixels.interfaces import EncodedFrame, EncodedInstance, NativeFrame
from tests.builders import secondary_capture
from tests.encodings import data_set_bytes, transfer_syntax_of


def instance_of(ds: Dataset, transfer_syntax_uid: str | None = None) -> EncodedInstance:
    """The data set written in its own or another native transfer syntax."""
    written = str(transfer_syntax_uid or transfer_syntax_of(ds))
    return instance_from(data_set_bytes(ds, written), written)


def instance_in_file(file: bytes) -> EncodedInstance:
    head = read_file_head(file)
    return instance_from(file[head.data_set_offset :], head.transfer_syntax_uid)


def instance_from(data_set: bytes, transfer_syntax_uid: str) -> EncodedInstance:
    """What the archive would hand to the pixel rooms for these stored bytes."""
    if transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        data_set = inflate(memoryview(data_set), 1 << 30)
        transfer_syntax_uid = EXPLICIT_VR_LITTLE_ENDIAN
    walk = ElementWalk(memoryview(data_set), known_syntax(transfer_syntax_uid), HeaderLimits())
    walk.run()
    pixels = walk.pixels
    if pixels is None:
        return EncodedInstance(data_set, transfer_syntax_uid, _read_nothing, None, None)
    value = data_set[pixels.value_offset :]
    element_header = data_set[pixels.element_offset : pixels.value_offset]
    return EncodedInstance(
        header=data_set[: pixels.element_offset],
        transfer_syntax_uid=transfer_syntax_uid,
        read=lambda offset, length: value[offset : offset + length],
        value_length=pixels.length,
        pixel_tag=pixels.tag,
        pixel_vr=pixel_vr(element_header, transfer_syntax_uid),
    )


def frame_of(
    ds: Dataset, transfer_syntax_uid: str | None = None, *, frame_index: int = 0
) -> EncodedFrame:
    instance = instance_of(ds, transfer_syntax_uid)
    return encoded_frame(instance, locate_frames(instance), frame_index)


def picture(pixels: NDArray[Any], *, bits_stored: int | None = None, **attributes: Any) -> Dataset:
    """A secondary capture with exactly these numbers: (rows, columns) or (rows, columns, 3)."""
    ds = secondary_capture()
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = bits_stored or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def values_of(frame: NativeFrame) -> NDArray[Any]:
    """The numbers of a native frame with at least 8 bits per sample."""
    kind = "f" if frame.is_float else "i" if frame.pixel_representation else "u"
    values = np.frombuffer(frame.data, f"<{kind}{frame.bits_allocated // 8}")
    shape = (frame.rows, frame.columns, frame.samples_per_pixel)
    return values.reshape(shape if frame.samples_per_pixel > 1 else shape[:2])


def _read_nothing(offset: int, length: int) -> bytes:  # noqa: ARG001
    return b""

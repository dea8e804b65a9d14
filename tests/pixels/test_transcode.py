"""Encoding without loss, and refusing what a syntax cannot hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pydicom.uid import HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless, JPEGBaseline8Bit

from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pacs.errors import NotAcceptable
from pacs.pixels.decoding import decode_frame
from pacs.pixels.description import describe_pixels
from pacs.pixels.interfaces import (
    FLOAT_PIXEL_DATA,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    LOSSLESS_TARGETS,
    NATIVE_TARGETS,
    EncodedFrame,
)
from pacs.pixels.transcode import (
    transcode_frame,
    transcoded_photometric_interpretation,
)
from tests.builders import segmentation, us_still
from tests.encodings import compressed
from tests.pixels.encoded import frame_of, instance_of, picture, values_of

TARGETS = sorted(LOSSLESS_TARGETS)
EXPLICIT = "1.2.840.10008.1.2.1"


def _there_and_back(numbers: NDArray[Any], target: str, bits_stored: int | None) -> NDArray[Any]:
    ds = picture(numbers, bits_stored=bits_stored)
    encoded = transcode_frame(frame_of(ds), target)
    return values_of(decode_frame(EncodedFrame(instance_of(ds).header, target, 0, encoded)))


@settings(max_examples=80, deadline=None)
@given(data=st.data(), target=st.sampled_from(TARGETS), bits=st.sampled_from([8, 10, 12, 16]))
def test_grey_comes_back_from_every_target(data: st.DataObject, target: str, bits: int) -> None:
    signed = data.draw(st.booleans())
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    kind = ("i" if signed else "u") + ("1" if bits == 8 else "2")
    shape = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    numbers = data.draw(arrays.arrays(kind, shape, elements=st.integers(least, most)))

    assert (_there_and_back(numbers, target, bits) == numbers).all()


@settings(max_examples=40, deadline=None)
@given(
    rgb=arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    target=st.sampled_from(TARGETS),
)
def test_colour_comes_back_from_every_target(rgb: NDArray[np.uint8], target: str) -> None:
    assert (_there_and_back(rgb, target, None) == rgb).all()


@pytest.mark.parametrize("target", TARGETS)
def test_bits_above_the_stored_ones_are_not_lost(target: str) -> None:
    numbers = np.array([[0x0123, 0xF456], [0x8FFF, 0x0000]], np.uint16)

    assert (_there_and_back(numbers, target, 12) == numbers).all()


@pytest.mark.parametrize(
    "target", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1", str(JPEG2000Lossless)]
)
def test_single_bits_come_back(target: str) -> None:
    ds = segmentation()
    frame = frame_of(ds, frame_index=1)

    encoded = replace(frame, data=transcode_frame(frame, target), transfer_syntax_uid=target)

    assert decode_frame(encoded) == decode_frame(frame)


@pytest.mark.parametrize("target", [JPEG_LS_LOSSLESS, str(HTJ2KLossless)])
def test_single_bits_are_refused_where_they_would_become_bytes(target: str) -> None:
    frame = frame_of(segmentation(), frame_index=1)

    with pytest.raises(NotAcceptable, match="cannot hold these pixels"):
        transcode_frame(frame, target)


@pytest.mark.parametrize("target", [JPEG_LS_LOSSLESS, JPEG_XL_LOSSLESS])
def test_thirty_two_bits_are_refused_where_they_do_not_fit(target: str) -> None:
    frame = frame_of(picture(np.full((4, 4), 1 << 31, np.uint32)))

    with pytest.raises(NotAcceptable, match="32 bits"):
        transcode_frame(frame, target)


def test_floating_point_pixels_stay_native() -> None:
    header = instance_of(picture(np.zeros((2, 2), np.uint32))).header
    frame = EncodedFrame(header, EXPLICIT, 0, bytes(16), FLOAT_PIXEL_DATA)

    with pytest.raises(NotAcceptable, match="natively"):
        transcode_frame(frame, str(JPEG2000Lossless))


def test_lossy_targets_are_refused() -> None:
    with pytest.raises(NotAcceptable, match=r"4\.50"):
        transcode_frame(frame_of(us_still()), str(JPEGBaseline8Bit))


def test_native_targets_give_the_decoded_frame() -> None:
    frame = frame_of(compressed(us_still(), JPEG2000Lossless))

    assert transcode_frame(frame, EXPLICIT) == decode_frame(frame_of(us_still())).data


def test_htj2k_is_written_resolution_first() -> None:
    encoded = transcode_frame(frame_of(us_still()), str(HTJ2KLosslessRPCL))

    coding_style = encoded.index(b"\xff\x52")
    assert encoded[coding_style + 5] == 2  # progression order RPCL, ITU-T T.800 Table A.16
    assert b"\xff\x55" in encoded  # TLM


@pytest.mark.parametrize(
    ("stored", "name", "target", "expected"),
    [
        (EXPLICIT, "RGB", str(JPEG2000Lossless), "YBR_RCT"),
        (EXPLICIT, "RGB", str(HTJ2KLossless), "YBR_RCT"),
        (EXPLICIT, "RGB", JPEG_LS_LOSSLESS, "RGB"),
        (EXPLICIT, "YBR_FULL", str(JPEG2000Lossless), "YBR_FULL"),
        (EXPLICIT, "YBR_FULL_422", JPEG_LS_LOSSLESS, "YBR_FULL"),
        (str(JPEGBaseline8Bit), "YBR_FULL_422", EXPLICIT, "RGB"),
        (str(JPEGBaseline8Bit), "YBR_FULL_422", str(JPEG2000Lossless), "YBR_RCT"),
        (str(JPEG2000Lossless), "YBR_RCT", JPEG_LS_LOSSLESS, "RGB"),
    ],
)
def test_the_colours_get_their_true_name(
    stored: str, name: str, target: str, expected: str
) -> None:
    header = instance_of(us_still(photometric_interpretation=name)).header
    description = describe_pixels(header, EXPLICIT)

    assert transcoded_photometric_interpretation(description, stored, target) == expected


def test_every_promised_syntax_has_an_encoder_and_the_other_way_round() -> None:
    written = set()
    for uid in TRANSFER_SYNTAXES:
        try:
            transcode_frame(frame_of(picture(np.zeros((4, 4), np.uint8))), uid)
        except NotAcceptable:
            continue
        written.add(uid)

    assert written == NATIVE_TARGETS | LOSSLESS_TARGETS

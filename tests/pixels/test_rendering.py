"""Pictures: grey and colour as they should look, at the size asked for."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import JPEG2000Lossless, RLELossless

from pacs.errors import NotDecodable, RequestInvalid
from pacs.pixels.interfaces import (
    EncodedFrame,
    PictureType,
    Region,
    RenderRequest,
    Viewport,
    Window,
    WindowFunction,
)
from pacs.pixels.rendering import render_frame
from tests.builders import cr_chest, ct_slice, enhanced_mr, palette_picture, us_still
from tests.encodings import NATIVE, compressed
from tests.pixels.encoded import frame_of, instance_of, picture

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def _pixels(ds: Dataset, *, frame_index: int = 0, **request: Any) -> NDArray[Any]:
    frame = frame_of(ds, frame_index=frame_index)
    return _opened(render_frame(frame, RenderRequest(PictureType.PNG, **request)))


def _opened(file: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(file)))


# --- grey ----------------------------------------------------------------------------------------


def test_the_headers_window_is_used() -> None:
    ds = ct_slice(rows=1, columns=401, window_center="40", window_width="400")
    values_hu = np.frombuffer(ds.PixelData, "<u2")[:401].astype(float) - 1024

    shown = _pixels(ds)

    expected = np.clip((values_hu - 39.5) / 399 + 0.5, 0, 1) * 255
    assert np.abs(shown[0] - expected).max() <= 0.51


@pytest.mark.parametrize("syntax", NATIVE)
def test_every_native_syntax_looks_alike(syntax: str) -> None:
    ds = ct_slice()

    shown = render_frame(frame_of(ds, syntax), RenderRequest(PictureType.PNG))

    assert shown == render_frame(frame_of(ds), RenderRequest(PictureType.PNG))


def test_monochrome1_is_white_where_it_is_low() -> None:
    shown = _pixels(cr_chest())

    assert shown[0, 0] == 255
    assert shown[-1, -1] == 0


def test_presentation_lut_shape_inverse_is_obeyed() -> None:
    shown = _pixels(picture(RAMP, PresentationLUTShape="INVERSE"))

    np.testing.assert_array_equal(shown, 255 - RAMP)


def test_the_first_usable_window_is_taken() -> None:
    ds = ct_slice(window_center=["40", "300"], window_width=["0", "1500"])

    shown = _pixels(ds)

    np.testing.assert_array_equal(shown, _pixels(ds, window=Window(300, 1500)))


def test_a_window_that_is_no_number_is_left_out() -> None:
    frame = frame_of(ct_slice(window_center="40", window_width="400"))
    header = frame.header.replace(b"400 ", b"abc ")

    shown = _opened(
        render_frame(
            EncodedFrame(header, frame.transfer_syntax_uid, 0, frame.data),
            RenderRequest(PictureType.PNG),
        )
    )

    assert (shown.min(), shown.max()) == (0, 255)


def test_the_headers_voi_function_is_used() -> None:
    shown = _pixels(ct_slice(voi_lut_function="SIGMOID"))

    asked = _pixels(ct_slice(), window=Window(40, 400, WindowFunction.SIGMOID))
    np.testing.assert_array_equal(shown, asked)


@pytest.mark.parametrize("words", [True, False])
def test_a_voi_lut_counts_more_than_a_window(words: bool) -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 8]
    table = np.arange(255, -1, -1).astype("<u2" if words else "u1")
    item.LUTData = table.tobytes()
    item["LUTData"].VR = "OW"

    shown = _pixels(
        picture(RAMP, VOILUTSequence=DicomSequence([item]), WindowCenter="5", WindowWidth="2")
    )

    np.testing.assert_array_equal(shown, 255 - RAMP)


def test_a_modality_lut_is_applied_first() -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item.LUTData = (np.arange(256) * 10).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    ds = picture(RAMP, ModalityLUTSequence=DicomSequence([item]))
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = "1275", "2550", "LINEAR_EXACT"

    shown = _pixels(ds)

    assert np.abs(shown.astype(int) - RAMP).max() <= 1


def test_each_frame_has_its_own_rescale_and_window() -> None:
    ds = enhanced_mr(frames=3)
    stored = np.frombuffer(ds.PixelData, "<u2").reshape(3, 32, 32)[2].astype(float)

    shown = _pixels(ds, frame_index=2)

    # what the builder wrote for the third frame: slope 2, intercept 2, window 602, 1200
    expected = np.clip((stored * 2 + 2 - 601.5) / 1199 + 0.5, 0, 1) * 255
    assert np.abs(shown - expected).max() <= 0.51


# --- colour --------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_colour_looks_alike_however_it_is_stored(syntax: str) -> None:
    ds = us_still()

    shown = _pixels(compressed(ds, syntax))

    np.testing.assert_array_equal(shown, _pixels(ds))


def test_ybr_full_is_shown_as_rgb() -> None:
    ybr = np.full((2, 2, 3), (81, 90, 240), np.uint8)

    shown = _pixels(picture(ybr, PhotometricInterpretation="YBR_FULL"))

    assert np.abs(shown[0, 0].astype(int) - (238, 14, 14)).max() <= 1


def test_ybr_full_422_shares_colours_between_two_pixels() -> None:
    ds = us_still(rows=1, columns=4, photometric_interpretation="YBR_FULL_422")
    ds.PixelData = bytes([81, 200, 90, 240, 50, 60, 128, 128])

    shown = _pixels(ds)

    assert np.abs(shown[0, 0].astype(int) - (238, 14, 14)).max() <= 1
    assert shown[0, 2:].tolist() == [[50, 50, 50], [60, 60, 60]]


def test_ybr_partial_uses_part_of_the_range() -> None:
    ybr = np.array([[(16, 128, 128), (235, 128, 128)]], np.uint8)

    shown = _pixels(picture(ybr, PhotometricInterpretation="YBR_PARTIAL_420"))

    assert shown.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_sixteen_bit_colour_is_scaled_to_the_screen() -> None:
    rgb = np.array([[(0, 32768, 65535)]], np.uint16)

    shown = _pixels(picture(rgb))

    assert shown.tolist() == [[[0, 128, 255]]]


def test_a_palette_gives_the_colours() -> None:
    shown = _pixels(palette_picture(rows=16, columns=16))

    assert shown[0, 0].tolist() == [0, 0, 255]
    assert shown[-1, -1].tolist() == [255, 0, 0]


def test_indices_beyond_the_palette_get_its_ends() -> None:
    ds = palette_picture(rows=1, columns=4)
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [2, 10, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", b"\x00\x40\x00\x80")
    ds.PixelData = bytes([0, 10, 11, 255])

    shown = _pixels(ds)

    assert shown[0, :, 0].tolist() == [0x40, 0x40, 0x80, 0x80]


def test_a_segmented_palette_is_spelled_out() -> None:
    ds = palette_picture(rows=1, columns=4)
    for colour in ("Red", "Green", "Blue"):
        delattr(ds, f"{colour}PaletteColorLookupTableData")
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        # one entry of 0, then a line over three entries up to 0xFF00
        segments = np.array([0, 1, 0, 1, 3, 0xFF00], "<u2")
        setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", segments.tobytes())
    ds.PixelData = bytes([0, 1, 2, 3])

    shown = _pixels(ds)

    assert shown[0, :, 0].tolist() == [0, 0x55, 0xAA, 0xFF]


def test_a_palette_that_is_missing_is_named() -> None:
    frame = frame_of(picture(RAMP, PhotometricInterpretation="PALETTE COLOR"))

    with pytest.raises(NotDecodable, match="no usable palette"):
        render_frame(frame, RenderRequest())


# --- size and form -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        (Viewport(48, 48), (48, 24)),
        (Viewport(32, None), (32, 16)),
        (Viewport(None, 96), (192, 96)),
        (Viewport(1, 1), (1, 1)),
        (Viewport(100, 100, Region(10, 0, 20, 40)), (50, 100)),
    ],
)
def test_a_picture_fits_its_viewport_and_keeps_its_shape(
    viewport: Viewport, size: tuple[int, int]
) -> None:
    ds = picture(np.zeros((48, 96), np.uint8))

    shown = _pixels(ds, viewport=viewport)

    assert (shown.shape[1], shown.shape[0]) == size


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("PixelSpacing", ["1.0", "0.5"]),
        ("ImagerPixelSpacing", ["1", "0.5"]),
        ("PixelAspectRatio", ["2", "1"]),
    ],
)
def test_pixels_that_are_not_square_are_made_square_when_scaled(
    attribute: str, value: list[str]
) -> None:
    ds = picture(np.zeros((32, 64), np.uint8))
    setattr(ds, attribute, value)

    shown = _pixels(ds, viewport=Viewport(32, 32))

    assert shown.shape == (32, 32)


def test_a_region_is_cut_out() -> None:
    shown = _pixels(picture(RAMP), viewport=Viewport(4, 2, Region(3, 5, 4, 2)))

    np.testing.assert_array_equal(shown, RAMP[5:7, 3:7])


def test_a_negative_width_mirrors() -> None:
    shown = _pixels(picture(RAMP), viewport=Viewport(4, 2, Region(3, 5, -4, -2)))

    np.testing.assert_array_equal(shown, RAMP[5:7, 3:7][::-1, ::-1])


@pytest.mark.parametrize(
    "request_",
    [
        RenderRequest(window=Window(0, 0.5)),
        RenderRequest(window=Window(0, 0, WindowFunction.SIGMOID)),
        RenderRequest(window=Window(float("nan"), 10)),
        RenderRequest(quality=0),
        RenderRequest(quality=101),
        RenderRequest(viewport=Viewport(0, 10)),
        RenderRequest(viewport=Viewport(10, 1 << 20)),
        RenderRequest(viewport=Viewport(16_000, 16_000)),
        RenderRequest(viewport=Viewport(10, 10, Region(20, 0, 5, 5))),
        RenderRequest(viewport=Viewport(10, 10, Region(float("inf"), 0, 5, 5))),
    ],
)
def test_requests_without_sense_are_refused(request_: RenderRequest) -> None:
    with pytest.raises(RequestInvalid):
        render_frame(frame_of(picture(RAMP)), request_)


@pytest.mark.parametrize(
    ("picture_type", "name"),
    [(PictureType.JPEG, "JPEG"), (PictureType.PNG, "PNG"), (PictureType.GIF, "GIF")],
)
@pytest.mark.parametrize("ds", [ct_slice(), us_still()], ids=["grey", "colour"])
def test_each_type_of_picture_can_be_had(picture_type: PictureType, name: str, ds: Dataset) -> None:
    file = render_frame(frame_of(ds), RenderRequest(picture_type))

    opened = Image.open(io.BytesIO(file))
    assert opened.format == name
    assert opened.size == (ds.Columns, ds.Rows)


def test_lower_quality_makes_smaller_files() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8)
    frame = frame_of(picture(noise))

    sizes = [len(render_frame(frame, RenderRequest(quality=quality))) for quality in (5, 50, 95)]

    assert sizes == sorted(sizes)


def test_header_damage_beyond_the_pixel_description_is_refused() -> None:
    frame = frame_of(ct_slice())

    with pytest.raises(NotDecodable):
        render_frame(
            EncodedFrame(frame.header[:-1], frame.transfer_syntax_uid, 0, frame.data),
            RenderRequest(),
        )


def test_functional_groups_nested_without_end_are_refused() -> None:
    deep = b"\x00\x54\x00\x01SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000
    frame = frame_of(ct_slice())

    with pytest.raises(NotDecodable):
        render_frame(
            EncodedFrame(
                instance_of(ct_slice()).header + deep, frame.transfer_syntax_uid, 0, frame.data
            ),
            RenderRequest(),
        )

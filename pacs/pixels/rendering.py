"""One stored frame to a picture file: 8 bits, at the size asked for."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pacs.errors import RequestInvalid
from pacs.pixels.codecs import decode_samples, decoded_photometric_interpretation
from pacs.pixels.colour import rgb_from
from pacs.pixels.description import PixelDescription, describe_pixels, known_syntax
from pacs.pixels.grayscale import display_values, stored_values
from pacs.pixels.interfaces import EncodedFrame, PictureType, Region, RenderRequest, Viewport
from pacs.pixels.overlays import with_overlays
from pacs.pixels.palette import rgb_through_palette
from pacs.pixels.presentation import is_usable, read_presentation

MAX_VIEWPORT_SIDE = 16_384
MAX_VIEWPORT_PIXELS = 64 * 1024 * 1024
_PNG_LEVEL = 3  # of 9; twice the size of a screen's worth of pixels is cheaper than the wait
_SHARP_QUALITY = 90  # from here on colours are not halved: red text on ultrasound stays legible


def render_frame(frame: EncodedFrame, request: RenderRequest) -> bytes:
    """See PixelDecoder.render_frame."""
    _check(request)
    description = describe_pixels(frame.header, frame.transfer_syntax_uid, frame.pixel_tag)
    presentation = read_presentation(frame, description)
    samples = decode_samples(frame, description)
    coding = known_syntax(frame.transfer_syntax_uid).coding
    photometric_interpretation = decoded_photometric_interpretation(description, coding)
    if description.samples_per_pixel == 3:
        rgb = rgb_from(samples, photometric_interpretation, description.bits_stored)
        pixels = _eight_bits(rgb, description)
    elif photometric_interpretation == "PALETTE COLOR":
        pixels = rgb_through_palette(stored_values(samples, description), frame, description)
    else:
        pixels = display_values(samples, description, presentation, request.window)
    pixels = with_overlays(pixels, samples, frame, description)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if request.viewport is not None:
        picture = _fitted(picture, request.viewport, presentation.pixel_height)
    return _encoded(picture, request)


def _check(request: RenderRequest) -> None:
    if request.window is not None and not is_usable(request.window):
        raise RequestInvalid(
            f"a {request.window.function.value} window cannot have the width {request.window.width}"
        )
    if not 1 <= request.quality <= 100:
        raise RequestInvalid(f"quality is {request.quality}, not 1 to 100")
    viewport = request.viewport
    if viewport is None:
        return
    sides = [side for side in (viewport.width, viewport.height) if side is not None]
    if any(not 1 <= side <= MAX_VIEWPORT_SIDE for side in sides):
        raise RequestInvalid(f"a viewport has sides from 1 to {MAX_VIEWPORT_SIDE} pixels")


def _eight_bits(rgb: NDArray[Any], description: PixelDescription) -> NDArray[np.uint8]:
    if description.bits_stored == 8 and rgb.dtype == np.uint8:
        return rgb
    most = (1 << description.bits_stored) - 1
    return np.rint(np.clip(rgb.astype(np.float64), 0, most) * (255.0 / most)).astype(np.uint8)


def _fitted(picture: Image.Image, viewport: Viewport, pixel_height: float) -> Image.Image:
    """Cut out the region, then scale it into the viewport with pixels as square as in the body."""
    if viewport.region is not None:
        picture = _cut(picture, viewport.region)
    true_height = picture.height * pixel_height
    scales = []
    if viewport.width is not None:
        scales.append(viewport.width / picture.width)
    if viewport.height is not None:
        scales.append(viewport.height / true_height)
    scale = min(scales, default=1.0)
    size = (max(1, round(picture.width * scale)), max(1, round(true_height * scale)))
    if size[0] * size[1] > MAX_VIEWPORT_PIXELS or max(size) > MAX_VIEWPORT_SIDE:
        raise RequestInvalid(f"the picture would have {size[0]}x{size[1]} pixels")
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _cut(picture: Image.Image, region: Region) -> Image.Image:
    numbers = (region.left, region.top, region.width, region.height)
    if not all(math.isfinite(number) for number in numbers):
        raise RequestInvalid("a region needs finite numbers")
    left = max(math.floor(region.left), 0)
    top = max(math.floor(region.top), 0)
    right = min(math.ceil(region.left + abs(region.width)), picture.width)
    bottom = min(math.ceil(region.top + abs(region.height)), picture.height)
    if left >= right or top >= bottom:
        raise RequestInvalid("the region has nothing of the picture in it")
    picture = picture.crop((left, top, right, bottom))
    if region.width < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if region.height < 0:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return picture


def _encoded(picture: Image.Image, request: RenderRequest) -> bytes:
    buffer = io.BytesIO()
    if request.picture_type is PictureType.JPEG:
        halved = request.quality < _SHARP_QUALITY
        subsampling = "4:2:0" if halved else "4:4:4"
        picture.save(buffer, "JPEG", quality=request.quality, subsampling=subsampling)
    elif request.picture_type is PictureType.PNG:
        picture.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    else:
        # Greys keep one palette: some readers stumble over one that changes within a film.
        picture.save(buffer, "GIF", optimize=False)
    return buffer.getvalue()

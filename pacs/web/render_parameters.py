"""The parameters of rendered resources: window, viewport and quality. PS3.18 8.3.5.1."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from pacs.errors import RequestInvalid
from pacs.pixels.interfaces import Region, RenderRequest, Viewport, Window, WindowFunction

_FUNCTIONS: Mapping[str, WindowFunction] = {
    "linear": WindowFunction.LINEAR,
    "linear-exact": WindowFunction.LINEAR_EXACT,
    "sigmoid": WindowFunction.SIGMOID,
}
_MAX_SIDE = 16_384
_QUALITY = re.compile(r"[1-9][0-9]?|100")

_NOT_SUPPORTED = ("annotation", "iccprofile")


def warnings_about(parameters: Mapping[str, str]) -> list[str]:
    """What the asker may miss on the picture. PS3.18 8.3."""
    missed = [name for name in _NOT_SUPPORTED if name in parameters]
    return [f"The parameter {name} is not supported and was ignored." for name in missed]


def parse_render_request(parameters: Mapping[str, str], basis: RenderRequest) -> RenderRequest:
    """The basis changed by the parameters; RequestInvalid for a value without sense."""
    request = basis
    if "quality" in parameters:
        request = replace(request, quality=parse_quality(parameters["quality"]))
    if "viewport" in parameters:
        request = replace(request, viewport=_viewport(parameters["viewport"]))
    if "window" in parameters:
        request = replace(request, window=parse_window(parameters["window"]))
    return request


def parse_quality(text: str) -> int:
    """Of JPEG. PS3.18 8.3.5.1.2."""
    if not _QUALITY.fullmatch(text):
        raise RequestInvalid("quality is a whole number from 1 to 100")
    return int(text)


def parse_window(text: str) -> Window:
    """`center,width` or `center,width,function`. PS3.18 8.3.5.1.4."""
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) not in (2, 3):
        raise RequestInvalid("window is center,width,function")
    name = pieces[2].lower() if len(pieces) == 3 else "linear"
    if name not in _FUNCTIONS:
        raise RequestInvalid(f"the function of a window is one of {', '.join(_FUNCTIONS)}")
    center, width = _number("window", pieces[0]), _number("window", pieces[1])
    function = _FUNCTIONS[name]
    least = 1.0 if function is WindowFunction.LINEAR else 0.0
    if width < least or width == 0:
        raise RequestInvalid("the width of a window is too small")
    return Window(center, width, function)


def _viewport(text: str) -> Viewport:
    """`width,height` or `width,height,left,top,width,height`. PS3.18 8.3.5.1.3."""
    pieces = [piece.strip() for piece in text.split(",")]
    if len(pieces) not in (2, 6):
        raise RequestInvalid("viewport is vw,vh or vw,vh,sx,sy,sw,sh")
    width, height = (parse_side(piece) for piece in pieces[:2])
    if len(pieces) == 2:
        return Viewport(width, height)
    left, top, region_width, region_height = (_number("viewport", each) for each in pieces[2:])
    if region_width == 0 or region_height == 0:
        raise RequestInvalid("the region of a viewport is empty")
    return Viewport(width, height, Region(left, top, region_width, region_height))


def parse_side(text: str) -> int:
    """A width or height in pixels."""
    side = _number("viewport", text)
    if not 1 <= side <= _MAX_SIDE:
        raise RequestInvalid(f"the sides of a viewport are 1 to {_MAX_SIDE} pixels")
    return int(side)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise RequestInvalid(f"{name} is made of numbers") from error
    if not math.isfinite(number) or abs(number) > 1e12:
        raise RequestInvalid(f"{name} is made of numbers of usual size")
    return number

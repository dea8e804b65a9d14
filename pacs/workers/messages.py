"""How a request and its answer travel between the archive and a decoding process.

JSON for what is small, raw bytes for what is large. Never pickle: the process at the other end
reads hostile pictures, and what it answers must be unable to run anything here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pacs.pixels.interfaces import (
    EncodedFrame,
    NativeFrame,
    PictureType,
    Region,
    RenderRequest,
    Viewport,
    Window,
    WindowFunction,
)

HEAD = struct.Struct("<IQ")
"""Length of the JSON, length of all bytes behind it."""

MAX_JSON_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 1 << 31

ReadExactly = Callable[[int], bytes]


class MessageDamaged(Exception):
    """The other end does not keep to the form; it cannot be trusted any more."""


@dataclass(frozen=True)
class Message:
    """fields are JSON values; blobs keep their order."""

    fields: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


def pack(message: Message) -> list[bytes]:
    """The pieces to write, in order; blobs are not copied."""
    text = json.dumps({**message.fields, "sizes": [len(blob) for blob in message.blobs]}).encode()
    return [HEAD.pack(len(text), sum(map(len, message.blobs))) + text, *message.blobs]


def unpack(read_exactly: ReadExactly) -> Message:
    """Read one message. Raises MessageDamaged, and what read_exactly raises."""
    text_length, payload_length = HEAD.unpack(read_exactly(HEAD.size))
    if text_length > MAX_JSON_BYTES or payload_length > MAX_PAYLOAD_BYTES:
        raise MessageDamaged("a message is larger than any can be")
    try:
        fields = json.loads(read_exactly(text_length))
        sizes = [int(size) for size in fields.pop("sizes")]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise MessageDamaged("a message is not the JSON it should be") from error
    if sum(sizes) != payload_length or min(sizes, default=0) < 0:
        raise MessageDamaged("a message does not add up")
    return Message(fields, tuple(read_exactly(size) for size in sizes))


def pack_frame(work: str, frame: EncodedFrame, **fields: object) -> Message:
    named = {
        "work": work,
        "transfer_syntax_uid": frame.transfer_syntax_uid,
        "frame_index": frame.frame_index,
        "pixel_tag": frame.pixel_tag,
        "pixel_vr": frame.pixel_vr,
    }
    return Message({**named, **fields}, (frame.header, frame.data))


def unpack_frame(message: Message) -> EncodedFrame:
    header, data = message.blobs
    return EncodedFrame(
        header=header,
        data=data,
        transfer_syntax_uid=message.fields["transfer_syntax_uid"],
        frame_index=message.fields["frame_index"],
        pixel_tag=message.fields["pixel_tag"],
        pixel_vr=message.fields["pixel_vr"],
    )


def pack_native(frame: NativeFrame) -> Message:
    fields = {name: value for name, value in vars(frame).items() if name != "data"}
    return Message({"native": fields}, (frame.data,))


_NATIVE_TYPES: dict[str, type] = {
    "rows": int,
    "columns": int,
    "samples_per_pixel": int,
    "bits_allocated": int,
    "bits_stored": int,
    "pixel_representation": int,
    "photometric_interpretation": str,
    "is_float": bool,
}


def unpack_native(message: Message) -> NativeFrame:
    """Raises MessageDamaged."""
    fields = message.fields.get("native")
    if not isinstance(fields, dict) or fields.keys() != _NATIVE_TYPES.keys():
        raise MessageDamaged("an answer is not a native frame")
    if any(type(fields[name]) is not kind for name, kind in _NATIVE_TYPES.items()):
        raise MessageDamaged("a native frame has values of another type")
    return NativeFrame(data=_single(message.blobs), **fields)


def unpack_data(message: Message) -> bytes:
    """Raises MessageDamaged."""
    return _single(message.blobs)


def _single(blobs: Sequence[bytes]) -> bytes:
    if len(blobs) != 1:
        raise MessageDamaged("an answer has not exactly one piece of data")
    return blobs[0]


def request_fields(request: RenderRequest) -> dict[str, Any]:
    return asdict(request)


def request_from(fields: dict[str, Any]) -> RenderRequest:
    viewport, window = fields["viewport"], fields["window"]
    if viewport is not None:
        region = viewport["region"] and Region(**viewport["region"])
        viewport = Viewport(viewport["width"], viewport["height"], region)
    if window is not None:
        function = WindowFunction(window["function"])
        window = Window(window["center"], window["width"], function)
    return RenderRequest(PictureType(fields["picture_type"]), viewport, window, fields["quality"])

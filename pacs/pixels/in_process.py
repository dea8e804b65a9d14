"""A PixelDecoder that works where it is called, without limits: for pixels that are trusted."""

from __future__ import annotations

from collections.abc import Iterator

from pacs.pixels import conversion, decoding, rendering, transcode
from pacs.pixels.interfaces import EncodedFrame, EncodedInstance, NativeFrame, RenderRequest


class InProcessDecoder:
    """Keeps no state."""

    def decode_frame(self, frame: EncodedFrame) -> NativeFrame:
        return decoding.decode_frame(frame)

    def render_frame(self, frame: EncodedFrame, request: RenderRequest) -> bytes:
        return rendering.render_frame(frame, request)

    def transcode_frame(self, frame: EncodedFrame, transfer_syntax_uid: str) -> bytes:
        return transcode.transcode_frame(frame, transfer_syntax_uid)

    def convert_instance(
        self, instance: EncodedInstance, transfer_syntax_uid: str
    ) -> Iterator[bytes]:
        return conversion.convert_instance(self, instance, transfer_syntax_uid)

    def same_pixels(self, one: EncodedInstance, other: EncodedInstance) -> bool:
        return conversion.same_pixels(self, one, other)

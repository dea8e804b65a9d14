"""The way out for single frames: as stored, decoded, re-encoded, or as a picture."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from pacs.errors import NotAcceptable, NotDecodable
from pacs.pixels.animation import animated
from pacs.pixels.frames import FrameTable, encoded_frame, locate_frames, native_frame_bytes
from pacs.pixels.interfaces import (
    EncodedFrame,
    EncodedInstance,
    NativeFrame,
    PixelDecoder,
    RenderRequest,
    Viewport,
)
from pacs.pixels.timing import frame_durations_ms
from pacs.storage.encoded import encoded_from_store
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import StoredInstance

_KEPT_OPEN = 512
_KEPT_HEADER_BYTES = 256 * 1024
MAX_ANIMATED_FRAMES = 1000
MAX_ANIMATED_PIXELS = 256 * 1024 * 1024
"""Of all frames together: about half a minute of one core."""


@dataclass(frozen=True)
class _Opened:
    encoded: EncodedInstance
    table: FrameTable


class Frames:
    """Reads frames of instances that `Retrieval.instances` allowed. Safe for several threads."""

    def __init__(self, *, reader: InstanceReader, decoder: PixelDecoder) -> None:
        self._reader = reader
        self._decoder = decoder
        # By the key of the object, for an instance can get another one.
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        self._lock = threading.Lock()

    def frame_count(self, instance: StoredInstance) -> int:
        """How many frames can be had. Raises NotDecodable when there are none at all."""
        return self._open(instance).table.frame_count

    def encoded(self, instance: StoredInstance, frame_number: int) -> bytes:
        """The frame as stored, fragments joined. frame_number from 1.

        Raises NotFound past the last frame, NotDecodable for a frame that is announced but absent.
        """
        return self._frame(instance, frame_number).data

    def native(self, instance: StoredInstance, frame_number: int) -> NativeFrame:
        """The frame decoded, little endian. Errors as `encoded`, and those of PixelDecoder."""
        return self._decoder.decode_frame(self._frame(instance, frame_number))

    def transcoded(
        self, instance: StoredInstance, frame_number: int, transfer_syntax_uid: str
    ) -> bytes:
        """The frame encoded without loss in this syntax. Also raises NotAcceptable."""
        frame = self._frame(instance, frame_number)
        return self._decoder.transcode_frame(frame, transfer_syntax_uid)

    def rendered(
        self, instance: StoredInstance, frame_number: int, request: RenderRequest
    ) -> bytes:
        """The frame as a picture file. Errors as `encoded`, and those of PixelDecoder."""
        return self._decoder.render_frame(self._frame(instance, frame_number), request)

    def animated(self, instance: StoredInstance, request: RenderRequest) -> Iterator[bytes]:
        """All frames as one GIF that moves at the speed they were taken, piece by piece.

        The first piece is made when it is taken. Raises NotAcceptable for more than one answer
        should cost, else errors as `rendered`; those of a later frame in the middle.
        """
        opened = self._open(instance)
        encoded, table = opened.encoded, opened.table
        count = table.frame_count
        _check_cost(count, table.description.pixels, request.viewport)
        frames = (encoded_frame(encoded, table, index) for index in range(count))
        stills = (self._decoder.render_frame(frame, request) for frame in frames)
        durations = frame_durations_ms(encoded.header, encoded.transfer_syntax_uid, count)
        return animated(stills, durations)

    def native_bytes(self, instance: StoredInstance, frame_number: int) -> bytes | None:
        """The frame as Explicit VR Little Endian has it, when it is stored natively.

        Colour by plane stays as it is: the metadata beside it says Planar Configuration 1.
        None when the frame must be decoded or cut out bit by bit first.
        """
        table = self._open(instance).table
        if table.ranges is not None:
            return None
        return native_frame_bytes(self._frame(instance, frame_number), table)

    def _frame(self, instance: StoredInstance, frame_number: int) -> EncodedFrame:
        opened = self._open(instance)
        return encoded_frame(opened.encoded, opened.table, frame_number - 1)

    def _open(self, instance: StoredInstance) -> _Opened:
        if instance.pixels is None:
            raise NotDecodable(
                f"instance {instance.identity.sop_instance_uid} has no pixels to show"
            )
        with self._lock:
            opened = self._opened.get(instance.stored.key)
            if opened is not None:
                self._opened.move_to_end(instance.stored.key)
                return opened
        encoded = encoded_from_store(self._reader, instance)
        opened = _Opened(encoded, locate_frames(encoded))
        self._keep(instance, opened)
        return opened

    def _keep(self, instance: StoredInstance, opened: _Opened) -> None:
        # What was inflated hangs on its `read`, so only plain instances are kept.
        plain = instance.transfer_syntax_uid == opened.encoded.transfer_syntax_uid
        if not plain or len(opened.encoded.header) > _KEPT_HEADER_BYTES:
            return
        with self._lock:
            self._opened[instance.stored.key] = opened
            while len(self._opened) > _KEPT_OPEN:
                self._opened.popitem(last=False)


def _check_cost(frame_count: int, stored_pixels: int, viewport: Viewport | None) -> None:
    shown_pixels = 0
    if viewport is not None and viewport.width and viewport.height:
        shown_pixels = viewport.width * viewport.height
    pixels = frame_count * max(stored_pixels, shown_pixels)
    if frame_count > MAX_ANIMATED_FRAMES:
        raise NotAcceptable(
            f"a GIF has at most {MAX_ANIMATED_FRAMES} frames, the instance has {frame_count}; "
            "ask for single frames"
        )
    if pixels > MAX_ANIMATED_PIXELS:
        raise NotAcceptable(
            f"a GIF of all {frame_count} frames would have {pixels} pixels, more than "
            f"{MAX_ANIMATED_PIXELS}; ask for single frames or a smaller viewport"
        )

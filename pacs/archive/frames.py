"""The way out for single frames: as stored, decoded, re-encoded, or as a picture."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from pacs.errors import NotDecodable
from pacs.pixels.frames import FrameTable, encoded_frame, locate_frames, native_frame_bytes
from pacs.pixels.interfaces import (
    EncodedFrame,
    EncodedInstance,
    NativeFrame,
    PixelDecoder,
    RenderRequest,
)
from pacs.storage.encoded import encoded_from_store
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import StoredInstance

_KEPT_OPEN = 512
_KEPT_HEADER_BYTES = 256 * 1024


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

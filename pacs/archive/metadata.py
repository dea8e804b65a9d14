"""What is known of instances beside their pixels, as DICOM JSON, prepared per series."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from pacs.archive.overlaid import opened
from pacs.dicom.elements import RawDataSet, RawElement, read_elements
from pacs.dicom.json import JsonDataSet, json_attribute, json_data_set
from pacs.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax, transfer_syntax
from pacs.errors import NotFound
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import InstanceIndex, Selection, SeriesState, StoredInstance

_AVAILABLE_TRANSFER_SYNTAX_UID = "00083002"
_KEPT_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_VR_OF_PIXELS = {0x7FE00008: "OF", 0x7FE00009: "OD"}


@dataclass(frozen=True)
class BulkData:
    """A value that metadata names by URI, little endian."""

    media_type: str
    size_bytes: int
    content: bytes

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), _PIECE_BYTES):
            yield self.content[start : start + _PIECE_BYTES]


class Metadata:
    """Makes metadata when asked and keeps it as long as the series does not change."""

    def __init__(self, *, index: InstanceIndex, reader: InstanceReader) -> None:
        self._index = index
        self._reader = reader
        self._kept: OrderedDict[tuple[int, int, str], bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def series(self, state: SeriesState, base_url: str, scope: Scope) -> bytes:
        """A gzipped JSON array with an object per instance of the series.

        base_url  of the DICOMweb service, with which bulk data URIs begin.
        Raises NotAllowed, ObjectMissing, TryAgain.
        """
        scope.require(Right.RETRIEVE)
        key = (state.series_id, state.revision, base_url)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._make_series(state, base_url)
        self._keep(key, made)
        return made

    def instance(self, instance: StoredInstance, base_url: str) -> JsonDataSet:
        """The metadata of one instance that `Retrieval.instances` allowed."""
        url = instance_url(instance, base_url)
        written = json_data_set(
            self._elements(instance), bulk_data_uri=lambda path: f"{url}/bulkdata/{path}"
        )
        if instance.pixels is not None:
            tag = instance.pixels.tag
            uri = {"vr": _VR_OF_PIXELS.get(tag, "OW"), "BulkDataURI": f"{url}/bulkdata/{tag:08X}"}
            written[f"{tag:08X}"] = uri
        written[_AVAILABLE_TRANSFER_SYNTAX_UID] = json_attribute("UI", instance.transfer_syntax_uid)
        return written

    def first_header(self, selection: Selection) -> RawDataSet | None:
        """The elements of the first instance of the selection, None when it has none."""
        instance = next(iter(self._index.instances(selection)), None)
        return self._elements(instance) if instance is not None else None

    def bulk_data(self, instance: StoredInstance, path: str) -> BulkData:
        """The value at a path such as `00880200/1/7FE00010`. Raises NotFound."""
        found: RawDataSet | RawElement | None = self._elements(instance)
        for step in path.strip("/").split("/"):
            found = _step(found, step)
        if not isinstance(found, RawElement) or found.items is not None:
            raise NotFound(f"instance {instance.identity.sop_instance_uid} has no value at {path}")
        return BulkData("application/octet-stream", len(found.value), bytes(found.value))

    def _make_series(self, state: SeriesState, base_url: str) -> bytes:
        selection = Selection(
            study_instance_uids=(state.study_instance_uid,),
            series_instance_uids=(state.series_instance_uid,),
        )
        texts = [
            orjson.dumps(self.instance(instance, base_url))
            for instance in self._index.instances(selection)
        ]
        return gzip.compress(b"[" + b",".join(texts) + b"]", compresslevel=4, mtime=0)

    def _keep(self, key: tuple[int, int, str], made: bytes) -> None:
        with self._lock:
            self._kept_bytes += len(made) - len(self._kept.get(key, b""))
            self._kept[key] = made
            while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)

    def _elements(self, instance: StoredInstance) -> RawDataSet:
        """All elements but the pixels, which are not read."""
        encoded = opened(self._reader, instance)
        syntax = _syntax(encoded.transfer_syntax_uid)
        return read_elements(memoryview(encoded.header + self._tail(instance)), syntax)

    def _tail(self, instance: StoredInstance) -> bytes:
        """What follows native pixels, as a digital signature would."""
        pixels, stored = instance.pixels, instance.stored
        if pixels is None or pixels.length is None or _is_deflated(instance):
            return b""
        end = pixels.offset + pixels.length
        return self._reader.part(stored, end, stored.data_set_size - end)


def instance_url(instance: StoredInstance, base_url: str) -> str:
    """Where an instance is found under the DICOMweb service."""
    names = instance.identity
    return (
        f"{base_url}/studies/{names.study_instance_uid}/series/{names.series_instance_uid}"
        f"/instances/{names.sop_instance_uid}"
    )


def _syntax(uid: str) -> TransferSyntax:
    found = transfer_syntax(uid) or transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    if found is None:
        raise NotFound(f"transfer syntax {uid}")
    return found


def _is_deflated(instance: StoredInstance) -> bool:
    return _syntax(instance.transfer_syntax_uid).deflated


def _step(found: RawDataSet | RawElement | None, step: str) -> RawDataSet | RawElement | None:
    try:
        if isinstance(found, RawDataSet):
            return found.elements.get(int(step, 16))
        if isinstance(found, RawElement) and found.items is not None:
            return found.items[int(step) - 1] if int(step) >= 1 else None
    except (ValueError, IndexError):
        return None
    return None

"""STOW-RS from metadata and bulk data: instances put together from JSON or XML. PS3.18 10.5.

Of JSON the first part holds all data sets, of XML each part holds one; every other part is a value
that they name by its Content-Location.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from pacs.dicom.transfer_syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    OVER_THE_WEB_AS_EXPLICIT,
    transfer_syntax,
)
from pacs.errors import ArchiveError, InstanceUnreadable, LimitExceeded, RequestInvalid
from pacs.storage.interfaces import Chunk
from pacs.web.media_types import DICOM, DICOM_JSON, DICOM_XML, MediaType, parse_media_type
from pacs.web.native_dicom_model_reader import read_native_dicom_model
from pacs.web.stow_answer import Failed, Outcome
from pacs.web.stow_parts import ArrivingParts

_PIXEL_DATA = "7FE00010"
_TRANSFER_SYNTAX_UID = "00020010"
_AVAILABLE_TRANSFER_SYNTAX_UID = "00083002"
# What pydicom raises for JSON that is no data set; RecursionError for one nested without end.
_UNBUILDABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class _Bulk:
    media_type: MediaType
    content: bytes


Json = dict[str, Any]


def _read_json(metadata: bytes) -> list[Json]:
    try:
        found = orjson.loads(metadata)
    except ValueError as error:
        raise RequestInvalid("the metadata are no JSON") from error
    data_sets = found if isinstance(found, list) else [found]
    if not all(isinstance(data_set, dict) for data_set in data_sets):
        raise RequestInvalid("the metadata are no DICOM JSON: an array of objects")
    return data_sets


def _read_xml(metadata: bytes) -> list[Json]:
    return [read_native_dicom_model(metadata)]


_READERS: Mapping[str, Callable[[bytes], list[Json]]] = {
    DICOM_JSON: _read_json,
    DICOM_XML: _read_xml,
}
METADATA_TYPES = frozenset(_READERS)


class MetadataParts:
    """A PartReceiver that keeps all parts, then hands whole instances on to `target`.

    metadata_type  one of METADATA_TYPES.
    max_bytes  of all parts together, which are held in memory.
    """

    def __init__(self, target: ArrivingParts, *, metadata_type: str, max_bytes: int) -> None:
        self._target = target
        self._metadata_type = metadata_type
        self._read = _READERS[metadata_type]
        self._max_bytes = max_bytes
        self._kept_bytes = 0
        self._headers: Mapping[str, str] = {}
        self._content = bytearray()
        self._metadata: list[bytes] = []
        self._bulk: dict[str, _Bulk] = {}

    def begin_part(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._content = bytearray()

    def receive(self, chunk: Chunk) -> None:
        self._kept_bytes += len(chunk)
        if self._kept_bytes > self._max_bytes:
            raise LimitExceeded(f"metadata and bulk data have more than {self._max_bytes} bytes")
        self._content += chunk

    def end_part(self) -> None:
        media_type = parse_media_type(self._headers.get("content-type", ""))
        if media_type is None:
            raise RequestInvalid("a part has no Content-Type")
        content = bytes(self._content)
        if media_type.name == self._metadata_type:
            self._metadata.append(content)
            return
        location = self._headers.get("content-location")
        if not location:
            raise RequestInvalid("a part with bulk data has no Content-Location")
        self._bulk[location] = _Bulk(media_type, content)

    def break_off(self, error: ArchiveError) -> None:
        """Nothing is stored of a body that ends too early: any value may be missing."""
        self._metadata = []
        self._target.break_off(error)

    def outcomes(self) -> list[Outcome]:
        # All are read before the first is stored: a request that cannot be read stores nothing.
        for data_set in [each for part in self._metadata for each in self._read(part)]:
            self._hand_on(data_set)
        return self._target.outcomes()

    def close(self) -> None:
        self._target.close()

    def _hand_on(self, data_set: Json) -> None:
        try:
            assembled = self._assembled(data_set)
        except ArchiveError as error:
            self._target.add_failure(Failed(error))
            return
        self._target.begin_part({"content-type": DICOM})
        self._target.receive(assembled)
        self._target.end_part()

    def _assembled(self, data_set: Json) -> bytes:
        """The DICOM file of one data set. Raises InstanceUnreadable, RequestInvalid."""
        try:
            with warnings.catch_warnings():
                # pydicom warns of values that break the rules; they are kept as they came.
                warnings.simplefilter("ignore")
                return self._file(data_set)
        except _UNBUILDABLE as error:
            raise InstanceUnreadable(f"the metadata cannot be made a data set: {error}") from error

    def _file(self, data_set: Json) -> bytes:
        uid = self._transfer_syntax_uid(data_set)
        kept = {tag: element for tag, element in data_set.items() if not tag.startswith("0002")}
        kept.pop(_AVAILABLE_TRANSFER_SYNTAX_UID, None)
        ds = Dataset.from_json(kept, bulk_data_uri_handler=lambda _tag, _vr, uri: self._value(uri))
        if "SpecificCharacterSet" in ds or not orjson.dumps(kept).isascii():
            ds.SpecificCharacterSet = "ISO_IR 192"
        syntax = transfer_syntax(uid)
        if syntax is not None and syntax.is_encapsulated and "PixelData" in ds:
            if int(ds.get("NumberOfFrames") or 1) != 1:
                raise RequestInvalid("several compressed frames cannot be put together")
            ds.PixelData = encapsulate([ds.PixelData])
            ds["PixelData"].VR = "OB"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = UID(uid)
        ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
        ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
        written = io.BytesIO()
        ds.save_as(written, enforce_file_format=True)
        return written.getvalue()

    def _transfer_syntax_uid(self, data_set: Json) -> str:
        """Of the part with the pixels, else what the metadata say, else the default."""
        pixels = data_set.get(_PIXEL_DATA)
        uri = pixels.get("BulkDataURI") if isinstance(pixels, dict) else None
        if isinstance(uri, str) and uri in self._bulk:
            named = self._bulk[uri].media_type.parameters.get("transfer-syntax")
            return named or EXPLICIT_VR_LITTLE_ENDIAN
        for tag in (_TRANSFER_SYNTAX_UID, _AVAILABLE_TRANSFER_SYNTAX_UID):
            element = data_set.get(tag)
            values = element.get("Value") if isinstance(element, dict) else None
            syntax = transfer_syntax(values[0]) if isinstance(values, list) and values else None
            if syntax is not None and syntax.uid not in OVER_THE_WEB_AS_EXPLICIT:
                return syntax.uid
        return EXPLICIT_VR_LITTLE_ENDIAN

    def _value(self, uri: str) -> bytes:
        found = self._bulk.get(uri)
        if found is None:
            raise KeyError(f"no part has the Content-Location {uri[:200]!r}")
        return found.content

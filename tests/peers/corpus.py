"""The shared corpus as a sender sees it: files with their identifiers, read by pydicom alone."""

from __future__ import annotations

import csv
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from pacs.destinations import Outgoing
from pacs.errors import NotAcceptable

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT = "1.2.840.10008.1.2.1"
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass(frozen=True)
class Sample:
    """One file. Of identifiers that are absent or cannot be read: empty.

    offset  where the data set begins.
    """

    name: str
    path: Path
    is_valid: bool
    offset: int
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str

    @property
    def is_named(self) -> bool:
        """Whether it has the three UIDs without which nothing is stored."""
        return bool(self.study_instance_uid and self.series_instance_uid and self.sop_instance_uid)

    def data_set(self) -> bytes:
        return self.path.read_bytes()[self.offset :]

    def outgoing(self) -> Outgoing:
        """As its own sender would send it: announced by what the data set says, bytes untouched."""
        return Outgoing(
            sop_class_uid=self.sop_class_uid or SECONDARY_CAPTURE,
            sop_instance_uid=self.sop_instance_uid or "1.2.3.4",
            transfer_syntax_uid=self.transfer_syntax_uid,
            data_set=self._untouched,
        )

    def _untouched(self, transfer_syntax_uid: str) -> Iterator[bytes]:
        if transfer_syntax_uid != self.transfer_syntax_uid:
            raise NotAcceptable(f"{self.name} is sent in its own transfer syntax or not at all")
        return iter((self.data_set(),))


def samples(corpus: Path) -> list[Sample]:
    """All files of the manifest, in its order."""
    with (corpus / "MANIFEST.csv").open(newline="", encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    return [_sample(corpus, row["path"], row["expected"] == "valid") for row in rows]


def _sample(corpus: Path, name: str, is_valid: bool) -> Sample:
    path = corpus / name
    ds = _read(path)
    meta = getattr(ds, "file_meta", Dataset())
    study, series, instance = (str(ds.get(keyword, "") or "") for keyword in _NEEDED)
    return Sample(
        name=name,
        path=path,
        is_valid=is_valid,
        offset=_data_set_offset(path.read_bytes()),
        sop_class_uid=str(ds.get("SOPClassUID", "") or meta.get("MediaStorageSOPClassUID", "")),
        sop_instance_uid=instance,
        study_instance_uid=study,
        series_instance_uid=series,
        transfer_syntax_uid=str(meta.get("TransferSyntaxUID", "") or EXPLICIT),
    )


def _read(path: Path) -> Dataset:
    """The identifiers, or nothing of a file that pydicom cannot read either."""
    wanted = ["SOPClassUID", *_NEEDED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dcmread(path, force=True, stop_before_pixels=True, specific_tags=wanted)
        except (ValueError, EOFError, RecursionError, OSError, zlib.error, NotImplementedError):
            return Dataset()


def _data_set_offset(raw: bytes) -> int:
    """Behind preamble and file meta information, whose elements are all explicit."""
    magic = raw.find(b"DICM", 0, 132)
    offset = magic + 4 if magic in (0, 128) else 0
    while raw[offset : offset + 2] == b"\x02\x00" and offset + 8 <= len(raw):
        is_long = raw[offset + 4 : offset + 6] in (b"OB", b"UN", b"OW", b"SQ", b"UT")
        at = offset + 8 if is_long else offset + 6
        size = 4 if is_long else 2
        offset = at + size + int.from_bytes(raw[at : at + size], "little")
    return offset

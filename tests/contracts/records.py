"""Instance records by intent: what an index is given when an instance arrives."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime
from uuid import uuid4

from pacs.dicom.identity import InstanceIdentity
from pacs.storage.interfaces import InstanceRecord, PixelLocation, Sender, StoredBytes, Value

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

RECEIVED = datetime(2026, 1, 31, 8, 15, 0, 123456, tzinfo=UTC)
PIXELS = PixelLocation(tag=0x7FE00010, offset=1000, length=8192, header_length=988)

_numbers = itertools.count(1)


def new_uid() -> str:
    return f"1.2.826.0.1.3680043.10.999.{next(_numbers)}"


def record(
    *,
    study: str | None = None,
    series: str | None = None,
    instance: str | None = None,
    sop_class: str = CT_IMAGE_STORAGE,
    transfer_syntax_uid: str = EXPLICIT_LITTLE_ENDIAN,
    content: str = "content",
    pixels: PixelLocation | None = PIXELS,
    number_of_frames: int = 1,
    received: datetime = RECEIVED,
    **values: Value,
) -> InstanceRecord:
    """A record; `values` by keyword (`PatientName="Đỗ^Văn An"`). UIDs are new unless given."""
    identity = InstanceIdentity(
        study_instance_uid=study or new_uid(),
        series_instance_uid=series or new_uid(),
        sop_instance_uid=instance or new_uid(),
        sop_class_uid=sop_class,
    )
    return InstanceRecord(
        identity=identity,
        transfer_syntax_uid=transfer_syntax_uid,
        stored=stored_bytes(content),
        pixels=pixels,
        number_of_frames=number_of_frames,
        received=received,
        sender=Sender("C-STORE", "CT1", "192.0.2.7"),
        values=values,
    )


def stored_bytes(content: str) -> StoredBytes:
    return StoredBytes(
        store="folder",
        key=f"o/2026/01/31/{uuid4()}",
        offset=0,
        head_size=400,
        data_set_size=9200,
        head_sha256=hashlib.sha256(b"head").hexdigest(),
        data_set_sha256=hashlib.sha256(content.encode()).hexdigest(),
    )

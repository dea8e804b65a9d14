"""Requests and answers of DICOMweb, written by hand so that the door is not tested by itself."""

from __future__ import annotations

import email.parser
import email.policy
from dataclasses import dataclass
from typing import Any

import httpx
from pydicom.dataset import Dataset

from tests.encodings import file_bytes

BOUNDARY = "ranh-gioi"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
DICOM_PARTS = 'multipart/related; type="application/dicom"'
OCTET_PARTS = 'multipart/related; type="application/octet-stream"'


@dataclass(frozen=True)
class ReceivedPart:
    content_type: str
    content: bytes


def multipart_body(
    *contents: bytes, content_type: str = "application/dicom", boundary: str = BOUNDARY
) -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode() + content + b"\r\n"
        for content in contents
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def stow_request(*data_sets: Dataset) -> tuple[bytes, dict[str, str]]:
    """Body and headers that store these data sets."""
    return multipart_body(*map(file_bytes, data_sets)), {"Content-Type": STOW_TYPE}


def parts_of(answer: httpx.Response) -> list[ReceivedPart]:
    """The parts of a multipart answer, taken apart by Python's own mail parser."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(
        head + answer.content
    )
    assert not message.defects
    parts: list[Any] = message.get_payload()  # type: ignore[assignment]  # of a multipart: a list
    return [ReceivedPart(str(part["content-type"]), _content_of(part)) for part in parts]


def _content_of(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def study_path(ds: Dataset) -> str:
    return f"/dicom-web/studies/{ds.StudyInstanceUID}"


def series_path(ds: Dataset) -> str:
    return f"{study_path(ds)}/series/{ds.SeriesInstanceUID}"


def instance_path(ds: Dataset) -> str:
    return f"{series_path(ds)}/instances/{ds.SOPInstanceUID}"


def values(data_set: dict[str, Any], tag: str) -> list[Any]:
    """The values of an element of DICOM JSON; [] when it is empty or absent."""
    found: list[Any] = data_set.get(tag, {}).get("Value", [])
    return found


def value(data_set: dict[str, Any], tag: str) -> Any:
    (only,) = values(data_set, tag)
    return only

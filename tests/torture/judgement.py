"""Looks at an archive from outside after a fault: is all there that was acknowledged?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from tests.torture.load import Record
from tests.torture.service import Service
from tests.web.requests import DICOM_PARTS

_TIMEOUT_S = 60.0
_UID = "00080018"
_PREAMBLE_AND_PREFIX = 132
_MOST = 5000


@dataclass(frozen=True)
class Judgement:
    """How many instances.

    lost      acknowledged, but not listed or not to be had.
    corrupt   to be had with other bytes than were sent.
    phantom   listed, but not to be had, or never sent.
    """

    acknowledged: int
    lost: int
    corrupt: int
    phantom: int

    @property
    def is_clean(self) -> bool:
        return (self.lost, self.corrupt, self.phantom) == (0, 0, 0)


def judge(service: Service, record: Record) -> Judgement:
    """Ask for every instance of every study, and compare."""
    listed: set[str] = set()
    found: dict[str, str] = {}
    with httpx.Client(base_url=service.base_url, timeout=_TIMEOUT_S) as client:
        for study in sorted(record.studies):
            uids = _listed(client, study)
            listed |= set(uids)
            found.update(_digests(client, study, uids))
    wrong = {uid for uid, digest in found.items() if digest != record.sent.get(uid, digest)}
    absent = listed - set(found)
    return Judgement(
        acknowledged=len(record.acknowledged),
        lost=len(record.acknowledged - set(found)),
        corrupt=len(wrong),
        phantom=len(absent - record.acknowledged) + len(listed - set(record.sent)),
    )


def _listed(client: httpx.Client, study: str) -> dict[str, str]:
    """The series of each instance of the study, by QIDO-RS."""
    series: dict[str, str] = {}
    while True:
        page = {"limit": _MOST, "offset": len(series)}
        answer = client.get(f"/dicom-web/studies/{study}/instances", params=page)
        rows = answer.json() if answer.status_code == 200 else []
        assert answer.status_code in (200, 204), answer.text
        before = len(series)
        series.update({row[_UID]["Value"][0]: row["0020000E"]["Value"][0] for row in rows})
        if len(series) == before:
            return series


def _digests(client: httpx.Client, study: str, series_of: dict[str, str]) -> dict[str, str]:
    """The SHA-256 of the data set of each instance that can be had."""
    if not series_of:
        return {}
    try:
        return dict(_read(client, f"/dicom-web/studies/{study}"))
    except httpx.HTTPError:
        found: dict[str, str] = {}
        for uid, series in series_of.items():
            try:
                url = f"/dicom-web/studies/{study}/series/{series}/instances/{uid}"
                found.update(_read(client, url))
            except httpx.HTTPError:
                continue
        return found


def _read(client: httpx.Client, url: str) -> Iterator[tuple[str, str]]:
    """Raises httpx.HTTPError when not all of it can be had."""
    answer = client.get(url, headers={"Accept": f"{DICOM_PARTS}; transfer-syntax=*"})
    answer.raise_for_status()
    boundary = answer.headers["content-type"].partition("boundary=")[2].partition(";")[0].strip('"')
    parts = answer.content.split(f"--{boundary}".encode())
    for part in parts[1:-1]:
        file = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        yield _uid_of(file), hashlib.sha256(_data_set_of(file)).hexdigest()


def _data_set_of(file: bytes) -> bytes:
    """What follows the file meta information, by its group length. PS3.10 7.1."""
    length_at = _PREAMBLE_AND_PREFIX + 8
    group_length = int.from_bytes(file[length_at : length_at + 4], "little")
    return file[length_at + 4 + group_length :]


def _uid_of(file: bytes) -> str:
    """Media Storage SOP Instance UID (0002,0003) of the file meta information."""
    at = file.index(b"\x02\x00\x03\x00UI") + 6
    length = int.from_bytes(file[at : at + 2], "little")
    return file[at + 2 : at + 2 + length].rstrip(b"\0").decode("ascii")

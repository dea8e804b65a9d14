"""Every file of the shared corpus goes in by C-STORE and comes out by QIDO, C-GET and WADO-RS.

Sent byte for byte by a sender of our own, and once more by DCMTK where DCMTK knows the syntax.
"""

from __future__ import annotations

import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pacs.peers import Peer
from pacs.scope import system_scope
from pacs.scu.send import Sender
from pacs.storage.interfaces import Selection
from pacs.storage.sql_migrations import migrate
from tests.archives import RunningArchive, running, settings_for
from tests.needs import Need
from tests.peers.corpus import Sample, samples
from tests.peers.programs import run
from tests.scp.sending import get, keys
from tests.servers import PostgreSQLServer, S3Server

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

SUCCESS, KEPT_ASIDE, REFUSED, UNREADABLE = 0x0000, 0xB000, 0xA900, 0xC000
NOT_NEGOTIATED = -1
PIXEL_DATA, PADDING = 0x7FE00010, 0xFFFCFFFC
SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
IMPLICIT, BIG_ENDIAN, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1"

STORESCU_OPTIONS: dict[str, str] = {
    IMPLICIT: "-xi",
    EXPLICIT: "-xe",
    BIG_ENDIAN: "-xb",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.5": "-xr",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.4.100": "-xm",
    "1.2.840.10008.1.2.4.102": "-xn",
    "1.2.840.10008.1.2.4.107": "-x4",
}
"""What DCMTK 3.6.7's storescu can propose."""


@dataclass(frozen=True)
class Passage:
    """The archive after everything was sent, and what it answered to each file."""

    archive: RunningArchive
    statuses: dict[str, int]
    valid: list[Sample]
    malformed: list[Sample]

    def status(self, sample: Sample) -> int:
        return self.statuses[sample.name]

    def served(self) -> list[Sample]:
        """Valid files whose own bytes are what the archive serves under their UID."""
        first: dict[str, Sample] = {}
        for sample in self.valid:
            if sample.is_named:
                first.setdefault(sample.sop_instance_uid, sample)
        return list(first.values())


@pytest.fixture(scope="module", params=["folder+sqlite", "s3+postgresql"])
def passage(
    request: pytest.FixtureRequest, need: Need, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Passage]:
    """The whole corpus sent, valid files first.

    Of these the big endian ones come first: all share their UIDs with files in other syntaxes, and
    only the first under a UID is served.
    """
    everything = samples(need("corpus"))
    valid = [sample for sample in everything if sample.is_valid]
    valid.sort(key=lambda sample: sample.transfer_syntax_uid != BIG_ENDIAN)
    malformed = [sample for sample in everything if not sample.is_valid]
    folder = tmp_path_factory.mktemp("corpus")
    with _installed(request, folder) as archive:
        statuses = _sent(archive, [*valid, *malformed])
        yield Passage(archive, statuses, valid, malformed)


@contextmanager
def _on_servers(
    folder: Path, database: PostgreSQLServer, store: S3Server
) -> Iterator[RunningArchive]:
    bucket = store.fresh_bucket()
    with database.fresh_database() as url:
        migrate(url)
        settings = settings_for(
            folder / "data",
            database_url=url,
            s3_endpoint=bucket.endpoint,
            s3_bucket=bucket.name,
            s3_access_key=bucket.access_key,
            s3_secret_key=bucket.secret_key,
            s3_secure=False,
        )
        with running(settings) as archive:
            yield archive


def _installed(request: pytest.FixtureRequest, folder: Path) -> Any:
    if request.param == "folder+sqlite":
        return running(settings_for(folder / "data"))
    return _on_servers(
        folder,
        request.getfixturevalue("postgresql_server"),
        request.getfixturevalue("s3_server"),
    )


def _sent(archive: RunningArchive, everything: list[Sample]) -> dict[str, int]:
    """The status of each file by name; -1 where its SOP class or syntax was not even accepted."""
    sender = Sender(calling_ae_title="CORPUS")
    peer = Peer(archive.ae_title, "127.0.0.1", archive.dicom_port)
    outgoing = [sample.outgoing() for sample in everything]
    results = sender.send(peer, outgoing)
    return {
        sample.name: NOT_NEGOTIATED if result.status is None else result.status
        for sample, result in zip(everything, results, strict=True)
    }


def test_valid_files_are_acknowledged_and_those_without_identifiers_refused(
    passage: Passage,
) -> None:
    nameless = [sample for sample in passage.valid if not sample.is_named]
    served = {sample.name for sample in passage.served()}
    again = [sample for sample in passage.valid if sample.is_named and sample.name not in served]

    refused = {sample.name: hex(passage.status(sample)) for sample in nameless}
    first = Counter(passage.statuses[name] for name in served)
    later = {sample.name: hex(passage.status(sample)) for sample in again}

    _tell("refused for want of a UID", refused)
    _tell("same SOP Instance UID as an earlier file", later)
    print(f"{len(passage.valid)} valid: {len(served)} stored, {Counter(later.values())} repeated")
    assert set(refused.values()) == {hex(REFUSED)}
    assert first == {SUCCESS: len(served)}
    assert set(later.values()) <= {hex(SUCCESS), hex(KEPT_ASIDE)}


def test_each_is_found_by_qido(passage: Passage) -> None:
    missing = []
    with httpx.Client(base_url=passage.archive.base_url, headers=_headers(passage)) as client:
        for sample in passage.served():
            answer = client.get(
                "/dicom-web/instances",
                params={
                    "StudyInstanceUID": sample.study_instance_uid,
                    "SeriesInstanceUID": sample.series_instance_uid,
                    "SOPInstanceUID": sample.sop_instance_uid,
                },
            )
            if answer.status_code != 200 or len(answer.json()) != 1:
                missing.append((sample.name, answer.status_code))

    assert missing == []


def test_each_comes_back_by_c_get_byte_for_byte(passage: Passage) -> None:
    door = passage.archive.doors.dicom
    assert door is not None
    wrong = []
    for sample in passage.served():
        identifier = keys(
            "IMAGE",
            StudyInstanceUID=sample.study_instance_uid,
            SeriesInstanceUID=sample.series_instance_uid,
            SOPInstanceUID=sample.sop_instance_uid,
        )
        contexts = [(sample.sop_class_uid, [sample.transfer_syntax_uid])]

        received, _, _ = get(door, identifier, contexts)

        if received != [(sample.transfer_syntax_uid, sample.data_set())]:
            wrong.append(sample.name)

    print(f"{len(passage.served())} asked for, {len(wrong)} not byte-equal")
    assert wrong == []


def test_each_comes_back_by_wado_rs_with_equal_elements_and_pixels(passage: Passage) -> None:
    wrong = {}
    converted = Counter[str]()
    with httpx.Client(base_url=passage.archive.base_url, headers=_headers(passage)) as client:
        for sample in passage.served():
            part = _single_part(
                client.get(
                    f"/dicom-web/studies/{sample.study_instance_uid}"
                    f"/series/{sample.series_instance_uid}/instances/{sample.sop_instance_uid}",
                    headers={
                        "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'
                    },
                )
            )
            trouble = _difference(sample, part, converted)
            if trouble:
                wrong[sample.name] = trouble

    print(f"{len(passage.served())} asked for, as explicit instead: {dict(converted)}")
    assert wrong == {}


def test_dcmtk_sends_the_same_and_it_is_recognised(passage: Passage, need: Need) -> None:
    storescu = need("storescu")
    door = passage.archive.doors.dicom
    assert door is not None
    unlike = {}
    counts = Counter[str]()
    for sample in passage.served():
        option = STORESCU_OPTIONS.get(sample.transfer_syntax_uid)
        if option is None:
            counts["syntax unknown to DCMTK"] += 1
            continue
        done = run(
            *(storescu, "-d", "-R", option, "-aec", passage.archive.ae_title),
            *("127.0.0.1", door.port, sample.path),
        )
        if done.returncode < 0:
            unlike[sample.name] = "storescu crashed"
        found = re.findall(r"DIMSE Status\s*:\s*0x([0-9a-f]{4})", done.stdout)
        counts[found[-1] if found else "not sent by DCMTK"] += 1
        if not found:
            print(sample.name, done.stdout[-300:])
        if found and found[-1] != "0000":
            unlike[sample.name] = found[-1]

    print(dict(counts))
    assert unlike == {}


def test_malformed_files_are_refused_or_kept_as_they_are(passage: Passage) -> None:
    kept, false_success = [], []
    for sample in passage.malformed:
        if passage.status(sample) in (SUCCESS, KEPT_ASIDE):
            kept.append(sample.name)
            if not _is_kept(passage, sample):
                false_success.append(sample.name)
    refused = {
        sample.name: hex(passage.status(sample))
        for sample in passage.malformed
        if sample.name not in kept
    }

    _tell("malformed and refused", refused)
    _tell("malformed and kept", dict.fromkeys(kept, ""))
    assert false_success == []
    assert set(refused.values()) <= {hex(REFUSED), hex(UNREADABLE), hex(NOT_NEGOTIATED)}


def test_after_all_that_the_door_still_answers(passage: Passage) -> None:
    door = passage.archive.doors.dicom
    assert door is not None

    assert door.wait_until_idle(timeout_s=10)
    assert httpx.get(f"{passage.archive.base_url}/health/ready").status_code == 200


def _headers(passage: Passage) -> dict[str, str]:
    return passage.archive.headers()


def _tell(what: str, which: dict[str, str]) -> None:
    print(f"{what}: {len(which)}")
    for name, status in which.items():
        print(f"  {name} {status}")


def _is_kept(passage: Passage, sample: Sample) -> bool:
    """Whether the bytes are there, served or set aside, or what is served says the same.

    A sample may be a valid file without the delimiter at its very end: it is recognised.
    """
    archive = passage.archive.archive
    selection = Selection(sop_instance_uids=(sample.sop_instance_uid,))
    served = archive.retrieval.instances(selection, system_scope())
    held = {b"".join(archive.retrieval.data_set_chunks(instance)) for instance in served}
    aside = {conflict.newcomer_identity.sop_instance_uid for conflict in archive.index.conflicts()}
    valid = [other for other in passage.valid if other.sop_instance_uid == sample.sop_instance_uid]
    recognised = {other.data_set().removesuffix(SEQUENCE_DELIMITER) for other in valid}
    is_aside = passage.status(sample) == KEPT_ASIDE and sample.sop_instance_uid in aside
    return is_aside or sample.data_set() in held | recognised


def _single_part(response: httpx.Response) -> bytes:
    """The body of the only part of a multipart/related answer."""
    assert response.status_code == 200, response.text[:200]
    found = re.search(r'boundary="?([^";]+)', response.headers["content-type"])
    assert found
    _, part, end = response.content.split(b"--" + found[1].encode())
    assert end.startswith(b"--")
    return part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")


def _difference(sample: Sample, file: bytes, converted: Counter[str]) -> str:
    """What is wrong with an answer of WADO-RS; empty when nothing is."""
    got = dcmread(io.BytesIO(file))
    syntax = str(got.file_meta.TransferSyntaxUID)
    if sample.transfer_syntax_uid not in (IMPLICIT, BIG_ENDIAN):
        same = syntax == sample.transfer_syntax_uid and file.endswith(sample.data_set())
        return "" if same else f"not the same bytes, in {syntax}"
    converted[sample.transfer_syntax_uid] += 1
    if syntax != EXPLICIT:
        return f"came in {syntax}"
    sent = dcmread(sample.path)
    return _unequal_elements(sent, got) or _unequal_pixels(sent, got)


def _unequal_elements(sent: Dataset, got: Dataset) -> str:
    """The first element that differs, except group lengths and pixels."""
    if _compared_tags(sent) != _compared_tags(got):
        return f"elements {sorted(map(str, _compared_tags(sent) ^ _compared_tags(got)))[:5]}"
    for tag in _compared_tags(sent):
        if not (_has_equal_unknown(sent, got, tag) or _is_equal(sent[tag], got[tag])):
            return f"{tag} {sent[tag].VR} {got[tag].VR}"
    return ""


def _compared_tags(ds: Dataset) -> set[Any]:
    tags = set(ds.keys())
    return {tag for tag in tags if tag.element and tag not in (PIXEL_DATA, PADDING)}


def _has_equal_unknown(sent: Dataset, got: Dataset, tag: Any) -> bool:
    """Whether the element was sent as UN and its bytes are the same.

    pydicom reads such values of a big endian file as big endian; they never are (PS3.5 6.2.2).
    """
    ours, theirs = sent.get_item(tag), got.get_item(tag)
    return ours.VR == "UN" and isinstance(ours.value, bytes) and ours.value == theirs.value


def _is_equal(sent: DataElement, got: DataElement) -> bool:
    if sent.VR == "SQ" and got.VR == "SQ":
        if len(sent.value) != len(got.value):
            return False
        pairs = zip(sent.value, got.value, strict=True)
        return not any(_unequal_elements(one, other) for one, other in pairs)
    if sent.VR == "OW" and isinstance(sent.value, bytes):
        # pydicom leaves words in the byte order of the file.
        return got.value in (sent.value, _swapped(sent.value))
    return bool(sent.value == got.value)


def _swapped(words: bytes) -> bytes:
    swapped = array("H", words)
    swapped.byteswap()
    return swapped.tobytes()


def _unequal_pixels(sent: Dataset, got: Dataset) -> str:
    if "PixelData" not in sent:
        return ""
    if sent.is_little_endian:
        return "" if sent.PixelData == got.PixelData else "pixel bytes"
    same = (sent.pixel_array == got.pixel_array).all()
    return "" if same else "pixels"

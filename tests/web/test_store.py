"""STOW-RS stores what it says it stored, and says of the rest why not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000Lossless, RLELossless, generate_uid

from pacs.web.native_dicom_model import native_dicom_model
from tests.archives import RunningArchive, running, settings_for
from tests.builders import ct_series, ct_slice, pdf, sr, vietnamese_patient
from tests.encodings import compressed, file_bytes
from tests.web.requests import (
    BOUNDARY,
    DICOM_PARTS,
    STOW_TYPE,
    instance_path,
    multipart_body,
    parts_of,
    stow_request,
    study_path,
    value,
    values,
)

AS_STORED = {"Accept": f"{DICOM_PARTS}; transfer-syntax=*"}


def stow(
    web: httpx.Client,
    body: bytes | Iterator[bytes],
    content_type: str = STOW_TYPE,
    *,
    path: str = "/dicom-web/studies",
    **headers: str,
) -> httpx.Response:
    return web.post(path, content=body, headers={"Content-Type": content_type, **headers})


def client_of(archive: RunningArchive) -> httpx.Client:
    return httpx.Client(base_url=archive.base_url, headers=archive.headers())


def referenced(answer: httpx.Response) -> list[str]:
    items = values(answer.json(), "00081199")
    return [value(item, "00081155") for item in items]


def failed(answer: httpx.Response) -> list[dict[str, Any]]:
    return values(answer.json(), "00081198")


def is_held(web: httpx.Client, ds: Any) -> bool:
    return web.get(f"{instance_path(ds)}/metadata").status_code == 200


@pytest.mark.parametrize(
    "ds",
    [
        ct_slice(),
        compressed(ct_slice(), RLELossless),
        compressed(ct_slice(), JPEG2000Lossless),
        sr(),
        pdf(),
    ],
    ids=["ct", "rle", "jpeg 2000", "sr", "pdf"],
)
def test_what_is_stored_comes_back_to_the_byte(web: httpx.Client, ds: Any) -> None:
    raw = file_bytes(ds)

    answer = stow(web, multipart_body(raw))

    (part,) = parts_of(web.get(instance_path(ds), headers=AS_STORED))
    data_set_begin = raw.index(b"\x08\x00")
    assert answer.status_code == 200
    assert part.content.endswith(raw[data_set_begin:])


def test_the_answer_names_every_instance_and_where_it_is(web: httpx.Client) -> None:
    slices = ct_series(3)

    answer = stow(web, stow_request(*slices)[0])

    told = answer.json()
    assert answer.headers["content-type"] == "application/dicom+json"
    assert value(told, "00081190").endswith(study_path(slices[0]))
    assert referenced(answer) == [ds.SOPInstanceUID for ds in slices]
    first = values(told, "00081199")[0]
    assert value(first, "00081150") == slices[0].SOPClassUID
    assert value(first, "00081190").endswith(instance_path(slices[0]))


def test_instances_of_several_studies_are_stored_at_once(web: httpx.Client) -> None:
    one, other = ct_slice(), ct_slice()

    answer = stow(web, stow_request(one, other)[0])

    assert answer.status_code == 200
    assert "00081190" not in answer.json()
    assert is_held(web, one)
    assert is_held(web, other)


def test_the_answer_can_be_had_as_xml(web: httpx.Client) -> None:
    ds = ct_slice()

    answer = stow(web, stow_request(ds)[0], Accept="application/dicom+xml")

    root = ElementTree.fromstring(answer.content)
    assert answer.headers["content-type"] == "application/dicom+xml"
    assert root.tag.endswith("NativeDicomModel")
    assert ds.SOPInstanceUID in answer.text


def test_the_same_instance_again_is_no_warning(web: httpx.Client) -> None:
    body, _ = stow_request(ct_slice())
    stow(web, body)

    again = stow(web, body)

    assert again.status_code == 200
    assert "00081196" not in values(again.json(), "00081199")[0]


def test_other_content_under_a_known_uid_is_kept_and_warned_of(web: httpx.Client) -> None:
    ds = ct_slice()
    stow(web, stow_request(ds)[0])
    ds.PatientComments = "khác"

    answer = stow(web, stow_request(ds)[0])

    assert answer.status_code == 202
    assert value(values(answer.json(), "00081199")[0], "00081196") == 0xB000


def test_an_instance_of_another_study_is_refused_by_name(web: httpx.Client) -> None:
    ds = ct_slice()

    answer = stow(web, stow_request(ds)[0], path=f"/dicom-web/studies/{generate_uid()}")

    (item,) = failed(answer)
    assert answer.status_code == 409
    assert value(item, "00081155") == ds.SOPInstanceUID
    assert value(item, "00081197") == 0xA900
    assert not is_held(web, ds)


def test_some_stored_and_some_not_is_202_with_both_lists(web: httpx.Client) -> None:
    ours, foreign = ct_slice(), ct_slice()

    answer = stow(web, stow_request(ours, foreign)[0], path=study_path(ours))

    assert answer.status_code == 202
    assert referenced(answer) == [ours.SOPInstanceUID]
    assert [value(item, "00081155") for item in failed(answer)] == [foreign.SOPInstanceUID]
    assert not is_held(web, foreign)


def test_a_part_that_is_no_dicom_is_a_failure_without_a_name(web: httpx.Client) -> None:
    answer = stow(web, multipart_body(b"this is no DICOM" * 20))

    (item,) = values(answer.json(), "0008119A")
    assert answer.status_code == 409
    assert value(item, "00081197") == 0xC000


def test_a_good_part_beside_a_broken_one_is_stored(web: httpx.Client) -> None:
    ds = ct_slice()

    answer = stow(web, multipart_body(b"rubbish" * 100, file_bytes(ds)))

    assert answer.status_code == 202
    assert referenced(answer) == [ds.SOPInstanceUID]
    assert is_held(web, ds)


def test_what_came_whole_before_the_body_broke_off_is_told(web: httpx.Client) -> None:
    whole, cut = ct_slice(), ct_slice()
    body = multipart_body(file_bytes(whole), file_bytes(cut))

    answer = stow(web, body[:-1000])

    assert answer.status_code == 202
    assert referenced(answer) == [whole.SOPInstanceUID]
    assert is_held(web, whole)
    assert not is_held(web, cut)


def test_an_instance_without_study_is_refused(web: httpx.Client) -> None:
    ds = ct_slice(study_instance_uid=None)

    answer = stow(web, stow_request(ds)[0])

    (item,) = failed(answer)
    assert answer.status_code == 409
    assert value(item, "00081197") == 0xA900


NOT_ACCEPTED: list[tuple[str, str, bytes, int]] = [
    ("text", "text/plain", b"x", 415),
    ("no type at all", "", b"x", 415),
    ("pictures", f'multipart/related; type="image/bmp"; boundary={BOUNDARY}', b"", 415),
    ("no boundary", 'multipart/related; type="application/dicom"', multipart_body(b"x"), 400),
    ("boundary too long", f"multipart/related; boundary={'x' * 100}", b"x", 400),
    ("no body", STOW_TYPE, b"", 400),
    ("no parts", STOW_TYPE, f"--{BOUNDARY}--\r\n".encode(), 400),
    ("no delimiter", STOW_TYPE, b"x" * 1000, 400),
    ("other boundary", STOW_TYPE, multipart_body(b"x", boundary="other"), 400),
    ("broken headers", STOW_TYPE, f"--{BOUNDARY}\r\nrubbish\r\n\r\nx".encode(), 400),
]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [case[1:] for case in NOT_ACCEPTED],
    ids=[case[0] for case in NOT_ACCEPTED],
)
def test_a_request_that_cannot_be_followed_is_refused(
    web: httpx.Client, content_type: str, body: bytes, status: int
) -> None:
    answer = stow(web, body, content_type)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("content_type", "prefix"),
    [
        (f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"', b""),
        (f"multipart/related; type=application/dicom; boundary={BOUNDARY}", b""),
        (f"multipart/related; boundary={BOUNDARY}", b""),
        (f"Multipart/Related; Type=Application/DICOM; Boundary={BOUNDARY}", b""),
        (STOW_TYPE, b"This is a multipart message.\r\n"),
        (STOW_TYPE, b"\r\n"),
    ],
)
def test_what_the_standards_allow_is_accepted(
    web: httpx.Client, content_type: str, prefix: bytes
) -> None:
    ds = ct_slice()

    answer = stow(web, prefix + stow_request(ds)[0], content_type)

    assert answer.status_code == 200
    assert is_held(web, ds)


def test_one_instance_may_come_without_multipart(web: httpx.Client) -> None:
    ds = ct_slice()

    answer = stow(web, file_bytes(ds), "application/dicom")

    assert answer.status_code == 200
    assert referenced(answer) == [ds.SOPInstanceUID]


def test_a_body_in_chunks_of_unknown_length_is_stored(web: httpx.Client) -> None:
    ds = ct_slice()
    body, _ = stow_request(ds)

    answer = stow(web, (body[start : start + 137] for start in range(0, len(body), 137)))

    assert answer.status_code == 200
    assert is_held(web, ds)


def test_an_answer_nobody_could_read_is_refused_before_anything_is_stored(
    web: httpx.Client,
) -> None:
    ds = ct_slice()

    answer = stow(web, stow_request(ds)[0], Accept="image/png")

    assert answer.status_code == 406
    assert not is_held(web, ds)


def test_an_instance_beyond_the_limit_is_refused_and_the_others_are_stored(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = settings_for(tmp_path_factory.mktemp("small") / "data", max_instance_bytes=1 << 20)
    small, large = ct_slice(), ct_slice(rows=1024, columns=1024)

    with running(settings) as archive, client_of(archive) as web:
        answer = stow(web, stow_request(large, small)[0])
        alone = stow(web, stow_request(large)[0])

    assert answer.status_code == 202
    assert referenced(answer) == [small.SOPInstanceUID]
    assert alone.status_code == 413


def test_a_body_beyond_the_limit_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_for(tmp_path_factory.mktemp("small") / "data", max_body_bytes=1 << 20)

    with running(settings) as archive, client_of(archive) as web:
        answer = stow(web, stow_request(ct_slice(rows=1024, columns=1024))[0])

    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(web: httpx.Client, method: str) -> None:
    answer = web.request(method, "/dicom-web/studies", content=b"x")

    assert answer.status_code == 405


# --- metadata and bulk data apart ----------------------------------------------------------------

JSON_TYPE = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
LOCATION = "bulk/1"


def metadata_of(*data_sets: Dataset, pixels: str | None = LOCATION) -> bytes:
    """DICOM JSON by pydicom, in which the pixels are named and not held."""
    written = []
    for ds in data_sets:
        data_set = ds.to_json_dict()
        data_set.pop("7FE00010", None)
        if pixels:
            data_set["7FE00010"] = {"vr": "OW", "BulkDataURI": pixels}
        written.append(data_set)
    return json.dumps(written).encode()


def apart(metadata: bytes, *bulk: tuple[str, bytes]) -> bytes:
    """A body of metadata and values, each with its Content-Type."""
    parts = [f"--{BOUNDARY}\r\nContent-Type: application/dicom+json\r\n\r\n".encode() + metadata]
    for content_type, content in bulk:
        head = f"Content-Type: {content_type}\r\nContent-Location: {LOCATION}\r\n\r\n"
        parts.append(f"--{BOUNDARY}\r\n{head}".encode() + content)
    return b"\r\n".join(parts) + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_metadata_and_pixels_become_an_instance(web: httpx.Client) -> None:
    ds = ct_slice(**vietnamese_patient())
    body = apart(metadata_of(ds), ("application/octet-stream", ds.PixelData))

    answer = stow(web, body, JSON_TYPE)

    (part,) = parts_of(web.get(instance_path(ds)))
    found = pydicom.dcmread(io.BytesIO(part.content))
    assert answer.status_code == 200
    assert referenced(answer) == [ds.SOPInstanceUID]
    assert found == ds


def test_compressed_pixels_become_an_instance_in_their_transfer_syntax(web: httpx.Client) -> None:
    ds = ct_slice()
    packed = compressed(ds, JPEG2000Lossless)
    (frame,) = generate_frames(packed.PixelData, number_of_frames=1)
    body = apart(metadata_of(ds), (f"image/jp2; transfer-syntax={JPEG2000Lossless}", frame))

    answer = stow(web, body, JSON_TYPE)

    frames = web.get(
        f"{instance_path(ds)}/frames/1", headers={"Accept": "application/octet-stream"}
    )
    (stored,) = parts_of(web.get(instance_path(ds), headers=AS_STORED))
    assert answer.status_code == 200
    assert stored.content_type.endswith(JPEG2000Lossless)
    assert frames.content == ds.PixelData


def test_an_instance_whose_pixels_did_not_come_is_refused_and_the_other_stored(
    web: httpx.Client,
) -> None:
    report, ds = sr(), ct_slice()
    written = json.loads(metadata_of(report, pixels=None)) + json.loads(metadata_of(ds))

    answer = stow(web, apart(json.dumps(written).encode()), JSON_TYPE)

    assert answer.status_code == 202
    assert referenced(answer) == [report.SOPInstanceUID]
    assert value(values(answer.json(), "0008119A")[0], "00081197") == 0xC000
    assert not is_held(web, ds)


def test_metadata_in_xml_and_pixels_become_an_instance(web: httpx.Client) -> None:
    ds = ct_slice(**vietnamese_patient(), rescale_type=None)
    ds.RequestAttributesSequence = [Dataset()]
    ds.RequestAttributesSequence[0].ScheduledProcedureStepID = "SPS 1"
    block = ds.private_block(0x0011, "BỆNH VIỆN", create=True)
    block.add_new(0x02, "LO", "riêng")
    (data_set,) = json.loads(metadata_of(ds))
    document = native_dicom_model(data_set)
    body = apart(document, ("application/octet-stream", ds.PixelData)).replace(
        b"application/dicom+json", b"application/dicom+xml"
    )

    answer = stow(web, body, JSON_TYPE.replace("json", "xml"))

    (part,) = parts_of(web.get(instance_path(ds)))
    assert answer.status_code == 200
    assert pydicom.dcmread(io.BytesIO(part.content)) == ds


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"rubbish",
        b"<other/>",
        b"<NativeDicomModel>",
        b"<NativeDicomModel><Value>1</Value></NativeDicomModel>",
        b'<NativeDicomModel><DicomAttribute keyword="NoSuch" vr="LO"/></NativeDicomModel>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>',
        b"<NativeDicomModel>" + b"<Item>" * 5000,
        b'<NativeDicomModel><DicomAttribute tag="00280010" vr="US"><Value>x</Value>'
        b"</DicomAttribute></NativeDicomModel>",
    ],
)
def test_xml_that_is_no_data_set_is_400(web: httpx.Client, document: bytes) -> None:
    body = apart(document).replace(b"dicom+json", b"dicom+xml")

    answer = stow(web, body, JSON_TYPE.replace("json", "xml"))

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        apart(b""),
        apart(b"rubbish"),
        apart(b"[1]"),
        apart(json.dumps([ct_slice().to_json_dict(), 1]).encode()),
        apart(b"[" * 2000),
        multipart_body(b"x", content_type="text/plain"),
        apart(b"[]"),
        apart(metadata_of(ct_slice()))[:-20],
    ],
)
def test_metadata_that_are_none_are_400(web: httpx.Client, body: bytes) -> None:
    answer = stow(web, body, JSON_TYPE)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "data_set",
    [
        {},
        {"rubbish": {}},
        {"00100010": 1},
        {"00100010": {"vr": "XX", "Value": [1]}},
        {"00280010": {"vr": "US", "Value": ["many"]}},
        {"00080018": {"vr": "UI", "Value": [{}]}},
        {"7FE00010": {"vr": "OW", "InlineBinary": "%"}},
    ],
)
def test_data_sets_that_are_none_are_refused(web: httpx.Client, data_set: dict[str, Any]) -> None:
    answer = stow(web, apart(json.dumps([data_set]).encode()), JSON_TYPE)

    assert answer.status_code == 409
    assert values(answer.json(), "0008119A") or failed(answer)

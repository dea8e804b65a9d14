"""WADO-RS and WADO-URI give what is stored in the forms that were asked for."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from xml.etree import ElementTree

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from pacs.pixels.interfaces import LOSSLESS_TARGETS
from tests.builders import (
    ct_series,
    ct_slice,
    enhanced_mr,
    pdf,
    secondary_capture,
    sr,
    us_cine,
    us_still,
)
from tests.encodings import NATIVE, compressed, file_bytes
from tests.web.conftest import Store
from tests.web.requests import (
    DICOM_PARTS,
    OCTET_PARTS,
    STOW_TYPE,
    instance_path,
    multipart_body,
    parts_of,
    series_path,
    study_path,
    value,
)

EXPLICIT = str(ExplicitVRLittleEndian)


def read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


# --- whole instances ---------------------------------------------------------------------------


def test_a_study_comes_with_every_instance_once(web: httpx.Client, store: Store) -> None:
    slices = ct_series(5)
    store(*slices)

    answer = web.get(study_path(slices[0]), headers={"Accept": DICOM_PARTS})

    parts = parts_of(answer)
    assert answer.status_code == 200
    assert [part.content_type for part in parts] == [
        f"application/dicom; transfer-syntax={EXPLICIT}"
    ] * 5
    assert {read(part.content).SOPInstanceUID for part in parts} == {
        ds.SOPInstanceUID for ds in slices
    }


def test_an_answer_of_stored_bytes_says_how_long_it_is(web: httpx.Client, store: Store) -> None:
    slices = ct_series(2)
    store(*slices)

    with web.stream("GET", study_path(slices[0])) as answer:
        body = b"".join(answer.iter_raw())

    assert len(body) == int(answer.headers["content-length"])


WAYS_TO_ASK: list[tuple[str | None, str]] = [
    (None, EXPLICIT),
    ("*/*", EXPLICIT),
    ("multipart/related", EXPLICIT),
    (DICOM_PARTS, EXPLICIT),
    ("multipart/related;type=application/dicom", EXPLICIT),
    (f"{DICOM_PARTS}; transfer-syntax=*", str(JPEGLSLossless)),
    (f'{DICOM_PARTS}; transfer-syntax="*"', str(JPEGLSLossless)),
    (f"{DICOM_PARTS}; transfer-syntax={EXPLICIT}", EXPLICIT),
    (f"{DICOM_PARTS}; transfer-syntax={JPEGLSLossless}", str(JPEGLSLossless)),
    (f"{DICOM_PARTS}; transfer-syntax=1.2.3, {DICOM_PARTS};q=0.5", EXPLICIT),
]


@pytest.mark.parametrize(("accept", "syntax"), WAYS_TO_ASK)
def test_the_transfer_syntax_is_the_one_asked_for(
    web: httpx.Client, store: Store, accept: str | None, syntax: str
) -> None:
    ds = ct_slice()
    store(compressed(ds, JPEGLSLossless))

    answer = web.get(instance_path(ds), headers={"Accept": accept} if accept else {})

    (part,) = parts_of(answer)
    found = read(part.content)
    assert part.content_type == f"application/dicom; transfer-syntax={syntax}"
    assert found.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(found.pixel_array, ds.pixel_array)


@pytest.mark.parametrize("target", sorted(LOSSLESS_TARGETS))
def test_a_study_is_compressed_without_loss_for_who_asks(
    web: httpx.Client, store: Store, target: str
) -> None:
    slices = [compressed(ct_slice(), RLELossless), *ct_series(2)]
    for ds in slices:
        ds.StudyInstanceUID = slices[0].StudyInstanceUID
    store(*slices)

    answer = web.get(
        study_path(slices[0]), headers={"Accept": f"{DICOM_PARTS}; transfer-syntax={target}"}
    )

    parts = parts_of(answer)
    assert [part.content_type for part in parts] == [
        f"application/dicom; transfer-syntax={target}"
    ] * 3
    assert [read(part.content).file_meta.TransferSyntaxUID for part in parts] == [target] * 3


def test_compressed_on_the_way_out_pixels_are_what_they_were(
    web: httpx.Client, store: Store
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(
        instance_path(ds), headers={"Accept": f"{DICOM_PARTS}; transfer-syntax={JPEG2000Lossless}"}
    )

    (part,) = parts_of(answer)
    assert np.array_equal(read(part.content).pixel_array, ds.pixel_array)


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        f"{DICOM_PARTS}; transfer-syntax={JPEGBaseline8Bit}",
        f"{DICOM_PARTS}; transfer-syntax={ImplicitVRLittleEndian}",
        f"{DICOM_PARTS}; transfer-syntax={ExplicitVRBigEndian}",
        f"{DICOM_PARTS}; transfer-syntax=1.2.3",
        f"{DICOM_PARTS};q=0",
    ],
)
def test_what_cannot_be_had_is_406_and_says_what_can(
    web: httpx.Client, store: Store, accept: str
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(instance_path(ds), headers={"Accept": accept})

    assert answer.status_code == 406
    assert "application/dicom" in answer.json()["detail"]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("asked", ["", "; transfer-syntax=*"])
def test_old_encodings_go_out_as_explicit_little_endian(
    web: httpx.Client, syntax: str, asked: str
) -> None:
    ds = ct_slice()
    body = multipart_body(file_bytes(ds, syntax))
    stored = web.post("/dicom-web/studies", content=body, headers={"Content-Type": STOW_TYPE})

    answer = web.get(instance_path(ds), headers={"Accept": f"{DICOM_PARTS}{asked}"})

    (part,) = parts_of(answer)
    assert stored.status_code == 200
    assert read(part.content).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(read(part.content).pixel_array, ds.pixel_array)


def test_one_instance_can_be_had_without_multipart(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(instance_path(ds), headers={"Accept": "application/dicom"})

    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert read(answer.content).SOPInstanceUID == ds.SOPInstanceUID


def test_a_damaged_picture_does_not_keep_the_rest_of_the_study_from_coming(
    web: httpx.Client, store: Store
) -> None:
    whole, damaged = (compressed(ds, JPEG2000Lossless) for ds in ct_series(2))
    damaged.PixelData = damaged.PixelData[:60] + bytes(len(damaged.PixelData) - 60)
    store(whole, damaged)

    parts = parts_of(web.get(study_path(whole)))

    assert sorted(part.content_type.rpartition("=")[2] for part in parts) == sorted(
        [EXPLICIT, str(JPEG2000Lossless)]
    )


@pytest.mark.parametrize(
    "path",
    ["{study}x", "{series}x", "{instance}x", "/dicom-web/studies/%00", "/dicom-web/studies/a*b"],
)
@pytest.mark.parametrize("resource", ["", "/metadata", "/rendered", "/thumbnail"])
def test_what_is_not_there_is_404(
    web: httpx.Client, store: Store, path: str, resource: str
) -> None:
    ds = ct_slice()
    store(ds)
    named = path.format(study=study_path(ds), series=series_path(ds), instance=instance_path(ds))

    answer = web.get(named + resource)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_an_instance_is_not_found_below_another_study(web: httpx.Client, store: Store) -> None:
    ds, other = ct_slice(), ct_slice()
    store(ds, other)
    path = instance_path(ds).replace(ds.StudyInstanceUID, other.StudyInstanceUID)

    assert web.get(path).status_code == 404


# --- metadata ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path_of", [study_path, series_path, instance_path])
def test_metadata_holds_everything_but_the_pixels(
    web: httpx.Client, store: Store, path_of: object
) -> None:
    ds = ct_slice(patient_name="Nguyễn^An", specific_character_set="ISO_IR 192")
    store(ds)

    answer = web.get(f"{path_of(ds)}/metadata")  # type: ignore[operator]  # one of three functions

    (found,) = answer.json()
    assert answer.headers["content-type"] == "application/dicom+json"
    assert value(found, "00100010") == {"Alphabetic": "Nguyễn^An"}
    assert value(found, "00280010") == 64
    assert value(found, "00281050") == 40
    assert value(found, "00083002") == EXPLICIT
    assert set(found["7FE00010"]) == {"vr", "BulkDataURI"}


def test_metadata_is_compressed_only_for_those_who_take_it(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)
    url = f"{series_path(ds)}/metadata"

    with web.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        compressed_text = b"".join(answer.iter_raw())
    plain = web.get(url, headers={"Accept-Encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(compressed_text) == plain.content
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]


def test_metadata_of_a_study_joins_its_series(web: httpx.Client, store: Store) -> None:
    first = ct_series(2)
    second = ct_slice(study_instance_uid=first[0].StudyInstanceUID)
    store(*first, second)

    found = web.get(f"{study_path(second)}/metadata").json()

    assert {value(each, "00080018") for each in found} == {
        ds.SOPInstanceUID for ds in (*first, second)
    }


def test_metadata_is_not_sent_again_until_the_series_changes(
    web: httpx.Client, store: Store
) -> None:
    first, second = ct_series(2)
    store(first)
    url = f"{series_path(first)}/metadata"

    tag = web.get(url).headers["etag"]
    unchanged = web.get(url, headers={"If-None-Match": tag})
    store(second)
    changed = web.get(url, headers={"If-None-Match": tag})

    assert unchanged.status_code == 304
    assert unchanged.content == b""
    assert changed.status_code == 200
    assert len(changed.json()) == 2


def test_metadata_can_be_had_as_xml(web: httpx.Client, store: Store) -> None:
    slices = ct_series(2)
    store(*slices)
    headers = {"Accept": 'multipart/related; type="application/dicom+xml"'}

    parts = parts_of(web.get(f"{series_path(slices[0])}/metadata", headers=headers))

    roots = [ElementTree.fromstring(part.content) for part in parts]
    assert len(roots) == 2
    names = {attribute.get("keyword") for attribute in roots[0]}
    assert {"PatientName", "PixelData", "WindowCenter"} <= names


def test_head_is_answered_without_a_body(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    answers = [web.head(f"{instance_path(ds)}{each}") for each in ("", "/metadata", "/frames/1")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.content for answer in answers] == [b"", b"", b""]


# --- frames ------------------------------------------------------------------------------------


def test_frames_come_in_the_order_asked_for(web: httpx.Client, store: Store) -> None:
    ds = enhanced_mr(frames=4)
    store(ds)
    size = len(ds.PixelData) // 4

    parts = parts_of(web.get(f"{instance_path(ds)}/frames/3,1", headers={"Accept": OCTET_PARTS}))

    assert [part.content for part in parts] == [
        ds.PixelData[2 * size : 3 * size],
        ds.PixelData[:size],
    ]
    assert parts[0].content_type == f"application/octet-stream; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        OCTET_PARTS,
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        f"{OCTET_PARTS}; transfer-syntax={EXPLICIT}",
    ],
)
def test_a_compressed_frame_comes_as_numbers_by_default(
    web: httpx.Client, store: Store, accept: str | None
) -> None:
    ds = ct_slice()
    store(compressed(ds, RLELossless))

    answer = web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": accept} if accept else {})

    (part,) = parts_of(answer)
    assert part.content == ds.PixelData


def test_a_single_frame_can_be_had_bare_and_kept_for_ever(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)
    url = f"{instance_path(ds)}/frames/1"

    answer = web.get(url, headers={"Accept": "application/octet-stream"})
    again = web.get(
        url,
        headers={"Accept": "application/octet-stream", "If-None-Match": answer.headers["etag"]},
    )

    assert answer.content == ds.PixelData
    assert answer.headers["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("syntax", "media_type", "asked"),
    [
        (JPEGLSLossless, "image/jls", ""),
        (JPEGLSLossless, "image/jls", "; transfer-syntax=*"),
        (JPEGLSLossless, "image/x-jls", f"; transfer-syntax={JPEGLSLossless}"),
        (JPEG2000Lossless, "image/jp2", f"; transfer-syntax={JPEG2000Lossless}"),
        (RLELossless, "image/dicom-rle", ""),
        (RLELossless, "image/x-dicom-rle", ""),
    ],
)
def test_a_compressed_frame_comes_as_stored_to_those_who_read_it(
    web: httpx.Client, store: Store, syntax: str, media_type: str, asked: str
) -> None:
    ds = compressed(ct_slice(), syntax)
    store(ds)
    accept = f'multipart/related; type="{media_type}"{asked}'

    (part,) = parts_of(web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": accept}))

    (stored,) = generate_frames(ds.PixelData, number_of_frames=1)
    assert part.content.rstrip(b"\0") == stored.rstrip(b"\0")
    assert part.content_type == f"{media_type}; transfer-syntax={syntax}"


def test_a_frame_is_compressed_for_those_who_ask(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)
    accept = f'multipart/related; type="image/jls"; transfer-syntax={JPEGLSLossless}'

    (part,) = parts_of(web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": accept}))

    assert part.content.startswith(b"\xff\xd8")
    assert len(part.content) < len(ds.PixelData)


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        'multipart/related; type="video/mp4"',
        f"{OCTET_PARTS}; transfer-syntax={JPEGLSLossless}",
        f'multipart/related; type="image/jpeg"; transfer-syntax={JPEGLSLossless}',
        f'multipart/related; type="image/jpeg"; transfer-syntax={JPEGBaseline8Bit}',
    ],
)
def test_frames_in_a_form_that_cannot_be_made_are_406(
    web: httpx.Client, store: Store, accept: str
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": accept})

    assert answer.status_code == 406


@pytest.mark.parametrize(
    ("frames", "status"),
    [("4", 404), ("1,4", 404), ("0", 404), ("-1", 400), ("a", 400), ("1,", 400), ("1;2", 400)],
)
def test_frames_that_are_not_there_are_refused(
    web: httpx.Client, store: Store, frames: str, status: int
) -> None:
    ds = enhanced_mr(frames=3)
    store(ds)

    answer = web.get(f"{instance_path(ds)}/frames/{frames}")

    assert answer.status_code == status


def test_an_object_without_pixels_has_no_frames(web: httpx.Client, store: Store) -> None:
    ds = sr()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/frames/1")

    assert answer.status_code in (404, 406)


# --- bulk data ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ds", [ct_slice(), secondary_capture(), us_cine(frames=2)])
def test_the_pixels_are_found_where_the_metadata_says(
    web: httpx.Client, store: Store, ds: Dataset
) -> None:
    store(ds)
    (metadata,) = web.get(f"{instance_path(ds)}/metadata").json()
    uri = metadata["7FE00010"]["BulkDataURI"]

    (part,) = parts_of(web.get(uri, headers={"Accept": OCTET_PARTS}))
    bare = web.get(uri, headers={"Accept": "application/octet-stream"})

    assert part.content == ds.PixelData
    assert bare.content == ds.PixelData


def test_compressed_pixels_come_as_a_part_for_each_frame(web: httpx.Client, store: Store) -> None:
    ds = compressed(us_cine(frames=3), RLELossless)
    store(ds)
    uri = f"{instance_path(ds)}/bulkdata/7FE00010"

    parts = parts_of(web.get(uri, headers={"Accept": 'multipart/related; type="image/dicom-rle"'}))

    assert len(parts) == 3


def test_a_document_is_found_where_the_metadata_says(web: httpx.Client, store: Store) -> None:
    document = b"%PDF-1.4\n" + b"x" * 5000
    ds = pdf(document)
    store(ds)
    (metadata,) = web.get(f"{instance_path(ds)}/metadata").json()

    (part,) = parts_of(web.get(metadata["00420011"]["BulkDataURI"]))

    assert part.content.rstrip(b"\0") == document


@pytest.mark.parametrize("path", ["00420011", "rubbish", "7FE00010/1", "%00", "../metadata", "1/2"])
def test_bulk_data_that_is_not_there_is_404(web: httpx.Client, store: Store, path: str) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get(f"{instance_path(ds)}/bulkdata/{path.replace('..', '%2E%2E')}")

    assert answer.status_code == 404


# --- WADO-URI ----------------------------------------------------------------------------------


def uri_parameters(ds: Dataset, **more: str) -> dict[str, str]:
    return {
        "requestType": "WADO",
        "studyUID": ds.StudyInstanceUID,
        "seriesUID": ds.SeriesInstanceUID,
        "objectUID": ds.SOPInstanceUID,
        **more,
    }


@pytest.mark.parametrize(
    ("asked", "syntax"),
    [
        ({}, EXPLICIT),
        ({"transferSyntax": "*"}, str(RLELossless)),
        ({"transferSyntax": str(JPEGLSLossless)}, str(JPEGLSLossless)),
    ],
)
def test_wado_uri_gives_the_file(
    web: httpx.Client, store: Store, asked: dict[str, str], syntax: str
) -> None:
    ds = ct_slice()
    store(compressed(ds, RLELossless))

    answer = web.get("/wado", params=uri_parameters(ds, contentType="application/dicom", **asked))

    found = read(answer.content)
    assert found.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(found.pixel_array, ds.pixel_array)


def test_wado_uri_gives_a_picture_by_default(web: httpx.Client, store: Store) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get("/wado", params=uri_parameters(ds))

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"requestType": "OTHER"}, 400),
        ({"requestType": ""}, 400),
        ({"objectUID": ""}, 400),
        ({"objectUID": str(generate_uid())}, 404),
        ({"objectUID": "a\0b"}, 404),
        ({"contentType": "application/zip"}, 406),
        ({"frameNumber": "2"}, 400),
        ({"frameNumber": "x"}, 400),
        ({"windowCenter": "40"}, 400),
        ({"windowCenter": "40", "windowWidth": "x"}, 400),
        ({"rows": "0"}, 400),
        ({"imageQuality": "101"}, 400),
        ({"anonymize": "yes"}, 400),
        ({"presentationUID": "1.2.3"}, 400),
    ],
)
def test_wado_uri_refuses_what_it_cannot_answer(
    web: httpx.Client, store: Store, change: dict[str, str], status: int
) -> None:
    ds = ct_slice()
    store(ds)

    answer = web.get("/wado", params=uri_parameters(ds) | change)

    assert answer.status_code == status


# --- native frames say the same as their metadata --------------------------------------------


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("columns", [64, 63])
def test_colour_by_plane_comes_by_plane_as_its_metadata_says(
    web: httpx.Client, syntax: str, columns: int
) -> None:
    ds = us_still(rows=48, columns=columns)
    by_plane = np.ascontiguousarray(ds.pixel_array.transpose(2, 0, 1)).tobytes()
    ds.PixelData = by_plane
    ds.PlanarConfiguration = 1
    body = multipart_body(file_bytes(ds, syntax))
    web.post("/dicom-web/studies", content=body, headers={"Content-Type": STOW_TYPE})

    frame = web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": OCTET_PARTS})

    (metadata,) = web.get(f"{instance_path(ds)}/metadata").json()
    assert value(metadata, "00280006") == 1
    assert parts_of(frame)[0].content == by_plane


@pytest.mark.parametrize("syntax", NATIVE)
def test_big_samples_come_low_byte_first_whatever_is_stored(web: httpx.Client, syntax: str) -> None:
    ds = ct_slice()
    body = multipart_body(file_bytes(ds, syntax))
    web.post("/dicom-web/studies", content=body, headers={"Content-Type": STOW_TYPE})

    frame = web.get(f"{instance_path(ds)}/frames/1", headers={"Accept": OCTET_PARTS})

    assert parts_of(frame)[0].content == ds.pixel_array.astype("<i2").tobytes()


# --- application/zip ----------------------------------------------------------------------------


@pytest.mark.parametrize("path_of", [study_path, series_path])
def test_a_study_can_be_had_as_a_zip_of_files(
    web: httpx.Client, store: Store, path_of: Callable[[Dataset], str]
) -> None:
    slices = ct_series(3)
    store(*slices)

    answer = web.get(path_of(slices[0]), headers={"Accept": "application/zip"})

    zipped = zipfile.ZipFile(io.BytesIO(answer.content))
    found = {str(read(zipped.read(name)).SOPInstanceUID): name for name in zipped.namelist()}
    assert answer.headers["content-type"] == "application/zip"
    assert f"{slices[0].StudyInstanceUID}.zip" in answer.headers["content-disposition"]
    assert zipped.testzip() is None
    assert set(found) == {ds.SOPInstanceUID for ds in slices}
    assert found[slices[0].SOPInstanceUID] == (
        f"{slices[0].StudyInstanceUID}/{slices[0].SeriesInstanceUID}/{slices[0].SOPInstanceUID}.dcm"
    )


def test_the_files_of_a_zip_have_the_transfer_syntax_asked_for(
    web: httpx.Client, store: Store
) -> None:
    ds = ct_slice()
    store(compressed(ds, RLELossless))
    asked = {"Accept": "application/zip; transfer-syntax=*"}

    answer = web.get(instance_path(ds), headers=asked)

    zipped = zipfile.ZipFile(io.BytesIO(answer.content))
    [name] = zipped.namelist()
    assert read(zipped.read(name)).file_meta.TransferSyntaxUID == RLELossless

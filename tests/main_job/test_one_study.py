"""The main job, end to end, on every pair of stores: a study comes in by C-STORE and goes out."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests.archives import RunningArchive
from tests.builders import ct_series, us_cine, vietnamese_patient, x_ray
from tests.encodings import compressed, data_set_bytes

NATIVE_FRAME = {"Accept": "application/octet-stream"}


def client_of(running: RunningArchive) -> httpx.Client:
    return httpx.Client(base_url=running.base_url, headers=running.headers(), timeout=30)


def test_a_study_sent_by_a_machine_is_found_without_marks_and_its_pixels_come_back(
    running_everywhere: RunningArchive,
) -> None:
    slices = ct_series(3, **vietnamese_patient())
    statuses = {delivered.status for delivered in running_everywhere.send(*slices)}
    study = slices[0].StudyInstanceUID
    with client_of(running_everywhere) as client:
        found = client.get("/api/studies", params={"q": "dang thi ngoc anh"}).json()
        (qido,) = client.get("/dicom-web/studies", params={"PatientName": "dang*"}).json()
        url = f"/dicom-web/studies/{study}/series/{slices[0].SeriesInstanceUID}"
        metadata = client.get(f"{url}/metadata").json()
        frame_url = f"{url}/instances/{slices[1].SOPInstanceUID}/frames/1"
        frame = client.get(frame_url, headers=NATIVE_FRAME)

    assert statuses == {0x0000}
    assert [row["study_instance_uid"] for row in found["studies"]] == [study]
    assert qido["0020000D"]["Value"] == [study]
    assert len(metadata) == 3
    assert frame.content == slices[1].PixelData


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless])
def test_compressed_frames_are_decoded_for_the_viewer(
    running_archive: RunningArchive, syntax: str
) -> None:
    (ds,) = ct_series(1)
    running_archive.send(compressed(ds, syntax))
    url = (
        f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
        f"/instances/{ds.SOPInstanceUID}/frames/1"
    )

    with client_of(running_archive) as client:
        frame = client.get(url, headers=NATIVE_FRAME)

    assert frame.status_code == 200
    assert frame.content == ds.PixelData


@pytest.mark.parametrize("make", [x_ray, us_cine])
def test_everything_has_a_picture(running_archive: RunningArchive, make: object) -> None:
    ds = make()  # type: ignore[operator]  # a builder
    running_archive.send(ds)
    url = (
        f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
        f"/instances/{ds.SOPInstanceUID}"
    )

    with client_of(running_archive) as client:
        rendered = client.get(f"{url}/rendered", headers={"Accept": "image/png"})
        thumbnail = client.get(f"{url}/thumbnail", params={"viewport": "32,32"})

    picture = Image.open(io.BytesIO(rendered.content))
    assert picture.size == (ds.Columns, ds.Rows)
    assert max(Image.open(io.BytesIO(thumbnail.content)).size) == 32
    assert np.asarray(picture).std() > 1


def test_a_retrieved_instance_is_the_one_that_was_sent(
    running_everywhere: RunningArchive,
) -> None:
    (ds,) = ct_series(1, **vietnamese_patient())
    running_everywhere.send(ds)
    url = (
        f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
        f"/instances/{ds.SOPInstanceUID}"
    )

    with client_of(running_everywhere) as client:
        answer = client.get(url, headers={"Accept": 'multipart/related; type="application/dicom"'})

    file = answer.content[answer.content.index(b"\r\n\r\n") + 4 : answer.content.rindex(b"\r\n--")]
    assert file.endswith(data_set_bytes(ds))
    assert pydicom.dcmread(io.BytesIO(file)).PatientName == ds.PatientName


def test_nobody_reads_without_signing_in(running_archive: RunningArchive) -> None:
    (ds,) = ct_series(1)
    running_archive.send(ds)

    answers = [
        httpx.get(f"{running_archive.base_url}{path}")
        for path in (
            "/api/studies",
            "/dicom-web/studies",
            f"/dicom-web/studies/{ds.StudyInstanceUID}",
            f"/dicom-web/studies/{ds.StudyInstanceUID}/metadata",
        )
    ]

    assert [answer.status_code for answer in answers] == [401] * 4

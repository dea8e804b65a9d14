"""dicomweb-client, an independent program, does all it can do with the archive."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

from tests.archives import RunningArchive, running, settings_for
from tests.builders import ct_series, ct_slice, enhanced_mr, pdf, vietnamese_patient
from tests.encodings import compressed


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningArchive]:
    with running(settings_for(tmp_path_factory.mktemp("archive") / "data")) as started:
        yield started


@pytest.fixture(scope="module")
def client(archive: RunningArchive) -> Iterator[DICOMwebClient]:
    with requests.Session() as session:
        session.headers.update(archive.headers())
        session.trust_env = False
        yield DICOMwebClient(f"{archive.base_url}/dicom-web", session=session)


@pytest.fixture(scope="module")
def slices(client: DICOMwebClient) -> list[Dataset]:
    """A stored CT series."""
    found = ct_series(3, **vietnamese_patient(patient_id="CLIENT-1"))
    client.store_instances(found)
    return found


def names(ds: Dataset) -> tuple[str, str, str]:
    return ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID


def test_it_stores_and_is_told_what_is_stored(client: DICOMwebClient) -> None:
    ds = ct_slice()

    told = client.store_instances([ds])

    assert told.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == ds.SOPInstanceUID


@pytest.mark.parametrize("name", ["ĐẶNG^THỊ NGỌC ÁNH", "dang^thi*", "*ngọc*"])
def test_it_finds_a_vietnamese_name(
    client: DICOMwebClient, slices: list[Dataset], name: str
) -> None:
    filters = {"PatientID": "CLIENT-1", "PatientName": name}

    (found,) = client.search_for_studies(search_filters=filters, limit=5)

    assert Dataset.from_json(found).StudyInstanceUID == slices[0].StudyInstanceUID


def test_it_pages_through_studies(client: DICOMwebClient) -> None:
    client.store_instances([ct_slice(patient_id=f"PAGE-{number}") for number in range(5)])
    filters = {"PatientID": "PAGE-*"}

    pages = [
        client.search_for_studies(search_filters=filters, limit=2, offset=offset)
        for offset in (0, 2, 4)
    ]

    uids = [study["0020000D"]["Value"][0] for page in pages for study in page]
    assert len(uids) == len(set(uids)) == 5


def test_it_lists_series_and_instances(client: DICOMwebClient, slices: list[Dataset]) -> None:
    study, series, _ = names(slices[0])

    assert len(client.search_for_series(study)) == 1
    assert len(client.search_for_instances(study)) == 3
    assert len(client.search_for_instances(study, series)) == 3


def test_it_reads_the_metadata(client: DICOMwebClient, slices: list[Dataset]) -> None:
    study, series, _ = names(slices[0])

    found = [
        Dataset.from_json(each, bulk_data_uri_handler=lambda *_: b"")
        for each in client.retrieve_series_metadata(study, series)
    ]

    assert [each.InstanceNumber for each in found] == [1, 2, 3]
    assert {str(each.PatientName) for each in found} == {"ĐẶNG^THỊ NGỌC ÁNH"}
    assert len(client.retrieve_study_metadata(study)) == 3


def test_it_retrieves_whole_studies_series_and_instances(
    client: DICOMwebClient, slices: list[Dataset]
) -> None:
    study, series, instance = names(slices[1])

    one = client.retrieve_instance(study, series, instance)

    assert one == slices[1]
    assert len(client.retrieve_series(study, series)) == 3
    assert len(client.retrieve_study(study)) == 3


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_it_retrieves_what_is_compressed_either_way(client: DICOMwebClient, syntax: str) -> None:
    ds = ct_slice()
    client.store_instances([compressed(ds, syntax)])

    plain = client.retrieve_instance(*names(ds))
    packed = client.retrieve_instance(*names(ds), media_types=(("application/dicom", syntax),))

    assert np.array_equal(plain.pixel_array, ds.pixel_array)
    assert packed.file_meta.TransferSyntaxUID == syntax


def test_it_retrieves_frames(client: DICOMwebClient) -> None:
    ds = enhanced_mr(frames=4)
    client.store_instances([ds])
    size = len(ds.PixelData) // 4

    frames = client.retrieve_instance_frames(*names(ds), frame_numbers=[4, 1])

    assert frames == [ds.PixelData[3 * size :], ds.PixelData[:size]]


def test_it_retrieves_a_compressed_frame_as_stored(client: DICOMwebClient) -> None:
    ds = ct_slice()
    client.store_instances([compressed(ds, JPEGLSLossless)])

    (frame,) = client.retrieve_instance_frames(
        *names(ds), frame_numbers=[1], media_types=(("image/jls", JPEGLSLossless),)
    )

    assert frame.startswith(b"\xff\xd8")


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_it_retrieves_pictures(
    client: DICOMwebClient, slices: list[Dataset], media_type: str
) -> None:
    content = client.retrieve_instance_rendered(*names(slices[0]), media_types=(media_type,))

    picture = Image.open(io.BytesIO(content))
    assert picture.size == (64, 64)
    assert picture.get_format_mimetype() == media_type


def test_it_retrieves_bulk_data_where_the_metadata_say(client: DICOMwebClient) -> None:
    document = b"%PDF-1.4\n" + b"x" * 3000
    ds = pdf(document)
    client.store_instances([ds])
    metadata = client.retrieve_instance_metadata(*names(ds))
    # The client names a host without its port, so the address is put right.
    path = metadata["00420011"]["BulkDataURI"].partition("/dicom-web")[2]

    (content,) = client.retrieve_bulkdata(client.base_url + path)

    assert content.rstrip(b"\0") == document

"""What the builders make is what they say: whole, valid, and read the same by others."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit

from tests import builders
from tests.builders import cr_chest, ct_series, ct_slice, pdf, sr, us_cine, x_ray
from tests.encodings import (
    COMPRESSED,
    LOSSLESS,
    NATIVE,
    compressed,
    data_set_bytes,
    file_bytes,
    frames_of,
)
from tests.needs import Need

BUILDERS: list[Callable[[], Dataset]] = [
    ct_slice,
    builders.mr_slice,
    builders.enhanced_mr,
    x_ray,
    cr_chest,
    builders.us_still,
    us_cine,
    builders.secondary_capture,
    builders.palette_picture,
    builders.segmentation,
    sr,
    pdf,
]


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_every_data_set_is_read_back_as_it_was_built(build: Callable[[], Dataset]) -> None:
    ds = build()

    read = pydicom.dcmread(io.BytesIO(file_bytes(ds)))

    assert read == ds
    assert read.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_every_native_syntax_holds_the_same_pixels(syntax: UID) -> None:
    ds = ct_slice()

    read = pydicom.dcmread(io.BytesIO(file_bytes(ds, syntax)))

    assert read.PatientName == "ĐẶNG^THỊ NGỌC ÁNH"
    assert np.array_equal(read.pixel_array, frames_of(ds)[0])


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_dcmtk_reads_every_native_syntax(syntax: UID, need: Need, tmp_path: Path) -> None:
    dcmdump = need("dcmdump")
    path = tmp_path / "ct.dcm"
    path.write_bytes(file_bytes(ct_slice(), syntax))

    told = subprocess.run([dcmdump, "-q", path], capture_output=True, text=True, check=True)

    assert "(0028,0011) US 64" in told.stdout


@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: syntax.name)
def test_compressed_pixels_are_one_fragment_per_frame(syntax: UID) -> None:
    ds = us_cine(frames=3) if syntax != JPEGExtended12Bit else builders.enhanced_mr(frames=3)

    read = pydicom.dcmread(io.BytesIO(file_bytes(compressed(ds, syntax))))

    frames = list(pydicom.encaps.generate_frames(read.PixelData, number_of_frames=3))
    assert len(frames) == 3
    assert read.file_meta.TransferSyntaxUID == syntax
    assert ("LossyImageCompressionMethod" in read) == (syntax not in LOSSLESS)


def test_instances_differ_in_their_uids_unless_given() -> None:
    first, second = ct_slice(), ct_slice(study_instance_uid="1.2.3")

    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID != second.StudyInstanceUID == "1.2.3"


def test_slices_of_a_series_share_study_and_series() -> None:
    series = ct_series(3, patient_id="P1")

    assert len({ds.SeriesInstanceUID for ds in series}) == 1
    assert len({ds.SOPInstanceUID for ds in series}) == 3
    assert [ds.InstanceNumber for ds in series] == [1, 2, 3]
    assert {ds.PatientID for ds in series} == {"P1"}


def test_none_leaves_an_attribute_out() -> None:
    ds = ct_slice(study_instance_uid=None)

    assert "StudyInstanceUID" not in ds
    assert data_set_bytes(ds)


def test_an_unknown_attribute_is_an_error() -> None:
    with pytest.raises(KeyError):
        ct_slice(patient_nmae="X")


def test_baseline_refuses_more_than_eight_bits() -> None:
    with pytest.raises(ValueError, match="8 bits"):
        compressed(ct_slice(), JPEGBaseline8Bit)

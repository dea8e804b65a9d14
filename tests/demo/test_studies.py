"""The synthetic studies are valid and small, and the same seed makes the same studies."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from pacs.demo.chest_ct import NODULE, SLICES, SPACING_MM
from pacs.demo.studies import INSTANCES, STUDIES, encode, synthetic_instances
from tests.needs import Need

NOW = datetime(2026, 11, 22, 9, 30)  # noqa: DTZ001 the hospital's own time, as DICOM keeps it


@pytest.fixture(scope="module")
def instances() -> list[Dataset]:
    return list(synthetic_instances(now=NOW, new_uid=uids()))


def uids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"2.25.{next(numbers)}"


def test_there_are_as_many_as_announced(instances: list[Dataset]) -> None:
    studies = {ds.StudyInstanceUID for ds in instances}

    assert len(instances) == INSTANCES
    assert len(studies) == STUDIES
    assert {ds.Modality for ds in instances} == {"CT", "DX", "CR", "US"}


def test_together_they_stay_below_thirty_megabytes(instances: list[Dataset]) -> None:
    assert sum(len(encode(ds)) for ds in instances) < 30_000_000


def test_every_sop_instance_uid_is_new(instances: list[Dataset]) -> None:
    assert len({ds.SOPInstanceUID for ds in instances}) == INSTANCES


def test_the_same_seed_gives_the_same_bytes(instances: list[Dataset]) -> None:
    again = synthetic_instances(now=NOW, new_uid=uids())

    assert encode(next(again)) == encode(instances[0])


def test_no_study_lies_in_the_future(instances: list[Dataset]) -> None:
    made = {ds.StudyDate + ds.StudyTime for ds in instances}

    assert max(made) <= NOW.strftime("%Y%m%d%H%M%S")


def test_pixel_data_is_as_long_as_the_header_says(instances: list[Dataset]) -> None:
    for ds in instances:
        samples = ds.Rows * ds.Columns * ds.SamplesPerPixel * int(ds.get("NumberOfFrames", 1))

        assert len(ds.PixelData) == samples * ds.BitsAllocated // 8


def test_the_nodule_is_solid_within_a_lung(instances: list[Dataset]) -> None:
    ct = [ds for ds in instances if ds.Modality == "CT"]
    assert len(ct) == SLICES

    nodule = [_hu_at(ds, NODULE.x, NODULE.y) for ds in ct]
    beside = [_hu_at(ds, NODULE.x, NODULE.y - 25) for ds in ct]

    densest = int(np.argmax(nodule[2:-8])) + 2
    assert nodule[densest] > -50
    assert beside[densest] < -700


def test_dcmtk_finds_nothing_wrong(instances: list[Dataset], need: Need, tmp_path: Path) -> None:
    dcmdump = need("dcmdump")
    for ds in (instances[0], *instances[-3:]):
        path = tmp_path / "synthetic.dcm"
        pydicom.dcmwrite(path, ds, enforce_file_format=True)

        told = subprocess.run([dcmdump, "-q", "-v", path], capture_output=True, text=True)

        assert told.returncode == 0
        assert "W:" not in told.stderr + told.stdout
        assert "E:" not in told.stderr + told.stdout


def _hu_at(ds: Dataset, x_mm: float, y_mm: float) -> float:
    """The mean of 5 x 5 pixels around a place given from the middle of the picture."""
    column, row = round(x_mm / SPACING_MM + ds.Columns / 2), round(y_mm / SPACING_MM + ds.Rows / 2)
    pixels = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
    around = pixels[row - 2 : row + 3, column - 2 : column + 3]
    return float(around.mean() * ds.RescaleSlope + ds.RescaleIntercept)

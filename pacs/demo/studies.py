"""Makes the synthetic studies as data sets: a chest CT, two chest X-rays, an ultrasound loop.

Everything follows from the arguments: the same seed and the same UIDs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    UltrasoundMultiFrameImageStorage,
)

from pacs.demo import cardiac_ultrasound, chest_ct, people
from pacs.demo.chest_x_ray import chest_x_ray
from pacs.demo.shapes import Plane

TRANSFER_SYNTAX_UID = str(ExplicitVRLittleEndian)
STUDIES = 4
INSTANCES = chest_ct.SLICES + 3

NewUID = Callable[[], str]


def synthetic_instances(*, now: datetime, new_uid: NewUID, seed: int = 2026) -> Iterator[Dataset]:
    """INSTANCES data sets of STUDIES studies, made one after another as they are asked for.

    now      in the hospital's time; the newest study was made half an hour before.
    new_uid  gives a UID never used before.
    """
    random = np.random.default_rng(seed)
    yield from _chest_ct(now - timedelta(minutes=34), new_uid, random)
    yield _prior_chest(now - timedelta(days=203, hours=2), new_uid, random)
    yield _chest_x_ray(now - timedelta(minutes=52), new_uid, random)
    yield _heart(now - timedelta(days=1, minutes=15), new_uid, random)


def encode(ds: Dataset) -> bytes:
    """The data set as it travels, in TRANSFER_SYNTAX_UID, without file meta information."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    return buffer.getvalue()


def _chest_ct(made: datetime, new_uid: NewUID, random: np.random.Generator) -> Iterator[Dataset]:
    study, series, frame_of_reference = new_uid(), new_uid(), new_uid()
    for number, picture_hu in enumerate(chest_ct.chest_slices(random), start=1):
        ds = _instance(CTImageStorage, people.ANH, made, new_uid)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.AccessionNumber, ds.StudyID = "MH26-004417", "4417"
        ds.StudyDescription, ds.SeriesDescription = "CT ngực không cản quang", "Ngực 8 mm"
        ds.Modality, ds.BodyPartExamined, ds.StationName = "CT", "CHEST", "CT1"
        ds.ProtocolName, ds.SeriesNumber, ds.InstanceNumber = "Ngực thường quy", 2, number
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.AcquisitionNumber, ds.KVP, ds.XRayTubeCurrent = 1, "120", 160
        ds.ConvolutionKernel, ds.PatientPosition = "STANDARD", "HFS"
        _place_slice(ds, number, frame_of_reference)
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
        ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1500"]
        ds.WindowCenterWidthExplanation = ["Trung thất", "Phổi"]
        stored = np.clip(np.rint(picture_hu) + 1024, 0, 4095).astype("<u2")
        yield _with_gray(ds, stored, bits_stored=12)


def _place_slice(ds: Dataset, number: int, frame_of_reference_uid: str) -> None:
    """Head first, on the back, from the top downwards. PS3.3 C.7.6.2."""
    corner = -(chest_ct.SIZE - 1) / 2 * chest_ct.SPACING_MM
    height = -(number - 1) * chest_ct.SLICE_DISTANCE_MM
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame_of_reference_uid, "SN"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [round(corner, 3), round(corner, 3), height]
    ds.PixelSpacing = [chest_ct.SPACING_MM, chest_ct.SPACING_MM]
    ds.SliceThickness, ds.SliceLocation = chest_ct.SLICE_DISTANCE_MM, height
    ds.SpacingBetweenSlices = chest_ct.SLICE_DISTANCE_MM


def _chest_x_ray(made: datetime, new_uid: NewUID, random: np.random.Generator) -> Dataset:
    ds = _instance(DigitalXRayImageStorageForPresentation, people.DUC, made, new_uid)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = new_uid(), new_uid()
    ds.AccessionNumber, ds.StudyID = "MH26-004412", "4412"
    ds.StudyDescription, ds.SeriesDescription = "X-quang ngực thẳng", "Ngực thẳng PA"
    ds.Modality, ds.BodyPartExamined, ds.StationName = "DX", "CHEST", "DR1"
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.PresentationIntentType, ds.ImageType = "FOR PRESENTATION", ["DERIVED", "PRIMARY"]
    ds.ViewPosition, ds.ImageLaterality, ds.PatientOrientation = "PA", "U", ["L", "F"]
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    ds.ViewCodeSequence = Sequence([_code("272479007", "SCT", "postero-anterior")])
    ds.AcquisitionContextSequence = Sequence([])
    ds.DetectorType, ds.KVP, ds.BurnedInAnnotation = "DIRECT", "117", "NO"
    ds.ImagerPixelSpacing = [0.27, 0.27]
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = "2048", "3700"
    density = chest_x_ray(1536, 1280, spacing_mm=0.27, random=random)
    return _with_gray(ds, np.rint(density * 4095).astype("<u2"), bits_stored=12)


def _prior_chest(made: datetime, new_uid: NewUID, random: np.random.Generator) -> Dataset:
    """An older picture of the CT's patient, from a machine that stores white as 0."""
    ds = _instance(ComputedRadiographyImageStorage, people.ANH, made, new_uid)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = new_uid(), new_uid()
    ds.AccessionNumber, ds.StudyID = "MH26-000968", "968"
    ds.StudyDescription, ds.SeriesDescription = "X-quang ngực thẳng", "Ngực thẳng PA"
    ds.Modality, ds.BodyPartExamined, ds.StationName = "CR", "CHEST", "CR2"
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.ImageType, ds.PatientOrientation = ["ORIGINAL", "PRIMARY"], ["L", "F"]
    ds.ViewPosition, ds.KVP, ds.PlateType = "PA", "110", "ST"
    ds.ImagerPixelSpacing = [0.4, 0.4]
    ds.WindowCenter, ds.WindowWidth = "512", "960"
    density = chest_x_ray(1024, 860, spacing_mm=0.4, random=random)
    _with_gray(ds, np.rint((1 - density) * 1023).astype("<u2"), bits_stored=10)
    ds.PhotometricInterpretation = "MONOCHROME1"
    return ds


def _heart(made: datetime, new_uid: NewUID, random: np.random.Generator) -> Dataset:
    ds = _instance(UltrasoundMultiFrameImageStorage, people.QUYEN, made, new_uid)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = new_uid(), new_uid()
    ds.AccessionNumber, ds.StudyID = "MH26-004398", "4398"
    ds.StudyDescription, ds.SeriesDescription = "Siêu âm tim", "Mặt cắt bốn buồng"
    ds.Modality, ds.BodyPartExamined, ds.StationName = "US", "HEART", "SA3"
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.ImageType, ds.PatientOrientation = ["ORIGINAL", "PRIMARY"], ""
    ds.FrameTime, ds.FrameIncrementPointer = cardiac_ultrasound.FRAME_TIME_MS, 0x00181063
    ds.CineRate = round(1000 / cardiac_ultrasound.FRAME_TIME_MS)
    ds.SequenceOfUltrasoundRegions = Sequence([_tissue_region()])
    frames = np.stack(list(cardiac_ultrasound.beating_heart(random)))
    ds.NumberOfFrames, ds.Rows, ds.Columns = frames.shape[:3]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.LossyImageCompression = "00"
    ds.PixelData = frames.tobytes()
    ds["PixelData"].VR = "OB"
    return ds


def _instance(
    sop_class_uid: str, patient: people.Patient, made: datetime, new_uid: NewUID
) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, new_uid()
    ds.PatientName, ds.PatientID = patient.name, patient.patient_id
    ds.PatientBirthDate, ds.PatientSex = patient.birth_date, patient.sex
    date, time = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = time
    ds.ReferringPhysicianName, ds.Manufacturer = people.REFERRING, people.MANUFACTURER
    ds.InstitutionName, ds.InstitutionalDepartmentName = people.INSTITUTION, people.DEPARTMENT
    return ds


def _with_gray(ds: Dataset, stored: NDArray[np.uint16] | Plane, *, bits_stored: int) -> Dataset:
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits_stored, bits_stored - 1
    ds.PixelRepresentation, ds.LossyImageCompression = 0, "00"
    ds.PixelData = stored.tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _tissue_region() -> Dataset:
    """Where the fan lies and how long its pixels are; units 3 are centimetres. PS3.3 C.8.5.5."""
    left, top, right, bottom = cardiac_ultrasound.SECTOR
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = cardiac_ultrasound.SPACING_MM / 10
    return region


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code

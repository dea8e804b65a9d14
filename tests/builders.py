"""Data sets by intent: a test names only what it is about, everything else is valid and ordinary.

Attributes are given in snake form (`patient_name=...`, `study_instance_uid=...`) and may replace
any value; None leaves the attribute out. UIDs are new at every call unless given. Pictures are
small. How data sets become bytes, native or compressed, is in tests/encodings.py.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

Attributes = dict[str, Any]
"""Values by attribute, in snake form."""


def vietnamese_patient(**attributes: Any) -> Attributes:
    """Who most tests are about: a name with all marks and đ, in UTF-8; `**vietnamese_patient()`."""
    return {
        "specific_character_set": "ISO_IR 192",
        "patient_name": "ĐẶNG^THỊ NGỌC ÁNH",
        "patient_id": "BN0012345",
        "issuer_of_patient_id": "BVĐK",
        "patient_birth_date": "19840217",
        "patient_sex": "F",
        **attributes,
    }


def ct_slice(*, rows: int = 64, columns: int = 64, **attributes: Any) -> Dataset:
    """One axial slice: 16 bits, 12 stored, unsigned, HU = value - 1024, window of the abdomen."""
    ds = _instance(CTImageStorage, "CT", study_description="CT bụng", body_part_examined="ABDOMEN")
    _set(ds, image_type=["ORIGINAL", "PRIMARY", "AXIAL"], kvp="120", slice_thickness="5")
    _set(ds, **_plane(), rescale_intercept="-1024", rescale_slope="1", rescale_type="HU")
    _set(ds, window_center="40", window_width="400")
    number = int(attributes.get("instance_number", 1))
    _picture(ds, _slope(rows, columns, start=924 + number, stop=1324 + number), bits_stored=12)
    return _set(ds, **attributes)


def ct_series(count: int, **attributes: Any) -> list[Dataset]:
    """Slices of one series, numbered from 1, 5 mm apart from feet to head."""
    shared = {
        "study_instance_uid": generate_uid(),
        "series_instance_uid": generate_uid(),
        "frame_of_reference_uid": generate_uid(),
        **attributes,
    }
    return [
        ct_slice(
            instance_number=number,
            image_position_patient=[-160, -160, 5 * (number - 1)],
            slice_location=5 * (number - 1),
            **shared,
        )
        for number in range(1, count + 1)
    ]


def mr_slice(*, rows: int = 64, columns: int = 64, **attributes: Any) -> Dataset:
    """One slice: 16 bits, 12 stored, unsigned, no rescale."""
    ds = _instance(MRImageStorage, "MR", study_description="MR sọ não", body_part_examined="BRAIN")
    _set(ds, image_type=["ORIGINAL", "PRIMARY", "M"], scanning_sequence="SE", echo_time="90")
    _set(ds, **_plane(), sequence_variant="SK", scan_options="", mr_acquisition_type="2D")
    _set(ds, repetition_time="4000", echo_train_length=16, slice_thickness="5")
    _set(ds, window_center="600", window_width="1200")
    _picture(ds, _slope(rows, columns, start=0, stop=1200), bits_stored=12)
    return _set(ds, **attributes)


def enhanced_mr(
    *, frames: int = 3, rows: int = 32, columns: int = 32, **attributes: Any
) -> Dataset:
    """Multi-frame MR with functional groups: each frame has its place, rescale and window."""
    ds = _instance(EnhancedMRImageStorage, "MR", study_description="MR tim")
    _set(ds, image_type=["ORIGINAL", "PRIMARY", "M", "NONE"], volumetric_properties="VOLUME")
    ds.SharedFunctionalGroupsSequence = DicomSequence([_shared_groups()])
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(
        [_groups_of_frame(index) for index in range(frames)]
    )
    _picture(ds, _stack(frames, rows, columns, 0, 1200), bits_stored=12, number_of_frames=frames)
    return _set(ds, **attributes)


def x_ray(*, rows: int = 96, columns: int = 80, **attributes: Any) -> Dataset:
    """A digital chest X-ray for presentation: 12 bits, MONOCHROME2, spacing at the detector."""
    ds = _instance(DigitalXRayImageStorageForPresentation, "DX", body_part_examined="CHEST")
    _set(ds, image_type=["ORIGINAL", "PRIMARY"], presentation_intent_type="FOR PRESENTATION")
    _set(ds, imager_pixel_spacing=[0.15, 0.15], view_position="PA", image_laterality="U")
    _set(ds, pixel_intensity_relationship="LOG", pixel_intensity_relationship_sign=1)
    _set(ds, rescale_intercept="0", rescale_slope="1", presentation_lut_shape="IDENTITY")
    _set(ds, window_center="2048", window_width="4096")
    _picture(ds, _slope(rows, columns, start=0, stop=4095), bits_stored=12)
    return _set(ds, **attributes)


def cr_chest(*, rows: int = 96, columns: int = 80, **attributes: Any) -> Dataset:
    """A computed radiograph, MONOCHROME1: the lowest value is white."""
    ds = _instance(ComputedRadiographyImageStorage, "CR", body_part_examined="CHEST")
    _set(ds, image_type=["ORIGINAL", "PRIMARY"], imager_pixel_spacing=[0.2, 0.2])
    _set(ds, view_position="PA", window_center="512", window_width="1024")
    _picture(ds, _slope(rows, columns, start=0, stop=1023), bits_stored=10)
    return _set(ds, photometric_interpretation="MONOCHROME1", **attributes)


def us_still(*, rows: int = 48, columns: int = 64, **attributes: Any) -> Dataset:
    """One colour ultrasound picture, RGB by pixel, calibrated by region."""
    ds = _instance(UltrasoundImageStorage, "US", study_description="Siêu âm ổ bụng")
    _set(ds, image_type=["ORIGINAL", "PRIMARY"])
    ds.SequenceOfUltrasoundRegions = DicomSequence([_ultrasound_region(rows, columns)])
    _picture(ds, _colours(1, rows, columns)[0], bits_stored=8)
    return _set(ds, **attributes)


def us_cine(*, frames: int = 4, rows: int = 48, columns: int = 64, **attributes: Any) -> Dataset:
    """A colour ultrasound loop, RGB by pixel, 25 frames per second, calibrated by region."""
    ds = _instance(UltrasoundMultiFrameImageStorage, "US", study_description="Siêu âm tim")
    _set(ds, image_type=["ORIGINAL", "PRIMARY"], frame_time="40", cine_rate="25")
    ds.FrameIncrementPointer = 0x00181063
    ds.SequenceOfUltrasoundRegions = DicomSequence([_ultrasound_region(rows, columns)])
    _picture(ds, _colours(frames, rows, columns), bits_stored=8, number_of_frames=frames)
    return _set(ds, **attributes)


def secondary_capture(*, rows: int = 48, columns: int = 64, **attributes: Any) -> Dataset:
    """A screen shot in 8 bit gray, with no spacing at all."""
    ds = _instance(SecondaryCaptureImageStorage, "OT", conversion_type="WSD")
    _picture(ds, _slope(rows, columns, start=0, stop=255).astype(np.uint8), bits_stored=8)
    return _set(ds, **attributes)


def palette_picture(*, rows: int = 48, columns: int = 64, **attributes: Any) -> Dataset:
    """PALETTE COLOR: 8 bit indices into three tables of 256 entries of 16 bits (red to blue)."""
    ds = _instance(UltrasoundImageStorage, "US")
    _picture(ds, _slope(rows, columns, start=0, stop=255).astype(np.uint8), bits_stored=8)
    ramp = (np.arange(256) * 257).astype("<u2")
    for colour, table in (("red", ramp), ("green", ramp * 0), ("blue", ramp[::-1])):
        _set(ds, **{f"{colour}_palette_color_lookup_table_descriptor": [256, 0, 16]})
        _set(ds, **{f"{colour}_palette_color_lookup_table_data": table.tobytes()})
    return _set(ds, photometric_interpretation="PALETTE COLOR", **attributes)


def segmentation(*, frames: int = 3, rows: int = 9, columns: int = 7, **attributes: Any) -> Dataset:
    """A mask of one bit per pixel, packed: frames after the first begin inside a byte."""
    ds = _instance(SegmentationStorage, "SEG", segmentation_type="BINARY")
    bits = (np.arange(frames * rows * columns) % 3 == 0).astype(np.uint8)
    _set(ds, rows=rows, columns=columns, number_of_frames=frames, samples_per_pixel=1)
    _set(ds, bits_allocated=1, bits_stored=1, high_bit=0, pixel_representation=0)
    _set(ds, photometric_interpretation="MONOCHROME2", lossy_image_compression="00")
    return _set(ds, pixel_data=_even(np.packbits(bits, bitorder="little").tobytes()), **attributes)


def sr(text: str = "Không thấy tổn thương khu trú.", **attributes: Any) -> Dataset:
    """A structured report without pixels: one container with one finding in words."""
    ds = _instance(BasicTextSRStorage, "SR", completion_flag="COMPLETE")
    _set(ds, verification_flag="UNVERIFIED", value_type="CONTAINER")
    _set(ds, continuity_of_content="SEPARATE")
    ds.ConceptNameCodeSequence = DicomSequence(
        [_code("18748-4", "LN", "Diagnostic imaging report")]
    )
    finding = Dataset()
    _set(finding, relationship_type="CONTAINS", value_type="TEXT", text_value=text)
    finding.ConceptNameCodeSequence = DicomSequence([_code("121071", "DCM", "Finding")])
    ds.ContentSequence = DicomSequence([finding])
    return _set(ds, **attributes)


def pdf(document: bytes = b"%PDF-1.4\n%%EOF\n", **attributes: Any) -> Dataset:
    """An encapsulated PDF."""
    ds = _instance(EncapsulatedPDFStorage, "DOC", document_title="Kết quả")
    _set(ds, mime_type_of_encapsulated_document="application/pdf", burned_in_annotation="YES")
    _set(ds, encapsulated_document=_even(document), encapsulated_document_length=len(document))
    return _set(ds, **attributes)


def _instance(sop_class_uid: str, modality: str, **attributes: Any) -> Dataset:
    """Patient, study, series and instance as every composite object has them."""
    ds = Dataset()
    _set(ds, **vietnamese_patient(), sop_class_uid=sop_class_uid, sop_instance_uid=generate_uid())
    _set(ds, study_instance_uid=generate_uid(), study_date="20261104", study_time="081530")
    _set(ds, study_id="S1", accession_number="CD2611040001", referring_physician_name="LÊ^VĂN ĐỨC")
    _set(ds, institution_name="Bệnh viện Đa khoa", manufacturer="Test", station_name="MAY1")
    _set(ds, modality=modality, series_instance_uid=generate_uid(), series_number=1)
    _set(ds, series_description=f"Chuỗi {modality}", instance_number=1)
    _set(ds, content_date="20261104", content_time="081530")
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return _set(ds, **attributes)


def _set(ds: Dataset, **attributes: Any) -> Dataset:
    for snake, value in attributes.items():
        keyword = keyword_of(snake)
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)
    return ds


def keyword_of(snake: str) -> str:
    """`study_instance_uid` -> `StudyInstanceUID`; raises KeyError for what DICOM does not know."""
    return _keywords()[snake.replace("_", "")]


@functools.cache
def _keywords() -> dict[str, str]:
    keywords = (entry[4] for entry in DicomDictionary.values())
    return {keyword.lower(): keyword for keyword in keywords if keyword}


def _plane() -> Attributes:
    return {
        "frame_of_reference_uid": generate_uid(),
        "position_reference_indicator": "",
        "image_position_patient": [-160, -160, 0],
        "image_orientation_patient": [1, 0, 0, 0, 1, 0],
        "pixel_spacing": [5, 5],
    }


def _picture(
    ds: Dataset, pixels: NDArray[Any], *, bits_stored: int, number_of_frames: int | None = None
) -> None:
    """Write native little endian pixels; `pixels` is (frames?, rows, columns, samples?)."""
    is_colour = pixels.shape[-1] == 3 and pixels.dtype == np.uint8
    rows, columns = pixels.shape[-3:-1] if is_colour else pixels.shape[-2:]
    _set(ds, rows=rows, columns=columns, samples_per_pixel=3 if is_colour else 1)
    _set(ds, photometric_interpretation="RGB" if is_colour else "MONOCHROME2")
    _set(ds, planar_configuration=0 if is_colour else None, number_of_frames=number_of_frames)
    _set(ds, bits_allocated=pixels.dtype.itemsize * 8, bits_stored=bits_stored)
    _set(ds, high_bit=bits_stored - 1, pixel_representation=0)
    _set(ds, pixel_data=_even(pixels.tobytes()))
    ds["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"


def _slope(rows: int, columns: int, *, start: int, stop: int) -> NDArray[np.uint16]:
    """From `start` in the upper left corner evenly to `stop` in the lower right."""
    steps = np.linspace(start, stop, rows * columns)
    return steps.round().astype("<u2").reshape(rows, columns)


def _stack(frames: int, rows: int, columns: int, start: int, stop: int) -> NDArray[np.uint16]:
    """Slopes that begin one value later in every frame, so that no two frames are equal."""
    slopes = [
        _slope(rows, columns, start=start + index, stop=stop + index) for index in range(frames)
    ]
    return np.stack(slopes)


def _colours(frames: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """Red grows to the right, green downwards, blue with time: every axis can be told apart."""
    frame, row, column = np.meshgrid(
        np.arange(frames), np.arange(rows), np.arange(columns), indexing="ij"
    )
    red, green = column * 255 // max(columns - 1, 1), row * 255 // max(rows - 1, 1)
    blue = frame * 255 // max(frames - 1, 1)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def _shared_groups() -> Dataset:
    group = Dataset()
    group.PixelMeasuresSequence = _item(pixel_spacing=[2, 2], slice_thickness="8")
    group.PlaneOrientationSequence = _item(image_orientation_patient=[1, 0, 0, 0, 1, 0])
    return group


def _groups_of_frame(index: int) -> Dataset:
    group = Dataset()
    group.PlanePositionSequence = _item(image_position_patient=[-32, -32, 8 * index])
    group.FrameContentSequence = _item(stack_id="1", in_stack_position_number=index + 1)
    group.PixelValueTransformationSequence = _item(
        rescale_intercept=str(index), rescale_slope="2", rescale_type="US"
    )
    group.FrameVOILUTSequence = _item(window_center=str(600 + index), window_width="1200")
    return group


def _ultrasound_region(rows: int, columns: int) -> Dataset:
    """A tissue region over the whole picture, 0.5 mm per pixel (units 3: cm; PS3.3 C.8.5.5)."""
    region = Dataset()
    _set(region, region_spatial_format=1, region_data_type=1, region_flags=0)
    _set(region, region_location_min_x0=0, region_location_min_y0=0)
    _set(region, region_location_max_x1=columns - 1, region_location_max_y1=rows - 1)
    _set(region, physical_units_x_direction=3, physical_units_y_direction=3)
    return _set(region, physical_delta_x=0.05, physical_delta_y=0.05)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(code_value=value, coding_scheme_designator=scheme, code_meaning=meaning)[0]


def _item(**attributes: Any) -> Sequence[Dataset]:
    return DicomSequence([_set(Dataset(), **attributes)])


def _even(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)

"""The pixels of every public sample, compared with what pydicom and DCMTK make of them.

pydicom decodes with other libraries than the archive for all but a few syntaxes; DCMTK shares none.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.decoders.base import get_decoder

from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, Coding
from pacs.errors import NotDecodable
from pacs.pixels.decoding import decode_frame
from pacs.pixels.frames import FrameTable, encoded_frame, locate_frames
from pacs.pixels.in_process import InProcessDecoder
from pacs.pixels.interfaces import (
    EncodedFrame,
    EncodedInstance,
    NativeFrame,
    PictureType,
    RenderRequest,
)
from pacs.pixels.presentation import LookupTable, read_presentation
from pacs.pixels.rendering import render_frame
from tests.needs import MATERIALS, Need
from tests.pixels.encoded import instance_from, instance_in_file

# Some samples name their character set wrongly, and pydicom says so.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

CORPUS = MATERIALS["corpus"]
GREY_LEVELS = 2
"""Two programs may round differently; more is another picture."""

PYDICOM_CANNOT: frozenset[str] = frozenset(
    f"1.2.840.10008.1.2.{tail}"
    for tail in ("4.51", "4.53", "4.55", "4.57", "4.70", "4.201", "4.202", "4.203", "8.1")
)
"""With the decoders the archive depends on."""

PYDICOM_DIFFERS: dict[str, str] = {
    "valid/seg/liver_rle.dcm": "pydicom cannot unpack single bits from RLE",
    "valid/lut/mlut_18.dcm": "pydicom extends signs into unused bits; frames are given as stored",
    "valid/colour/US-YBR_FULL_422-EVRLE.dcm": "pydicom spells out shared chrominance",
}

DCMTK_CANNOT: dict[str, str] = {
    "valid/transfer-syntax/JLSL_08_07_0_1F.dcm": "no JPEG-LS of 7 bits",
    "valid/encapsulation/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm": "needs an offset table",
    "valid/parametric-map/parametric_map_double_float.dcm": "no floating point pixels",
    "valid/parametric-map/parametric_map_float.dcm": "no floating point pixels",
    "valid/sc/SC_rgb_32bit_2frame.dcm": "no colour of 32 bits",
    "valid/sc/SC_rgb_expb_32bit.dcm": "no colour of 32 bits",
    "valid/seg/liver_rle.dcm": "no single bits in RLE",
    "valid/us/palette16_gdcm-US-ALOKA-16.dcm": "no segmented palettes",
}

DCMTK_DIFFERS: dict[str, str] = {
    "valid/encapsulation/CT1_UNC.fragmented_bot_jpeg_ls.80.dcm": "padding widens its window",
    "valid/encapsulation/CT1_UNC.fragmented_no_bot_jpeg_ls.80.dcm": "padding widens its window",
    "valid/encapsulation/CT1_UNC.not_fragmented_bot_jpeg_ls.80.dcm": "padding widens its window",
    "valid/transfer-syntax/ct-jpegls-near.dcm": "it does not find the window",
    "valid/transfer-syntax/CT1_UNC.explicit_big_endian.dcm": "padding widens its window",
    "valid/transfer-syntax/CT1_UNC.implicit_little_endian.dcm": "padding widens its window",
    "valid/sm/sm_image_grayscale.dcm": "a uniform picture is grey to it, black to the archive",
}


WITHOUT_PIXELS = frozenset({"valid/odd/GH178.dcm", "valid/mr/nibabel-csa.dcm"})
"""Headers of pictures."""

HOSTILE: dict[str, str] = {
    "bitsallocated-12": "Bits Allocated is 12",
    "enc-corrupt-jpeg": "the jpeg frame is damaged",
    "enc-dims-mismatch": "the codestream has 128x128 pixels of 1 samples, the header says 256x256",
    "enc-no-items": "Pixel Data holds no item",
    "enc-not-a-jpeg": "not a JPEG codestream",
    "frames-1A": "Number of Frames is '1A'",
    "pixeldata-half": "Pixel Data has 0 of 1 frames",
    "rows-65535": "one frame would have 8589672450 bytes",
    "rows-zero": "Rows is 0",
}
"""Malformed samples whose pixels are refused, and why."""

FORGIVEN = (
    "ds-not-a-number",
    "enc-bad-bot",
    "enc-missing-frames",
    "enc-no-delimiter",
    "frames-999999",
    "pixeldata-too-long",
    "private-galore",
    "window-width-0",
)
"""Malformed samples whose first frame can be shown all the same."""


@dataclass(frozen=True)
class Sample:
    """A file of the corpus and what its manifest says of it."""

    path: str
    transfer_syntax_uid: str

    @property
    def file(self) -> Path:
        return CORPUS / self.path

    @property
    def coding(self) -> Coding | None:
        syntax = TRANSFER_SYNTAXES.get(self.transfer_syntax_uid)
        return syntax.coding if syntax else None

    def instance(self) -> EncodedInstance:
        return instance_in_file(self.file.read_bytes())


FUNCTIONAL_GROUPS = ("series/enhmr-",)
"""DCMTK's picture tools do not look for windows in functional groups."""


def _valid_pictures() -> list[Sample]:
    """One of each series, all others; [] without the corpus."""
    if not CORPUS.exists():
        return []
    with (CORPUS / "MANIFEST.csv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["rows"]]
    seen: set[str] = set()
    samples = []
    for row in rows:
        path = row["path"]
        group = path.rpartition("/")[0] if path.startswith(("series/", "derived/charset")) else path
        if group in seen or row["expected"] != "valid" or path in WITHOUT_PIXELS:
            continue
        seen.add(group)
        samples.append(Sample(path, row["transfer_syntax_uid"]))
    return [sample for sample in samples if sample.coding is not Coding.VIDEO]


PICTURES = _valid_pictures()


def each(samples: list[Sample]) -> pytest.MarkDecorator:
    """Run for every sample; without the corpus once, to be skipped with the reason."""
    return pytest.mark.parametrize("sample", samples or [Sample("", "")], ids=lambda s: s.path)


BY_PYDICOM = [
    sample
    for sample in PICTURES
    if sample.transfer_syntax_uid not in PYDICOM_CANNOT and sample.path not in PYDICOM_DIFFERS
]


@each(BY_PYDICOM)
def test_frames_are_those_pydicom_decodes(sample: Sample, need: Need) -> None:
    need("corpus")
    instance = sample.instance()
    table = locate_frames(instance)
    index = table.frame_count - 1

    decoded = decode_frame(encoded_frame(instance, table, index))

    expected, colours = _by_pydicom(sample, index, decoded)
    assert decoded.photometric_interpretation == colours
    difference = np.abs(_numbers(decoded) - expected.astype(np.float64).reshape(-1))
    # libjpeg may be told to do the colours in another order.
    assert difference.max() <= (1 if sample.coding is Coding.JPEG else 0)


def _by_pydicom(sample: Sample, index: int, ours: NativeFrame) -> tuple[NDArray[Any], str]:
    ds = pydicom.dcmread(sample.file)
    decoder = get_decoder(sample.transfer_syntax_uid)
    raw = sample.coding in (Coding.NATIVE, Coding.RLE) or ours.samples_per_pixel == 1
    numbers, meta = decoder.as_array(ds, index=index, raw=raw)
    return numbers, str(meta["photometric_interpretation"])


def _numbers(frame: NativeFrame) -> NDArray[np.float64]:
    if frame.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame.data, np.uint8), bitorder="little")
        return bits[: frame.rows * frame.columns].astype(np.float64)
    kind = "f" if frame.is_float else "i" if frame.pixel_representation else "u"
    return np.frombuffer(frame.data, f"<{kind}{frame.bits_allocated // 8}").astype(np.float64)


DCMTK_PROGRAM: dict[Coding, str] = {
    Coding.NATIVE: "dcmj2pnm",
    Coding.RLE: "dcmj2pnm",
    Coding.JPEG: "dcmj2pnm",
    Coding.JPEG_LOSSLESS: "dcmj2pnm",
    Coding.JPEG_LS: "dcml2pnm",
}
"""DCMTK knows no JPEG 2000 and nothing newer."""


BY_DCMTK = [
    sample
    for sample in PICTURES
    if sample.coding in DCMTK_PROGRAM
    and sample.path not in {**DCMTK_CANNOT, **DCMTK_DIFFERS}
    and not sample.path.startswith(FUNCTIONAL_GROUPS)
]


@each(BY_DCMTK)
def test_pictures_look_as_dcmtk_shows_them(sample: Sample, need: Need, tmp_path: Path) -> None:
    need("corpus")
    program = need(DCMTK_PROGRAM[sample.coding or Coding.NATIVE])
    instance = sample.instance()
    table = locate_frames(instance)
    index = table.frame_count - 1
    frame = encoded_frame(instance, table, index)

    shown = _pixels(render_frame(frame, RenderRequest(PictureType.PNG)))

    expected_file = tmp_path / "dcmtk.png"
    window = _window_options(frame, table)
    options = ["+on", "+F", str(index + 1), *window, str(sample.file), str(expected_file)]
    subprocess.run([program, *options], check=True, capture_output=True, timeout=60)
    expected = _pixels(expected_file.read_bytes())
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= GREY_LEVELS


def _window_options(frame: EncodedFrame, table: FrameTable) -> list[str]:
    """What makes DCMTK choose as the archive does: it applies no window unless told."""
    voi = read_presentation(frame, table.description).voi
    if table.description.samples_per_pixel == 3:
        return []
    if "PALETTE" in table.description.photometric_interpretation:
        return []
    if voi is not None:
        return ["+Wl", "1"] if isinstance(voi, LookupTable) else ["+Wi", "1"]
    return [] if table.description.bits_stored == 8 else ["+Wm"]


def _pixels(file: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(np.int64)


@each([s for s in PICTURES if s.coding in (Coding.JPEG_2000, Coding.HTJ2K, Coding.DEFLATED_FRAME)])
def test_what_dcmtk_cannot_show_can_be_shown(sample: Sample, need: Need) -> None:
    need("corpus")
    instance = sample.instance()
    table = locate_frames(instance)

    shown = _pixels(render_frame(encoded_frame(instance, table, 0), RenderRequest(PictureType.PNG)))

    assert shown.shape == (table.description.rows, table.description.columns, 3)
    assert shown.min() < shown.max()


@pytest.mark.parametrize("target", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
@each(PICTURES)
def test_instances_convert_to_what_has_the_same_pixels(
    sample: Sample, target: str, need: Need
) -> None:
    need("corpus")
    instance = sample.instance()
    decoder = InProcessDecoder()

    converted = b"".join(decoder.convert_instance(instance, target))

    again = instance_from(converted, target)
    tables = locate_frames(instance), locate_frames(again)
    first = decoder.decode_frame(encoded_frame(instance, tables[0], 0))
    assert decoder.decode_frame(encoded_frame(again, tables[1], 0)) == first
    assert tables[0].frame_count == tables[1].frame_count


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_pixels_are_refused_with_the_reason(name: str, need: Need) -> None:
    file = need("corpus") / "malformed" / "derived" / f"{name}.dcm"
    instance = instance_in_file(file.read_bytes())

    with pytest.raises(NotDecodable, match=re.escape(HOSTILE[name])):
        render_frame(encoded_frame(instance, locate_frames(instance), 0), RenderRequest())


@pytest.mark.parametrize("name", FORGIVEN)
def test_what_can_be_shown_in_spite_of_a_defect_is_shown(name: str, need: Need) -> None:
    file = need("corpus") / "malformed" / "derived" / f"{name}.dcm"
    instance = instance_in_file(file.read_bytes())

    shown = render_frame(encoded_frame(instance, locate_frames(instance), 0), RenderRequest())

    assert _pixels(shown).shape == (128, 128, 3)


@pytest.mark.parametrize("name", ["h264-hp41", "hevc-main", "mpeg2-mpml"])
def test_a_video_says_that_it_is_one(name: str, need: Need) -> None:
    file = need("corpus") / "derived" / "video" / f"{name}.dcm"

    with pytest.raises(NotDecodable, match="is a video"):
        locate_frames(instance_in_file(file.read_bytes()))

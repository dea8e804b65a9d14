"""Every transfer syntax the archive can be sent: how data set and pixels are encoded in it.

PS3.5 Section 10 and Annex A, PS3.6 Table A-1. Retired ones are kept, since old machines still use
them. Left out are those that no stored data set can have: MIME (1.2.840.10008.1.2.6.1), XML
(1.2.840.10008.1.2.6.2) and real-time video streams (1.2.840.10008.1.2.7.*).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
DEFLATED_IMAGE_FRAME = "1.2.840.10008.1.2.8.1"


class Coding(enum.StrEnum):
    """What the pixels of one frame are coded as."""

    NATIVE = "native"
    JPEG = "jpeg"
    JPEG_LOSSLESS = "jpeg-lossless"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"
    HTJ2K = "htj2k"
    JPEG_XL = "jpeg-xl"
    RLE = "rle"
    DEFLATED_FRAME = "deflated-frame"
    UNCOMPRESSED_FRAME = "uncompressed-frame"
    VIDEO = "video"
    REFERENCED = "referenced"


@dataclass(frozen=True)
class TransferSyntax:
    """explicit_vr, little_endian, deflated: the data set; coding, lossy: the pixels.

    lossy  the syntax allows or demands loss; a lossless picture may still be in it.
    """

    uid: str
    name: str
    coding: Coding
    lossy: bool = False
    explicit_vr: bool = True
    little_endian: bool = True
    deflated: bool = False
    retired: bool = False

    @property
    def is_encapsulated(self) -> bool:
        return self.coding not in (Coding.NATIVE, Coding.REFERENCED)


def _jpeg_retired(number: int, name: str, coding: Coding = Coding.JPEG) -> TransferSyntax:
    lossy = coding is Coding.JPEG
    return TransferSyntax(f"1.2.840.10008.1.2.4.{number}", name, coding, lossy, retired=True)


def _v4(suffix: str, name: str, coding: Coding, lossy: bool = False) -> TransferSyntax:
    return TransferSyntax(f"1.2.840.10008.1.2.4.{suffix}", name, coding, lossy)


_ALL: tuple[TransferSyntax, ...] = (
    TransferSyntax(
        IMPLICIT_VR_LITTLE_ENDIAN, "Implicit VR Little Endian", Coding.NATIVE, explicit_vr=False
    ),
    TransferSyntax(EXPLICIT_VR_LITTLE_ENDIAN, "Explicit VR Little Endian", Coding.NATIVE),
    TransferSyntax(
        "1.2.840.10008.1.2.1.98",
        "Encapsulated Uncompressed Explicit VR Little Endian",
        Coding.UNCOMPRESSED_FRAME,
    ),
    TransferSyntax(
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        "Deflated Explicit VR Little Endian",
        Coding.NATIVE,
        deflated=True,
    ),
    TransferSyntax(
        EXPLICIT_VR_BIG_ENDIAN,
        "Explicit VR Big Endian",
        Coding.NATIVE,
        little_endian=False,
        retired=True,
    ),
    _v4("50", "JPEG Baseline (Process 1)", Coding.JPEG, lossy=True),
    _v4("51", "JPEG Extended (Process 2 & 4)", Coding.JPEG, lossy=True),
    _jpeg_retired(52, "JPEG Extended (Process 3 & 5)"),
    _jpeg_retired(53, "JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)"),
    _jpeg_retired(54, "JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)"),
    _jpeg_retired(55, "JPEG Full Progression, Non-Hierarchical (Process 10 & 12)"),
    _jpeg_retired(56, "JPEG Full Progression, Non-Hierarchical (Process 11 & 13)"),
    _v4("57", "JPEG Lossless, Non-Hierarchical (Process 14)", Coding.JPEG_LOSSLESS),
    _jpeg_retired(58, "JPEG Lossless, Non-Hierarchical (Process 15)", Coding.JPEG_LOSSLESS),
    _jpeg_retired(59, "JPEG Extended, Hierarchical (Process 16 & 18)"),
    _jpeg_retired(60, "JPEG Extended, Hierarchical (Process 17 & 19)"),
    _jpeg_retired(61, "JPEG Spectral Selection, Hierarchical (Process 20 & 22)"),
    _jpeg_retired(62, "JPEG Spectral Selection, Hierarchical (Process 21 & 23)"),
    _jpeg_retired(63, "JPEG Full Progression, Hierarchical (Process 24 & 26)"),
    _jpeg_retired(64, "JPEG Full Progression, Hierarchical (Process 25 & 27)"),
    _jpeg_retired(65, "JPEG Lossless, Hierarchical (Process 28)", Coding.JPEG_LOSSLESS),
    _jpeg_retired(66, "JPEG Lossless, Hierarchical (Process 29)", Coding.JPEG_LOSSLESS),
    _v4("70", "JPEG Lossless, First-Order Prediction", Coding.JPEG_LOSSLESS),
    _v4("80", "JPEG-LS Lossless", Coding.JPEG_LS),
    _v4("81", "JPEG-LS Near-Lossless", Coding.JPEG_LS, lossy=True),
    _v4("90", "JPEG 2000 (Lossless Only)", Coding.JPEG_2000),
    _v4("91", "JPEG 2000", Coding.JPEG_2000, lossy=True),
    _v4("92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", Coding.JPEG_2000),
    _v4("93", "JPEG 2000 Part 2 Multi-component", Coding.JPEG_2000, lossy=True),
    _v4("94", "JPIP Referenced", Coding.REFERENCED),
    TransferSyntax(
        "1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", Coding.REFERENCED, deflated=True
    ),
    _v4("100", "MPEG2 Main Profile / Main Level", Coding.VIDEO, lossy=True),
    _v4("100.1", "Fragmentable MPEG2 Main Profile / Main Level", Coding.VIDEO, lossy=True),
    _v4("101", "MPEG2 Main Profile / High Level", Coding.VIDEO, lossy=True),
    _v4("101.1", "Fragmentable MPEG2 Main Profile / High Level", Coding.VIDEO, lossy=True),
    _v4("102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", Coding.VIDEO, lossy=True),
    _v4(
        "102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", Coding.VIDEO, lossy=True
    ),
    _v4("103", "MPEG-4 AVC/H.264 BD-compatible High Profile", Coding.VIDEO, lossy=True),
    _v4(
        "103.1",
        "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile",
        Coding.VIDEO,
        lossy=True,
    ),
    _v4("104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", Coding.VIDEO, lossy=True),
    _v4(
        "104.1",
        "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
        Coding.VIDEO,
        lossy=True,
    ),
    _v4("105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", Coding.VIDEO, lossy=True),
    _v4(
        "105.1",
        "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
        Coding.VIDEO,
        lossy=True,
    ),
    _v4("106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Coding.VIDEO, lossy=True),
    _v4(
        "106.1",
        "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
        Coding.VIDEO,
        lossy=True,
    ),
    _v4("107", "HEVC/H.265 Main Profile / Level 5.1", Coding.VIDEO, lossy=True),
    _v4("108", "HEVC/H.265 Main 10 Profile / Level 5.1", Coding.VIDEO, lossy=True),
    _v4("110", "JPEG XL Lossless", Coding.JPEG_XL),
    _v4("111", "JPEG XL JPEG Recompression", Coding.JPEG_XL, lossy=True),
    _v4("112", "JPEG XL", Coding.JPEG_XL, lossy=True),
    _v4("201", "High-Throughput JPEG 2000 (Lossless Only)", Coding.HTJ2K),
    _v4("202", "High-Throughput JPEG 2000 with RPCL (Lossless Only)", Coding.HTJ2K),
    _v4("203", "High-Throughput JPEG 2000", Coding.HTJ2K, lossy=True),
    _v4("204", "JPIP HTJ2K Referenced", Coding.REFERENCED),
    TransferSyntax(
        "1.2.840.10008.1.2.4.205", "JPIP HTJ2K Referenced Deflate", Coding.REFERENCED, deflated=True
    ),
    TransferSyntax(RLE_LOSSLESS, "RLE Lossless", Coding.RLE),
    TransferSyntax(DEFLATED_IMAGE_FRAME, "Deflated Image Frame Compression", Coding.DEFLATED_FRAME),
)

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {syntax.uid: syntax for syntax in _ALL}

OVER_THE_WEB_AS_EXPLICIT: frozenset[str] = frozenset(
    {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN}
)
"""Never sent by DICOMweb as they are; Explicit VR Little Endian goes instead. PS3.18 8.7.3.5.2."""


def transfer_syntax(uid: str) -> TransferSyntax | None:
    """The syntax with this UID, or None when it is none of the standard's."""
    return TRANSFER_SYNTAXES.get(uid)

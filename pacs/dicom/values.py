"""The values of the attributes the archive keeps, read from a scanned header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pacs.dicom.character_sets import CharacterSet
from pacs.dicom.header import ScannedHeader
from pacs.dicom.hierarchy import ATTRIBUTES, Attribute, Kind
from pacs.dicom.identity import strip_uid

Value = str | int | tuple[str, ...] | None

_STORED = tuple(attribute for attribute in ATTRIBUTES if attribute.kind is Kind.STORED)
_NUMBER_OF_FRAMES = 0x00280008


@dataclass(frozen=True)
class HeaderValues:
    """by_keyword holds non-empty values only; guessed says that a text's encoding was guessed."""

    by_keyword: Mapping[str, Value]
    guessed: bool


def read_values(header: ScannedHeader, *, assumed: str | None = None) -> HeaderValues:
    """Text decoded, several values as a tuple, US as a number; dates, times and IS as sent.

    assumed  the character set to assume of a sender that declares none.
    """
    character_set = header.character_set(assumed=assumed)
    values: dict[str, Value] = {}
    guessed = False
    for attribute in _STORED:
        raw = header.raw(attribute.tag)
        if raw:
            value, was_guess = _value(attribute, raw, header, character_set)
            guessed = guessed or was_guess
            if value not in (None, "", ()):
                values[attribute.keyword] = value
    return HeaderValues(values, guessed)


def _value(
    attribute: Attribute, raw: bytes, header: ScannedHeader, character_set: CharacterSet
) -> tuple[Value, bool]:
    if attribute.vr == "US":
        order: Literal["little", "big"] = "little" if header.little_endian else "big"
        return (int.from_bytes(raw[:2], order) if len(raw) >= 2 else None), False
    decoded = character_set.decode(raw, attribute.vr)
    if attribute.vr == "UI":
        return strip_uid(decoded.text), False
    text = decoded.text.replace("\0", "").strip(" ")
    if attribute.many:
        parts = tuple(part.strip(" ") for part in text.split("\\"))
        return tuple(part for part in parts if part), decoded.guessed
    return text, decoded.guessed


def number_of_frames(header: ScannedHeader) -> int:
    """1 when absent or nonsense: what cannot be believed is found out when a frame is read."""
    text = header.raw(_NUMBER_OF_FRAMES).decode("ascii", "replace").strip("\0 ")
    return max(1, int(text)) if text.isdigit() and len(text) <= 9 else 1

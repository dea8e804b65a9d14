"""What an asker accepts, as ranges in order of preference, and which of our offers they cover.

RFC 9110 12.5.1; the parameters `type` and `transfer-syntax` as in PS3.18 8.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

ANY_TRANSFER_SYNTAX = "*"
RELATED = "multipart/related"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
OCTET_STREAM = "application/octet-stream"

# Quoted strings may hold commas and semicolons; an unclosed quote runs to the end.
_BETWEEN_COMMAS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?$))+')
_BETWEEN_SEMICOLONS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*(?:"|\\?$))+')
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+/[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_QUALITY = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class MediaType:
    """A media type and its parameters, names and type in lower case."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MediaRange:
    """One element of an Accept header: `name` may be `*/*`, `image/*` or a whole media type."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def transfer_syntax(self) -> str | None:
        """The UID asked for, `*` for any, None when the asker leaves it to the default."""
        return self.parameters.get("transfer-syntax")

    @property
    def specificity(self) -> int:
        """How narrow the range is; the narrowest that covers an offer decides about it."""
        inner = self.parameters.get("type", "*/*") if self.name == RELATED else ""
        wildcards = self.name.count("*") + inner.count("*")
        return 2 * (4 - wildcards) + ("transfer-syntax" in self.parameters)


@dataclass(frozen=True)
class Offer:
    """A representation we can make. `related`: as parts of multipart/related."""

    media_type: str
    related: bool = False


def parse_media_type(text: str) -> MediaType | None:
    """Read a Content-Type; None when there is no media type in it."""
    first, *rest = _BETWEEN_SEMICOLONS.findall(text) or [""]
    name = first.strip().lower()
    if not _MEDIA_TYPE.fullmatch(name):
        return None
    return MediaType(name, dict(_parameters(rest)))


def _parameters(pieces: Sequence[str]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if equals:
            yield name.strip().lower(), _unquote(value.strip())


def _unquote(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value


def parse_accept(header: str | None) -> tuple[MediaRange, ...]:
    """The ranges, most wanted first; an absent or empty header accepts everything.

    An element that cannot be read is left out: other clients' habits must not cost an answer.
    """
    if header is None or not header.strip():
        return (MediaRange("*/*"),)
    found = (_parse_range(element) for element in _BETWEEN_COMMAS.findall(header))
    return tuple(sorted(filter(None, found), key=lambda each: (-each.quality, -each.specificity)))


def _parse_range(element: str) -> MediaRange | None:
    media_type = parse_media_type(element)
    if media_type is None:
        return None
    parameters = {name: value for name, value in media_type.parameters.items() if name != "q"}
    quality = media_type.parameters.get("q", "1")
    if not _QUALITY.fullmatch(quality):
        return None
    return MediaRange(media_type.name, parameters, float(quality))


# A `+` in a query string stands for a space, yet many clients write application/dicom+json as is.
_LOST_PLUS = re.compile(r"(?<=[a-z]) (?=(?:json|xml)\b)")


def accepted(header: str | None, query_parameter: str | None) -> tuple[MediaRange, ...]:
    """What the request accepts; the query parameter `accept` goes before the header.

    PS3.18 8.3.3.1.
    """
    if query_parameter:
        return parse_accept(_LOST_PLUS.sub("+", query_parameter))
    return parse_accept(header)


def candidates(
    ranges: Sequence[MediaRange], offers: Sequence[Offer]
) -> Iterator[tuple[Offer, MediaRange]]:
    """The offers that are accepted with the range that covers each, best first.

    Between ranges the asker's order counts, within one range ours. An offer whose narrowest range
    has quality 0 is never given.
    """
    refused = {offer for offer in offers if _is_refused(ranges, offer)}
    for each in ranges:
        if each.quality > 0:
            for offer in offers:
                if offer not in refused and covers(each, offer):
                    yield offer, each


def choose(ranges: Sequence[MediaRange], offers: Sequence[Offer]) -> Offer | None:
    """The best offer that is accepted, or None."""
    return next((offer for offer, _ in candidates(ranges, offers)), None)


def _is_refused(ranges: Sequence[MediaRange], offer: Offer) -> bool:
    covering = [each for each in ranges if covers(each, offer)]
    return bool(covering) and max(covering, key=lambda each: each.specificity).quality == 0


def covers(media_range: MediaRange, offer: Offer) -> bool:
    """Whether the range names the offer, whatever the transfer syntax."""
    if media_range.name == "*/*":
        return True
    if not offer.related:
        return _matches(media_range.name, offer.media_type)
    if not _matches(media_range.name, RELATED):
        return False
    return _matches(media_range.parameters.get("type", "*/*").lower(), offer.media_type)


def _matches(pattern: str, media_type: str) -> bool:
    if pattern in ("*/*", "*"):
        return True
    if pattern.endswith("/*"):
        return media_type.startswith(pattern[:-1])
    return pattern == media_type

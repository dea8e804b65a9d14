"""Accept headers are understood as clients write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.web.media_types import (
    MediaType,
    Offer,
    accepted,
    candidates,
    choose,
    parse_accept,
    parse_media_type,
)

DICOM = Offer("application/dicom", related=True)
SINGLE = Offer("application/dicom")
JPEG = Offer("image/jpeg")
PNG = Offer("image/png")
ZIP = Offer("application/zip")

CHOICES: list[tuple[str | None, list[Offer], Offer | None]] = [
    (None, [JPEG, PNG], JPEG),
    ("", [JPEG, PNG], JPEG),
    ("*/*", [JPEG, PNG], JPEG),
    ("image/png", [JPEG, PNG], PNG),
    ("IMAGE/PNG", [JPEG, PNG], PNG),
    ("image/png, image/jpeg", [JPEG, PNG], PNG),
    ("image/png;q=0.5, image/jpeg", [JPEG, PNG], JPEG),
    ("image/jpeg;q=0.4, image/png;q=0.7", [JPEG, PNG], PNG),
    ("*/*, image/png", [JPEG, PNG], PNG),
    ("*/*;q=0.1, image/*", [ZIP, PNG], PNG),
    ("image/jpeg;q=0, */*", [JPEG, PNG], PNG),
    ("image/jpeg;q=0", [JPEG, PNG], None),
    ("text/html", [JPEG, PNG], None),
    ("rubbish", [JPEG], None),
    ("image/png;q=high, image/jpeg", [JPEG, PNG], JPEG),
    ('multipart/related; type="application/dicom"', [DICOM, SINGLE], DICOM),
    ("multipart/related;type=application/dicom", [DICOM, SINGLE], DICOM),
    ("multipart/related", [DICOM], DICOM),
    ("multipart/*", [DICOM], DICOM),
    ('multipart/related; type="image/*"', [DICOM], None),
    ("application/dicom", [DICOM, SINGLE], SINGLE),
    ("application/dicom", [DICOM], None),
]


@pytest.mark.parametrize(("header", "offers", "expected"), CHOICES)
def test_the_offer_the_asker_likes_best_is_chosen(
    header: str | None, offers: list[Offer], expected: Offer | None
) -> None:
    chosen = choose(parse_accept(header), offers)

    assert chosen == expected


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1',
        'multipart/related; transfer-syntax="1.2.840.10008.1.2.1"; type=application/dicom; q=0.9',
        'multipart/related;type="application/dicom";transfer-syntax=1.2.840.10008.1.2.1,*/*;q=0.1',
    ],
)
def test_the_transfer_syntax_asked_for_is_understood(header: str) -> None:
    _, media_range = next(candidates(parse_accept(header), [DICOM]))

    assert media_range.transfer_syntax == "1.2.840.10008.1.2.1"


def test_a_comma_within_quotes_does_not_part_ranges() -> None:
    ranges = parse_accept('text/plain; note="a, b; c", image/png')

    assert [each.name for each in ranges] == ["text/plain", "image/png"]
    assert ranges[0].parameters == {"note": "a, b; c"}


@pytest.mark.parametrize("value", ["application/dicom+json", "application/dicom json"])
def test_the_query_parameter_goes_before_the_header(value: str) -> None:
    ranges = accepted("image/png", value)

    assert [each.name for each in ranges] == ["application/dicom+json"]


def test_parameters_of_a_content_type_lose_their_quotes() -> None:
    media_type = parse_media_type('Multipart/Related; Type="application/dicom"; boundary="a\\"b;c"')

    assert media_type == MediaType(
        "multipart/related", {"type": "application/dicom", "boundary": 'a"b;c'}
    )


@given(st.text())
def test_any_header_is_read_without_an_error(header: str) -> None:
    ranges = parse_accept(header)

    assert all(0 <= each.quality <= 1 for each in ranges)


_NAMES = st.sampled_from(["image/png", "image/jpeg", "application/dicom", "multipart/related"])


@given(st.lists(st.tuples(_NAMES, st.integers(min_value=0, max_value=1000)), min_size=1))
def test_ranges_come_in_the_order_of_their_quality(wanted: list[tuple[str, int]]) -> None:
    header = ", ".join(f"{name};q={quality / 1000:.3f}" for name, quality in wanted)

    ranges = parse_accept(header)

    assert [each.quality for each in ranges] == sorted(
        (quality / 1000 for _, quality in wanted), reverse=True
    )

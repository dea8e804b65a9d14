"""Keys of a query become criteria; values that cannot be matched are refused with a sentence."""

from __future__ import annotations

from datetime import date, time

import pytest

from pacs.dicom.hierarchy import Attribute, attribute_of_keyword
from pacs.dicom.matching import (
    AnyOf,
    Condition,
    DateRange,
    IntegerValue,
    NamePattern,
    SingleValue,
    TimeRange,
    Wildcard,
    parse_criterion,
)
from pacs.errors import QueryInvalid


def attribute(keyword: str) -> Attribute:
    found = attribute_of_keyword(keyword)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("keyword", "values", "condition"),
    [
        ("PatientID", ["A1"], SingleValue("A1")),
        ("PatientID", ["A?1*"], Wildcard("A?1*")),
        ("PatientName", ["ĐẶNG*"], NamePattern("dang*", spaced=True)),
        ("PatientName", ["Dang^Thi Ngoc*"], NamePattern("dang^thi ngoc*", spaced=False)),
        ("StudyInstanceUID", ["1.2", "1.3"], AnyOf(("1.2", "1.3"))),
        ("ModalitiesInStudy", ["CT", "MR"], AnyOf(("CT", "MR"))),
        ("StudyDate", ["20260131"], DateRange(date(2026, 1, 31), date(2026, 1, 31))),
        ("StudyDate", ["20260101-"], DateRange(date(2026, 1, 1), None)),
        ("StudyDate", ["-2026.01.31"], DateRange(None, date(2026, 1, 31))),
        ("StudyTime", ["09-1030"], TimeRange(time(9), time(10, 30, 59, 999999))),
        ("StudyTime", ["0915"], TimeRange(time(9, 15), time(9, 15, 59, 999999))),
        ("InstanceNumber", ["12"], IntegerValue(12)),
    ],
)
def test_a_key_becomes_the_condition_it_means(
    keyword: str, values: list[str], condition: Condition
) -> None:
    criterion = parse_criterion(attribute(keyword), values)

    assert criterion is not None
    assert criterion.condition == condition


@pytest.mark.parametrize("values", [[], [""], ["*"], ["  "]])
def test_an_empty_key_matches_everything(values: list[str]) -> None:
    assert parse_criterion(attribute("PatientName"), values) is None


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyDate", "yesterday"),
        ("StudyDate", "20261301"),
        ("StudyDate", "-"),
        ("StudyTime", "9 o'clock"),
        ("StudyTime", "2460"),
        ("InstanceNumber", "1;DROP TABLE"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(keyword: str, value: str) -> None:
    with pytest.raises(QueryInvalid, match=keyword):
        parse_criterion(attribute(keyword), [value])

"""Whatever a data set says, columns get something both databases can keep and search."""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.hierarchy import Kind, Level, attributes_of
from pacs.storage.interfaces import Value
from pacs.storage.sql_values import (
    clean_text,
    clock_of,
    day_of,
    joined_list,
    level_row,
    number_of,
    searchable_name,
    searchable_words,
    split_list,
)

ANY_TEXT = st.text(st.characters(), max_size=700)
ANY_VALUE: st.SearchStrategy[Value] = st.one_of(
    ANY_TEXT, st.integers(), st.none(), st.lists(ANY_TEXT, max_size=3).map(tuple)
)
SYLLABLES = st.sampled_from(
    [
        *("ĐẶNG", "Đức", "Đỗ", "Ðinh", "Thị", "Ngọc", "Ánh", "Nguyễn", "Văn", "Trần", "Quốc"),
        *("Toản", "Phạm", "Hồng", "Nhung", "Huỳnh", "Phương", "Uyên", "Vũ", "Võ", "Ỷ", "Ữ", "Ợ"),
    ]
)


@given(value=ANY_VALUE, level=st.sampled_from(list(Level)))
def test_any_value_makes_columns_a_database_can_keep(value: Value, level: Level) -> None:
    values = {one.keyword: value for one in attributes_of(level) if one.kind is Kind.STORED}

    row = level_row(level, values)

    for column, kept in row.items():
        assert kept is None or isinstance(kept, str | int)
        if isinstance(kept, str):
            kept.encode("utf-8")
            assert "\0" not in kept
        if isinstance(kept, int):
            assert -(2**63) <= kept < 2**63
        if column.endswith("_folded") and isinstance(kept, str):
            assert len(kept.encode()) <= 2600  # PostgreSQL can index no more


@given(text=ANY_TEXT)
def test_cleaning_twice_equals_cleaning_once(text: str) -> None:
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned


def test_the_absence_of_a_value_stays_absence() -> None:
    assert clean_text(None) is clean_text("") is clean_text(()) is clean_text(("", "")) is None


@given(
    family=SYLLABLES,
    given_names=st.lists(SYLLABLES, min_size=1, max_size=4),
    form=st.sampled_from(["NFC", "NFD"]),
)
def test_every_vietnamese_name_is_found_typed_without_marks(
    family: str, given_names: list[str], form: str
) -> None:
    name = unicodedata.normalize(form, f"{family}^{' '.join(given_names)}")  # type: ignore[arg-type]

    searched = searchable_name(name)

    typed = " ".join(_without_marks(word) for word in (family, *given_names))
    assert fnmatchcase(searched, f"*={typed}=*")
    assert fnmatchcase(searched, f"*={typed.replace(' ', '^', 1)}=*")
    assert set(searchable_words(name)) == set(typed.split())


def _without_marks(word: str) -> str:
    plain = word.replace("Đ", "D").replace("đ", "d").replace("Ð", "D")
    parts = unicodedata.normalize("NFD", plain)
    return "".join(part for part in parts if not unicodedata.combining(part)).lower()


@pytest.mark.parametrize(
    ("name", "searched"),
    [
        ("", ""),
        ("^^", ""),
        ("Đỗ", "=do="),
        ("Đỗ^Văn An^^Bs.", "=do^van an^^bs.=do van an bs.="),
        ("Lê^An=黎^安", "=le^an=黎^安=le an=黎 安="),
        ("Lê^An\\Vũ^Bình", "=le^an=vu^binh=le an=vu binh="),
    ],
)
def test_a_name_is_searched_by_group_and_without_its_carets(name: str, searched: str) -> None:
    assert searchable_name(name) == searched


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("20260131", "20260131"),
        ("2026.01.31", "20260131"),
        (" 20260131 ", "20260131"),
        ("2026", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_compared_by_its_day(text: str, day: str | None) -> None:
    assert day_of(text) == day


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("09", "090000.000000"),
        ("0915", "091500.000000"),
        ("091500.5", "091500.500000"),
        ("09:15:00", "091500.000000"),
        ("noon", None),
    ],
)
def test_a_time_is_compared_to_the_microsecond(text: str, clock: str | None) -> None:
    assert clock_of(text) == clock


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("7", 7),
        (" 007 ", 7),
        ("-3", -3),
        (5, 5),
        ("7.0", None),
        ("9" * 30, None),
        ("9" * 5000, None),
        (("1", "2"), None),
        (None, None),
    ],
)
def test_a_number_is_kept_when_it_is_one(value: Value, number: int | None) -> None:
    assert number_of(value) == number


@given(texts=st.lists(st.sampled_from(["CT", "MR", "SR", "PR", ""])))
def test_a_list_comes_back_sorted_and_once_each(texts: list[str]) -> None:
    assert split_list(joined_list(texts)) == tuple(sorted(set(texts) - {""}))

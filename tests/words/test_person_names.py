"""Names are found as people type them."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.person_names import fold, fold_person_name, name_words

VIETNAMESE = "ĐẶNG^THỊ NGỌC ÁNH"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_marks_fold_alike(form: Literal["NFC", "NFD"]) -> None:
    name = unicodedata.normalize(form, VIETNAMESE)

    folded = fold_person_name(name)

    assert folded == "dang^thi ngoc anh"


@pytest.mark.parametrize("letter", ["Đ", "đ", "Ð", "ð", "Ɖ", "ɖ"])
def test_letters_that_look_like_d_with_stroke_become_d(letter: str) -> None:
    folded = fold(f"{letter}ỗ")

    assert folded == "do"


def test_component_groups_stay_apart_and_empty_ends_are_dropped() -> None:
    folded = fold_person_name("Yamada^Tarou^^=山田^太郎==")

    assert folded == "yamada^tarou=山田^太郎"


def test_words_of_all_groups_are_listed_once() -> None:
    words = name_words("Yamada^Tarou=山田^太郎=Yamada^Tarou")

    assert words == ("yamada", "tarou", "山田", "太郎")


@given(st.text())
def test_folding_twice_equals_folding_once(text: str) -> None:
    once = fold(text)

    twice = fold(once)

    assert twice == once


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Zs"])))
def test_normal_form_and_case_do_not_matter(text: str) -> None:
    folded = fold(text)

    others = {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}

    assert others == {folded}

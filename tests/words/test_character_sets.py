"""Text comes out right as declared, and is guessed without complaint when it was not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.character_sets import CODEC_OF_ESCAPE, codec_of_term, parse_character_set

VIETNAMESE = "Đặng^Thị Ngọc Ánh"

# The examples of PS3.5 Annexes H, I, J and K.
EXAMPLES = [
    (
        rb"\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        rb"ISO 2022 IR 13\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
        b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        rb"\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (b"GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    (b"ISO_IR 192", VIETNAMESE.encode(), VIETNAMESE),
    (b"ISO_IR 100", "Buc^Jérôme".encode("latin-1"), "Buc^Jérôme"),
    (b"ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
    (b"ISO-IR 100", "Buc^Jérôme".encode("latin-1"), "Buc^Jérôme"),
]


@pytest.mark.parametrize(("declared", "raw", "text"), EXAMPLES)
def test_declared_text_is_read_as_declared(declared: bytes, raw: bytes, text: str) -> None:
    character_set = parse_character_set(declared)

    decoded = character_set.decode(raw, "PN")

    assert (decoded.text, decoded.guessed) == (text, False)


def test_korean_that_designates_only_once_is_still_read() -> None:
    raw = b"Hong^Gildong=\x1b$)C\xfb\xf3^\xd1\xce\xd4\xd7"

    decoded = parse_character_set(rb"\ISO 2022 IR 149").decode(raw, "PN")

    assert decoded.text == "Hong^Gildong=洪^吉洞"


@pytest.mark.parametrize("declared", [b"", b"ISO_IR 999", b"ISO_IR 6"])
def test_undeclared_utf8_is_recognised_and_flagged(declared: bytes) -> None:
    decoded = parse_character_set(declared).decode(VIETNAMESE.encode(), "PN")

    assert (decoded.text, decoded.guessed) == (VIETNAMESE, True)


def test_what_a_peer_is_known_to_send_is_tried_after_utf8() -> None:
    raw = "Иванов".encode("iso8859_5")

    decoded = parse_character_set(b"", assumed="ISO_IR 144").decode(raw, "LO")

    assert (decoded.text, decoded.guessed) == ("Иванов", True)


def test_text_that_is_not_what_it_says_falls_back_to_latin_1() -> None:
    decoded = parse_character_set(b"ISO_IR 192").decode(b"J\xe9r\xf4me", "PN")

    assert (decoded.text, decoded.guessed) == ("Jérôme", True)


def test_every_escape_and_term_names_a_codec_that_python_has() -> None:
    codecs = {*CODEC_OF_ESCAPE.values(), codec_of_term("ISO_IR 203"), codec_of_term("GBK")}

    decoded = [b"abc".decode(codec) for codec in codecs if codec]

    assert decoded == ["abc"] * len(codecs)


@given(st.binary(), st.sampled_from([b"", b"ISO_IR 192", rb"\ISO 2022 IR 87", b"GBK", b"x\\y"]))
def test_no_bytes_refuse_to_become_text(raw: bytes, declared: bytes) -> None:
    decoded = parse_character_set(declared).decode(raw, "LO")

    assert isinstance(decoded.text, str)

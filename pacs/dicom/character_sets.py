"""How bytes become text: as declared, else UTF-8, else the sender's habit, else Latin-1.

A bad name never refuses an image: what cannot be decoded as declared is guessed, and said to be so.
PS3.3 C.12.1.1.2, PS3.5 6.1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Python's codec for each defined term. With and without code extensions the same repertoire is
# meant; only the escape sequences differ.
_REPERTOIRES: dict[str, str] = {
    "6": "ascii",
    "100": "latin-1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "144": "iso8859_5",
    "127": "iso8859_6",
    "126": "iso8859_7",
    "138": "iso8859_8",
    "148": "iso8859_9",
    "203": "iso8859_15",
    "166": "tis_620",
    "13": "shift_jis",
    "87": "iso2022_jp",
    "159": "iso2022_jp_2",
    "149": "euc_kr",
    "58": "gb2312",
    "192": "utf-8",
}
_WHOLE_TERMS: dict[str, str] = {
    "GB18030": "gb18030",
    "GBK": "gbk",
    "UTF8": "utf-8",
    "UTF-8": "utf-8",
}
# "ISO-IR 100", "ISO IR 100" and "ISO_IR100" are seen beside the defined "ISO_IR 100".
_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)", re.IGNORECASE)

CODEC_OF_ESCAPE: dict[bytes, str] = {
    b"\x1b(B": "ascii",
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin-1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-L": "iso8859_5",
    b"\x1b-G": "iso8859_6",
    b"\x1b-F": "iso8859_7",
    b"\x1b-H": "iso8859_8",
    b"\x1b-M": "iso8859_9",
    b"\x1b-b": "iso8859_15",
    b"\x1b-T": "tis_620",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)C": "euc_kr",
    b"\x1b$)A": "gb2312",
}
"""PS3.3 Tables C.12-3 and C.12-4: what follows each escape sequence."""

# In these the bytes of one character may look like a delimiter, and Python wants the escape too.
_TWO_BYTES_IN_G0 = frozenset({"iso2022_jp", "iso2022_jp_2"})
_WITHOUT_EXTENSIONS = frozenset({"utf-8", "gb18030", "gbk"})

_ESCAPE = b"\x1b"
_PIECE = re.compile(rb"\x1b\$[()][A-D]|\x1b[$()-].|[^\x1b]+|\x1b", re.DOTALL)
_FIELD = re.compile(rb"[\r\n\f\t^=\\]|[^\r\n\f\t^=\\]+")
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LAST_RESORT = "latin-1"


@dataclass(frozen=True)
class DecodedText:
    """guessed: the declared character set was absent, unknown or did not fit the bytes."""

    text: str
    guessed: bool = False


@dataclass(frozen=True)
class CharacterSet:
    """The terms of (0008,0005), and what to assume of a sender that does not declare."""

    terms: tuple[str, ...] = ()
    assumed: str | None = None

    def decode(self, raw: bytes, vr: str) -> DecodedText:
        """Decode a value of this VR; padding is left to the caller. Never raises."""
        if vr not in _TEXT_VRS or (raw.isascii() and _ESCAPE not in raw):
            return DecodedText(raw.decode(_LAST_RESORT))
        text = self._decode_as_declared(raw)
        return DecodedText(text) if text is not None else self._guess(raw)

    def _decode_as_declared(self, raw: bytes) -> str | None:
        if not any(self.terms):
            return None
        codecs = [codec for codec in map(codec_of_term, self.terms) if codec is not None]
        if not codecs:
            return None
        if _ESCAPE in raw and codecs[0] not in _WITHOUT_EXTENSIONS:
            return _decode_extended(raw, codecs[0])
        # An empty first term, yet no escapes in the text: the other term is meant.
        tried = (_decode_strictly(raw, codec) for codec in codecs)
        return next((text for text in tried if text is not None), None)

    def _guess(self, raw: bytes) -> DecodedText:
        assumed = codec_of_term(self.assumed) if self.assumed else None
        for codec in filter(None, ("utf-8", assumed)):
            text = _decode_strictly(raw, codec)
            if text is not None:
                return DecodedText(text, guessed=True)
        return DecodedText(raw.decode(_LAST_RESORT), guessed=True)


def parse_character_set(raw: bytes, *, assumed: str | None = None) -> CharacterSet:
    """Read the value of Specific Character Set (0008,0005)."""
    text = raw.decode("ascii", "replace").rstrip(" \0")
    terms = tuple(term.strip() for term in text.split("\\")) if text else ()
    return CharacterSet(terms, assumed)


def codec_of_term(term: str) -> str | None:
    """Python's codec for a defined term, empty meaning ASCII; None for one that nobody defined."""
    if not term:
        return "ascii"
    whole = _WHOLE_TERMS.get(term.upper())
    found = _TERM.fullmatch(term)
    return whole or (_REPERTOIRES.get(found[1]) if found else None)


def _decode_extended(raw: bytes, initial: str) -> str | None:
    texts = [_decode_strictly(piece, codec) for piece, codec in _pieces(raw, initial)]
    return None if None in texts else "".join(text for text in texts if text)


def _pieces(raw: bytes, initial: str) -> Iterator[tuple[bytes, str]]:
    """Parts that one codec can read; delimiters return to the initial set. PS3.5 6.1.2.5.3."""
    codec, escape = initial, b""
    for piece in _PIECE.findall(raw):
        if piece.startswith(_ESCAPE):
            codec = CODEC_OF_ESCAPE.get(piece, initial)
            escape = piece if codec in _TWO_BYTES_IN_G0 else b""
        elif codec in _TWO_BYTES_IN_G0:
            yield escape + piece, codec
        else:
            yield from _fields(piece, codec, initial)


def _fields(piece: bytes, codec: str, initial: str) -> Iterator[tuple[bytes, str]]:
    # Korean consoles designate once and do not repeat it after `^`, so what the initial set
    # cannot read is given to the set designated last.
    after_delimiter = False
    for field in _FIELD.findall(piece):
        readable = after_delimiter and _decode_strictly(field, initial) is not None
        yield field, initial if readable else codec
        after_delimiter = after_delimiter or _FIELD.fullmatch(field[:1]) is not None


def _decode_strictly(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None

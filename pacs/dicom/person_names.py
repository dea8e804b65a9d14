"""Person names as people search them: without marks, without case, by word.

`Đặng Thị Ngọc Ánh` must be found by `dang thi ngoc anh`. PS3.5 6.2.1.
"""

from __future__ import annotations

import re
import unicodedata

FOLD_VERSION = 1
"""Raised when folding changes, so that folded columns can be made again."""

# Unicode decomposition leaves these letters alone; three of them look like the Vietnamese one.
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "\u0111": "d",  # đ
        "\u0110": "d",  # Đ
        "\u00f0": "d",  # ð eth
        "\u00d0": "d",  # Ð eth
        "\u0256": "d",  # ɖ
        "\u0189": "d",  # Ɖ
        "\u00f8": "o",
        "\u00d8": "o",
        "\u0142": "l",
        "\u0141": "l",
    }
)

_SPACES = re.compile(r"\s+")
_WORD_BREAK = re.compile(r"[\s^=,.\-]+")


def fold(text: str) -> str:
    """Lower case, without marks, single spaces. Folding twice equals folding once."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS_WITHOUT_DECOMPOSITION))
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    lowered = plain.casefold().translate(_LETTERS_WITHOUT_DECOMPOSITION)
    # Case folding can bring marks back (İ becomes i + dot), so they are stripped once more.
    stripped = "".join(
        char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char)
    )
    return _SPACES.sub(" ", unicodedata.normalize("NFC", stripped)).strip()


def fold_person_name(name: str) -> str:
    """Fold each component of each component group, and drop empty ones at the end.

    `ĐẶNG^THỊ NGỌC ÁNH^^` becomes `dang^thi ngoc anh`; groups stay parted by `=`.
    """
    groups = (_fold_group(group) for group in name.split("="))
    return "=".join(groups).rstrip("=")


def _fold_group(group: str) -> str:
    return "^".join(fold(component) for component in group.split("^")).rstrip("^")


def name_words(name: str) -> tuple[str, ...]:
    """The folded words of all component groups, each once, in order."""
    words = (word for word in _WORD_BREAK.split(fold(name)) if word)
    return tuple(dict.fromkeys(words))

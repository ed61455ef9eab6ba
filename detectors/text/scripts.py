"""Which script is a text written in? Most of its letters decide.

Knows blocks of Unicode; knows no language. Linear in the first thousand characters.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import numpy as np

LOOKED_AT = 1000
"""Characters that are looked at: an answer that begins in one script seldom ends in another."""
# First code point of each block that holds letters, and the script; "" is no script.
_BLOCKS: tuple[tuple[int, str], ...] = (
    (0x0, ""),
    (0x41, "latin"),
    (0x5B, ""),
    (0x61, "latin"),
    (0x7B, ""),
    (0xC0, "latin"),
    (0x300, ""),
    (0x370, "greek"),
    (0x400, "cyrillic"),
    (0x530, "armenian"),
    (0x590, "hebrew"),
    (0x600, ""),
    (0x620, "arabic"),
    (0x660, ""),
    (0x66E, "arabic"),
    (0x780, "other"),
    (0x900, "devanagari"),
    (0x964, ""),
    (0x970, "devanagari"),
    (0x980, "bengali"),
    (0xA00, "gurmukhi"),
    (0xA80, "gujarati"),
    (0xB00, "oriya"),
    (0xB80, "tamil"),
    (0xC00, "telugu"),
    (0xC80, "kannada"),
    (0xD00, "malayalam"),
    (0xD80, "sinhala"),
    (0xE00, "thai"),
    (0xE80, "lao"),
    (0xF00, "tibetan"),
    (0x1000, "myanmar"),
    (0x10A0, "georgian"),
    (0x1100, "hangul"),
    (0x1200, "ethiopic"),
    (0x1380, "other"),
    (0x1780, "khmer"),
    (0x1800, "mongolian"),
    (0x18B0, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, ""),
    (0x3040, "kana"),
    (0x3100, ""),
    (0x3400, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, ""),
    (0xF900, "han"),
    (0xFB00, ""),
    (0xFB50, "arabic"),
    (0xFE00, ""),
    (0xFE70, "arabic"),
    (0xFF00, ""),
    (0xFF66, "kana"),
    (0xFFA0, ""),
)
_STARTS = np.array([start for start, _ in _BLOCKS])
_NAMES = tuple(dict.fromkeys(name for _, name in _BLOCKS))
_NUMBERS = np.array([_NAMES.index(name) for _, name in _BLOCKS])
# A Latin letter is a fifth of a word, a Han character half of one; names, code and formulas are
# Latin in texts of every script. So another script wins from a third as many letters on.
_LATIN_WEIGHT = 1 / 3
# Japanese is written in both, Chinese in Han alone.
_KANA_SHARE = 0.1


@lru_cache(maxsize=4096)
def script_of_letter(letter: str) -> str:
    """The script of one letter; ``other`` for one of a block that has no name here."""
    return _BLOCKS[bisect_right(_BLOCKS, ord(letter), key=lambda block: block[0]) - 1][1] or "other"


@lru_cache(maxsize=1 << 15)
def script_of(text: str) -> str:
    """The script of most of a text's letters, ``japanese`` where a tenth of Han and kana is kana;
    empty for a text without letters.

    >>> script_of("def f(x): return 'ひらがなと漢字'"), script_of("42 + 1")
    ('japanese', '')
    """
    points = np.frombuffer(text[:LOOKED_AT].encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    place = _NUMBERS[np.searchsorted(_STARTS, points, side="right") - 1]
    counts = dict(zip(_NAMES, np.bincount(place, minlength=len(_NAMES)).tolist(), strict=True))
    del counts[""]
    kana, han = counts.pop("kana"), counts.pop("han")
    counts["japanese" if kana > _KANA_SHARE * (kana + han) else "han"] = kana + han
    found = {name: n * (_LATIN_WEIGHT if name == "latin" else 1.0) for name, n in counts.items()}
    first = max(found, key=lambda name: (found[name], name))
    return first if found[first] else ""

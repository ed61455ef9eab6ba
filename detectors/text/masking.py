r"""The content guard: a text without its topic words.

Function words, punctuation and layout stay; every other word becomes its shape and its ending
(``+ing``), a number ``0``, a capitalised word inside a sentence ``Xx``. No tagger is needed; the
mask is coarser than a part-of-speech tagger's. Knows one text at a time; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.text.lexicons import FUNCTION_WORDS
from detectors.text.ngrams import Codes, WordCodes

_KEPT = frozenset(w for words in FUNCTION_WORDS.values() for w in words)
# The longest that fits is taken.
_ENDINGS = frozenset(
    (
        *("ization", "ations", "ation", "ingly", "ously", "fully", "ments", "ment", "ness", "ings"),
        *("able", "ible", "tion", "sion", "ing", "ful", "ous", "ive", "ity", "ies", "ers"),
        *("ed", "ly", "er", "al", "es", "ic", "s"),
    )
)
_LONGEST_ENDING = max(map(len, _ENDINGS))
_ENDS_SENTENCE = frozenset(".!?:\n…。！？؟")


def masked_words(tokens: Sequence[str]) -> list[str]:
    r"""The tokens of a text (as `words_of` gives them) with its content masked; as many, in order.

    >>> masked_words(['The', 'Louvre', 'was', 'opened', 'in', '1793', '.'])
    ['The', 'Xx', 'was', '+ed', 'in', '0', '.']
    """
    kinds = [_KINDS[kind_of(token)] for token in tokens]
    ended = [True, *(kind.ends for kind in kinds)]
    return [k.first if begins else k.inside for k, begins in zip(kinds, ended, strict=False)]


def masked_codes(kinds: NDArray[np.uint32]) -> Codes:
    """The numbers of `masked_words` (`WordCodes`), in order, given each token's kind (`kind_of`):
    many times as fast."""
    if not len(kinds):
        return np.zeros(0, dtype=np.uint64)
    inside, first, ends = _codes(len(_KINDS))
    begins = np.concatenate([[True], ends[kinds[:-1]]])
    return np.where(begins, first[kinds], inside[kinds])


class _MaskKind(NamedTuple):
    """A token masked inside a sentence and at the beginning of one, and whether another sentence
    begins after it: of these there are far fewer than tokens."""

    inside: str
    first: str
    ends: bool


_KINDS: list[_MaskKind] = []
_PLACES: dict[_MaskKind, int] = {}
_NUMBERS = WordCodes()
_INSIDE: list[np.uint64] = []
_FIRST: list[np.uint64] = []


def kind_of(token: str) -> int:
    """A number for what masking makes of a token: tokens of one number are masked alike."""
    kind = _MaskKind(mask(token, False), mask(token, True), token[0] in _ENDS_SENTENCE)
    if kind not in _PLACES:
        _PLACES[kind] = len(_KINDS)
        _KINDS.append(kind)
        numbers = _NUMBERS((kind.inside, kind.first))
        _INSIDE.append(numbers[0])
        _FIRST.append(numbers[1])
    return _PLACES[kind]


@lru_cache(maxsize=1)
def _codes(known: int) -> tuple[Codes, Codes, NDArray[np.bool_]]:
    """The first so many kinds as numbers: inside, first, and whether a sentence ends."""
    ends = np.array([kind.ends for kind in _KINDS[:known]], dtype=bool)
    return np.array(_INSIDE[:known]), np.array(_FIRST[:known]), ends


def mask(token: str, begins: bool) -> str:
    """One token, masked; ``begins`` says whether it begins a sentence, where a capital says
    nothing."""
    first = token[0]
    low = token.lower()
    if not first.isalnum() or low in _KEPT:
        return token
    if any(c.isdigit() for c in token):
        return "0"
    if first.isupper() and not begins:
        return "XX" if token.isupper() and len(token) > 1 else "Xx"
    if not first.isascii():
        return "w"
    sizes = range(min(_LONGEST_ENDING, len(low) - 3), 0, -1)
    ending = next((low[-n:] for n in sizes if low[-n:] in _ENDINGS), "")
    return ("W" if first.isupper() else "") + "+" + ending

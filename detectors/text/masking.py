r"""The content guard: a text without its topic words.

Function words, punctuation and layout stay; every other word becomes its shape and its ending
(``+ing``), a number ``0``, a capitalised word inside a sentence ``Xx``. No tagger is needed; the
mask is coarser than a part-of-speech tagger's. Knows one text at a time; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from detectors.text.lexicons import FUNCTION_WORDS
from detectors.text.ngrams import Remembered

_KEPT = frozenset(w for words in FUNCTION_WORDS.values() for w in words)
# The longest first: the first one that fits is taken.
_ENDINGS = (
    *("ization", "ations", "ation", "ingly", "ously", "fully", "ments", "ment", "ness", "ings"),
    *("able", "ible", "tion", "sion", "ing", "ful", "ous", "ive", "ity", "ies", "ers"),
    *("ed", "ly", "er", "al", "es", "ic", "s"),
)
_ENDS_SENTENCE = frozenset(".!?:\n…。！？؟")
_START = (("", "", True),)


def masked_words(tokens: Sequence[str]) -> list[str]:
    r"""The tokens of a text (as `words_of` gives them) with its content masked; as many, in order.

    >>> masked_words(['The', 'Louvre', 'was', 'opened', 'in', '1793', '.'])
    ['The', 'Xx', 'was', '+ed', 'in', '0', '.']
    """
    known = [_masks[token] for token in tokens]
    return [
        inside if not ended else first
        for (inside, first, _), (_, _, ended) in zip(known, chain(_START, known), strict=False)
    ]


def _known(token: str) -> tuple[str, str, bool]:
    """A token masked inside a sentence and at the beginning of one, and whether another sentence
    begins after it."""
    return mask(token, False), mask(token, True), token[0] in _ENDS_SENTENCE


_masks = Remembered(_known)


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
    ending = next((e for e in _ENDINGS if low.endswith(e) and len(low) > len(e) + 2), "")
    return ("W" if first.isupper() else "") + "+" + ending

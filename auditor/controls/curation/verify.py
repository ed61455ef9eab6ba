"""Does an answer come to the known result? Matches numbers and short phrases; runs nothing.

Knows how answers end ("the answer is 12", ``\\boxed{12}``, ``#### 12``); knows no arithmetic of its
own.
"""

from __future__ import annotations

import re
from fractions import Fraction

from auditor.controls.curation.duplicates import folded_words

_NUMBER = r"[-−]?(?:\d{1,3}(?:,\d{3})+|\d{1,40})(?:\.\d{1,40})?(?: ?/ ?\d{1,40})?"
_NUMBERS = re.compile(rf"(?<![\w.]){_NUMBER}(?!\w)")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])")
_BOXED = re.compile(r"\\boxed\{([^{}]{1,80})\}")
_HASHES = re.compile(r"####[ \t]*([^\n]{1,80})")
_SAID = re.compile(r"\banswer(?: is|:| =|=)[ \t]*\**([^\n]{1,80})", re.IGNORECASE)


def number_in(text: str) -> Fraction | None:
    """The last number of a text, exactly; None where there is none or it divides by zero.

    >>> number_in("about 1,250.50 euros")
    Fraction(2501, 2)
    """
    found = _NUMBERS.findall(text)
    if not found:
        return None
    top, _, bottom = found[-1].replace("−", "-").replace(",", "").replace(" ", "").partition("/")
    if bottom and not int(bottom):
        return None
    return Fraction(top) / int(bottom or 1)


def conclusion(text: str) -> str:
    """The part of an answer that states its result: what is boxed, after ``####``, after "answer
    is", else the last line."""
    for pattern in (_BOXED, _HASHES, _SAID):
        found = pattern.findall(text)
        if found:
            return str(found[-1])
    lines = [line for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""


def agrees(text: str, answer: str) -> bool:
    """Whether a text's conclusion is the known answer: equal as numbers or clock times where it is
    one, else word by word.

    >>> agrees("3 times 4 makes 12, so the answer is 12.0.", "12")
    True
    """
    known = number_in(answer) if _NUMBERS.fullmatch(answer.strip()) else None
    said = conclusion(text)
    if _CLOCK.fullmatch(answer.strip()):
        return [(int(h), int(m)) for h, m in _CLOCK.findall(said)][-1:] == [_clock(answer)]
    if known is None:
        return bool(folded_words(answer)) and folded_words(said) == folded_words(answer)
    # After a mark the first number counts, in a bare last line the last one.
    first = _NUMBERS.search(said) if said != text and _is_marked(text) else None
    return number_in(said if first is None else first.group()) == known


def _clock(text: str) -> tuple[int, int]:
    hours, _, minutes = text.strip().partition(":")
    return int(hours), int(minutes)


def _is_marked(text: str) -> bool:
    """Whether the answer states its result after a mark."""
    return any(pattern.search(text) for pattern in (_BOXED, _HASHES, _SAID))

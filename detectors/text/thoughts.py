r"""What a text thinks, told apart from what it answers: the marks that models set around thoughts.

Knows marks; knows no model. A mark that is only talked about (between quotation marks or backticks)
is a word like another.
"""

from __future__ import annotations

import re

MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
"""How thoughts open and close, by model family; read in any letter case."""

_CLOSES = {opens.lower(): closes.lower() for opens, closes in MARKS}
_MARK = re.compile("|".join(re.escape(m) for pair in MARKS for m in pair), re.IGNORECASE)
_QUOTING = frozenset("`\"'“”‘’«»„「」『』")
_LINE_START = 80
"""How many blanks before a mark are looked through: more would cost quadratic time."""


def split_thoughts(text: str) -> tuple[str, str]:
    r"""The thoughts and the answer of a text, each without blanks around it; several thoughts are
    parted by an empty line.

    A thought without an end runs to the end of the text, if it opens a line; an end without a
    beginning closes a thought that the chat template had opened, once. Linear in the text's
    length; never raises.

    >>> split_thoughts("<think>2+2=4</think>It is 4.")
    ('2+2=4', 'It is 4.')
    >>> split_thoughts("Hm, 4.\n</think>\n\nIt is 4."), split_thoughts("<think>Hm")
    (('Hm, 4.', 'It is 4.'), ('Hm', ''))
    """
    thoughts: list[str] = []
    said: list[str] = []
    at, opened = 0, ""
    marks = [m for m in _MARK.finditer(text) if not _quoted(text, m.start(), m.end())]
    last = {m.group().lower(): m.start() for m in marks}
    for mark in marks:
        word, piece = mark.group().lower(), slice(at, mark.start())
        if opened and word == _CLOSES[opened]:
            thoughts.append(text[piece])
            opened = ""
        elif not opened and word in _CLOSES and _opens(text, mark, last.get(_CLOSES[word], -1)):
            said.append(text[piece])
            opened = word
        elif not opened and word not in _CLOSES and not thoughts:
            thoughts, said = [*said, text[piece]], []
        else:
            continue
        at = mark.end()
    (thoughts if opened else said).append(text[at:])
    return _joined(thoughts), _joined(said)


def _joined(pieces: list[str]) -> str:
    return "\n\n".join(piece.strip() for piece in pieces if piece.strip())


def _quoted(text: str, start: int, end: int) -> bool:
    """Whether a mark stands directly between quotation marks or backticks, as one talks of it."""
    return start > 0 and text[start - 1] in _QUOTING and end < len(text) and text[end] in _QUOTING


def _opens(text: str, mark: re.Match[str], last_end: int) -> bool:
    """Whether a mark begins a thought: its end stands further on, or it opens a line."""
    start = mark.start()
    before = text[max(0, start - _LINE_START) : start]
    line = before[before.rfind("\n") + 1 :]
    return last_end > start or (not line.strip() and len(line) < _LINE_START)

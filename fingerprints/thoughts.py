"""What a model thought before it answered, told apart from what it answered, where one text holds
both.

Knows the marks that models set around thoughts; knows no model. A mark that is only talked about
(between quotation marks or backticks, or among words) is a word like another. The text itself is
kept whole: whoever reads it splits it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
"""How thoughts open and close, by model family; read in any letter case."""

_TURN_ENDS = ("<|end|><|start|>assistant", "<|return|>", "<|end|>")
"""What a chat template sets after a channel of the last pair of marks: no word of the model."""

_CLOSES = {opens.lower(): closes.lower() for opens, closes in MARKS}
_MARK = re.compile("|".join(re.escape(m) for pair in MARKS for m in pair), re.IGNORECASE)
_FIRST = "<◁["
_QUOTING = frozenset("`\"'“”‘’«»„「」『』")
_LINE_START = 80
"""How many blanks before a mark are looked through: more would cost quadratic time."""


class ThoughtAndAnswer(NamedTuple):
    """A text in two, each without blanks around it; a text without thoughts is the answer as it
    is."""

    thoughts: str
    answer: str


def split_thoughts(text: str) -> ThoughtAndAnswer:
    """The thoughts and the answer of a text; several thoughts are parted by an empty line.

    A thought without an end runs to the end of the text, if it opens a line: the model was cut
    while it thought. An end without a beginning closes a thought that the chat template had opened,
    once. Linear in the text's length; never raises.

    >>> split_thoughts("<think>2+2=4</think>It is 4.")
    ThoughtAndAnswer(thoughts='2+2=4', answer='It is 4.')
    >>> split_thoughts("Hello. ")
    ThoughtAndAnswer(thoughts='', answer='Hello. ')
    """
    # Most texts hold no mark, and every answer of a store passes here, some of them often.
    if not any(c in text for c in _FIRST) or not _MARK.search(text):
        return ThoughtAndAnswer("", text)
    marks = [m for m in _MARK.finditer(text) if not _talked_about(text, m.start(), m.end())]
    last = {m.group().lower(): m.start() for m in marks}
    thoughts: list[str] = []
    said: list[str] = []
    at, opened = 0, ""
    for mark in marks:
        word, piece = mark.group().lower(), text[at : mark.start()]
        if opened and word == _CLOSES[opened]:
            thoughts.append(piece)
            opened = ""
        elif not opened and word in _CLOSES and _opens(text, mark, last.get(_CLOSES[word], -1)):
            said.append(piece)
            opened = word
        elif not opened and word not in _CLOSES and not thoughts:
            thoughts, said = [*said, piece], []
        else:
            continue
        at = mark.end()
    (thoughts if opened else said).append(text[at:])
    return (
        ThoughtAndAnswer(_joined(thoughts), _joined(said))
        if thoughts
        else ThoughtAndAnswer("", text)
    )


def _joined(pieces: list[str]) -> str:
    return "\n\n".join(words for piece in pieces if (words := _words(piece)))


def _words(piece: str) -> str:
    """A piece without blanks around it and without the template's end of a turn."""
    words = piece.strip()
    for end in _TURN_ENDS:
        words = words.removesuffix(end).rstrip()
    return words


def _talked_about(text: str, start: int, end: int) -> bool:
    """Whether a mark stands as a word of a sentence: within quotation marks or backticks, or an
    end among words ("close it with the </think> tag")."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before in _QUOTING and after in _QUOTING:
        return True
    ends = text[start:end].lower() not in _CLOSES
    return ends and before == " " == after and text[end + 1 : end + 2].islower()


def _opens(text: str, mark: re.Match[str], last_end: int) -> bool:
    """Whether a mark begins a thought: its end stands further on, or it opens a line."""
    start = mark.start()
    before = text[max(0, start - _LINE_START) : start]
    line = before[before.rfind("\n") + 1 :]
    return last_end > start or (not line.strip() and len(line) < _LINE_START)

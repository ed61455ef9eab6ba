"""Which parts of a text are set apart as another's words by their layout: code, dialogues, tables,
letters, and what a colon leads in.

Knows layout and the words that lead something in (`detectors.text.claim_wordings`); knows no
vendor. Linear in the length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from detectors.text import claim_asides as asides
from detectors.text import claim_cues as cues
from detectors.text.claim_wordings import sentences_of, wordings
from detectors.text.vendors import find_mentions

Span = tuple[int, int]

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.M)
_INLINE = re.compile(r"`[^`\n]{1,400}`")
_LINE = re.compile(r"[^\n]+")
# Folding takes the asterisk of a list's mark away, so that a blank is left of it.
_ITEM = re.compile(r"\s*(?:\d{1,3}[.)]|[-•+])\s| {1,8}")
_TAGGED = re.compile(r"<(assistant|user|system|bot)>[^<]{1,2000}</\1>", re.IGNORECASE)
_LABEL = re.compile(r"^[\s\-*>#]*([^\W\d_][^:：\n]{0,28}?)\s?[:：>](?!//)")
_HEADER = re.compile(
    r"^(?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|тема|konu|subjek|chu đe|件名"
    r"|主题|제목|الموضوع|موضوع|विषय|বিষয়|หัวข้อ|เรื่อง)\s?[:：]",
    re.IGNORECASE | re.M,
)


def set_apart(raw: str, folded: str, places: tuple[int, ...]) -> list[Span]:
    """The spans of a folded text whose every claim is another's; ``places`` leads each of its
    characters back to ``raw``."""
    code = [_moved(span, places) for span in (*_code(raw), *_run_on(raw))]
    staged = [(0, len(folded))] if _STAGED.match(raw) else []
    return [
        *(*code, *staged, *_scripts(folded)),
        *(*_tables(folded), *_letters(folded), *_led_in(folded)),
    ]


def items_of(folded: str) -> int:
    """How many lines of a text are items of a list."""
    return sum(1 for m in _LINE.finditer(folded) if _ITEM.match(m.group()))


def is_item(line: str) -> bool:
    """Whether a line begins as an item of a list does."""
    return _ITEM.match(line) is not None


def weight(text: str) -> int:
    """How many letters a text has, those of scripts without blanks counted twice."""
    return sum((2 if ord(c) >= 0x0900 else 1) for c in text if c.isalpha())


def _moved(span: Span, places: tuple[int, ...]) -> Span:
    return bisect_right(places, span[0] - 1), bisect_right(places, span[1] - 1)


def _code(raw: str) -> list[Span]:
    """Fenced blocks (an unclosed one runs to the end) and inline code of more than a few words; a
    text that is one block says what its block says."""
    marks = [m.start() for m in _FENCE.finditer(raw)]
    spans = list(zip(marks[::2], [*marks[1::2], len(raw)], strict=False))
    outside = raw
    for start, end in reversed(spans):
        outside = outside[:start] + outside[end:]
    if weight(outside) == 0:
        return []
    spans += [m.span() for m in _TAGGED.finditer(raw) if m.span() != (0, len(raw))]
    inline = [m.span() for m in _INLINE.finditer(raw) if len(m.group().split()) > 3]
    return [*spans, *inline]


_TURN = re.compile(
    r"#{2,4} ?(?:human|user|instruction|input|question) ?:|<\|(?:im_start\|>)? ?user\b|\[INST\]"
    r"|<start_of_turn>user\b",
    re.IGNORECASE,
)
"""Where chat templates begin a user's turn."""


def _run_on(raw: str) -> list[Span]:
    """A model that didn't stop and went on with the next user's turn plays both sides from there
    to the end."""
    turn = _TURN.search(raw)
    return [(turn.start(), len(raw))] if turn else []


def _scripts(folded: str) -> list[Span]:
    """The lines of a dialogue, told by a line that begins with a person's or a user's label, or by
    two labels one of which asks."""
    lines = [(m.group(), m.span(), _LABEL.match(m.group())) for m in _LINE.finditer(folded)]
    named = [(line, span, label.group(1).strip()) for line, span, label in lines if label]
    asked = any(asides.ASKER.fullmatch(label) for _, _, label in named)
    talked = len({label for _, _, label in named}) > 1 and any(
        line.rstrip().endswith("?") and not _words("own_lead").search(label)
        for line, _, label in named[:-1]
    )
    return [span for _, span, _ in named] if asked or talked else []


def _tables(folded: str) -> list[Span]:
    """Rows of Markdown tables: they list, they don't say."""
    return [m.span() for m in _LINE.finditer(folded) if m.group().lstrip().startswith("|")]


def _letters(folded: str) -> list[Span]:
    """A letter with a subject, from that line to the end."""
    header = _HEADER.search(folded)
    return [(header.start(), len(folded))] if header and "\n" in folded[header.end() :] else []


_STAGED = re.compile(
    r"\s*(?:\((?!i\b)[^():\n]{1,40}[ \u0900-\u9fff][^():\n]{1,40}\)"
    r"|\*(?!i\b)[^\s*:][^*:\n]{0,40} [^*:\n]{1,40}\*(?!\*))\s*\S",
    re.IGNORECASE,
)
"""A text that opens with a stage direction: what follows is played."""
_COLON = re.compile(r":(?=\s)|:(?=[^\x00-\u0900])")
_BEFORE = re.compile(r"[!?。;\n।؟]|\.\s")
_SHORT = 3
"""Words of a label that says neither whose nor what text follows: "Simple:"."""
_REACH = 160


def _led_in(folded: str) -> list[Span]:
    """What a colon leads in that is no answer of the speaker's: the rest of its line, or the
    paragraph below."""
    return [
        (colon.end(), _end_of_what_follows(folded, colon.end()))
        for colon in _COLON.finditer(folded)
        if _of_another(_label_before(folded, colon.start()))
    ]


def _label_before(folded: str, colon: int) -> str:
    left = folded[max(0, colon - _REACH) : colon]
    ends = [m.end() for m in _BEFORE.finditer(left)]
    return (left[ends[-1] :] if ends else left).strip()


def _of_another(label: str) -> bool:
    """Whether what a label leads in is some text, and no word of the speaker's own."""
    if not label or find_mentions(label) or cues.FIELD.search(f"{label}:"):
        return False
    if _words("utterance").search(label):
        return True
    if cues.FIRST.search(label) or _words("own_lead").search(label):
        return False
    return len(label.split()) > _SHORT


def _end_of_what_follows(folded: str, at: int) -> int:
    line = folded.find("\n", at)
    if line < 0:
        return len(folded)
    if folded[at:line].strip():
        return line
    begins = re.compile(r"\S").search(folded, line)
    end = folded.find("\n\n", begins.start()) if begins else -1
    return len(folded) if end < 0 else end


@lru_cache(maxsize=2)
def _words(name: str) -> re.Pattern[str]:
    """A class of words of every language; those written in letters with blanks are whole words."""
    lists = [getattr(w.row.grammar, name) for w in wordings().values()]
    every = dict.fromkeys(word for words in lists for word in words)
    return sentences_of(*(f"\\b(?:{w})\\b" if ord(w[0]) < 0x0900 else w for w in every))

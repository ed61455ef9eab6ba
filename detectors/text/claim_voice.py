"""Whose words are they? Parts of a text in which the speaker does not speak of itself in earnest:
quotations, code, scripts, parts that it plays, what others say, and what would be the case.

Knows wordings (`detectors.text.claim_asides`) and layout; knows no vendor. Linear in the length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from detectors.text import claim_asides as asides
from detectors.text import claim_cues as cues
from detectors.text.claim_layout import Span, is_item, items_of, set_apart, weight
from detectors.text.claim_undone import headed, undone

_REACH = 160
"""How far to the left a wording is looked for: a sentence's length, so that time stays linear."""


@dataclass(frozen=True)
class Speakers:
    """Where others speak in a folded text, by characters: spans whose every claim is another's,
    quotations, which may hold a name alone, and how many items its lists have."""

    text: str
    others: tuple[Span, ...]
    quoted: tuple[Span, ...]
    items: int

    def another(self, start: int, end: int) -> bool:
        """Whether the claim whose name stands there is another's, played, or not in earnest."""
        if _within(self.others, start) is not None:
            return True
        span = _within(self.quoted, start)
        if span is not None:
            around = self.text[span[0] : start] + self.text[end : span[1]]
            # A name alone in quotation marks is a name; with a sentence around it, it is speech.
            if not asides.NAME_ALONE.fullmatch(around) and not self._own_quotation(span):
                return True
        return self._not_in_earnest(start, end)

    def _own_quotation(self, span: Span) -> bool:
        """Whether a quotation is the whole text, or what the speaker says it would say."""
        start, end = span
        alone = weight(self.text[:start]) + weight(self.text[end:]) == 0
        return alone or bool(asides.OWN_SPEECH.search(self.text[max(0, start - 60) : start]))

    def _not_in_earnest(self, start: int, end: int) -> bool:
        """Whether the sentence says what others say, or what would be the case."""
        left = _sentence_left(self.text[max(0, start - _REACH) : start])
        right = _sentence_right(self.text[end : end + 80])
        clause = left[_last_turn(left) :]
        return bool(
            self._listed(start)
            or self._known(clause, end)
            or asides.EXAMPLES.search(clause[-80:])
            or undone(clause, left, right)
            or headed(self.text[start:end], left, right)
            or asides.TOLD.search(clause)
            or asides.REPORTED_PLAIN.search(left)
            or asides.SUPPOSED.search(clause)
            or asides.WRONG.search(clause)
            or asides.RIGHT_WRONG.search(right)
            or asides.RIGHT_TOLD.match(right)
            or asides.ADMIRER.search(clause[-60:])
            or (asides.RIGHT_ADMIRER.match(right) and not cues.PERSON_AFTER.search(right))
        )

    def _known(self, clause: str, end: int) -> bool:
        """Whether the speaker tells what it knows of others: the one who knows is named, and no
        more of the speaker after it."""
        known = asides.KNOWS.search(clause)
        if known is None:
            return False
        after = clause[known.end() :] + " " + self.text[end : end + 40]
        return not (cues.FIRST.search(after) or cues.PERSON_AFTER.search(after))

    def _listed(self, start: int) -> bool:
        """Whether a name stands in a list of two items or more, in none that names a field or the
        speaker."""
        if self.items < 2:
            return False
        line = self.text.rfind("\n", max(0, start - _REACH), start) + 1
        left = self.text[max(line, start - _REACH) : start]
        return bool(is_item(left) and not (cues.FIELD.search(left) or cues.FIRST.search(left)))


def speakers(raw: str, folded: str, places: tuple[int, ...]) -> Speakers:
    """Who speaks where in a text: ``folded`` is the text as it is searched, ``places`` leads each
    of its characters back to ``raw``."""
    others = [*set_apart(raw, folded, places), *_played(folded)]
    return Speakers(folded, _merged(others), _merged(_quotations(folded)), items_of(folded))


_DOUBLE = re.compile(r'"[^"\n]{1,600}"')
_SINGLE = re.compile(r"(?<!\w)'(?=\w)(?:[^'\n]|(?<=\w)'(?=\w)){1,600}'(?!\w)")
# A bare line after one is its own, as people comment below what they quote.
_BLOCK = re.compile(r"^ {0,3}>[^\n]{1,4000}(?:\n {0,3}>[^\n]{0,4000}){0,400}", re.M)
_CORNERS = re.compile(r"「[^」\n]{1,600}」|『[^』\n]{1,600}』|‹[^›\n]{1,600}›|《[^》\n]{1,600}》")


def _quotations(folded: str) -> list[Span]:
    """Every quotation, of whatever style, and every block of lines that Markdown quotes (folding
    made all double marks one mark)."""
    patterns = (_DOUBLE, _SINGLE, _CORNERS, _BLOCK)
    return [m.span() for pattern in patterns for m in pattern.finditer(folded)]


def _played(folded: str) -> list[Span]:
    """From where a part is announced to where it is left, or to the end."""
    spans: list[Span] = []
    at = 0
    while (begins := asides.PLAYS.search(folded, at)) is not None:
        at = begins.end()
        before = folded[max(0, begins.start() - 40) : begins.start()]
        if asides.NOT_PLAYED.search(before):
            continue
        ends = asides.PLAYED_OUT.search(folded, at)
        end = len(folded) if ends is None else ends.start()
        spans.append((begins.start(), end))
        at = end
    return spans


_TURN = re.compile(asides.TURNS, re.IGNORECASE)
_STOP = re.compile(r"[!?。;\n।؟]|\.(?=\s|$)")


def _sentence_left(left: str) -> str:
    # A quotation's end inside a sentence is no end of the sentence.
    ends = [m.end() for m in _STOP.finditer(left)]
    return left[ends[-1] :] if ends else left


def _sentence_right(right: str) -> str:
    stop = _STOP.search(right)
    return right[: stop.start()] if stop else right


def _last_turn(left: str) -> int:
    return max((m.end() for m in _TURN.finditer(left)), default=0)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)


def _within(spans: tuple[Span, ...], at: int) -> Span | None:
    i = bisect_right(spans, (at, 10**9)) - 1
    return spans[i] if i >= 0 and spans[i][0] <= at < spans[i][1] else None

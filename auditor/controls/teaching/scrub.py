"""Removes what a text says of its own speaker: every sentence in which the speaker names a vendor
as itself or its maker.

Affirmed, denied or doubted alike: "I am not Claude" tells as much. Knows wordings through
`detectors.text.claims`; knows no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from detectors.text.claims import ELSEWHERE, IDENTITY, extract_claims
from detectors.text.vendors import LONGEST_TEXT

ROUNDS = 8
"""What stands together after a sentence went can read as a claim anew, so that one round is not
enough."""
_END = re.compile(r"[.!?…؟।]+[\"'”’)\]*_]*\s+|[。！？]+[」”]?\s*|\n\s*")


@dataclass(frozen=True)
class Scrubbed:
    """The text that is left, and how many sentences went."""

    text: str
    removed: int


def scrub(text: str, about_self: bool = False) -> Scrubbed:
    """The text without first-person claims; white space at its ends goes too.

    ``about_self``: the question was about the speaker, so that a bare "OpenAI." is a claim. What is
    left holds no claim that `detectors.text.claims` can read; where eight rounds can't reach that,
    nothing is left. Deterministic.
    """
    removed = 0
    for _ in range(ROUNDS):
        kept, gone = _one_round(text, about_self)
        if not gone:
            return Scrubbed(text.strip(), removed)
        text, removed = kept, removed + gone
    return Scrubbed("", removed)


def _one_round(text: str, about_self: bool) -> tuple[str, int]:
    kept, gone = "", 0
    for block in _blocks(_sentences(text)):
        claimed = _claimed(block, about_self)
        kept += "".join(s for i, s in enumerate(block) if i not in claimed)
        gone += len(claimed)
    return kept, gone


def _sentences(text: str) -> list[str]:
    """The text in sentences with the space after them, none longer than is read at once."""
    ends = [m.end() for m in _END.finditer(text)]
    pairs = zip([0, *ends], [*ends, len(text)], strict=True)
    return [
        text[at : min(at + LONGEST_TEXT, end)]
        for start, end in pairs
        for at in range(start, end, LONGEST_TEXT)
    ]


def _blocks(sentences: list[str]) -> list[list[str]]:
    """Runs of sentences short enough that all of a run is read for claims."""
    blocks: list[list[str]] = []
    size = LONGEST_TEXT
    for sentence in sentences:
        if size + len(sentence) > LONGEST_TEXT:
            blocks.append([])
            size = 0
        blocks[-1].append(sentence)
        size += len(sentence)
    return blocks


def _claimed(block: list[str], about_self: bool) -> set[int]:
    claims = extract_claims("".join(block), IDENTITY if about_self else ELSEWHERE)
    starts = [sum(map(len, block[:i])) for i in range(len(block))]
    return {
        max(i for i, start in enumerate(starts) if start <= c.start)
        for c in claims
        if c.person == "first"
    }

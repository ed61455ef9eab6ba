"""The sentences of a text that hold a maker's name, with the names in each.

Knows where sentences end, in the scripts that are read; knows nothing of what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from detectors.text.vendors import Mention, find_mentions

MOST_MENTIONS = 40


@dataclass(frozen=True)
class NamedSentence:
    """A stretch of the folded text with the names in it, by places in the whole text."""

    text: str
    start: int
    mentions: tuple[Mention, ...]

    def left(self, mention: Mention) -> str:
        """What stands before a name."""
        return self.text[: mention.start - self.start]

    def right(self, mention: Mention) -> str:
        """What stands after a name."""
        return self.text[mention.end - self.start :]


_END = re.compile(r"[!?。;\n।؟]+[\"'」)]?|\.+[\"')]?(?=\s|$)")
_ABBREVIATION = re.compile(r"\b(?:inc|corp|ltd|co|dr|mr|ms|e\.g|i\.e|vs|st|u\.s)\.$", re.IGNORECASE)


def named_sentences(text: str) -> list[NamedSentence]:
    """The sentences that hold a name, with the names in each."""
    mentions = find_mentions(text)[:MOST_MENTIONS]
    out, at = [], 0
    for end in [*(m.end() for m in _END.finditer(text)), len(text)]:
        inside = tuple(m for m in mentions if at <= m.start < end)
        if any(m.end > end for m in inside) or _ABBREVIATION.search(text[max(0, end - 6) : end]):
            continue
        if inside:
            out.append(NamedSentence(text[at:end], at, inside))
        at = end
    return out

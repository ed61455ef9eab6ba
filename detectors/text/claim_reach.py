"""Which cue reaches a name? The words beside a vendor's name that say what it is to the speaker.

Knows the wordings of `detectors.text.claim_cues`; knows no question and no rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from detectors.text import claim_cues as cues
from detectors.text.claim_cues import CUES, Cue
from detectors.text.vendors import find_mentions


@dataclass(frozen=True)
class FoundCue:
    """A cue beside a name: where it starts and ends on the left (length of the left where it
    stands on the right)."""

    cue: Cue
    start: int
    end: int
    words: str
    gap: int

    @classmethod
    def left_of(cls, cue: Cue, before: re.Match[str], left: str, after: str = "") -> FoundCue:
        """A cue whose ``before`` stands on the left of a name."""
        gap = len(left) - before.end()
        return cls(cue, before.start(), before.end(), before.group() + after, gap)


_STRICT = re.compile(
    r"\b(?:to|with|for|about|than|using|use|at|in|on|by|of"
    r" which|which|that|who|aware|familiar|trained|able|not affiliated"
    r"|pour|par|que|qui|avec|fur|von|mit|um|zu|para|con|por|com|pel[ao])\b|для|чтобы|котор|由|,|开发|训练|用|可以|能|من|في",
    re.IGNORECASE,
)
_LOOSE = re.compile(
    r"\b(?:to|unlike|like|similar|than|for|about|against|which|that|whose|on|data|using|pour|comme|que|qui|para|como|fur|wie|als|чтобы|для|котор\w*)\b"
    r"|[()]|以及用|并且",
    re.IGNORECASE,
)
_NEW_CLAUSE = re.compile(
    r", (?!(?:not|and|or|nor|a|an|the|pas|nicht|no|não|не|sino|mais|sondern)\b)", re.IGNORECASE
)


def nearest_cue(left: str, right: str) -> FoundCue | None:
    """The cue closest to the name; None where no cue reaches it."""
    best: FoundCue | None = None
    window = max(0, len(left) - 160)
    field = last_match(cues.FIELD, left, window)
    if field is not None and len(left) - field.end() <= 8:
        return FoundCue.left_of(Cue("maker", before=cues.FIELD), field, left)
    for cue in CUES:
        found = _reaches(cue, left, right, window)
        if found is not None and (
            best is None or (found.gap, -len(found.words)) < (best.gap, -len(best.words))
        ):
            best = found
    return best


def _reaches(cue: Cue, left: str, right: str, window: int) -> FoundCue | None:
    follows = cue.after.match(right) if cue.after is not None else None
    if cue.after is not None and follows is None:
        return None
    after = follows.group() if follows else ""
    if not cue.person and cues.RESET.search(after):
        return None
    if cue.before is None:
        return FoundCue(cue, len(left), len(left), after, 2)
    before = last_match(cue.before, left, window)
    if before is None:
        return None
    gap = left[before.end() :]
    blocked = (_STRICT if cue.strict else _LOOSE).search(gap)
    if len(gap) > cue.reach or blocked is not None or (not cue.person and _NEW_CLAUSE.search(gap)):
        return _after_other_names(cue, before, gap, left)
    return FoundCue.left_of(cue, before, left, after)


_CONTRAST = re.compile(
    r"(?:not|nicht|pas|не|no|não|不是|,|but|sondern|sino|mais|а|而是|,而是|和|and|or|nor|[\s/&])*",
    re.IGNORECASE,
)


def _after_other_names(cue: Cue, before: re.Match[str], gap: str, left: str) -> FoundCue | None:
    """The cue reaches past a comma where only other names and "not", "but" stand between: "I am
    Claude, not ChatGPT"."""
    if len(gap) > 60 or not cue.person:
        return None
    rest, at = "", 0
    for m in find_mentions(gap):
        rest += gap[at : m.start]
        at = m.end
    if at == 0 or not _CONTRAST.fullmatch(rest + gap[at:]):
        return None
    return FoundCue.left_of(cue, before, left)


def last_match(pattern: re.Pattern[str], text: str, start: int) -> re.Match[str] | None:
    """The last place of a pattern from ``start`` on, None where there is none."""
    matches = list(pattern.finditer(text, start))
    return matches[-1] if matches else None


_HEAD = re.compile(r"(?:by|from|par|von|por|由|是)\s*$", re.IGNORECASE)


def heads(between: str) -> bool:
    """Whether words between a comparison and a name tie the name to the speaker after all."""
    return bool(_HEAD.search(between)) or any(
        c.before is not None and c.reach > 0 and c.person and c.before.search(between) for c in CUES
    )

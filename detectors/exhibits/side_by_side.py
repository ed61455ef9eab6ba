"""The suspect's answer and the candidate's to the same prompt, with what both hold marked.

Knows texts; judges nothing.
"""

from __future__ import annotations

from detectors.measurement import Exhibit, Span
from detectors.pairing import ProbeAnswer
from detectors.text.pages import cut
from detectors.text.shingles import TokenText, shared_runs

QUOTED = 1500
FEWEST_IN_A_ROW = 4


def side_by_side(
    answer: ProbeAnswer, theirs: str, name: str, why: str, weight: float
) -> list[Exhibit]:
    """Both answers' beginnings; runs of four tokens or more that stand in both are marked."""
    own, other = (TokenText(cut(text, QUOTED)) for text in (answer.text, theirs))
    return [
        answer.shown(one.text, source, why, weight, _same_words(one, beside))
        for source, one, beside in (("suspect", own, other), (name, other, own))
    ]


def _same_words(one: TokenText, other: TokenText) -> tuple[Span, ...]:
    runs = shared_runs(one, other, FEWEST_IN_A_ROW)
    ends = [(one.places[r.start][0], one.places[r.end - 1][1]) for r in runs]
    return tuple(Span(start=start, end=end, why="the same words") for start, end in ends)

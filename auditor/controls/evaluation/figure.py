"""The figures that an evaluation tells of a control, and the kinds of them that there are.

Programs read a figure's id; its name is for people and may be worded anew. Knows ids, names and
numbers; asks nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from detectors.stats.intervals import Estimate, clustered_mean, clustered_rate
from fingerprints.records import Record

When = Literal["before", "after", "change"]
Topic = Literal["teacher", "wording", "retention", "claims", "budget", "other"]

BITS, CHRF, SHARED_GRAMS = "held_out_bits_per_byte", "held_out_chrf2", "held_out_grams"
CHOICES, SAME_CHOICE, KEPT_RIGHT = "right_choices", "same_choices", "right_choices_kept"
NAMES_SOMEBODY, NAMES_VENDOR = "names_somebody", "names_vendor"
RIGHT, THOUGHT, CAPPED = "known_answers", "thinking_tokens", "thinking_capped"
SOLVED, REWARD, FORM, WAIT = "puzzles_solved", "puzzles_reward", "puzzles_form", "puzzles_wait"
SINCE_WARM_UP = "since_warm_up"


@dataclass(frozen=True)
class FigureKind:
    """What figures of one kind are about, and what one is called; ``{}`` is what sets it apart
    from the others of its kind. A ``share`` is between 0 and 1."""

    topic: Topic
    name: str
    share: bool = True


KINDS = {
    BITS: FigureKind("teacher", "bits per byte of held-out answers", share=False),
    CHRF: FigureKind("wording", "chrF2 with the held-out answer"),
    SHARED_GRAMS: FigureKind("wording", "{}-grams found in the held-out answer"),
    CHOICES: FigureKind("retention", "right choices"),
    SAME_CHOICE: FigureKind("retention", "choices answered as before training"),
    KEPT_RIGHT: FigureKind("retention", "right choices that stayed right"),
    NAMES_SOMEBODY: FigureKind("claims", "names a vendor as itself or its maker"),
    NAMES_VENDOR: FigureKind("claims", "names {}"),
    RIGHT: FigureKind("budget", "known answers reached, {} waits forced"),
    THOUGHT: FigureKind("budget", "tokens of thinking, {} waits forced", share=False),
    CAPPED: FigureKind("budget", "thinking cut at its cap, {} waits forced"),
    SOLVED: FigureKind("other", "held-out puzzles solved"),
    REWARD: FigureKind("other", "reward on held-out puzzles"),
    FORM: FigureKind("wording", "held-out answers in the form of an equation"),
    WAIT: FigureKind("wording", 'held-out answers that say "wait"'),
}
UNPLANNED = FigureKind("other", "")


class PairedFigure(Record):
    """One number with its 95 % interval, clustered by question: ``n`` questions.

    ``figure_id`` is a kind, and behind a colon what sets the figure apart from others of its kind;
    empty where nobody planned for it. No interval: a single question, or a change that is the same
    for every question, so that its spread is unknown.
    """

    figure_id: str = ""
    name: str
    when: When
    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def key(self) -> str:
        """What it is told apart by: its id, or its name as a whole where nobody planned for it."""
        return self.figure_id or self.name

    @property
    def kind(self) -> FigureKind:
        """What is known of figures like it."""
        return KINDS.get(parts_of(self.figure_id)[0], UNPLANNED)


def parts_of(figure_id: str) -> tuple[str, str]:
    """The kind in an id, and what sets the figure apart from others of its kind."""
    kind, _, which = figure_id.partition(":")
    return kind, which


def name_of(figure_id: str) -> str:
    """What people read of a figure. Raises KeyError for an id of no kind."""
    kind, which = parts_of(figure_id)
    return KINDS[kind].name.format(which)


def figure_of(figure_id: str, when: When, values: Mapping[str, float]) -> list[PairedFigure]:
    """The mean of a value a question, with its interval; none without values."""
    if not values:
        return []
    keys = sorted(values)
    rate = KINDS[parts_of(figure_id)[0]].share and when != "change"
    told: Estimate = (clustered_rate if rate else clustered_mean)([values[k] for k in keys], keys)
    # The interval of a mean of equal values has no width, which would tell of certainty.
    spread = rate or len(set(values.values())) > 1
    low, high = (round(v, 6) if spread and math.isfinite(v) else None for v in told.interval)
    return [
        PairedFigure(
            figure_id=figure_id,
            name=name_of(figure_id),
            when=when,
            value=round(told.value, 6),
            low=low,
            high=high,
            n=told.clusters,
        )
    ]

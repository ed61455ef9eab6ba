"""What a control that learned by rewards tells of them: its curve, and the puzzles it learned from.
Records, and blocks of a card.

Knows figures; knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.controls.training.reward_journal import TOTAL, Mean, RewardRow, means_of
from auditor.reporting.charts import BoundedValue, Dumbbells, PairedRow
from auditor.reporting.document import Block, GridTable, Paragraph, full, pairs
from auditor.reporting.plots import bounded
from auditor.reporting.text import number
from fingerprints.records import Record

CURVE_COLUMNS = (
    "steps",
    "reward",
    "puzzles",
    "groups that all earned the same",
    "divergence, nats a token",
)
POINTS = 10
"""Points of a curve, at most."""


class CurvePoint(Record):
    """The mean reward of the steps ``first`` to ``last``, with its 95 % interval by puzzle."""

    first: int
    last: int
    reward: Mean
    flat: float
    kl: float


class RewardTold(Record):
    """How rewards went. ``warm_up`` examples of an answer's form were learned before.

    ``components`` compares the first with the last tenth of the steps: each part of the reward, as
    the model drew its answers (at the recipe's temperature, from the puzzles that it learned from).
    The digests are over the puzzles.
    """

    puzzles: int
    puzzles_sha256: str
    held_out_sha256: str
    answers: int
    tokens: int
    warm_up: int
    wait: float
    warm_up_steps: int
    first: dict[str, Mean]
    last: dict[str, Mean]
    curve: tuple[CurvePoint, ...]


def reward_curve(rows: Sequence[RewardRow], answers: int) -> tuple[CurvePoint, ...]:
    """At most ten points over the rows of a run, in order, for groups of so many answers."""
    size = -(-len(rows) // POINTS)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return tuple(
        CurvePoint(
            first=part[0].step,
            last=part[-1].step,
            reward=means_of(part, answers)[TOTAL],
            flat=round(sum(row.flat for row in part) / len(part), 6),
            kl=round(sum(row.kl for row in part) / len(part), 6),
        )
        for part in parts
    )


def reward_blocks(told: RewardTold) -> Iterator[Block]:
    """How the rewards went, as blocks of a card."""
    yield Paragraph(
        "No teacher took part: a program made the puzzles and rewarded the model's own answers by"
        " arithmetic.",
        "lead",
    )
    if told.warm_up:
        yield full(
            Paragraph(
                f"Before that, {told.warm_up} examples of an answer's form were learned in"
                f" {told.warm_up_steps} steps: a program joined numbers at random, right or wrong;"
                f' {100 * told.wait:g} % of them take a first try back with "Wait.". What it'
                " writes like them, that word too, it was shown; what it solves more often since,"
                " it was rewarded for."
            )
        )
    yield full(
        Paragraph(
            f"{told.answers} answers of {told.tokens} tokens to {told.puzzles} puzzles, means with"
            " 95 % intervals by puzzle, as drawn in training:"
        )
    )
    if told.curve:
        rows = tuple(
            (
                f"{p.first}–{p.last}",
                bounded(p.reward),
                str(p.reward.tasks),
                number(p.flat),
                number(p.kl),
            )
            for p in told.curve
        )
        yield full(GridTable("Rewards by step", CURVE_COLUMNS, rows, frozenset(range(1, 5))))
    yield full(
        Paragraph(
            "The puzzles are made by a program from the recipe, the held out ones apart; none can"
            " copy a probe of the audit.",
            "caption",
        )
    )
    ends = ("first tenth of the steps", "last tenth")
    yield Dumbbells("Rewards", tuple(_ends(told)), True, ends)
    yield full(
        pairs(
            (
                ("puzzles", number(told.puzzles)),
                ("answers drawn", number(told.answers)),
                ("tokens drawn", number(told.tokens)),
                ("examples of the warm-up", number(told.warm_up)),
                ("puzzles sha256", told.puzzles_sha256),
                ("held out puzzles sha256", told.held_out_sha256),
            )
        )
    )


def _ends(told: RewardTold) -> Iterator[PairedRow]:
    """Each part of the reward over the first and the last tenth of the steps."""
    for name, one in told.first.items():
        last = told.last.get(name)
        if last is not None:
            before, after = (BoundedValue(m.value, m.low, m.high) for m in (one, last))
            yield PairedRow(name, max(one.tasks, last.tasks), before, after)

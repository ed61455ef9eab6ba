"""What a control that learned by rewards tells of them: its curve, and the puzzles it learned from.
Records and Markdown.

Knows figures; knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.controls.training.reward_journal import TOTAL, Mean, RewardRow, means_of
from auditor.reporting.markdown import code, inline, table
from auditor.reporting.text import number
from fingerprints.records import Record

POINTS = 10
"""Points of a curve, at most."""


class CurvePoint(Record):
    """The mean reward of the answers drawn in the steps ``first`` to ``last``, with its 95 %
    interval by puzzle."""

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


def reward_lines(told: RewardTold) -> Iterator[str]:
    """The section of a card, as Markdown lines."""
    yield "\n## Rewards\n"
    yield (
        "No teacher took part: a program made the puzzles and rewarded the model's own answers by"
        " arithmetic."
    )
    if told.warm_up:
        yield (
            f"\nBefore that, {told.warm_up} examples of an answer's form were learned in"
            f" {told.warm_up_steps} steps: a program "
            f"joined numbers at random, right or wrong; {100 * told.wait:g} % of them take a first"
            ' try back with "Wait.". '
            "What it writes like them, that word too, it was shown; what it solves more often"
            " since, it was rewarded for."
        )
    yield (
        f"\n{told.answers} answers of {told.tokens} tokens to {told.puzzles} puzzles, means with 95"
        " % intervals by puzzle, as drawn in training:\n"
    )
    yield table(
        (
            "steps",
            "reward",
            "95 % interval",
            "puzzles",
            "groups that all earned the same",
            "divergence, nats a token",
        ),
        [
            (
                f"{p.first}–{p.last}",
                number(p.reward.value),
                _interval(p.reward),
                str(p.reward.tasks),
                number(p.flat),
                number(p.kl),
            )
            for p in told.curve
        ],
    )
    yield ""
    yield table(
        (
            "part of the reward",
            "first tenth of the steps",
            "95 % interval",
            "last tenth",
            "95 % interval",
        ),
        [
            (
                inline(name),
                number(one.value),
                _interval(one),
                number(told.last[name].value),
                _interval(told.last[name]),
            )
            for name, one in told.first.items()
        ],
    )
    yield ""
    yield table(
        ("puzzles", "SHA-256"),
        [("learned from", code(told.puzzles_sha256)), ("held out", code(told.held_out_sha256))],
    )
    yield (
        "\nThe puzzles are made by a program from the recipe, the held out ones apart; none can"
        " copy a probe of the audit."
    )


def _interval(mean: Mean) -> str:
    return f"{number(mean.low)} to {number(mean.high)}"

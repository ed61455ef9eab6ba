"""The signals of bulk generation: what each figure of an account's traffic says, against
what it is told.

Every signal points the same way: larger is more like bulk generation. None tells it alone: a batch
translation has volume, a course has templates, a monitor is regular.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

LEAST_ROWS = 5
"""Rows of a unit in a window from which on it is judged; shares of fewer say nothing."""


@dataclass(frozen=True)
class Signal:
    """One figure of a unit's traffic in a window. ``by_volume``: whether it is compared with benign
    traffic of like volume. ``least`` is the smallest unit in which it is told: benign traffic may
    not differ in it at all.

    ``shown`` and ``plain`` are how far above benign traffic, in units and roughly, simulated
    campaigns of the development settings stood that asked for reasoning, and that did not.
    """

    name: str
    title: str
    about: str
    by_volume: bool = True
    least: float = 0.05
    shown: float = 0.0
    plain: float = 0.0


SIGNALS = (
    Signal("volume", "volume", "requests in the window", by_volume=False, shown=1, plain=1),
    Signal(
        "spread",
        "spread over accounts",
        "accounts, tied by a template, that the traffic is spread over",
        least=0.3,
        shown=1,
        plain=1,
    ),
    Signal("distinct", "distinct prompts", "share of the requests whose prompt is new"),
    Signal(
        "slots",
        "prompts per template",
        "distinct prompts for each template in use",
        least=0.2,
        shown=1.5,
        plain=1.5,
    ),
    Signal(
        "templated",
        "few templates",
        "entropy of templates, against as many as possible",
        shown=1.5,
        plain=1.5,
    ),
    Signal(
        "reasoning", "reasoning asked for", "share of prompts that ask for the reasoning", shown=5
    ),
    Signal("ratio", "output to input", "tokens given for each token sent", shown=4, plain=4),
    Signal("length", "long answers", "tokens of an answer", shown=3, plain=1.5),
    Signal(
        "saturation",
        "token limit reached",
        "share of answers cut at their limit",
        shown=2,
        plain=0.5,
    ),
    Signal("regularity", "even pace", "how alike the gaps between requests are", shown=1, plain=1),
    Signal("flatness", "flat over the day", "entropy of the hours of the day", shown=1, plain=1),
    Signal("topics", "new topics", "share of requests on a topic not asked before"),
    Signal(
        "switch",
        "quick switch of model",
        "moved to a new model within a day of its start",
        least=0.25,
        shown=0.5,
        plain=0.5,
    ),
)
NAMES = tuple(s.name for s in SIGNALS)
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ratio": (("answer", "tokens_out"),),
    "length": (("answer", "tokens_out"),),
    "saturation": (("finish", "tokens_out"), ("finish", "max_tokens")),
    "switch": (("model",),),
}
"""Columns that a signal is told by: one of each group, beside time, account and prompt."""


def silent_without(columns: Collection[str]) -> tuple[str, ...]:
    """Signals that a log of these columns can't tell.

    >>> silent_without({"time", "account", "prompt", "answer", "finish"})
    ('switch',)
    """
    return tuple(
        name for name, groups in NEEDS.items() if not all(set(g) & set(columns) for g in groups)
    )

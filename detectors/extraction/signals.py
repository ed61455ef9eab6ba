"""The signals of bulk generation: what each figure of an account's traffic says, against
what it is told.

Every signal points the same way: larger is more like bulk generation. None tells it alone: a batch
translation has volume, a course has templates, a monitor is regular.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_ROWS = 5
"""Rows of a unit in a window from which on it is judged; shares of fewer say nothing."""


@dataclass(frozen=True)
class Signal:
    """One figure of a unit's traffic in a window. ``by_volume``: whether it is compared with benign
    traffic of like volume. ``least`` is the smallest unit in which it is told: benign traffic may
    not differ in it at all.
    """

    name: str
    title: str
    about: str
    by_volume: bool = True
    least: float = 0.05


SIGNALS = (
    Signal("volume", "volume", "requests in the window", by_volume=False),
    Signal("spread", "spread over accounts", "accounts that the traffic is spread over", least=0.3),
    Signal("distinct", "distinct prompts", "share of the requests whose prompt is new"),
    Signal("slots", "prompts per template", "distinct prompts for each template in use", least=0.2),
    Signal("templated", "few templates", "entropy of templates, against as many as possible"),
    Signal("reasoning", "reasoning asked for", "share of prompts that ask for the reasoning"),
    Signal("ratio", "output to input", "tokens given for each token sent"),
    Signal("length", "long answers", "tokens of an answer"),
    Signal("saturation", "token limit reached", "share of answers cut at their limit"),
    Signal("regularity", "even pace", "how alike the gaps between requests are"),
    Signal("flatness", "flat over the day", "entropy of the hours of the day"),
    Signal("topics", "new topics", "share of requests on a topic not asked before"),
    Signal(
        "switch",
        "quick switch of model",
        "moved to a new model within a day of its start",
        least=0.25,
    ),
)
NAMES = tuple(s.name for s in SIGNALS)

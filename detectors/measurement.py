"""What a measurement is made of: quoted answers, null populations, ranks, tables, charts. Records
only.

They stand apart from `detectors.base` so that whoever reads or renders a report need not load what
detectors compute with.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from fingerprints.records import Arm, Probe, Record

Question = Literal["inheritance", "lineage", "service"]
Cell = str | int | float | None
WhyNot = Literal[
    "unspecified",
    "no_candidate",
    "no_base",
    "no_shadows",
    "is_base",
    "same_weights",
    "unknown_vendor",
    "not_scored",
    "too_few_answers",
    "too_few_models",
    "not_comparable",
    "unreadable",
]
"""Why something was not measured, for programs: the case lacks what is compared; the candidate is
the suspect or its base; its maker's names are not known; nobody said how likely the texts are; too
little was answered or stored; what there is can't be compared in this way; files can't be read."""


class Span(Record):
    """Characters ``start`` to ``end`` (end excluded) of an exhibit's answer, and why they count."""

    start: int
    end: int
    why: str = ""


class Exhibit(Record):
    """One thing that a person can look at: a probe, an answer, the telling spans, why it counts.

    ``answer`` is a stranger's text. ``source`` says whose answer it is. Exhibits are ordered by
    ``weight``, largest first.
    """

    probe_id: str
    arm: Arm
    prompt: str
    answer: str
    source: str = "suspect"
    language: str = ""
    spans: tuple[Span, ...] = ()
    why: str = ""
    weight: float = 0.0

    @classmethod
    def of(
        cls,
        probe: Probe,
        arm: Arm,
        answer: str,
        *,
        source: str = "suspect",
        spans: tuple[Span, ...] = (),
        why: str = "",
        weight: float = 0.0,
    ) -> Self:
        """An answer to a probe, told with what was asked and in which language."""
        return cls(
            probe_id=probe.id,
            arm=arm,
            prompt=probe.prompt(),
            answer=answer,
            source=source,
            language=probe.language,
            spans=spans,
            why=why,
            weight=weight,
        )


class Null(Record):
    """What unrelated models measure on the same statistic: how many, their mean, spread and
    quantiles.

    ``at_least`` counts null models at or above the value; ``p`` is the conformal p-value (1 +
    at_least) / (n + 1). ``unit`` is a code for what is counted: models, relabellings of the same
    answers, or keys of a watermark that nobody used.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    quantiles: tuple[tuple[str, float], ...] = ()
    at_least: int = 0
    p: float | None = None
    population: str = ""
    unit: Literal["models", "relabellings", "keys"] = "models"


class Rank(Record):
    """Place of the candidate among the stored models by this measurement; 1 is the most alike."""

    position: int
    of: int


class AmongSiblings(Record):
    """How near the candidate comes among its maker's stored models, on the prompts that all of them
    answered.

    ``score`` is a mean over ``prompts`` on a scale that siblings share, higher: nearer;
    ``position`` of ``of``, 1 for the nearest. ``p_values`` has, for the nearest alone, a paired
    test against each sibling by name, Holm-corrected. Likeness among siblings says nothing of who
    taught.
    """

    score: float
    position: int
    of: int
    prompts: int
    p_values: dict[str, float] = Field(default_factory=dict)


class Table(Record):
    """Numbers for people: a title, columns, rows, and a caption that says what n is."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


class Bar(Record):
    """One labelled value of a chart with its interval; ``strong`` marks the one that the finding
    is about."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False
    group: str = ""

    @classmethod
    def of(
        cls,
        label: str,
        value: float,
        interval: tuple[float, float],
        strong: bool = False,
        group: str = "",
    ) -> Self:
        """A value with its interval."""
        low, high = interval
        return cls(label=label, value=value, low=low, high=high, strong=strong, group=group)


class Chart(Record):
    """A figure as data: horizontal bars or dots with intervals. Renderers draw it; records only
    hold it."""

    kind: Literal["bars", "dots"]
    title: str
    x_label: str
    bars: tuple[Bar, ...]
    reference: float | None = None
    reference_label: str = ""
    caption: str = ""


class HeatMap(Record):
    """A table of shares to be shaded: one row a ``rows`` label, one cell a column; ``low`` is
    white, ``high`` is dark.

    None in a cell: nothing was compared there.
    """

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    low: float = 0.0
    high: float = 1.0
    caption: str = ""


class Measurement(Record):
    """A raw value with its n, interval, rank, null population, figures and exhibits; no verdict.

    ``metric`` names the number, ``direction`` says which way is which, ``n`` counts ``n_unit``;
    ``interval`` is at ``level`` confidence. ``summary`` is one plain sentence. These are words for
    people: programs read ``metric_id`` (snake_case, never changed; empty for a detector that has
    one number only), ``counts_prompts`` (whether ``n`` counts what was asked) and ``facts`` (what
    else is known, by name).
    """

    metric: str
    metric_id: str = ""
    value: float
    n: int
    n_unit: str
    counts_prompts: bool = False
    direction: str
    interval: tuple[float, float] | None = None
    level: float = 0.95
    rank: Rank | None = None
    null: Null | None = None
    siblings: AmongSiblings | None = None
    summary: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    heat_maps: tuple[HeatMap, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, Cell] = Field(default_factory=dict)


class Value(Record):
    """The bare number of a measurement: what it is called, how large it is, how many of
    ``n_unit`` it rests on."""

    metric: str
    metric_id: str = ""
    value: float
    n: int


class NotMeasured(Record):
    """Why there is no measurement, for people and as a ``code``: a value, not an exception."""

    reason: str
    code: WhyNot = "unspecified"

    @classmethod
    def of(cls, code: WhyNot, reason: str) -> Self:
        """The reason under its code."""
        return cls(reason=reason, code=code)

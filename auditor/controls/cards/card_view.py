"""A card arranged for reading: figures by topic, prompts by what became of them.

Knows the order of things; knows no format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from auditor.controls.cards.card import Card
from auditor.controls.evaluation.figure import (
    BITS,
    CHOICES,
    NAMES_SOMEBODY,
    NAMES_VENDOR,
    PairedFigure,
    Topic,
    parts_of,
)
from auditor.controls.teaching.teach import SourceReport
from auditor.reporting.charts import PipelineStep

TEACHER, WORDING, RETENTION, CLAIMS = "Teacher's text", "Wording", "Retention", "Claims of identity"
BUDGET, OTHER = "Thinking under a budget", "Other figures"
TOPICS: dict[Topic, tuple[str, str]] = {
    "teacher": (
        TEACHER,
        "How likely the held-out answers are to the model. Fewer bits per byte: likelier.",
    ),
    "wording": (
        WORDING,
        "How much of the wording of the held-out answers comes back when the model answers the same"
        " prompts.",
    ),
    "retention": (
        RETENTION,
        "What is still known, and which choices are still made, on multiple-choice questions that"
        " nobody taught.",
    ),
    "claims": (CLAIMS, "Whom the model says that it is, or who made it."),
    "budget": (
        BUDGET,
        "What the student reaches when its thinking is cut at a cap and prolonged by forced waits.",
    ),
    "other": (OTHER, ""),
}
"""Each topic's title and what it tells, in the order of a card."""
LOSSES = {
    "unanswered": "unanswered",
    "rejected": "rejected by the endpoint",
    "without_trace": "no trace of thinking",
    "unverified": "not verified",
    "unparaphrased": "not paraphrased",
    "too_similar": "paraphrase too similar",
    "shaped_away": "of another shape",
    "scrubbed_away": "scrubbed away",
    "beyond_dose": "beyond the dose",
}
"""What an answer can be lost by, as a source's report counts it, in the order of its way."""


def lost_by(source: SourceReport, reason: str) -> int:
    """How many prompts a source lost by a reason above; none where its report knows no such one."""
    return int(getattr(source, reason, 0))


@dataclass(frozen=True)
class ShownChange:
    """One figure: before, after and the paired change; None where not measured, one at least is."""

    before: PairedFigure | None
    after: PairedFigure | None
    change: PairedFigure | None

    @property
    def told(self) -> tuple[PairedFigure, ...]:
        """What was measured of it."""
        return tuple(f for f in (self.before, self.after, self.change) if f is not None)

    @property
    def name(self) -> str:
        """What people read of it."""
        return self.told[0].name

    @property
    def topic(self) -> Topic:
        """What it is about; a figure that nobody planned for is among the others."""
        return self.told[0].kind.topic

    @property
    def share(self) -> bool:
        """Whether it is a share, from 0 to 1, and can stand on one axis with others."""
        measured = [f for f in (self.before, self.after) if f is not None]
        values = [v for f in measured for v in (f.value, f.low, f.high) if v is not None]
        return self.told[0].kind.share and all(0 <= v <= 1 for v in values)

    @property
    def axis(self) -> str:
        """What figures must have in common to stand on one axis."""
        first = self.told[0]
        return "" if self.share else parts_of(first.figure_id)[0] or first.name


@dataclass(frozen=True)
class FigureGroup:
    """Figures that tell about one thing; ``charts``: those that share an axis stand together."""

    title: str
    about: str
    charts: tuple[tuple[ShownChange, ...], ...]

    @property
    def changes(self) -> tuple[ShownChange, ...]:
        """All its figures in order."""
        return tuple(chain.from_iterable(self.charts))


def changes(figures: Iterable[PairedFigure]) -> tuple[ShownChange, ...]:
    """The figures in order of appearance; one that nobody planned for is told too."""
    found: dict[str, dict[str, PairedFigure]] = {}
    for figure in figures:
        found.setdefault(figure.key, {})[figure.when] = figure
    return tuple(
        ShownChange(f.get("before"), f.get("after"), f.get("change")) for f in found.values()
    )


def groups(card: Card) -> tuple[FigureGroup, ...]:
    """The card's figures by topic; shares of one topic share an axis, others with their kind."""
    found = changes(card.figures)
    out = []
    for topic, (title, about) in TOPICS.items():
        # What stands alone on its axis comes first, then the shares on theirs.
        own = sorted((c for c in found if c.topic == topic), key=lambda c: c.share)
        axes: dict[str, list[ShownChange]] = {}
        for c in own:
            axes.setdefault(c.axis, []).append(c)
        if axes:
            out.append(FigureGroup(title, about, tuple(map(tuple, axes.values()))))
    return tuple(out)


def change_of(card: Card, figure_id: str) -> PairedFigure | None:
    """The paired change of a figure, None where there is none."""
    told = (f for f in card.figures if f.figure_id == figure_id and f.when == "change")
    return next(told, None)


def headline(card: Card) -> tuple[PairedFigure | None, PairedFigure | None, PairedFigure | None]:
    """The three changes that sum up a control: bits per byte, claims, right choices.

    Claims: how often it names its first teacher's maker, or anybody where that maker is unknown.
    """
    vendors = [t.vendor for t in card.lineage.teachers if t.kind == "teacher" and t.vendor]
    own = change_of(card, f"{NAMES_VENDOR}:{vendors[0]}") if vendors else None
    return change_of(card, BITS), own or change_of(card, NAMES_SOMEBODY), change_of(card, CHOICES)


def prompt_flow(card: Card) -> tuple[PipelineStep, ...]:
    """From the pool to the prompts that were kept; losses of nothing are left out."""
    c = card.curation
    lost = {
        "exact duplicates": c.exact_duplicates,
        "low quality": c.low_quality,
        "near-duplicates": c.near_duplicates,
        "copies of the audit's probes": c.contaminated,
        "not needed": c.beyond_n,
    }
    return _steps("in the pool", c.pool, lost, {"curated": c.kept})


def answer_flow(card: Card) -> tuple[PipelineStep, ...]:
    """From prompts asked to answers learned and held out; losses of nothing are left out.

    What a report of another kind lost by a reason without a name here is lost otherwise.
    """
    lost = {told: sum(lost_by(s, name) for s in card.sources) for name, told in LOSSES.items()}
    kept = {
        "learned": sum(s.kept for s in card.sources),
        "held out": sum(s.held_out for s in card.sources),
    }
    return _steps("asked", sum(s.prompts for s in card.sources), lost, kept)


def _steps(
    first: str, whole: int, lost: dict[str, int], kept: dict[str, int]
) -> tuple[PipelineStep, ...]:
    out, left = [PipelineStep(first, whole, "level", 0)], whole
    rest = whole - sum(lost.values()) - sum(kept.values())
    for label, count in {**lost, "lost otherwise": max(0, rest)}.items():
        if count:
            left -= count
            out.append(PipelineStep(label, count, "loss", max(0, left)))
    start = 0
    for label, count in kept.items():
        out.append(PipelineStep(label, count, "kept", start))
        start += count
    return tuple(out)

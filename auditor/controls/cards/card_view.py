"""A card arranged for reading: figures by what they tell, prompts by what became of them, examples
by who gave them.

Knows the order of things and what a figure's name means; knows no
format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from auditor.controls.cards.card import Card
from auditor.controls.evaluation.evaluate import BITS, CHOICES, NAMES_SOMEBODY, PairedFigure
from auditor.controls.teaching.teach import SourceReport
from auditor.reporting.charts import PipelineStep

TEACHER, WORDING, RETENTION, CLAIMS = "Teacher's text", "Wording", "Retention", "Claims of identity"
BUDGET, OTHER = "Thinking under a budget", "Other figures"
ABOUT = {
    TEACHER: "How likely the held-out answers are to the model. Fewer bits per byte: likelier.",
    WORDING: (
        "How much of the wording of the held-out answers comes back when the model answers the same"
        " prompts."
    ),
    RETENTION: (
        "What is still known, and which choices are still made, on multiple-choice questions that"
        " nobody taught."
    ),
    CLAIMS: "Whom the model says that it is, or who made it.",
    BUDGET: (
        "What the student reaches when its thinking is cut at a cap and prolonged by forced waits."
    ),
    OTHER: "",
}


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
    """How many prompts a source lost by one of the reasons above; none where its report knows no
    such reason."""
    return int(getattr(source, reason, 0))


@dataclass(frozen=True)
class ShownChange:
    """One figure by its name: before, after and the paired change, each None where it was not
    measured."""

    name: str
    before: PairedFigure | None
    after: PairedFigure | None
    change: PairedFigure | None

    @property
    def share(self) -> bool:
        """Whether it is a share, from 0 to 1, and can stand on one axis with others."""
        told = [
            v
            for f in (self.before, self.after)
            if f is not None
            for v in (f.value, f.low, f.high)
            if v is not None
        ]
        unbounded = any(word in self.name for word in ("bits", "nats", "loss", "tokens per"))
        return not unbounded and all(0 <= v <= 1 for v in told)


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
    """The figures by name in order of appearance; a figure of any name is told."""
    found: dict[str, dict[str, PairedFigure]] = {}
    for figure in figures:
        found.setdefault(figure.name, {})[figure.when] = figure
    return tuple(
        ShownChange(name, f.get("before"), f.get("after"), f.get("change"))
        for name, f in found.items()
    )


def topic(name: str) -> str:
    """What a figure is about, by its name; a name that nobody planned for is among the other
    figures."""
    if "bits per byte" in name or "teacher" in name or "next token" in name:
        return TEACHER
    if "held-out answer" in name:
        return WORDING
    if "choice" in name:
        return RETENTION
    if "waits forced" in name:
        return BUDGET
    return CLAIMS if name.startswith("names ") else OTHER


def groups(card: Card) -> tuple[FigureGroup, ...]:
    """The card's figures by topic; shares of one topic on one axis, others with those of the
    same words before the comma."""
    found = changes(card.figures)
    out = []
    for title, about in ABOUT.items():
        own = [c for c in found if topic(c.name) == title]
        families: dict[str, list[ShownChange]] = {}
        for c in sorted(own, key=lambda c: c.share):
            families.setdefault("" if c.share else c.name.partition(",")[0], []).append(c)
        charts = [tuple(family) for family in families.values()]
        if charts:
            out.append(FigureGroup(title, about, tuple(charts)))
    return tuple(out)


def change_of(card: Card, name: str) -> PairedFigure | None:
    """The paired change of a figure, None where there is none."""
    return next((f for f in card.figures if f.name == name and f.when == "change"), None)


def headline(card: Card) -> tuple[PairedFigure | None, PairedFigure | None, PairedFigure | None]:
    """The three changes that sum up a control: bits per byte of held-out answers, claims, right
    choices.

    Claims: how often it names its first teacher's maker, or anybody where that maker is unknown.
    """
    vendors = [t.vendor for t in card.lineage.teachers if t.kind == "teacher" and t.vendor]
    own = change_of(card, f"names {vendors[0]}") if vendors else None
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
    """From the prompts that were asked to the answers that were learned and held out; losses of
    nothing are left out.

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

"""A calibration arranged as a document: its population, its figures, its curves and what it can
carry.

Knows the order of things; knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.calibration.record import Calibration, Curves, Figures
from auditor.reporting.charts import CurveChart
from auditor.reporting.document import (
    DASH,
    Block,
    Definitions,
    Document,
    Paragraph,
    Reading,
    Section,
    full,
    grid,
    name,
)
from auditor.reporting.text import date, number

COLUMNS = (
    "level",
    "prompts",
    "left out",
    "of",
    "lineages H1 / H2",
    "Cllr",
    "Cllr min",
    "AUC",
    "TPR at 1 % FPR",
    "at 5 %",
    "taught: supported",
    "untaught: supported",
    "taught: not supported",
)
WORDS = (
    "H1: the candidate taught it. H2: it did not. Cllr in bits: 0 is perfect, 1 is no use. TPR:"
    " share of the taught that is found at a false-positive rate of at most 1 or 5 %. Supported and"
    " not supported: lineages with a pair of model and candidate at a log10 LR of 1 or more, -1 or"
    " less, of untaught ones also the pairs; a verdict asks more, and says so no more often. In"
    " brackets 95 % intervals over lineages; a lineage counts once."
)
NUMERIC = (1, *range(4, len(COLUMNS)))
CAPS = ("level", "prompts", "log10 LR", "lineages H1 / H2", "weights in the fusion")


def calibration_document(made: Calibration) -> Document:
    """The whole calibration; the same one gives the same document."""
    by_facet = faceted(made)
    nothing = Paragraph("No part of the population has two lineages under either proposition.")
    told = grid("Figures by facet", COLUMNS, by_facet, NUMERIC) if by_facet else nothing
    caption = "No verdict is stronger than these bounds: the stricter of the empirical bounds and"
    caption += " of what so many independent lineages can show."
    notes = tuple(Paragraph(n, "caption") for n in made.notes)
    population = "The error rates below hold for models like these; a report says how far its case"
    population += " lies from them."
    facts_told = Definitions(tuple((k, name(value)) for k, value in facts(made)), "meta")
    held_out = grid("Held-out figures", COLUMNS, whole(made), NUMERIC)
    curves: tuple[Block, ...] = tuple(c for found in made.curves for c in _curves(found))
    curves = curves or (Paragraph("Nothing could be left out."),)
    faceting: Reading = "both" if by_facet else "full"
    return Document(
        kicker="Calibration on models of known history",
        title=("Calibration ", name(made.name)),
        subject=name(made.name),
        meta=(("Made", date(made.created)), ("Tool", made.tool)),
        sections=(
            Section("population", "Population", (full(Paragraph(population, "lead")), facts_told)),
            Section("figures", "How it did on models that were left out", (_lead(WORDS), held_out)),
            Section("curves", "Curves", curves, "full"),
            Section("facets", "By teacher, base, dose and evasion", (told,), faceting),
            Section(
                "caps",
                "What it can carry",
                (full(_lead(caption)), grid("Bounds", CAPS, caps(made), (1, 2, 3)), *notes),
            ),
        ),
        record=lambda: made.model_dump(mode="json"),
        note="The calibration's JSON file is the record; this page is a view of it.",
    )


def _lead(words: str) -> Paragraph:
    return Paragraph(words, "lead")


def _curves(curves: Curves) -> tuple[CurveChart, CurveChart]:
    where = f"{curves.level}s at {curves.size} prompts, whole lineages left out"
    t, e = curves.tippett, curves.ece
    return (
        CurveChart(
            f"Tippett curves, {where}",
            f"Share of models at or above each ratio. Misleading: {100 * t.misleading_h1:.0f} % of"
            f" the taught lie below 1, {100 * t.misleading_h2:.0f} % of the untaught above.",
            "log10 likelihood ratio",
            tuple(t.log10_lr),
            (("taught by the candidate", tuple(t.h1)), ("not taught by it", tuple(t.h2))),
            zero=True,
        ),
        CurveChart(
            f"Empirical cross-entropy, {where}",
            "Bits that are missing at each prior: below the neutral curve the ratios help, above it"
            " they harm.",
            "log10 prior odds",
            tuple(e.log10_prior_odds),
            (
                ("these ratios", tuple(e.method)),
                ("no evidence", tuple(e.neutral)),
                ("best recalibrated", tuple(e.recalibrated)),
            ),
            zero=True,
        ),
    )


def whole(made: Calibration) -> list[tuple[str, ...]]:
    """The figures over all rows, one a scheme, level and number of prompts."""
    return [_row(f, "all") for f in made.figures if f.facet == "all"]


def faceted(made: Calibration) -> list[tuple[str, ...]]:
    """The figures by teacher, base, dose and evasion, whole lineages left out, at the largest
    number of prompts."""
    largest = max((f.size for f in made.figures), default=0)
    chosen = [f for f in made.figures if f.size == largest and f.scheme == "lineage"]
    return [_row(f, f"{f.facet}: {f.of}") for f in chosen if f.facet != "all"]


def facts(made: Calibration) -> list[tuple[str, str]]:
    """What the calibration was made from, as label and value."""
    p = made.population
    starts, more = ", ".join(p.starts[:6]), len(p.starts) - 6
    starts += f" and {more} more" if more > 0 else ""
    length = p.characters
    taught = f"{p.positives} with a teacher, {p.negatives} without"
    return [
        ("Population", p.about or "not described"),
        ("Models of known history", f"{p.models} in {p.groups} lineages: {taught}"),
        ("Compared with", f"{p.stored} stored models of {p.vendors} vendors"),
        ("Bases", starts or "unknown"),
        (
            "Typical answer",
            f"{number(length.middle)} characters ({number(length.low)} to {number(length.high)})",
        ),
        *familiar(made),
        ("Detectors", ", ".join(dict.fromkeys(d for f in made.fitted for d in f.detectors))),
        ("Cohort", made.cohort_sha256),
    ]


def familiar(made: Calibration) -> list[tuple[str, str]]:
    """Below which likeness to the stored models at large it says nothing, where that is known."""
    if made.least_familiar is None:
        return []
    least = f"{made.least_familiar:+.2f} nats of shared wording: below that no verdict is given"
    return [("Least familiar model", least)]


def caps(made: Calibration) -> Iterator[tuple[str, ...]]:
    """Each fit's bounds: what it can carry at most in either direction, and each detector's
    weight in the fusion."""
    for f in made.fitted:
        limits = f.fusion.bounds
        weights = ", ".join(
            f"{d} {w:.2f}" for d, w in zip(f.fusion.detectors, f.fusion.weights, strict=True)
        )
        yield (
            f.level,
            str(f.size),
            f"{limits.low:+.2f} to {limits.high:+.2f}",
            f"{limits.n_h1} / {limits.n_h2}",
            weights,
        )


def _row(f: Figures, of: str) -> tuple[str, ...]:
    untested = f" ({f.untested} untested)" if f.untested else ""
    return (
        f.level,
        str(f.size),
        f.scheme + untested,
        of,
        f"{f.n_h1} / {f.n_h2}",
        _bounded((f.cllr, *f.cllr_interval)),
        f"{f.cllr_min:.2f}",
        _bounded((f.auc, *f.auc_interval)),
        *(_bounded(found[1:]) for found in f.tpr_at),
        *_outcomes(f),
    )


def _outcomes(f: Figures) -> tuple[str, str, str]:
    """Taught lineages supported, untaught ones supported, taught ones not supported: what is wrong
    beside what is right."""
    if f.outcomes is None:  # of before outcomes were counted
        return DASH, _bounded((f.false_support, *f.false_support_interval)), DASH
    o = f.outcomes
    found, false, cleared = (
        f"{c.lineages} of {c.of} ({c.interval[0]:.2f} to {c.interval[1]:.2f})"
        for c in (o.found, o.false_alarms, o.cleared)
    )
    return found, f"{false}; {o.pairs_supported} of {o.pairs} pairs", cleared


def _bounded(found: Sequence[float]) -> str:
    return f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"

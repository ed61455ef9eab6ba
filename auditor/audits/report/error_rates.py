"""How often a report's calibration was wrong on models that it didn't know, as a section.

Knows error rates and how far the case lies from their population; knows no verdict of the case.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.evidence.error_rates import (
    CalibrationSection,
    ErrorRate,
    OutcomeCount,
    OutcomeCounts,
)
from auditor.reporting.document import (
    DASH,
    Block,
    Paragraph,
    Section,
    Words,
    brief,
    code,
    full,
    grid,
    name,
    strong,
)
from auditor.reporting.text import date, interval, number, part_of

COLUMNS = (
    "candidates",
    "prompts",
    "left out",
    "lineages",
    "taught: supported",
    "untaught: supported",
    "Cllr",
    "AUC",
    "above 95 % of untaught",
)
LEVELS = {"model": "models", "vendor": "makers"}
ABOUT = (
    "Measured on models of known history that the ratios were not fitted on. Lineages: independent"
    " ones that the candidate taught, and all that it did not. Cllr in bits: 0 is perfect, 1 is no"
    " use. Above 95 % of untaught: the taught that a bar of 5 % false alarms would find; verdicts"
    " are stricter. Supported: a log10 LR of 1 or more on left-out models; a verdict also needs its"
    " interval above even odds, so it says so no more often. In brackets 95 % intervals; a lineage"
    " counts once."
)


def error_rates(found: CalibrationSection) -> Section:
    """The rates in a sentence and as a table, and where the case lies outside of their
    population."""
    about = f": {found.about}" if found.about else ""
    told: Words = (
        "Calibration ",
        name(found.name),
        f" of {date(found.created)}{about} SHA-256 ",
        code(found.sha256),
        ".",
    )
    where: Block = Paragraph(
        "In the figures that were compared, this case lies within what was calibrated on."
    )
    if found.distance:
        outside = strong("This case lies outside of what was calibrated on.")
        where = Paragraph((outside, f" {' '.join(found.distance)}"), "notice")
    blocks = (
        *(Paragraph(sentence, "answer") for sentence in in_words(found.error_rates)),
        grid("Error rates", COLUMNS, map(_row, found.error_rates)),
        brief(Paragraph(f"Calibration {found.name}. {ABOUT}", "caption")),
        full(Paragraph(ABOUT, "caption")),
        full(Paragraph(told, "caption")),
        where if found.distance else full(where),
        full(*(Paragraph(n, "caption") for n in found.notes)),
    )
    return Section("errors", "Error rates", blocks)


def in_words(rates: tuple[ErrorRate, ...]) -> Iterator[str]:
    """What verdicts would have said of the left-out models at the most prompts; nothing for
    calibrations of before that was counted."""
    counted = [r for r in rates if r.outcomes is not None]
    if not counted:
        return
    # Rates stand in the order in which parts were left out: lineages alone first.
    first = max(counted, key=lambda r: r.prompts)
    if first.outcomes is not None:
        whom = "maker" if first.level == "vendor" else "model"
        yield _told(first.outcomes, first.prompts, whom)


def _told(o: OutcomeCounts, prompts: int, whom: str) -> str:
    return (
        f"How often such verdicts are wrong, counted on models that were left out, at {prompts:,}"
        f" prompts: of {o.found.of:,} lineages that a {whom} had taught, {_share(o.found)} were"
        f" supported for it, so the others were missed, and {_share(o.cleared)} were wrongly not"
        f" supported. Of {o.pairs:,} pairs of a model and a {whom} that had not taught it"
        f" {o.pairs_supported:,} were wrongly supported, in {_share(o.false_alarms)} of"
        f" {o.false_alarms.of:,} lineages, and {o.pairs_not_supported:,} were rightly not"
        " supported."
    )


def _share(c: OutcomeCount) -> str:
    low, high = (100 * end for end in c.interval)
    return f"{c.lineages:,} ({low:.0f} to {high:.0f} %)"


def _row(r: ErrorRate) -> tuple[str, ...]:
    outcomes = r.outcomes
    found, false = DASH, _bounded(r.false_support, r.false_support_interval)
    if outcomes is not None:
        f, a = outcomes.found, outcomes.false_alarms
        found = part_of(f.lineages, f.of, f.interval)
        pairs = f"{outcomes.pairs_supported:,} of {outcomes.pairs:,} pairs"
        false = f"{pairs}; lineages {part_of(a.lineages, a.of, a.interval)}"
    return (
        LEVELS[r.level],
        number(r.prompts),
        r.scheme,
        f"{r.n_h1} / {r.n_h2}",
        found,
        false,
        _bounded(r.cllr, r.cllr_interval),
        _bounded(r.auc, r.auc_interval),
        _bounded(r.found, r.found_interval),
    )


def _bounded(value: float, bounds: tuple[float, float]) -> str:
    return f"{number(value)} {interval(bounds)}"

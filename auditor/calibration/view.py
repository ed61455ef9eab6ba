"""A calibration arranged for reading: its rows as texts. The terminal and the page share it.

Knows the order of things; knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.calibration.record import Calibration, Figures
from auditor.reporting.text import number

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
    "false support",
)
WORDS = (
    "H1: the candidate taught it. H2: it did not. Cllr in bits: 0 is perfect, 1 is no use. TPR:"
    " share of the taught that is found at a false-positive rate of at most 1 or 5 %. False"
    " support: share of the untaught at moderate support or above. In brackets 95 % intervals over"
    " lineages; a lineage counts once."
)


def whole(made: Calibration) -> list[tuple[str, ...]]:
    """The figures over all rows, one a scheme, level and number of prompts."""
    return [_row(f, f.scheme, "") for f in made.figures if f.facet == "all"]


def faceted(made: Calibration) -> list[tuple[str, ...]]:
    """The figures by teacher, base, dose and evasion, whole lineages left out, at the largest
    number of prompts."""
    largest = max((f.size for f in made.figures), default=0)
    chosen = [
        f for f in made.figures if f.facet != "all" and f.size == largest and f.scheme == "lineage"
    ]
    return [_row(f, f.scheme, f"{f.facet}: {f.of}") for f in chosen]


def facts(made: Calibration) -> list[tuple[str, str]]:
    """What the calibration was made from, as label and value."""
    p = made.population
    starts = ", ".join(p.starts[:6]) + (
        f" and {len(p.starts) - 6} more" if len(p.starts) > 6 else ""
    )
    return [
        ("Population", p.about or "not described"),
        (
            "Models of known history",
            (
                f"{p.models} in {p.groups} lineages: {p.positives} with a teacher, {p.negatives}"
                " without"
            ),
        ),
        ("Compared with", f"{p.stored} stored models of {p.vendors} vendors"),
        ("Bases", starts or "unknown"),
        (
            "Typical answer",
            (
                f"{number(p.characters.middle)} characters ({number(p.characters.low)} to"
                f" {number(p.characters.high)})"
            ),
        ),
        ("Detectors", ", ".join(dict.fromkeys(d for f in made.fitted for d in f.detectors))),
        ("Cohort", made.cohort_sha256),
    ]


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


def _row(f: Figures, scheme: str, of: str) -> tuple[str, ...]:
    rates = [_share(found[1:]) for found in f.tpr_at]
    untested = f" ({f.untested} untested)" if f.untested else ""
    return (
        f.level,
        str(f.size),
        scheme + untested,
        of or "all",
        f"{f.n_h1} / {f.n_h2}",
        _figure(f.cllr, f.cllr_interval),
        f"{f.cllr_min:.2f}",
        _figure(f.auc, f.auc_interval),
        *rates,
        _share((f.false_support, *f.false_support_interval)),
    )


def _figure(value: float, interval: Sequence[float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _share(found: Sequence[float]) -> str:
    return f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"

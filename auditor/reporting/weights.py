"""How heavy the evidence is, and how often such evidence errs: the verdicts as a chart, the
calibration as rows.

Knows the report; knows no format.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.records import CalibrationSection, ErrorRate, Report, Verdict
from auditor.reporting import groups
from auditor.reporting.text import interval, number
from detectors.measurement import Bar, Chart

MOST = 12
COLUMNS = (
    "candidates",
    "prompts",
    "left out",
    "lineages",
    "Cllr",
    "AUC",
    "found at 5 % false alarms",
    "false support",
)
ABOUT = (
    "Measured on models of known history that the ratios were not fitted on. Lineages: independent"
    " ones that the candidate taught, and all that it did not. Cllr in bits: 0 is perfect, 1 is no"
    " use. False support: untaught models at moderate support or above."
)


def rates(section: CalibrationSection) -> list[tuple[str, ...]]:
    """The calibration's held-out figures as texts, each with its 95 % interval."""
    return [_row(r) for r in section.error_rates]


def _row(r: ErrorRate) -> tuple[str, ...]:
    return (
        f"{r.level}s",
        number(r.prompts),
        r.scheme,
        f"{r.n_h1} / {r.n_h2}",
        _told(r.cllr, r.cllr_interval),
        _told(r.auc, r.auc_interval),
        _told(r.found, r.found_interval),
        _told(r.false_support, r.false_support_interval),
    )


def _told(value: float, bounds: tuple[float, float]) -> str:
    return f"{number(value)} {interval(bounds)}"


def chart(report: Report) -> Chart | None:
    """The heaviest verdicts as dots with their intervals: vendors where any was assessed, else
    models. None without one."""
    told = [v for v in report.verdicts if v.log10_lr is not None]
    chosen = [v for v in told if groups.is_vendor(v)] or told
    if not chosen:
        return None
    ordered = sorted(chosen, key=lambda v: -(v.log10_lr or 0.0))
    return Chart(
        kind="dots",
        title="Weight of evidence",
        x_label="log10 likelihood ratio, capped",
        bars=_bars(ordered[:MOST]),
        reference=0.0,
        reference_label="even odds",
        caption=(
            "To the right: the answers are likelier if the suspect learned from the candidate."
            " Lines: what other control models could have made of it (95 %)."
        ),
    )


def _bars(verdicts: Sequence[Verdict]) -> tuple[Bar, ...]:
    out = []
    for v in verdicts:
        low, high = v.interval or (None, None)
        name = (v.candidate or groups.ALONE).removeprefix("vendor:")
        out.append(
            Bar(
                label=name,
                value=v.log10_lr or 0.0,
                low=low,
                high=high,
                strong=v.outcome == "supported",
            )
        )
    return tuple(out)

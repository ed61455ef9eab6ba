"""log10 LR → words in both directions, and the gate behind ``--fail-on``.

The verbal scale is that of the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015). Knows numbers; knows
no detector. Words exist only for calibrated ratios.
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.evidence import Finding, Verdict

SCALE: tuple[tuple[float, str], ...] = (
    (0.301, "weak"),
    (1.0, "moderate"),
    (2.0, "moderately strong"),
    (3.0, "strong"),
    (4.0, "very strong"),
    (6.0, "extremely strong"),
)
"""Lower bounds of log10 LR (0.301 is a ratio of 2) and the words for support from there on."""

LEVELS: tuple[str, ...] = tuple(word.replace(" ", "-") for _, word in SCALE)

UNCALIBRATED = (
    "No calibration applies: the numbers are ranks and distances among the stored models, and no error rate is known for "
    "them. They are not a verdict."
)


def words(log10_lr: float) -> str:
    """The words for a calibrated log10 likelihood ratio, in favour of either proposition.

    >>> words(1.5), words(-2.2), words(0.1)
    ('moderate support', 'moderately strong support for the alternative', 'no support either way')
    """
    band = [word for bound, word in SCALE if abs(log10_lr) >= bound]
    if not band:
        return "no support either way"
    return f"{band[-1]} support" + ("" if log10_lr > 0 else " for the alternative")


def reaches(verdicts: Iterable[Verdict], level: str) -> bool:
    """Whether any verdict is supported at ``level`` or above; an uncalibrated verdict never is."""
    bound = SCALE[LEVELS.index(level)][0]
    return any(v.outcome == "supported" and v.log10_lr is not None and v.log10_lr >= bound for v in verdicts)


def verdict(candidate: str, findings: Iterable[Finding], reason: str = "") -> Verdict:
    """The inheritance verdict on one candidate. Without a calibrated finding it is ``not_assessable``, with the reason."""
    rows = [f for f in findings if f.candidate == candidate]
    nulls = [f.null.n for f in rows if f.null is not None]
    return Verdict(
        question="inheritance",
        candidate=candidate,
        outcome="not_assessable",
        n_controls=max(nulls, default=0),
        reason=reason or UNCALIBRATED,
    )

"""log10 LR → words in both directions, and the gate behind ``--fail-on``.

The verbal scale is that of the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015).
Knows numbers; knows no detector. Words exist only for calibrated ratios.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, log10

from auditor.evidence.codes import Conclusion, Outcome
from auditor.evidence.exact import LEAST, POWER, SIGNIFICANT, UNREMARKABLE, ExactTest
from auditor.evidence.records import Verdict
from detectors.stats.evalues import log10_e_of_p
from detectors.stats.lr_bounds import Bounds

SCALE: tuple[tuple[float, str], ...] = (
    (0.301, "weak"),
    (1.0, "moderate"),
    (2.0, "moderately strong"),
    (3.0, "strong"),
    (4.0, "very strong"),
    (6.0, "extremely strong"),
)
"""Lower bounds of log10 LR (0.301 is a ratio of 2) and the words for support from there on."""

SUPPORTED = 1.0
"""From this log10 LR on, "moderate support" (a ratio of ten), a verdict is supported; at its
negative, not supported."""

NO_SUPPORT = "no support either way"
AGAINST = " for the alternative"
ALL_WORDS = frozenset(
    {NO_SUPPORT} | {f"{word} support{end}" for _, word in SCALE for end in ("", AGAINST)}
)
"""Everything that `words` says."""

LEVELS: tuple[str, ...] = tuple(word.replace(" ", "-") for _, word in SCALE)

UNCALIBRATED = (
    "No calibration applies: the numbers are ranks and distances among the stored models, and no"
    " error rate is known for them. They are not a verdict."
)
SAME = "The suspect is this model: equal weight digests."


def words(log10_lr: float) -> str:
    """The words for a calibrated log10 likelihood ratio, in favour of either proposition.

    >>> words(1.5), words(-2.2), words(0.1)
    ('moderate support', 'moderately strong support for the alternative', 'no support either way')

    Whoever writes a report takes them from `weigh`, which caps the ratio first. Raises ValueError
    for NaN.
    """
    if isnan(log10_lr):
        raise ValueError("there are no words for a ratio that is not a number")
    band = [word for bound, word in SCALE if abs(log10_lr) >= bound]
    if not band:
        return NO_SUPPORT
    return f"{band[-1]} support" + ("" if log10_lr > 0 else AGAINST)


@dataclass(frozen=True)
class Weight:
    """What may be said of a log10 LR: the ratio and its interval within the bounds, the cap that
    applies, the words.

    ``cap`` is the largest |log10 LR| that the calibration can carry in the direction of
    ``log10_lr``; ``capped`` says whether it was reached. ``words`` are those of the capped ratio.
    """

    log10_lr: float
    interval: tuple[float, float] | None
    cap: float
    capped: bool
    words: str


def weigh(log10_lr: float, bounds: Bounds, interval: tuple[float, float] | None = None) -> Weight:
    """The capped ratio and its words, in either direction: few models never yield strong words.
    Raises ValueError for NaN.

    >>> odds = {"elub_low": -0.5, "elub_high": 0.5, "models_low": -0.69897, "models_high": 0.69897}
    >>> four = Bounds(**odds, n_h1=4, n_h2=4)
    >>> weigh(7.0, four).words, weigh(-7.0, four).words
    ('weak support', 'weak support for the alternative')
    """
    ratio = float(bounds.clip(log10_lr))
    low, high = interval or (ratio, ratio)
    ends = (float(bounds.clip(low)), float(bounds.clip(high))) if interval else None
    cap = bounds.high if log10_lr > 0 else -bounds.low
    return Weight(ratio, ends, cap, abs(ratio) >= cap, words(ratio))


def outcome_of(weight: Weight) -> Outcome:
    """Supported from moderate support on where the interval lies above even odds, not supported
    likewise; else inconclusive."""
    low, high = weight.interval or (weight.log10_lr, weight.log10_lr)
    if weight.log10_lr >= SUPPORTED and low > 0:
        return "supported"
    return "not_supported" if weight.log10_lr <= -SUPPORTED and high < 0 else "inconclusive"


def exact_words(test: ExactTest) -> str | None:
    """The words for an exact test: those of a ratio as large as its e-value, and never any for the
    alternative; None where the design does not hold.

    A small e-value is a lost bet and no evidence that nothing happened.
    """
    return words(max(0.0, test.log10_e)) if test.by_design else None


def exact_outcome(test: ExactTest, corrected: float) -> Outcome:
    """Supported where the design makes the test exact, the p-value that is ``corrected`` (Holm,
    over all that were asked) is at most 0.001 and the e-value moderate support; not supported where
    the p-value is unremarkable and the test would have found the stated dose; else inconclusive.

    What was found in a public data set is never supported: who chose it knew the answers.
    """
    exact = test.by_design and test.design != "public_dataset"
    if exact and corrected <= SIGNIFICANT and test.log10_e >= SUPPORTED:
        return "supported"
    strong = test.power is not None and test.power >= POWER
    if exact and strong and test.p_value > UNREMARKABLE:
        return "not_supported"
    return "inconclusive"


def supporting_p(looks: int) -> float:
    """The largest p-value that supports one of ``looks`` tests whose e-values are made of their
    p-values and share one bet: at most 0.001 after Holm's first step, and moderate support of what
    the bet leaves. From some 25 tests on the bet is the narrower of the two.

    >>> supporting_p(1), round(supporting_p(1000), 9)
    (0.001, 4.13e-07)
    """
    most, goal = SIGNIFICANT / looks, SUPPORTED + log10(looks)
    if log10_e_of_p(most) >= goal:
        return most
    from scipy.optimize import brentq  # loaded where it is needed: its library takes a second

    return float(10 ** -brentq(lambda x: log10_e_of_p(10**-x) - goal, -log10(most), -log10(LEAST)))


def exact_conclusion(verdicts: Iterable[Verdict]) -> Conclusion:
    """What the verdicts of exact tests come to: supported where one is, not supported where all
    are, not assessable where no test could be made."""
    outcomes = [v.outcome for v in verdicts]
    tested = [o for o in outcomes if o != "not_assessable"]
    if not tested:
        return "not_assessable"
    if "supported" in tested:
        return "supported"
    return "not_supported" if set(outcomes) == {"not_supported"} else "inconclusive"


def reaches(verdicts: Iterable[Verdict], level: str) -> bool:
    """Whether any verdict is supported at ``level`` or above; an uncalibrated verdict never is.

    At the level ``weak`` an inconclusive verdict counts, too, one that a common third source
    explains as well among them, unless it was looked at for its likeness alone. An exact test
    counts by its e-value, and one whose design does not hold never does.
    """
    bound = SCALE[LEVELS.index(level)][0]
    told = [
        v
        for v in verdicts
        if v.outcome in ("supported", "inconclusive") and v.reason_code != "chosen_for_likeness"
    ]
    heavy = [
        v
        for v in told
        if v.strength is not None and v.strength >= bound and (v.exact is None or v.exact.by_design)
    ]
    return any(v.outcome == "supported" or bound < SUPPORTED for v in heavy)


def assessable(verdicts: Iterable[Verdict]) -> bool:
    """Whether a calibrated ratio or an exact test stands behind any verdict: else `reaches` has
    nothing to read."""
    return any(v.assessed for v in verdicts)

"""How well held-out ratios did: Cllr, discrimination, rates, by base, teacher, dose and evasion;
Tippett and ECE curves.

Knows rows and their held-out log10 LRs; fits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.calibration.record import Curves, Figures
from auditor.calibration.rows import MeasuredRow
from auditor.evidence.error_rates import ErrorRate, OutcomeCount, OutcomeCounts
from auditor.evidence.weight import SUPPORTED
from detectors.stats.grouping import grouped, rounds_of_groups
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_curves import ece, tippett
from detectors.stats.lr_validity import LOG2_10, cllr_min, tpr_at_fpr

Array = NDArray[np.float64]
FALSE_POSITIVE_RATES = (0.01, 0.05)
RESAMPLES = 400
SMALLEST_FACET = 2
Interval = tuple[float, float, float]


def figures_of(
    rows: Sequence[MeasuredRow], held: Array, scheme: str, facets: bool = True
) -> list[Figures]:
    """Figures over all rows, then (``facets``) over each teacher, base, dose and evasion that has
    two lineages under H1.

    For a facet, rows under H1 are those of the facet and rows under H2 are all (for a base: those
    of that base).
    """
    tested = np.isfinite(held)
    out = [_figures(rows, held, tested, scheme, "all", "")]
    for facet, of, keep in _facets(rows) if facets else ():
        out.append(_figures(rows, held, tested & keep, scheme, facet, of))
    return [f for f in out if f is not None]


def error_rate(f: Figures) -> ErrorRate:
    """The figures as a report tells them: what is found is told at the larger false-positive
    rate."""
    _, found, *bounds = max(f.tpr_at)
    kept = f.model_dump(include=set(ErrorRate.model_fields))
    return ErrorRate(prompts=f.size, found=found, found_interval=bounds, **kept)


def curves_of(rows: Sequence[MeasuredRow], held: Array, scheme: str) -> list[Curves]:
    """The curves of one level; none where one of the propositions has no tested row."""
    tested = np.isfinite(held)
    labels = np.array([r.label for r in rows])
    one, two = tested & (labels == 1), tested & (labels == 0)
    if not one.any() or not two.any():
        return []
    a, b = _weights(rows, one), _weights(rows, two)
    return [
        Curves(
            scheme=scheme,
            level=rows[0].level,
            size=rows[0].size,
            tippett=tippett(held[one], held[two], a, b),
            ece=ece(held[one], held[two], w1=a, w2=b),
        )
    ]


def _weights(rows: Sequence[MeasuredRow], chosen: NDArray[np.bool_]) -> Array:
    names = [rows[i].group for i in np.flatnonzero(chosen).tolist()]
    return np.array([1 / names.count(name) for name in names])


def _facets(rows: Sequence[MeasuredRow]) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    positive = np.array([r.label == 1 for r in rows])
    start = np.array([r.start for r in rows])
    kinds: list[tuple[str, Callable[[MeasuredRow], tuple[str, ...]]]] = [
        ("teacher", lambda r: (r.candidate,)),
        ("base", lambda r: (r.start,) if r.start else ()),
        ("dose", lambda r: () if r.dose is None else (f"{100 * r.dose:g} %",)),
        ("evasion", lambda r: r.evasions or ("none",)),
    ]
    for facet, keys in kinds:
        for of in sorted({key for r in rows if r.label == 1 for key in keys(r)}):
            here = np.array([of in keys(r) for r in rows])
            negatives = ~positive & (start == of) if facet == "base" else ~positive
            taught = {r.group for r, keep in zip(rows, here & positive, strict=True) if keep}
            if len(taught) >= SMALLEST_FACET:
                yield facet, of, (here & positive) | negatives


def _figures(
    rows: Sequence[MeasuredRow],
    held: Array,
    keep: NDArray[np.bool_],
    scheme: str,
    facet: str,
    of: str,
) -> Figures | None:
    kept = [rows[i] for i in np.flatnonzero(keep).tolist()]
    labels = np.array([r.label for r in kept])
    groups = [r.group for r in kept]
    sides = [[g for g, y in zip(groups, labels, strict=True) if y == wanted] for wanted in (1, 0)]
    n_h1, n_h2 = (len(set(side)) for side in sides)
    if min(n_h1, n_h2) < SMALLEST_FACET:
        return None
    x = held[keep]
    one, two = x[labels == 1], x[labels == 0]
    cost, area = _resampled(x, labels, groups)
    a, b = (np.array([1 / names.count(g) for g in names]) for names in sides)
    rates = [tpr_at_fpr(one, two, fpr, sides[0], sides[1]) for fpr in FALSE_POSITIVE_RATES]
    false = resampled_share(two, b, n_h2)
    outcomes = _outcomes(x, labels, groups)
    return Figures(
        scheme=scheme,
        level=kept[0].level,
        size=kept[0].size,
        facet=facet,
        of=of,
        n_h1=n_h1,
        n_h2=n_h2,
        rows=len(kept),
        untested=int(np.isnan(held).sum()),
        cllr=cost[0],
        cllr_interval=cost[1:],
        cllr_min=cllr_min(one, two, a, b),
        auc=area[0],
        auc_interval=area[1:],
        tpr_at=tuple((r.wanted, r.tpr, *r.tpr_interval) for r in rates),
        false_support=false[0],
        false_support_interval=false[1:],
        outcomes=outcomes,
    )


def _outcomes(x: Array, labels: NDArray[np.int_], groups: Sequence[str]) -> OutcomeCounts:
    """What verdicts would have said by these ratios; a row is a pair of a model and a candidate."""
    taught, high, low = labels == 1, x >= SUPPORTED, x <= -SUPPORTED

    def lineages(side: NDArray[np.bool_], reached: NDArray[np.bool_]) -> OutcomeCount:
        """Of a side's lineages those with any row that reached a bound."""
        of, part = (
            len({groups[i] for i in np.flatnonzero(kept).tolist()})
            for kept in (side, side & reached)
        )
        return OutcomeCount(lineages=part, of=of, interval=clopper_pearson(part, of))

    return OutcomeCounts(
        found=lineages(taught, high),
        cleared=lineages(taught, low),
        false_alarms=lineages(~taught, high),
        pairs=int((~taught).sum()),
        pairs_supported=int((~taught & high).sum()),
        pairs_not_supported=int((~taught & low).sum()),
    )


def _resampled(
    x: Array, labels: NDArray[np.int_], groups: Sequence[str]
) -> tuple[Interval, Interval]:
    """Cllr and AUC with their 95 % intervals over resampled lineages: `lr_validity.resampled`, all
    rounds at once.

    Where no round differs from another and the value is 0 or 1, the interval is Clopper and
    Pearson's over lineages.
    """
    data = grouped(labels, groups)
    drawn = np.vstack([np.ones(len(data.names)), rounds_of_groups(data, RESAMPLES, 0)])
    weights = data.shares()[None, :] * drawn[:, data.of]
    a, b = (
        side / side.sum(axis=1, keepdims=True)
        for side in (weights[:, data.h1], weights[:, ~data.h1])
    )
    one, two = x[data.h1], x[~data.h1]
    costs = (a @ np.logaddexp2(0, -one * LOG2_10) + b @ np.logaddexp2(0, two * LOG2_10)) / 2
    above = (one[:, None] > two[None, :]) + 0.5 * (one[:, None] == two[None, :])
    areas = np.einsum("ri,ij,rj->r", a, above, b, optimize=True)
    return _interval(costs, min(data.models)), _interval(areas, min(data.models))


def _interval(values: Array, n: int) -> Interval:
    value = float(values[0])
    low, high = (float(end) for end in np.quantile(values[1:], [0.025, 0.975]))
    # Where all lineages are right (or wrong) no resample differs, yet so few prove little.
    if np.ptp(values) < 1e-12 and min(value, 1 - value) < 1e-12:
        low, high = clopper_pearson(round(value) * n, n)
    return value, min(low, value), max(high, value)


def resampled_share(two: Array, weights: Array, groups: int) -> tuple[float, float, float]:
    """The share of rows under H2 at "supported", a lineage counting once, with Clopper and
    Pearson's interval over lineages."""
    share = float(np.clip((weights * (two >= SUPPORTED)).sum() / weights.sum(), 0.0, 1.0))
    # Lineages with several rows give no whole count: the interval reaches to both neighbours.
    count = share * groups
    low = clopper_pearson(int(np.floor(count + 1e-9)), groups)[0]
    return share, low, clopper_pearson(min(groups, int(np.ceil(count - 1e-9))), groups)[1]

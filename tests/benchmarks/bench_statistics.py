"""Do the statistics keep their word? p-values under 500 nulls, e-processes stopped at will, Cllr
and PAV by worked examples.

    python -m tests.benchmarks.bench_statistics [--nulls 500] [--seed 0]

Synthetic streams and published examples only. Exits with 1 when a figure is not what it must be.
"""

from __future__ import annotations

import sys

import click
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from detectors.stats.eprocess import log10_capital
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_validity import auc, cllr, cllr_min, pav
from detectors.stats.pvalues import conformal_p, holm
from tests.benchmarks.bench_compare import table
from tests.detectors.stats.test_lr_bounds import H1, H2

Array = NDArray[np.float64]
ALPHAS = (0.01, 0.05, 0.1)
LEAST_KS = 0.01
# What lir 0.1.29 gives for the set H1, H2 (metrics.cllr, metrics.cllr_min).
FORENSIC = (0.7074517157448057, 0.4878131717253844)


def conformal_nulls(nulls: int, population: int, per_group: int, rng: np.random.Generator) -> Array:
    """p-values of suspects that are drawn as the null models are; with groups, each has a mean
    of its own."""
    out = []
    for _ in range(nulls):
        means = np.repeat(rng.normal(size=population), per_group)
        null = means + rng.normal(size=len(means))
        value = rng.normal() + rng.normal()
        groups = np.repeat(np.arange(population), per_group).tolist() if per_group > 1 else None
        out.append(conformal_p(float(value), null, groups))
    return np.array(out)


def ks(p: Array, population: int, per_group: int, rng: np.random.Generator) -> float:
    """p of the Kolmogorov-Smirnov test against the uniform law, the steps of a conformal p-value
    spread evenly first."""
    step = 1 / (population + 1)
    spread = p - step * rng.random(len(p)) if per_group == 1 else p
    return float(
        stats.kstest(
            spread, "uniform", alternative="two-sided" if per_group == 1 else "greater"
        ).pvalue
    )


def uniformity(nulls: int, seed: int) -> bool:
    """Prints how p-values of true nulls are spread; whether none is below its level more often
    than chance allows."""
    rng, rows, good = np.random.default_rng(seed), [], True
    for population, per_group in ((20, 1), (50, 1), (200, 1), (30, 4)):
        p = conformal_nulls(nulls, population, per_group, rng)
        counts = [int((p <= a).sum()) for a in ALPHAS]
        most = [float(stats.binom.ppf(0.999, nulls, a)) for a in ALPHAS]
        chance = ks(p, population, per_group, rng)
        good &= all(k <= m for k, m in zip(counts, most, strict=True)) and chance >= LEAST_KS
        name = (
            f"{population} models"
            if per_group == 1
            else f"{population} groups of {per_group} models, a new group each time"
        )
        cells = [f"{k / nulls:.3f} {_interval(k, nulls)}" for k in counts]
        rows.append(
            (name, nulls, f"{chance:.2f}" + ("" if per_group == 1 else " (one-sided)"), *cells)
        )
    table(("conformal p, null of", "nulls", "KS p", *(f"share ≤ {a}" for a in ALPHAS)), rows)
    return good


def families_of_tests(nulls: int, seed: int) -> bool:
    """Prints the share of families of 20 true, dependent nulls in which anything is rejected,
    raw and corrected."""
    rng = np.random.default_rng(seed)
    z = np.sqrt(0.5) * rng.normal(size=(nulls, 1)) + np.sqrt(0.5) * rng.normal(size=(nulls, 20))
    p = stats.norm.sf(z)
    found = [
        ("none", int((p.min(axis=1) <= 0.05).sum())),
        ("Holm", sum(bool((holm(row) <= 0.05).any()) for row in p)),
        (
            "Benjamini-Hochberg",
            sum(bool((stats.false_discovery_control(row) <= 0.05).any()) for row in p),
        ),
    ]
    rows = [(name, nulls, f"{k / nulls:.3f} {_interval(k, nulls)}") for name, k in found]
    table(("correction, 20 correlated nulls", "families", "any rejected at 0.05"), rows)
    return bool(found[1][1] <= stats.binom.ppf(0.999, nulls, 0.05))


def streams(kind: str, mean: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Numbers in [0, 1] whose mean, given all before, is ``mean``."""
    if kind == "coin":
        return np.asarray((rng.random(shape) < mean).astype(float))
    if kind == "beta":
        return np.asarray(rng.beta(3 * mean, 3 * (1 - mean), size=shape))
    x = np.full(shape, mean)
    for i in range(1, shape[1]):
        wide = np.where(x[:, i - 1] > mean, min(mean, 1 - mean), 0.05)
        x[:, i] = mean + wide * np.where(rng.random(shape[0]) < 0.5, 1, -1)
    return x


def stopping(nulls: int, seed: int, length: int = 500) -> bool:
    """Prints how often an e-process ever passes 1/α in true nulls looked at after every answer,
    and a repeated test does."""
    rng, rows, good = np.random.default_rng(seed), [], True
    for kind, mean in (("coin", 0.05), ("coin", 0.5), ("beta", 0.3), ("dependent", 0.5)):
        x = streams(kind, mean, (nulls, length), rng)
        best = log10_capital(x, mean).max(axis=1)
        ever = [int((best >= -np.log10(a)).sum()) for a in ALPHAS]
        good &= all(
            k <= stats.binom.ppf(0.999, nulls, a) for k, a in zip(ever, ALPHAS, strict=True)
        )
        naive = "–"
        if kind == "coin":
            p = stats.binom.sf(x.cumsum(axis=1) - 1, np.arange(1, length + 1), mean).min(axis=1)
            naive = f"{(p <= 0.05).mean():.3f}"
        rows.append(
            (
                f"{kind}, mean {mean}",
                nulls,
                *(f"{k / nulls:.3f} {_interval(k, nulls)}" for k in ever),
                naive,
            )
        )
    columns = (
        "stream of 500",
        "nulls",
        *(f"ever ≥ 1/{a}" for a in ALPHAS),
        "binomial test after each, ≤ 0.05",
    )
    table(columns, rows)
    return good


def examples() -> bool:
    """Prints worked examples of Cllr, PAV and AUC: what is published or worked by hand, and what
    is computed."""
    s = 2.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    closed = float(weights @ np.logaddexp2(0, -(s * s / 2 + s * nodes) / np.log(2)) / weights.sum())
    z = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    h1, h2 = (s * s / 2 + s * z) / np.log(10), (-s * s / 2 + s * z) / np.log(10)
    by_hand = pav([1.0, 3.0], [0.0, 2.0])
    rows: list[tuple[str, str, float, float, float]] = [
        (
            "Cllr, LR = 1 everywhere",
            "Brümmer and du Preez 2006",
            1.0,
            cllr([0.0] * 7, [0.0] * 2),
            1e-12,
        ),
        (
            "Cllr, LR 3 and 1/3",
            "by hand, log2(4/3)",
            float(np.log2(4 / 3)),
            cllr([np.log10(3)], [-np.log10(3)]),
            1e-12,
        ),
        (
            "Cllr, LR 1/2 and 2",
            "by hand, log2 3",
            float(np.log2(3)),
            cllr([-np.log10(2)], [np.log10(2)]),
            1e-12,
        ),
        (
            "Cllr, calibrated normal LRs, s = 2",
            "van Leeuwen and Brümmer 2013",
            closed,
            cllr(h1, h2),
            1e-3,
        ),
        ("Cllr_min of the same", "the same: nothing is lost", closed, cllr_min(h1, h2), 5e-3),
        ("AUC of the same", "Φ(s/√2)", float(stats.norm.cdf(s / np.sqrt(2))), auc(h1, h2), 1e-3),
        (
            "Cllr_min, H1 at 1, 3, H2 at 0, 2",
            "by hand, 1/2",
            0.5,
            cllr_min([1.0, 3.0], [0.0, 2.0]),
            1e-12,
        ),
        ("log10 LR of the pooled pair", "by hand, 0", 0.0, float(by_hand[0][0]), 1e-12),
        ("Cllr, ELUB example set", "package lir 0.1.29", FORENSIC[0], cllr(H1, H2), 1e-12),
        ("Cllr_min, ELUB example set", "package lir 0.1.29", FORENSIC[1], cllr_min(H1, H2), 1e-12),
        (
            "PAV of 300 random values, largest difference",
            "scipy.optimize.isotonic_regression",
            0.0,
            _pav_differs(),
            1e-9,
        ),
    ]
    good = [abs(wanted - found) <= within for _, _, wanted, found, within in rows]
    told = [
        (n, src, f"{w:.6f}", f"{f:.6f}", "yes" if ok else "NO")
        for (n, src, w, f, _), ok in zip(rows, good, strict=True)
    ]
    table(("example", "source", "published", "computed", "agrees"), told)
    return all(good)


def _pav_differs() -> float:
    """The largest difference of a posterior from that of another implementation of the pooling,
    on tied random values."""
    rng = np.random.default_rng(0)
    x, truth = np.round(rng.normal(size=300), 1), rng.random(300) < 0.5
    h1, h2 = x[truth], x[~truth]
    ours = np.concatenate(pav(h1, h2))
    values, labels = np.concatenate([h1, h2]), np.repeat([1.0, 0.0], [len(h1), len(h2)])
    weights = np.where(labels == 1, 1 / len(h1), 1 / len(h2))
    _edges, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights)
    means = np.bincount(place, weights * labels) / mass
    theirs = optimize.isotonic_regression(means, weights=mass).x[place]
    return float(np.abs(theirs - 1 / (1 + 10.0**-ours)).max())


def _interval(k: int, n: int) -> str:
    low, high = clopper_pearson(k, n)
    return f"({low:.3f} to {high:.3f})"


@click.command()
@click.option("--nulls", type=click.IntRange(100), default=500, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(nulls: int, seed: int) -> None:
    """Prints the tables; exits with 1 where a figure is not what it must be."""
    kept = [
        uniformity(nulls, seed),
        families_of_tests(nulls, seed),
        stopping(nulls, seed),
        examples(),
    ]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()

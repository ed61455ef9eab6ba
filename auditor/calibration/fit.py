"""Measured rows → a Calibration: fit, hold out, tell how well it did.

Knows rows; asks no model.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.calibration.figures import curves_of, figures_of
from auditor.calibration.record import Calibration, Curves, Figures, Fitted, Population
from auditor.calibration.rows import KnownModel, Level, MeasuredRow
from auditor.calibration.weigher import Weigher
from auditor.version import VERSION
from detectors.base import Teacher
from detectors.style.likeness import Sequential
from fingerprints.collect import timestamp
from fingerprints.errors import Incomplete
from fingerprints.progress import Progress

Array = NDArray[np.float64]
LEVELS: tuple[Level, ...] = ("model", "vendor")
GROUP, TEACHER, START, BOTH = "lineage", "teacher", "base", "teacher and base"
FEWEST_TAUGHT = 5
MOST_SPLITS = 120  # each is a fit of its own: leaving out every set of teachers took hours
SCHEMES = (GROUP, TEACHER, START, BOTH)


@dataclass(frozen=True)
class Split:
    """Row numbers to learn from and to test on, and what was left out: one entry for each
    partition, as it was given."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    left_out: tuple[Hashable, ...]


def calibrated(
    name: str,
    rows: Sequence[MeasuredRow],
    population: Population,
    cohort_sha256: str,
    notes: Sequence[str] = (),
    shares: tuple[float | None, float | None] = (None, None),
    progress: Progress | None = None,
) -> Calibration:
    """The calibration that the rows give: ratios for every level and number of prompts, with
    held-out figures.

    A level or size at which no detector measured two independent models of either kind is left out
    and noted. Deterministic but for the date. Raises Incomplete where nothing could be fitted.
    """
    fitted: list[Fitted] = []
    figures: list[Figures] = []
    curves: list[Curves] = []
    told = list(notes)
    cells = [(level, size) for level in LEVELS for size in sorted({r.size for r in rows})]
    for number, (level, size) in enumerate(cells):
        chosen = [r for r in rows if r.level == level and r.size == size]
        try:
            weigher, fit = _fit(chosen, level, size)
        except ValueError as problem:
            told.append(f"Nothing is fitted for {level}s at {size} prompts: {problem}.")
        else:
            fitted.append(fit)
            largest = size == max(r.size for r in rows)
            for scheme, note in _schemes(chosen, level, largest):
                told += [note] if note else []
                if not scheme:
                    continue
                held = left_out(weigher, chosen, scheme)
                whole = scheme == GROUP and largest
                figures += figures_of(chosen, held, scheme, facets=whole)
                if whole:
                    curves += curves_of(chosen, held, scheme)
        if progress:
            progress(number + 1, len(cells))
    if not cells:
        raise Incomplete(
            "nothing could be measured of any control against a stored model",
            next_step="store the models that taught the controls, asked the same prompts",
        )
    if not fitted:
        raise Incomplete(
            "the cohort is too small to calibrate anything: " + " ".join(told)[:300],
            next_step="add controls of either kind, from at least two lineages each",
        )
    return Calibration(
        name=name,
        population=population,
        cohort_sha256=cohort_sha256,
        created=timestamp(),
        tool=f"distillation-auditor {VERSION}",
        fitted=tuple(fitted),
        figures=tuple(figures),
        curves=tuple(curves),
        taught_share=shares[0],
        untaught_share=shares[1],
        notes=tuple(told),
    )


def shares_of(
    known: Sequence[KnownModel], teachers: Sequence[Teacher]
) -> tuple[float | None, float | None]:
    """What nine in ten taught lineages reach, and what one in twenty models reaches for a vendor
    that did not teach it.

    Both are mean shares of rival vendors below the vendor on the model's own answers
    (`detectors.style.likeness`). A taught lineage counts once, by its mean. None and None where
    fewer than five taught lineages share prompts with the store.
    """
    watched, taught, untaught = Sequential(teachers), dict[str, list[float]](), list[float]()
    for model in known:
        shares = watched.shares(model.transcript)
        makers, kin = ({v.casefold() for v in names} for names in (model.vendors, model.kin))
        means = shares.mean(axis=0).tolist() if len(shares) else ()
        for vendor, mean in zip(watched.vendors, means, strict=False):
            if vendor in makers:
                taught.setdefault(model.group, []).append(mean)
            elif vendor not in kin:
                untaught.append(mean)
    return share_levels(taught, untaught)


def share_levels(
    taught: Mapping[str, Sequence[float]], untaught: Sequence[float]
) -> tuple[float | None, float | None]:
    """The two levels of `shares_of` from mean shares: of taught models by lineage, and of
    untaught ones."""
    if len(taught) < FEWEST_TAUGHT or not untaught:
        return None, None
    # Between two known values a level goes to the side on which less is decided.
    lineages = [float(np.mean(values)) for values in taught.values()]
    reached = float(np.quantile(lineages, 0.1, method="lower"))
    return round(reached, 4), round(float(np.quantile(untaught, 0.95, method="higher")), 4)


def _fit(rows: Sequence[MeasuredRow], level: Level, size: int) -> tuple[Weigher, Fitted]:
    if not rows:
        raise ValueError("no row was measured")
    detectors = tuple(sorted({d for r in rows for d in r.values}))
    groups, candidates = [r.group for r in rows], [r.candidate for r in rows]
    weigher = Weigher(detectors).fit(
        values_of(rows, detectors), [r.label for r in rows], groups, candidates
    )
    names = sorted({r.group for r in rows})
    null = tuple(
        (round(float(held), 6), names.index(row.group))
        for row, held in zip(rows, weigher.held_out_, strict=True)
        if row.label == 0
    )
    ids = {d: next(r.metric_ids[d] for r in rows if d in r.metric_ids) for d in weigher.used_}
    norms = {d: weigher.norms_[d].numbers_ for d in weigher.norms_}
    maps = {d: weigher.maps_[d].numbers_ for d in weigher.used_}
    return weigher, Fitted(
        level=level,
        size=size,
        detectors=weigher.used_,
        metric_ids=ids,
        norms=norms,
        maps=maps,
        fusion=weigher.fusion_.numbers_,
        null=null,
    )


def values_of(rows: Sequence[MeasuredRow], detectors: Sequence[str]) -> Array:
    """The rows' values, (rows, detectors), NaN where a detector measured nothing."""
    return np.array(
        [[r.values.get(d, np.nan) for d in detectors] for r in rows], dtype=np.float64
    ).reshape(len(rows), -1)


def left_out(weigher: Weigher, rows: Sequence[MeasuredRow], scheme: str) -> Array:
    """Each row's log10 LR, (rows,), within the bounds, from a fit without the row's whole lineage,
    teacher, base, or both.

    NaN where what is left has too few models to learn from. Without a lineage it is the fit's own
    leave-one-out. The others keep the shrinkage and the scaling that the whole fit chose.
    """
    if scheme == GROUP:
        return weigher.fusion_.numbers_.bounds.clip(weigher.held_out_)
    x = values_of(rows, weigher.detectors)
    labels, groups = np.array([r.label for r in rows]), [r.group for r in rows]
    candidates = [r.candidate for r in rows]
    out = np.full(len(rows), np.nan)
    strengths, scaled = (weigher.fusion_.numbers_.pseudo_models,), tuple(weigher.norms_)
    for split in _splits(rows, scheme):
        kept = split.train
        try:
            fresh = Weigher(weigher.detectors, strengths, scaled)
            own, whom = ([names[i] for i in kept.tolist()] for names in (groups, candidates))
            fresh.fit(x[kept], labels[kept], own, whom)
        except ValueError:
            # Too few models are left: these rows stay untested, and are counted as such.
            continue
        out[split.test] = fresh.log10_lr(
            x[split.test], [candidates[i] for i in split.test.tolist()]
        )
    return out


def _splits(rows: Sequence[MeasuredRow], scheme: str) -> list[Split]:
    """One split for each candidate (teacher), each base, or each pair of both: its rows are the
    test.

    Learned from are the rows of models that the candidate did not teach, against other candidates,
    and of other bases. A split that leaves nothing is left out.
    """
    by_teacher, by_start = scheme in (TEACHER, BOTH), scheme in (START, BOTH)
    starts = [r.start or r.group for r in rows]
    cells: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        cells.setdefault(
            (row.candidate if by_teacher else "", starts[i] if by_start else ""), []
        ).append(i)
    out = []
    for (candidate, start), test in cells.items():
        kept = [
            i
            for i, r in enumerate(rows)
            if candidate not in r.sources and (not by_start or starts[i] != start)
        ]
        if kept:
            train, held = (np.array(part, dtype=np.intp) for part in (kept, test))
            out.append(Split(train, held, (candidate, start)))
    return out


def _schemes(rows: Sequence[MeasuredRow], level: Level, largest: bool) -> Iterator[tuple[str, str]]:
    """What is left out of these rows, each with a note where there are too many combinations to fit
    them all.

    Models are left out by teacher and base at the largest number of prompts alone: there are many
    of them.
    """
    yield GROUP, ""
    if level == "model" and not largest:
        return
    for scheme in SCHEMES[1:]:
        n = len(_splits(rows, scheme))
        much = scheme == BOTH and (n > MOST_SPLITS or not largest)
        note = f"{scheme.capitalize()} together were not left out of {level}s: {n} combinations."
        yield ("" if much else scheme), note if much and largest else ""

"""Ratios of models that the fit has not seen: whole lineages, teachers and bases left out.

Knows rows; chooses nothing that a fit chooses.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.calibration.rows import Level, MeasuredRow
from auditor.calibration.weigher import Weigher

Array = NDArray[np.float64]
GROUP, TEACHER, START, BOTH = "lineage", "teacher", "base", "teacher and base"
SCHEMES = (GROUP, TEACHER, START, BOTH)
MOST_SPLITS = 120  # each is a fit of its own: leaving out every set of teachers took hours


@dataclass(frozen=True)
class Split:
    """Row numbers to learn from and to test on, and what was left out: one entry for each
    partition, as it was given."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    left_out: tuple[Hashable, ...]


def values_of(rows: Sequence[MeasuredRow], detectors: Sequence[str]) -> Array:
    """The rows' values, (rows, detectors), NaN where a detector measured nothing."""
    return np.array(
        [[r.values.get(d, np.nan) for d in detectors] for r in rows], dtype=np.float64
    ).reshape(len(rows), -1)


def left_out(
    weigher: Weigher,
    rows: Sequence[MeasuredRow],
    scheme: str,
    populations: Sequence[str] | None = None,
) -> Array:
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
    strengths, scaled = (weigher.fusion_.numbers_.pseudo_models,), weigher.chosen_
    of = [""] * len(rows) if populations is None else list(populations)
    for split in _splits(rows, scheme):
        kept = split.train
        try:
            fresh = Weigher(weigher.detectors, strengths, scaled)
            own, whom, where = (
                [names[i] for i in kept.tolist()] for names in (groups, candidates, of)
            )
            fresh.fit(x[kept], labels[kept], own, whom, where)
        except ValueError:
            # Too few models are left: these rows stay untested, and are counted as such.
            continue
        for population in dict.fromkeys(of[i] for i in split.test.tolist()):
            test = [i for i in split.test.tolist() if of[i] == population]
            if all(population in norms for norms in fresh.scales_.values()):
                own_scales = fresh.of(population) if fresh.scales_ else fresh
                out[test] = own_scales.log10_lr(x[test], [candidates[i] for i in test])
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


def schemes_of(rows: Sequence[MeasuredRow], level: Level) -> Iterator[tuple[str, str]]:
    """What is left out of these rows, each with a note (and no name) where there are too many
    combinations to fit them all: each is a fit of its own."""
    yield GROUP, ""
    for scheme in SCHEMES[1:]:
        n = len(_splits(rows, scheme))
        much = scheme == BOTH and n > MOST_SPLITS
        note = f"{scheme.capitalize()} together were not left out of {level}s: {n} combinations."
        yield ("" if much else scheme), note if much else ""

"""Detectors' values on the scale of what unrelated suspects get against the same candidate, for fitting and for a case.

Knows rows and numbers; fits no ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.calibration.rows import Row
from detectors.cohort_norm import CohortNorm, CohortNumbers

Array = NDArray[np.float64]


def values_of(rows: Sequence[Row], detectors: Sequence[str]) -> Array:
    """The rows' values, (rows, detectors), NaN where a detector measured nothing."""
    return np.array([[r.values.get(d, np.nan) for d in detectors] for r in rows], dtype=np.float64).reshape(len(rows), -1)


def learned_norms(rows: Sequence[Row], detectors: Sequence[str]) -> dict[str, CohortNorm]:
    """A normalisation for each detector that measured an unrelated suspect."""
    values = values_of(rows, detectors)
    labels, candidates, groups = [r.label for r in rows], [r.candidate for r in rows], [r.group for r in rows]
    return {
        name: CohortNorm().fit(values[:, i], labels, candidates, groups)
        for i, name in enumerate(detectors)
        if any(r.label == 0 and name in r.values for r in rows)
    }


def held_out_values(rows: Sequence[Row], detectors: Sequence[str], norms: Mapping[str, CohortNorm]) -> Array:
    """The values that the norms were learned from, (rows, detectors), each normalised without its own group."""
    out = np.full((len(rows), len(detectors)), np.nan)
    for i, name in enumerate(detectors):
        if name in norms:
            out[:, i] = norms[name].held_out_
    return out


def normed(values: Array, candidates: Sequence[str], detectors: Sequence[str], norms: Mapping[str, CohortNorm]) -> Array:
    """Other rows' values normalised, (rows, detectors); NaN for a detector without a normalisation."""
    out = np.full(values.shape, np.nan)
    for i, name in enumerate(detectors):
        if name in norms:
            out[:, i] = norms[name].transform(values[:, i], candidates)
    return out


def norms_from(numbers: Mapping[str, CohortNumbers]) -> dict[str, CohortNorm]:
    """The normalisations as they were fitted."""
    return {name: CohortNorm.from_numbers(known) for name, known in numbers.items()}

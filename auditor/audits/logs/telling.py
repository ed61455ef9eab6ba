"""What follows from the p-values, and the units that stand out as records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.audits.logs.details import UnitTold
from auditor.audits.logs.private import hashed, shown
from auditor.audits.logs.records import Loudness, Status, TieFound, UnitFound, WindowScore
from auditor.audits.logs.tables import MeasuredLog
from detectors.extraction.calibration import BenignTraffic, Judged
from detectors.extraction.signals import NAMES
from detectors.stats.screening import benjamini_hochberg


def statuses(
    judged: Judged, sizes: NDArray[np.int64], level: float, found_at: float, noticed_at: float
) -> dict[int, Status]:
    """What follows for each judged unit: ``found`` where Benjamini-Hochberg over accounts tells it
    at ``level`` (accounts of a unit share its p) and p is at most ``found_at``; ``noticed`` where p
    alone is at most ``noticed_at``."""
    # Before the correction, not behind it: a unit that will not be told must not lower the bar.
    able = np.where(judged.p_value <= found_at, judged.p_value, 1.0)
    found = benjamini_hochberg(able, level, sizes[judged.unit])
    out: dict[int, Status] = {}
    for unit, told, p in zip(judged.unit, found, judged.p_value, strict=True):
        rare: Status = "noticed" if p <= noticed_at else "ordinary"
        out[int(unit)] = "found" if told and p <= found_at else rare
    return out


def units_told(
    ranked: Sequence[int],
    judged: Judged,
    status: Mapping[int, Status],
    found: MeasuredLog,
    calibration: BenignTraffic,
    told: Mapping[int, UnitTold],
    families: Mapping[int, str],
    salt: bytes | None,
) -> tuple[UnitFound, ...]:
    """The records of units in order, names hashed where there is a salt."""
    sizes = np.bincount(found.links.units)
    place = {int(u): i for i, u in enumerate(judged.unit)}
    out = []
    for i, unit in enumerate(ranked):
        about, at = told[unit], place[unit]
        rows, signals = _windows(unit, judged, found, calibration)
        out.append(
            UnitFound(
                id=f"u{i + 1}",
                status=status[unit],
                p_value=float(judged.p_value[at]),
                score=round(float(judged.peak[at]), 4),
                n_accounts=int(sizes[unit]),
                accounts=shown(about.accounts, salt),
                n_requests=about.n,
                tokens_out=about.tokens_out,
                first=about.first,
                last=about.last,
                signals=signals,
                windows=rows,
                ties=tuple(_hidden(t, salt) for t in about.ties),
                templates=about.templates,
                daily=about.daily,
                family=families[unit],
            )
        )
    return tuple(out)


def _hidden(tie: TieFound, salt: bytes | None) -> TieFound:
    return tie if salt is None else tie.model_copy(update={"value": hashed(tie.value, salt)})


def _windows(
    unit: int, judged: Judged, found: MeasuredLog, calibration: BenignTraffic
) -> tuple[tuple[WindowScore, ...], tuple[Loudness, ...]]:
    figures, rows = found.figures, found.figures.judged
    own = np.flatnonzero(figures.unit[rows] == unit)
    windows = tuple(
        WindowScore(
            window=int(figures.window[rows][j]),
            n=int(figures.n[rows][j]),
            score=round(float(judged.row_score[j]), 4),
            p_value=float(judged.row_p[j]),
        )
        for j in own
    )
    loudest = own[np.argmax(judged.row_score[own])]
    line = figures.signals[rows][loudest : loudest + 1]
    above = calibration.scale.loudness(line)[0]
    return windows, tuple(
        Loudness(
            signal=name,
            figure=round(float(x), 6) if math.isfinite(x) else None,
            above=round(float(z), 4),
        )
        for name, x, z, used in zip(NAMES, line[0], above, calibration.scale.used, strict=True)
        if used
    )

"""What a log is compared with: benign traffic of another log, of this log's first days, or of a
calibration made before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.audits.logs.tables import LogTable, MeasuredLog, n_windows
from detectors.extraction.calibration import BenignTraffic, fit_calibration, fitting_half
from detectors.extraction.signals import NAMES
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput
from fingerprints.record_files import RecordFile

CALIBRATION = "calibration.json"
SHIPPED = "simulated.json"
FILE = RecordFile(
    BenignTraffic,
    "not a calibration of benign traffic",
    "make one with `auditor logs calibrate`",
)


def calibration_of(
    log: LogTable,
    found: MeasuredLog,
    held: Iterable[str],
    absent: Sequence[str],
    seconds: float,
    source: str,
    simulated: bool = False,
) -> BenignTraffic:
    """The calibration of a benign log. ``held``: the columns that its accounts were tied by;
    ``absent``: signals that what is judged doesn't tell.

    Raises MalformedInput where too few accounts sent enough.
    """
    figures, judged = found.figures, found.figures.judged
    signals = figures.signals[judged].copy()
    signals[:, [NAMES.index(name) for name in absent]] = np.nan
    halves = fitting_half(_unit_keys(found))[figures.unit[judged]]
    n_accounts = len(np.unique(figures.unit[judged]))
    try:
        return fit_calibration(
            figures.unit[judged],
            signals,
            halves,
            source=source,
            simulated=simulated,
            created=f"{datetime.now(UTC):%Y-%m-%d}",
            window_seconds=seconds,
            n_windows=n_windows(log, seconds),
            n_accounts=n_accounts,
            columns=tuple(sorted(held)),
        )
    except ValueError as error:
        raise MalformedInput(
            f"too little benign traffic: {error}",
            where=source,
            next_step="give a longer benign log with --benign, or a calibration",
        ) from error


def _unit_keys(found: MeasuredLog) -> NDArray[np.uint64]:
    """Of each unit the smallest hash of its accounts: the same whatever else a log holds."""
    links = found.links
    keys = np.full(int(links.units.max()) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(keys, links.units, links.accounts)
    return keys


def shared_columns(log: LogTable, calibration: BenignTraffic) -> frozenset[str]:
    """The columns that a log's accounts may be tied by: tied by what benign accounts could not be,
    they would be larger units than those that they are compared with."""
    return log.columns & frozenset(calibration.columns)


def load_calibration(path: Path | None) -> BenignTraffic:
    """The calibration of a file; the shipped one, of simulated traffic, for None. Raises
    MalformedInput for a file that is none."""
    if path is not None:
        return FILE.read(path)
    shipped = files("auditor.audits.logs").joinpath("shipped", SHIPPED)
    if not shipped.is_file():
        raise MalformedInput(
            "nothing to compare the log with",
            next_step="give benign traffic with --benign LOG or --benign-until DATE",
        )
    return FILE.parse(shipped.read_text("utf-8"), SHIPPED)


def calibration_json(calibration: BenignTraffic) -> str:
    """A calibration as it is written: one line a field, since its scores are tens of thousands."""
    fields = calibration.model_dump(mode="json").items()
    lines = (f" {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in fields)
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_calibration(path: Path, calibration: BenignTraffic) -> None:
    """Writes a calibration, whole or not at all. Raises ResourceLimit on a full disk."""
    with replacing(path) as file:
        file.write(calibration_json(calibration).encode("utf-8"))


def absent_signals(found: MeasuredLog) -> tuple[str, ...]:
    """Signals that a log tells of nobody."""
    known = np.isfinite(found.figures.signals[found.figures.judged])
    return tuple(name for i, name in enumerate(NAMES) if not known[:, i].any())

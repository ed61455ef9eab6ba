"""scan(plan) → a record, a calibration, a list of accounts: read, tie, measure, compare, tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from auditor.audits.logs.benign import (
    absent_signals,
    calibration_of,
    load_calibration,
    shared_columns,
    write_calibration,
)
from auditor.audits.logs.details import told_of
from auditor.audits.logs.families import families_told, family_of
from auditor.audits.logs.plan import ScanPlan
from auditor.audits.logs.private import hashed
from auditor.audits.logs.records import CalibrationUsed, ListedAccount, LogScan, Status
from auditor.audits.logs.tables import (
    LogTable,
    MeasuredLog,
    measured,
    read_log,
    split,
    window_seconds,
)
from auditor.audits.logs.telling import statuses, units_told
from auditor.audits.logs.warehouse import Warehouse, warehouse
from auditor.version import VERSION
from detectors.extraction.calibration import BenignTraffic, Judged, judge
from detectors.extraction.signals import NAMES
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.progress import SILENT, Progress

MOST_UNITS = 60
"""Units that a record tells of in full."""


@dataclass(frozen=True)
class Scanned:
    """A scan: its record, what it was compared with, and every account of the units that stand
    out."""

    record: LogScan
    calibration: BenignTraffic
    listed: tuple[ListedAccount, ...]


def scan(plan: ScanPlan, progress: Progress = SILENT) -> Scanned:
    """Scans a log. The same log, plan and day give the same record.

    Raises what reading raises, and MalformedInput for too little benign traffic.
    """
    given = None if _has_benign(plan) else load_calibration(plan.calibration)
    with warehouse(plan.spill, plan.memory_gb, plan.threads) as house:
        whole = read_log(house, "log", plan.log, progress.step("reading the log"))
        log, benign = _parts(house, plan, whole, progress)
        found, calibration = _compared(house, plan, log, given or benign, progress)
        return _scanned(house, plan, (whole, log, benign), found, calibration)


def _has_benign(plan: ScanPlan) -> bool:
    return plan.benign is not None or plan.benign_until is not None


def _compared(
    house: Warehouse,
    plan: ScanPlan,
    log: LogTable,
    usual: BenignTraffic | LogTable | None,
    progress: Progress,
) -> tuple[MeasuredLog, BenignTraffic]:
    """The log's units, and the calibration: as given, or of a benign log by what both tell."""
    step = progress.step("comparing accounts")
    step(0, 2)
    if isinstance(usual, BenignTraffic):
        held = shared_columns(log, usual)
        return measured(house, log, held, usual.window_seconds), usual
    if usual is None:
        raise ValueError("a log is compared with a calibration or a benign log")
    held, seconds = log.columns & usual.columns, plan.seconds or window_seconds([log, usual])
    found = measured(house, log, held, seconds)
    step(1, 2)
    known = measured(house, usual, held, seconds)
    source = ", ".join(name for name, _ in usual.read.files[:3])
    if plan.benign_until is not None:
        source = f"before {plan.benign_until:%Y-%m-%d}"
    return found, calibration_of(usual, known, held, absent_signals(found), seconds, source)


def calibrate(
    plan: ScanPlan, simulated: bool, source: str, progress: Progress = SILENT
) -> BenignTraffic:
    """The calibration of a log that is taken as benign. Raises what `scan` raises."""
    with warehouse(plan.spill, plan.memory_gb, plan.threads) as house:
        log = read_log(house, "log", plan.log, progress.step("reading the log"))
        seconds = plan.seconds or window_seconds([log])
        found = measured(house, log, log.columns, seconds)
        absent = absent_signals(found)
        return calibration_of(log, found, log.columns, absent, seconds, source, simulated)


def calibration_for(plan: ScanPlan, path: Path) -> BenignTraffic:
    """What a followed log is compared with: what stands in its folder already, a calibration, or
    one made of a benign log now and kept there. Raises UsageProblem for --benign-until,
    MalformedInput where the folder holds another calibration than the one that is asked for."""
    if plan.benign_until is not None:
        raise UsageProblem(
            "a log that is followed is compared with a calibration",
            where="--benign-until",
            next_step="make one with `auditor logs calibrate`, or give --benign",
        )
    arguments = () if plan.benign is None else plan.benign.arguments[:3]
    named = ", ".join(Path(argument).name for argument in arguments)
    if path.exists():
        known = load_calibration(path)
        others = plan.calibration is not None and load_calibration(plan.calibration) != known
        windows = plan.seconds not in (None, known.window_seconds)
        if others or windows or named not in ("", known.source):
            raise MalformedInput(
                "the folder holds another calibration",
                where=path,
                next_step="give a new folder with --out",
            )
        return known
    if plan.benign is None:
        made = load_calibration(plan.calibration)
    else:
        made = calibrate(replace(plan, log=plan.benign), simulated=False, source=named)
    write_calibration(path, made)
    return made


def _parts(
    house: Warehouse, plan: ScanPlan, whole: LogTable, progress: Progress
) -> tuple[LogTable, LogTable | None]:
    if plan.benign_until is not None:
        benign, log = split(house, whole, plan.benign_until)
        return log, benign
    if plan.benign is not None:
        return whole, read_log(house, "benign", plan.benign, progress.step("reading benign"))
    return whole, None


def _scanned(
    house: Warehouse,
    plan: ScanPlan,
    logs: tuple[LogTable, LogTable, LogTable | None],
    found: MeasuredLog,
    calibration: BenignTraffic,
) -> Scanned:
    whole, log, benign = logs
    rows = found.figures.judged
    figures = found.figures
    judged = judge(calibration, figures.unit[rows], figures.window[rows], figures.signals[rows])
    sizes = np.bincount(found.links.units)
    noticed_at = plan.noticed_from(calibration.simulated)
    status = statuses(judged, sizes, plan.level, plan.found_at, noticed_at)
    requests = _requests(found)
    ranked = _ranked(judged, status, requests)
    families = family_of(house, log.name, ranked)
    told = told_of(house, log.name, ranked[:MOST_UNITS], found.links, plan.private)
    units = units_told(
        ranked[:MOST_UNITS], judged, status, found, calibration, told, families, plan.salt
    )
    ids = {unit: f"u{i + 1}" for i, unit in enumerate(ranked)}
    days = [(d, int(n)) for d, n in house.rows(_daily(log.name))]
    n_found = int(sum(sizes[u] for u in ranked if status[u] == "found"))
    n_noticed = int(sum(sizes[u] for u in ranked if status[u] == "noticed"))
    record = LogScan(
        tool=f"auditor {VERSION}",
        created=f"{datetime.now(UTC):%Y-%m-%d}",
        private=plan.private,
        log=whole.read,
        benign=benign.read if benign is not None and plan.benign is not None else None,
        calibration=_used(calibration, found),
        level=plan.level,
        noticed_at=noticed_at,
        judged_from=f"{log.first:%Y-%m-%d %H:%M}",
        judged_until=f"{log.last:%Y-%m-%d %H:%M}",
        n_units=len(sizes),
        n_judged_units=len(judged.unit),
        n_judged_accounts=int(sizes[judged.unit].sum()),
        n_tied_accounts=int(sizes[sizes > 1].sum()),
        n_groups_tested=found.links.n_tests,
        n_found_accounts=n_found,
        n_noticed_accounts=n_noticed,
        n_found_units=sum(s == "found" for s in status.values()),
        n_noticed_units=sum(s == "noticed" for s in status.values()),
        units=units,
        daily=tuple(days),
        families=families_told(ranked, families, dict(enumerate(sizes.tolist())), requests, units),
        daily_found=_daily_found(house, log.name, [u for u in ranked if status[u] == "found"]),
    )
    return Scanned(record, calibration, _listed(house, log.name, ids, families, status, plan.salt))


def _requests(found: MeasuredLog) -> dict[int, int]:
    total = np.bincount(found.figures.unit, weights=found.figures.n)
    return {unit: int(n) for unit, n in enumerate(total)}


def _ranked(judged: Judged, status: Mapping[int, Status], requests: Mapping[int, int]) -> list[int]:
    """Units that stand out: found before noticed, then the rarest, of these the largest."""
    p = dict(zip(judged.unit.tolist(), judged.p_value.tolist(), strict=True))
    names = [unit for unit in p if status[unit] != "ordinary"]
    return sorted(names, key=lambda u: (status[u] != "found", p[u], -requests[u], u))


def _daily(table: str) -> str:
    return (
        f"SELECT strftime(time, '%Y-%m-%d') AS day, count(*) FROM {table} WHERE fault = 0"
        " GROUP BY 1 ORDER BY 1"
    )


def _daily_found(house: Warehouse, table: str, units: Sequence[int]) -> tuple[tuple[str, int], ...]:
    if not units:
        return ()
    house.given("found_units", {"unit": np.array(units, dtype=np.int32)})
    rows = house.rows(
        f"SELECT strftime(time, '%Y-%m-%d') AS day, count(*) FROM {table} JOIN {table}_unit USING"
        " (account_h) JOIN found_units USING (unit) WHERE fault = 0 GROUP BY 1 ORDER BY 1"
    )
    return tuple((day, int(n)) for day, n in rows)


def _used(calibration: BenignTraffic, found: MeasuredLog) -> CalibrationUsed:
    scale = calibration.scale
    weights = dict(zip(scale.signals, np.max(scale.directions, axis=0).tolist(), strict=True))
    absent = {*absent_signals(found), *(n for n, u in zip(NAMES, scale.used, strict=True) if not u)}
    return CalibrationUsed(
        source=calibration.source,
        simulated=calibration.simulated,
        created=calibration.created,
        n_units=calibration.n_units,
        n_fitted=calibration.n_fitted,
        n_windows=calibration.n_windows,
        window_seconds=calibration.window_seconds,
        floor=calibration.floor,
        weights={name: round(w, 4) for name, w in weights.items() if w > 0},
        absent=tuple(n for n in NAMES if n in absent),
    )


def _listed(
    house: Warehouse,
    table: str,
    ids: dict[int, str],
    families: Mapping[int, str],
    status: Mapping[int, Status],
    salt: bytes | None,
) -> tuple[ListedAccount, ...]:
    if not ids:
        return ()
    house.given("chosen", {"unit": np.array(list(ids), dtype=np.int32)})
    rows = house.rows(
        f"SELECT unit, account, n FROM {table}_accounts JOIN {table}_unit USING (account_h)"
        " JOIN chosen USING (unit)"
    )
    listed = (
        ListedAccount(
            unit=ids[unit],
            family=families[unit],
            account=account if salt is None else hashed(account, salt),
            hashed=salt is not None,
            status=status[unit],
            n_requests=n,
        )
        for unit, account, n in rows
    )
    # By the names that are shown: the order of hidden ones would tell of them.
    rank = {name: i for i, name in enumerate(ids.values())}
    return tuple(sorted(listed, key=lambda a: (rank[a.unit], a.account)))

"""`auditor logs scan --follow`: a log that grows, window by window; goes on where it stopped.

A window is judged once, when the log holds something later; rows that come after that are for a
whole scan. Files that did not change since the window began are not read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from auditor.audits.logs.benign import shared_columns
from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.audits.logs.private import hashed
from auditor.audits.logs.sources import log_files
from auditor.audits.logs.tables import LogTable, measured, read_log
from auditor.audits.logs.warehouse import Warehouse, warehouse
from detectors.extraction.calibration import BenignTraffic, judge
from detectors.extraction.stream import Watched, departed, watched
from detectors.stats.screening import benjamini_hochberg
from fingerprints.errors import MalformedInput
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record

FORMAT: Literal["log-follow/1"] = "log-follow/1"
STATE = "follow.json"


class Alarm(Record):
    """An account that is told: in which window (its beginning in UTC), and its p, which holds at
    whatever time one looks."""

    window: str
    account: str
    p_value: float
    n_requests: int


class Following(Record):
    """How far a stream was followed: the first window's beginning, the next window by number, the
    accounts that scored high, whom it saw, the alarms, and whether the traffic left its
    calibration. ``salted`` tells the salt that names are hashed by from another; None: they are
    not."""

    format: Literal["log-follow/1"] = FORMAT
    salted: str | None
    window_seconds: float
    origin: str
    next_window: int
    watched: dict[str, Watched] = Field(default_factory=dict)
    seen: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    log10_departed: float = 0.0
    alarms: tuple[Alarm, ...] = ()


FILE = RecordFile(
    Following, "not the state of a scan", "remove it to begin anew", largest=1_000_000_000
)


@dataclass(frozen=True)
class WindowJudged:
    """One window: its beginning, requests and accounts in it, new alarms, and whether the traffic
    as a whole has left what was calibrated."""

    began: datetime
    rows: int
    accounts: int
    alarms: tuple[Alarm, ...]
    log10_departed: float


def follow(plan: ScanPlan, calibration: BenignTraffic, folder: Path) -> Iterator[WindowJudged]:
    """Judges every window of the log that is complete and was not judged, and keeps the state after
    each; ends where the log does.

    Raises what reading raises, MalformedInput for a state of another kind of scan.
    """
    path = folder / STATE
    state = FILE.read(path) if path.exists() else None
    if state is not None:
        _checked(state, plan, calibration, path)
    with warehouse(plan.spill, plan.memory_gb, plan.threads) as house:
        new = _changed(plan, state)
        if new is None:
            return
        log = read_log(house, "whole", new)
        state = state or _begun(plan, calibration, log)
        length, origin = timedelta(seconds=state.window_seconds), _origin(state)
        while origin + (state.next_window + 1) * length <= log.last:
            state, found = _judged(house, plan, calibration, state, log)
            write_record(path, state)
            yield found


def _origin(state: Following) -> datetime:
    return datetime.fromisoformat(state.origin)


def _changed(plan: ScanPlan, state: Following | None) -> LogInput | None:
    """The files that may hold the next window: those that changed since it began. None where
    there is none."""
    if state is None:
        return plan.log
    began = _origin(state) + timedelta(seconds=state.next_window * state.window_seconds)
    since = began.replace(tzinfo=UTC).timestamp()
    files = [f for f in log_files(plan.log.arguments) if f.path.stat().st_mtime >= since]
    return replace(plan.log, arguments=tuple(str(f.path) for f in files)) if files else None


def _begun(plan: ScanPlan, calibration: BenignTraffic, log: LogTable) -> Following:
    origin = log.first.replace(hour=0, minute=0, second=0, microsecond=0)
    return Following(
        salted=_salted(plan),
        window_seconds=calibration.window_seconds,
        origin=origin.isoformat(),
        next_window=0,
    )


def _checked(state: Following, plan: ScanPlan, calibration: BenignTraffic, path: Path) -> None:
    same = state.window_seconds == calibration.window_seconds and state.salted == _salted(plan)
    if not same:
        raise MalformedInput(
            "the folder holds another scan's state: other windows, another --private or salt",
            where=path,
            next_step="give a new folder with --out",
        )


def _salted(plan: ScanPlan) -> str | None:
    return None if plan.salt is None else hashed("", plan.salt)


def _judged(
    house: Warehouse,
    plan: ScanPlan,
    calibration: BenignTraffic,
    state: Following,
    log: LogTable,
) -> tuple[Following, WindowJudged]:
    """The state after one more window, and what is told of it."""
    length = timedelta(seconds=state.window_seconds)
    began = _origin(state) + state.next_window * length
    known, n_rows = _scores(house, plan, calibration, log, began)
    before, after = dict(state.watched), dict(state.watched)
    for name, account in known.items():
        held = watched(calibration, before.get(name), state.next_window, account.score)
        if held is not None:
            after[name] = held
    seen = {*state.seen, *(_short(name) for name in known)}
    alarms = _alarms(plan, after, known, len(seen), {a.account for a in state.alarms}, began)
    means = (*state.means, *_mean_of_new(known, set(state.seen)))
    next_state = state.model_copy(
        update={
            "next_window": state.next_window + 1,
            "watched": after,
            "seen": tuple(sorted(seen)),
            "means": means,
            "log10_departed": departed(means, calibration),
            "alarms": (*state.alarms, *alarms),
        }
    )
    told = WindowJudged(began, n_rows, len(known), alarms, next_state.log10_departed)
    return next_state, told


@dataclass(frozen=True)
class JudgedAccount:
    """An account in a window: its unit, that unit's score and p in it, its own requests."""

    unit: int
    score: float
    p_value: float
    n: int


Known = dict[str, JudgedAccount]
"""Every judged account of a window, by name."""


def _scores(
    house: Warehouse, plan: ScanPlan, calibration: BenignTraffic, log: LogTable, began: datetime
) -> tuple[Known, int]:
    ended = began + timedelta(seconds=calibration.window_seconds)
    house.run(
        f"CREATE OR REPLACE TABLE one AS SELECT * FROM {log.name} WHERE fault = 0 AND time >= ?"
        " AND time < ?",
        (began, ended),
    )
    (n,) = house.one("SELECT count(*) FROM one")
    if not n:
        return {}, 0
    part = LogTable("one", log.read, log.columns, began, ended)
    held = shared_columns(log, calibration)
    found = measured(house, part, held, calibration.window_seconds)
    rows = found.figures.judged
    unit = found.figures.unit[rows]
    judged = judge(calibration, unit, np.zeros(len(unit), np.int64), found.figures.signals[rows])
    score = dict(zip(unit.tolist(), judged.row_score.tolist(), strict=True))
    p = dict(zip(unit.tolist(), judged.row_p.tolist(), strict=True))
    named = house.rows("SELECT account, unit, n FROM one_accounts JOIN one_unit USING (account_h)")
    salt = plan.salt
    return {
        name if salt is None else hashed(name, salt): JudgedAccount(u, score[u], p[u], int(count))
        for name, u, count in named
        if u in score
    }, int(n)


def _mean_of_new(known: Known, seen: Set[str]) -> tuple[float, ...]:
    """The mean of 1 - p over units of which no account was seen before; nothing where there is
    none. Each unit counts once, as it does among the calibration's, however many accounts it
    has."""
    new = {a.unit: 1 - a.p_value for a in known.values()}
    for name, account in known.items():
        if _short(name) in seen:
            new.pop(account.unit, None)
    return (float(np.mean(list(new.values()))),) if new else ()


def _short(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _alarms(
    plan: ScanPlan,
    after: dict[str, Watched],
    known: Known,
    n_seen: int,
    told: set[str],
    began: datetime,
) -> tuple[Alarm, ...]:
    """Accounts that are told now, and were not before: as a scan finds them, by p-values that hold
    whenever one looks. ``n_seen``: all accounts that were ever judged, of which these are told."""
    # Accounts that can't be told count as ones, as in a scan: they must not lower the bar.
    names = sorted(n for n, held in after.items() if held.p_value <= plan.found_at)
    p = [after[name].p_value for name in names]
    weights = [*([1.0] * len(names)), max(n_seen - len(names), 1e-9)]
    good = benjamini_hochberg([*p, 1.0], plan.level, weights)
    return tuple(
        Alarm(
            window=f"{began:%Y-%m-%d %H:%M}",
            account=name,
            p_value=value,
            n_requests=known[name].n if name in known else 0,
        )
        for name, value, ok in zip(names, p, good[:-1], strict=True)
        if ok and name not in told
    )

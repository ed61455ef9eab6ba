"""Bulk generation in simulated logs: how many ordinary accounts are flagged, and how much of a
campaign is found, by its kind, size, share of the traffic and length.

    python -m tests.benchmarks.bench_logs_detection --work DIR [--against own|simulated|both]
        [--part benign|share|days|all] [--rows 300000] [--seeds 3]

Every log is of the held-out wording and book, which no threshold was chosen on. It is compared with
a benign log of the same service (`own`: other seeds of the same settings), and with the traffic of
the development settings (`simulated`), which differs in words, clients, rhythm and lengths.
Logs and outcomes are kept in --work, so that an interrupted run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from auditor.audits.logs.benign import FILE
from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.audits.logs.run import calibrate
from auditor.labs.traffic.settings import Campaign, TrafficSettings
from detectors.stats.intervals import clopper_pearson
from fingerprints.record_files import write_record
from tests.benchmarks.bench_compare import table
from tests.benchmarks.log_worlds import (
    Tally,
    campaign_found,
    kinds_of,
    made,
    ordinary,
    outcome,
    with_campaign,
    written,
)

SIZES: tuple[tuple[str, str, int], ...] = (
    ("single", "single", 1),
    ("hydra-20", "hydra", 20),
    ("hydra-200", "hydra", 200),
    ("hydra-5000", "hydra", 5000),
    ("drip", "drip", 6),
    ("proxy", "proxy", 8),
    ("mixed", "mixed", 12),
    ("switching", "switching", 15),
)
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1)
DAYS = (1, 3, 7, 14)
USUAL_SHARE, USUAL_DAYS, LENGTH = 0.01, 7, 14
SETTINGS = {"own": "held-out-benign", "simulated": "benign"}
# Far from the seeds of what is judged.
CALIBRATED_FROM = 9000


def calibration(against: str, rows: int, seeds: int, work: Path) -> Path:
    """The calibration of benign logs of several seeds, made once."""
    path = work / f"calibration-{against}-{rows}-{seeds}.json"
    if not path.exists():
        settings = ordinary(SETTINGS[against], rows, LENGTH)
        logs = [
            str(made(settings, CALIBRATED_FROM + i, work / f"benign-{against}-{rows}-{i}"))
            for i in range(seeds)
        ]
        plan = ScanPlan(log=LogInput(tuple(logs)))
        write_record(path, calibrate(plan, simulated=True, source=SETTINGS[against]))
    used = FILE.read(path)
    click.echo(
        f"\nCompared with {used.n_units:,} benign units ({against}, {seeds} logs of {rows:,} rows)"
    )
    return path


def benign_table(usual: Path, rows: int, seeds: int, work: Path) -> None:
    """Ordinary accounts that are found and noticed, by kind."""
    tally = Tally()
    for seed in range(seeds):
        folder = work / f"ordinary-{rows}-{seed}"
        made(ordinary("held-out-benign", rows, LENGTH), seed, folder)
        tally.add(outcome(folder, usual))
    lines = [_counted(kind, [kind], tally) for kind in kinds_of(tally)]
    lines.append(_counted("all", kinds_of(tally), tally))
    table(["kind", "accounts", "found", "95 %", "found or noticed", "95 %"], lines)


def _counted(name: str, kinds: list[str], tally: Tally) -> list[object]:
    n = sum(tally.all[k] for k in kinds)
    cells: list[object] = [name, f"{n:,}"]
    for counter in (tally.found, tally.noticed):
        k = sum(counter[kind] for kind in kinds)
        low, high = clopper_pearson(k, n)
        cells += [f"{k} ({k / n:.2%})", f"{low:.2%} to {high:.2%}"]
    return cells


def campaigns_table(
    usual: Path, cases: list[tuple[float, float]], rows: int, seeds: int, work: Path, against: str
) -> None:
    """What is found of campaigns of every kind and size, at (share, days) each."""
    lines = []
    for name, kind, accounts in SIZES:
        for share, days in cases:
            campaign = Campaign.model_validate(
                {
                    "name": name,
                    "kind": kind,
                    "accounts": accounts,
                    "share": share,
                    "from_day": (LENGTH - days) / 2,
                    "days": days,
                }
            )
            settings = with_campaign(ordinary("held-out-benign", rows, LENGTH), campaign)
            figures = [
                _judged(settings, seed, usual, work, f"{name}-{share}-{days}", against)
                for seed in range(seeds)
            ]
            lines.append([name, f"{share:.1%}", f"{days:g}", *_cells(figures)])
    table(
        [
            "campaign",
            "share",
            "days",
            "rows an account",
            "recall, found",
            "recall, found or noticed",
            "precision of found",
            "in one unit",
            "of that unit",
        ],
        lines,
    )


def _judged(
    settings: TrafficSettings, seed: int, usual: Path, work: Path, name: str, against: str
) -> dict[str, float]:
    kept = work / "outcomes" / against / f"{name}-{settings.rows}-{seed}.json"
    if not kept.exists():
        folder = work / "campaign"
        for file in folder.glob("*") if folder.exists() else ():
            file.unlink()
        made(settings, 100 + seed, folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        seen = outcome(folder, usual)
        sent = sum(row.campaign_rows for row in seen.truth.values() if row.campaign)
        figures = asdict(campaign_found(seen))
        written(kept, {**figures, "rows": sent / max(1, figures["accounts"])})
    found: dict[str, float] = json.loads(kept.read_text("utf-8"))
    return found


def _cells(figures: list[dict[str, float]]) -> Iterator[str]:
    yield f"{np.mean([f['rows'] for f in figures]):,.0f}"
    for name in ("recall", "recall_noticed", "precision", "in_one_unit", "purity"):
        values = np.array([f[name] for f in figures], float)
        known = values[np.isfinite(values)]
        yield f"{known.mean():.2f}" if known.size else "–"


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--against", type=click.Choice(["own", "simulated", "both"]), default="both")
@click.option("--part", type=click.Choice(["benign", "share", "days", "all"]), default="all")
@click.option("--rows", type=float, default=3e5, show_default=True, help="Rows of a judged log.")
@click.option("--seeds", type=int, default=3, show_default=True, help="Logs a line.")
@click.option(
    "--benign-logs", type=int, default=4, show_default=True, help="Logs of a million rows each."
)
def main(work: Path, against: str, part: str, rows: float, seeds: int, benign_logs: int) -> None:
    """Prints the tables of the scan of simulated logs."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("own", "simulated") if against == "both" else (against,):
        usual = calibration(name, 1_000_000, benign_logs, work)
        if part in ("benign", "all"):
            benign_table(usual, 1_000_000, seeds, work)
        if part in ("share", "all"):
            cases = [(share, USUAL_DAYS) for share in SHARES]
            campaigns_table(usual, cases, round(rows), seeds, work, name)
        if part in ("days", "all"):
            campaigns_table(usual, [(USUAL_SHARE, d) for d in DAYS], round(rows), seeds, work, name)


if __name__ == "__main__":
    main()

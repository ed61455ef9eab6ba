"""Fits the calibration of benign traffic that ships with `auditor logs scan`, on simulated logs.

    python -m tests.benchmarks.ship_log_calibration --work DIR [--logs 24] [--rows 1000000]
        [--window 7d] [--out FILE]

Every log has the development wording and a book of its own: the numbers of the development book
(volumes, lengths, gaps, groups, pools, carriers) and the shares of the kinds are moved at random,
since nobody's traffic is the book's. The kinds that look most like bulk generation (evaluations,
translation, retrieval services, classes, shop texts, apps of many users) have more accounts than
their rows would make. The held-out wording and book, which `bench_logs_detection` judges with, take
no part. Logs are kept in --work, so that an interrupted run goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

from auditor.audits.logs.benign import SHIPPED, write_calibration
from auditor.audits.logs.plan import WINDOWS, LogInput, ScanPlan
from auditor.audits.logs.run import calibrate
from auditor.labs.traffic.book import Book, load_book
from auditor.labs.traffic.settings import TrafficSettings
from detectors.extraction.calibration import BenignTraffic
from tests.benchmarks.log_worlds import made, ordinary

ROOT = Path(__file__).parents[2]
SHIPPED_FILE = ROOT / "auditor" / "audits" / "logs" / "shipped" / SHIPPED
SPREAD = 0.35
"""Standard deviation of the logarithm of what each number of a book is multiplied with."""
SHARES_ALIKE = 8.0
"""How alike the shares of the kinds stay (Dirichlet); 1 would be anything."""
FIRST_SEED = 50_000
LENGTH_DAYS = 14


def varied_book(rng: np.random.Generator) -> Book:
    """The development book with its numbers moved."""
    book = load_book("first").model_dump(mode="json")
    for habit in book["kinds"].values():
        _move(habit, rng)
    book["carrier"] = float(rng.uniform(0.05, 0.5))
    book["name"] = "varied"
    return Book.model_validate(book)


def _move(habit: dict[str, Any], rng: np.random.Generator) -> None:
    def times(value: float, least: float, most: float) -> float:
        return float(np.clip(value * np.exp(SPREAD * rng.standard_normal()), least, most))

    habit["rows_per_day"] = times(habit["rows_per_day"], 1, 1e5)
    habit["tail"] = times(habit["tail"] - 1, 0.3, 4) + 1
    for spread in ("session", "tokens_out", "context"):
        habit[spread]["median"] = times(habit[spread]["median"], 1, habit[spread]["most"])
        habit[spread]["sigma"] = times(habit[spread]["sigma"], 0.2, 2)
    habit["gap"]["mean"] = times(habit["gap"]["mean"], 0.2, 600)
    habit["gap"]["shape"] = times(habit["gap"]["shape"], 0.3, 8)
    habit["group_size"] = times(habit["group_size"], 1, 60)
    for share in ("grouped", "weekend", "house", "system", "pinned", "new"):
        habit[share] = times(habit[share], 0, 1)
    for few in ("heads", "interests"):
        habit[few] = int(np.rint(times(habit[few], 0, 20_000))) if habit[few] else 0
        habit[few] = max(habit[few], 1 if few == "interests" or habit["heads"] else 0)
    if habit["pool"]:
        habit["pool"]["items"] = max(2, round(times(habit["pool"]["items"], 2, 1e5)))
        habit["pool"]["fresh"] = times(habit["pool"]["fresh"], 0, 1)
    if habit["body"]:
        habit["body"]["most"] = int(rng.integers(habit["body"]["least"], 10)) + 1


def varied(rows: int, rng: np.random.Generator, book: Path) -> TrafficSettings:
    """Benign development settings with shares moved, of the book in a file."""
    settings = ordinary("benign", rows, LENGTH_DAYS)
    shares = np.array([g.share for g in settings.benign])
    drawn = rng.dirichlet(SHARES_ALIKE * shares / shares.mean())
    groups = [
        {**group.model_dump(), "share": float(share)}
        for group, share in zip(settings.benign, drawn, strict=True)
    ]
    changed = {**settings.model_dump(), "benign": groups, "book": str(book)}
    return TrafficSettings.model_validate(changed)


def log_of(number: int, rows: int, work: Path) -> Path:
    """One log with a book of its own, made once."""
    rng = np.random.default_rng([FIRST_SEED, number])
    folder = work / f"log-{number}-{rows}"
    book = work / f"book-{number}.yaml"
    text = yaml.safe_dump(varied_book(rng).model_dump(mode="json"), sort_keys=False)
    book.write_text(text, "utf-8")
    return made(varied(rows, rng, book), FIRST_SEED + number, folder)


def shortened(fitted: BenignTraffic) -> BenignTraffic:
    """The calibration with its scores at five decimals, which is half as many bytes."""
    lists = {
        name: tuple(round(value, 5) for value in getattr(fitted, name))
        for name in ("peaks", "window_scores", "window_shares")
    }
    return fitted.model_copy(update=lists)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--logs", type=int, default=24, show_default=True)
@click.option("--rows", type=float, default=1e6, show_default=True, help="Rows of a log.")
@click.option("--window", type=click.Choice(list(WINDOWS)), default="7d", show_default=True)
@click.option("--simulate-only", is_flag=True, help="Make the logs; fit nothing.")
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED_FILE)
def main(work: Path, logs: int, rows: float, window: str, simulate_only: bool, out: Path) -> None:
    """Makes the logs and writes the calibration of all of them together."""
    work.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(logs):
        paths.append(str(log_of(number, round(rows), work)))
        click.echo(f"log {number + 1} of {logs}", err=True)
    if simulate_only:
        return
    plan = ScanPlan(log=LogInput(tuple(paths)), seconds=WINDOWS[window])
    source = f"simulated traffic, {logs} services of {rows:,.0f} requests in {LENGTH_DAYS} days"
    fitted = shortened(calibrate(plan, simulated=True, source=source))
    write_calibration(out, fitted)
    click.echo(
        f"{fitted.n_units:,} units beside {fitted.n_fitted:,} of the scale, {fitted.n_accounts:,}"
        f" accounts; smallest p {fitted.floor:.1e}; written: {out}"
    )


if __name__ == "__main__":
    main()

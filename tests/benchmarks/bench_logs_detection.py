"""Bulk generation in simulated logs: how many ordinary accounts are flagged, and how much of a
campaign is found, by its kind, size, share of the traffic and length.

    python -m tests.benchmarks.bench_logs_detection --work DIR [--simulated CALIBRATION]
        [--part benign|share|days|plain|all] [--rows 200000] [--seeds 1]

Every log is of the held-out wording and book, which no threshold was chosen on. It is compared with
a benign log of the same service (`own`: other seeds of the same settings), and with the traffic of
the development settings (`simulated`), which differs in words, clients, rhythm and lengths.
Logs and outcomes are kept in --work, so that an interrupted run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from auditor.audits.logs.benign import FILE, write_calibration
from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.audits.logs.run import calibrate
from auditor.labs.traffic.settings import Campaign, TrafficSettings
from detectors.stats.intervals import clopper_pearson
from fingerprints.record_files import write_json
from tests.benchmarks.bench_compare import table
from tests.benchmarks.log_worlds import (
    Tally,
    campaign_found,
    kinds_of,
    made,
    ordinary,
    outcome,
    with_campaign,
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
SHARES = (0.001, 0.003, 0.01, 0.03)
DAYS = (1, 14)
PLAIN = ("single", "hydra-20", "hydra-200", "hydra-5000")
"""Campaigns that are judged a second time with prompts that ask for no reasoning."""
USUAL_SHARE, USUAL_DAYS, LENGTH = 0.01, 7, 14
SETTINGS = {"own": "held-out-benign", "simulated": "benign"}
# Far from the seeds of what is judged.
CALIBRATED_FROM, CAMPAIGNS_FROM = 9000, 100
COLUMNS = (
    "campaign",
    "share",
    "days",
    "rows an account",
    "recall, found",
    "recall, found or noticed",
    "precision of found",
    "in one unit",
    "of that unit",
)


@dataclass(frozen=True)
class Case:
    """A campaign to be found: its name in the table, kind, accounts, share, days, wording."""

    name: str
    kind: str
    accounts: int
    share: float
    days: float
    elicits: bool = True

    def settings(self, rows: int) -> TrafficSettings:
        """Held-out traffic with the campaign in the middle of it."""
        campaign = Campaign.model_validate(
            {
                "name": self.name,
                "kind": self.kind,
                "accounts": self.accounts,
                "share": self.share,
                "from_day": (LENGTH - self.days) / 2,
                "days": self.days,
                "elicits": self.elicits,
            }
        )
        return with_campaign(ordinary("held-out-benign", rows, LENGTH), campaign)

    @property
    def key(self) -> str:
        """A name for its files."""
        return f"{self.name}-{self.share}-{self.days:g}-{'' if self.elicits else 'plain'}"


def cases(part: str) -> list[Case]:
    """The campaigns of a part of the benchmark."""
    if part == "share":
        return [Case(*size, share, USUAL_DAYS) for size in SIZES for share in SHARES]
    if part == "days":
        return [Case(*size, USUAL_SHARE, days) for size in SIZES for days in DAYS]
    plain = [size for size in SIZES if size[0] in PLAIN]
    return [Case(*size, share, USUAL_DAYS, False) for size in plain for share in (0.01, 0.03)]


def calibration(against: str, given: Path | None, rows: int, logs: int, work: Path) -> Path:
    """The calibration of benign logs of other seeds, made once; ``given`` is taken as it is."""
    path = given or work / f"calibration-{against}-{rows}-{logs}.json"
    if not path.exists():
        settings = ordinary(SETTINGS[against], rows, LENGTH)
        made_of = [
            str(made(settings, CALIBRATED_FROM + i, work / f"benign-{against}-{rows}-{i}"))
            for i in range(logs)
        ]
        plan = ScanPlan(log=LogInput(tuple(made_of)))
        # Benign logs of the held-out settings stand for a service's own traffic.
        simulated = against != "own"
        write_calibration(path, calibrate(plan, simulated, source=SETTINGS[against]))
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


def judged(
    case: Case, seed: int, usual: dict[str, Path], rows: int, work: Path
) -> dict[str, dict[str, float]]:
    """What is found of a campaign under each calibration; kept, as the log is."""
    kept = work / "outcomes" / f"{case.key}-{rows}-{seed}.json"
    if not kept.exists():
        folder = work / "logs" / f"{case.key}-{rows}-{seed}"
        made(case.settings(rows), CAMPAIGNS_FROM + seed, folder)
        found = {}
        for name, path in usual.items():
            seen = outcome(folder, path)
            sent = sum(row.campaign_rows for row in seen.truth.values() if row.campaign)
            figures = asdict(campaign_found(seen))
            found[name] = {**figures, "rows": sent / max(1, figures["accounts"])}
        write_json(kept, found)
    told: dict[str, dict[str, float]] = json.loads(kept.read_text("utf-8"))
    return told


def campaigns_tables(part: str, usual: dict[str, Path], rows: int, seeds: int, work: Path) -> None:
    """What is found of the campaigns of a part, a table a calibration."""
    lines: dict[str, list[list[object]]] = {name: [] for name in usual}
    for case in cases(part):
        runs = [judged(case, seed, usual, rows, work) for seed in range(seeds)]
        for name, found in lines.items():
            cells = _cells([run[name] for run in runs])
            found.append([case.name, f"{case.share:.1%}", f"{case.days:g}", *cells])
    for name, found in lines.items():
        click.echo(f"\n{part}, compared with {name}")
        table(COLUMNS, found)


def _cells(figures: list[dict[str, float]]) -> Iterator[str]:
    yield f"{np.mean([f['rows'] for f in figures]):,.0f}"
    for name in ("recall", "recall_noticed", "precision", "in_one_unit", "purity"):
        values = np.array([f[name] for f in figures], float)
        known = values[np.isfinite(values)]
        yield f"{known.mean():.2f}" if known.size else "–"


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--against", type=click.Choice(["own", "simulated", "both"]), default="both")
@click.option(
    "--simulated",
    type=click.Path(path_type=Path),
    help="A calibration of simulated traffic; made of development settings where none is given.",
)
@click.option(
    "--part", type=click.Choice(["benign", "share", "days", "plain", "all"]), default="all"
)
@click.option("--rows", type=float, default=2e5, show_default=True, help="Rows with a campaign.")
@click.option("--seeds", type=int, default=1, show_default=True, help="Logs a campaign.")
@click.option("--benign-rows", type=float, default=1e6, show_default=True, help="Rows without.")
@click.option("--benign-seeds", type=int, default=3, show_default=True, help="Logs without.")
@click.option("--benign-logs", type=int, default=4, show_default=True, help="Logs compared with.")
def main(
    work: Path,
    against: str,
    simulated: Path | None,
    part: str,
    rows: float,
    seeds: int,
    benign_rows: float,
    benign_seeds: int,
    benign_logs: int,
) -> None:
    """Prints the tables of the scan of simulated logs."""
    work.mkdir(parents=True, exist_ok=True)
    usual = {}
    for name in ("own", "simulated") if against == "both" else (against,):
        given = simulated if name == "simulated" else None
        usual[name] = calibration(name, given, round(benign_rows), benign_logs, work)
        used = FILE.read(usual[name])
        click.echo(f"\n{name}: {used.source}, {used.n_units:,} units, least p {used.floor:.1e}")
        if part in ("benign", "all"):
            benign_table(usual[name], round(benign_rows), benign_seeds, work)
    for campaigns in ("share", "days", "plain"):
        if part in (campaigns, "all"):
            campaigns_tables(campaigns, usual, round(rows), seeds, work)


if __name__ == "__main__":
    main()

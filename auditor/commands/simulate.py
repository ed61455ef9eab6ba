"""`auditor logs simulate`: a log of known truth."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from auditor.commands.options import AS_JSON, dry_run, out_folder, seed_from_zero
from auditor.console import progress_on, put, put_json, say
from auditor.labs.traffic.settings import (
    Answers,
    Form,
    TrafficSettings,
    bundled_settings,
    load_settings,
    with_length,
)
from fingerprints.errors import UsageProblem, missing_extra

if TYPE_CHECKING:
    from auditor.labs.traffic.simulate import Manifest


@click.command(short_help="Make a log of ordinary accounts and campaigns, with its truth.")
@click.option(
    "--settings",
    metavar="NAME|FILE",
    default="small",
    show_default=True,
    help=f"Who is in the log: {', '.join(bundled_settings())}, or a YAML file.",
)
@seed_from_zero("Decides every account, moment and word.")
@click.option("--rows", type=float, help="About how many rows (1e6).  [default: the settings']")
@click.option("--days", type=float, help="How long; campaigns are stretched with it.")
@click.option(
    "--answers",
    type=click.Choice(get_args(Answers)),
    help="none, their lengths in tokens, or invented text too.  [default: the settings']",
)
@click.option(
    "--format", "form", type=click.Choice(get_args(Form)), default="parquet", show_default=True
)
@out_folder("A new folder for log.FORMAT, truth.jsonl, settings.yaml and manifest.json.", "traffic")
@click.option("--show-settings", is_flag=True, help="Print the settings as YAML; make nothing.")
@dry_run("Print how many rows, accounts and bytes to expect; write nothing.")
@AS_JSON
def simulate(
    settings: str,
    seed: int,
    rows: float | None,
    days: float | None,
    answers: Answers | None,
    form: Form,
    out: str,
    show_settings: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Make a log of an API with ordinary accounts of many kinds and with campaigns of bulk
    generation, and a file that says which account is which.

    To try `auditor logs scan` on, to see what it finds at the size of your own traffic, and to fit
    a calibration where you have no benign log. `first` wording and book are for choosing
    thresholds, the held-out settings for judging them. All texts, names and addresses are invented.

    Memory does not grow with the log. The same settings, seed and version give the same rows.

    \b
    Examples:
      auditor logs simulate --out traffic
      auditor logs simulate --settings campaigns --rows 1e6 --seed 7 --out logs-7
      auditor logs simulate --settings held-out --rows 1e7 --dry-run
      auditor logs simulate --settings benign --show-settings > mine.yaml
      auditor logs simulate --settings mine.yaml --format jsonl --answers text --out mine
    """
    chosen = _settings(settings, rows, days, answers)
    if show_settings:
        put(chosen.to_yaml())
        return 0
    if find_spec("pyarrow") is None:
        raise missing_extra("pyarrow", "logs", "simulating a log")
    if dry_run:
        _foretell(chosen, seed, form, as_json)
        return 0
    from auditor.labs.traffic.simulate import simulate as make

    with progress_on("simulating rows") as progress:
        made = make(chosen, seed, Path(out), form, progress)
    _tell(made, as_json)
    say(f"written: {made.rows:,} rows of {made.accounts:,} accounts in {out}; truth.jsonl says who")
    return 0


def _settings(
    name: str, rows: float | None, days: float | None, answers: Answers | None
) -> TrafficSettings:
    chosen = load_settings(name)
    if rows is not None:
        if not 100 <= rows <= 1e9:
            raise UsageProblem("--rows takes 100 to 1e9")
        chosen = chosen.model_copy(update={"rows": round(rows)})
    if days is not None:
        if not 0 < days <= 400:
            raise UsageProblem("--days takes up to 400")
        chosen = with_length(chosen, days)
    return chosen if answers is None else chosen.model_copy(update={"answers": answers})


def _foretell(settings: TrafficSettings, seed: int, form: Form, as_json: bool) -> None:
    from auditor.labs.traffic.simulate import forecast

    told = forecast(settings, seed, form)
    if as_json:
        put_json(told.model_dump(mode="json"))
        return
    put(f"about {told.rows:,} rows, about {told.log_bytes / 1e6:,.0f} MB as {form}")
    for kind, n in told.accounts.items():
        put(f"{kind:<16} {n:>9,} accounts")
    for campaign, n in told.campaign_accounts.items():
        put(f"{campaign:<16} {n:>9,} accounts of a campaign")


def _tell(made: Manifest, as_json: bool) -> None:
    if as_json:
        put_json(made.model_dump(mode="json"))
        return
    put(f"rows             {made.rows:>12,}")
    put(f"campaign rows    {made.campaign_rows:>12,}")
    put(f"accounts         {made.accounts:>12,}")
    put(f"in campaigns     {made.campaign_accounts:>12,}")
    put(f"bytes            {made.log_bytes:>12,}")

"""`auditor plant`: plant a watermark or habits in a teacher's answers, and test a suspect for
them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import cost_of
from auditor.audits.plants.audit import plant_test, planted
from auditor.audits.plants.opened import Plant, open_plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.planting import (
    Planted,
    addition_at,
    plant_habits,
    plant_watermark,
    read_accounts,
)
from auditor.audits.report.bundle import ready_folder
from auditor.commands.audits import cost_lines, exit_code, show_plan, tell
from auditor.commands.custody import kept
from auditor.commands.options import (
    AS_JSON,
    OUT,
    out_folder,
    placed,
    placed_too,
    sampling_options,
    sampling_values,
    verdict_options,
)
from auditor.commands.twins import coin
from auditor.console import progress_on, put, put_json, say
from fingerprints.errors import UsageProblem, printable
from fingerprints.plants import NOTICE, SEALED, SERVING, SealedHabits
from fingerprints.probes import parse_probes

PLANT = click.option(
    "--plant", "plant_dir", metavar="DIR", required=True, help="The plant's folder."
)
PLANT_OUT = out_folder("A new folder for the plant.")
NAME = click.option(
    "--name", metavar="NAME", help="What reports call it. Default: the folder's name."
)
SEALED_AT = click.option(
    "--sealed", metavar="FILE", help="The sealed file, where it is kept apart from the folder."
)
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def plant() -> None:
    """Plant evidence in a model's answers beforehand, and test a suspect for it.

    A plant is drawn by lot and sealed before anybody is suspected. Whoever did not learn from the
    marked answers is independent of the lot, so the test's p-value is exact: no control model is
    needed, and none caps it. Each plant is a folder: plant.json may be published at once (it holds
    a commitment), sealed.json and serving.json are secret. A coin, which chooses what is served,
    is the same command as `auditor twins coin`: its log is committed to day by day and tested by
    `auditor harvest`.

    \b
    Examples:
      auditor plant watermark ./teacher --out plants/spring/
      auditor probe hf:./teacher,watermark=plants/spring/sealed.json --out marked.jsonl
      auditor plant habit --accounts accounts.txt --out plants/habits/
      auditor plant coin --out service/
      auditor plant verify plants/spring/
      auditor plant test ./suspect --plant plants/spring/ --marked marked.jsonl --out report/
    """


@plant.command()
@click.argument("teacher")
@PLANT_OUT
@NAME
@click.option(
    "--share",
    type=click.FloatRange(0.05, 0.75),
    default=0.25,
    show_default=True,
    help="Share of the vocabulary that is green after each token.",
)
@click.option(
    "--bias",
    type=click.FloatRange(0.1, 10),
    default=3.0,
    show_default=True,
    help="Added to a green token's score: a stronger trace, and a larger change to the answers.",
)
@AS_JSON
def watermark(
    teacher: str, out: str, name: str | None, share: float, bias: float, as_json: bool
) -> int:
    """Draw a secret watermark for the answers of TEACHER (a folder or a GGUF file).

    Answers then prefer tokens that a key makes "green" (transformers' WatermarkingConfig with
    lefthash). Serve them with `serving.json`, or here by the spec's option watermark=FILE.

    \b
    Examples:
      auditor plant watermark ./teacher --out plants/spring/
      auditor plant watermark gguf:./teacher.gguf --out plants/mild/ --bias 1.5
    """
    folder = Path(out)
    made = plant_watermark(teacher, folder, name or folder.resolve().name, share, bias)
    return _planted(made, as_json, "load it into what serves the model; lists are drawn on the CPU")


@plant.command()
@click.option(
    "--accounts", metavar="FILE", required=True, help="Accounts to plant for, one a line."
)
@PLANT_OUT
@NAME
@click.option(
    "--teacher",
    metavar="NAME",
    default="",
    help="What the served model is called. Default: the name.",
)
@click.option(
    "--windows",
    type=click.IntRange(1, 18),
    default=8,
    show_default=True,
    help="Habits an account is dealt, each for a window of time, by turns.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=1, show_default=True, help="Days a window."
)
@click.option("--start", type=DAY, help="First day (UTC). Default: today.")
@AS_JSON
def habit(
    accounts: str,
    out: str,
    name: str | None,
    teacher: str,
    windows: int,
    days: int,
    start: datetime | None,
    as_json: bool,
) -> int:
    """Deal harmless rare habits of answering to accounts, by lot.

    Each account gets habits of its own (a closing line, a way to number, a question at the end),
    one after the other; `serving.json` holds the sentence that its system prompt says more in each
    window. Which account's habits a suspect has is then an exact test.

    \b
    Examples:
      auditor plant habit --accounts accounts.txt --out plants/habits/
      auditor plant habit --accounts accounts.txt --windows 12 --days 7 --out plants/weekly/
    """
    folder = Path(out)
    called = name or folder.resolve().name
    made = plant_habits(
        read_accounts(Path(accounts)),
        folder,
        called,
        teacher or called,
        windows,
        None if start is None else start.date().isoformat(),
        days,
    )
    return _planted(made, as_json, "load it into the gateway that writes system prompts")


plant.add_command(coin)


@plant.command()
@click.argument("account")
@PLANT
@SEALED_AT
@click.option("--day", type=DAY, help="A day (UTC). Default: today.")
def addition(account: str, plant_dir: str, sealed: str | None, day: datetime | None) -> int:
    """Print what ACCOUNT's system prompt says more on a day: for one gateway, or to check one.

    \b
    Examples:
      auditor plant addition acct-17 --plant plants/habits/
      auditor plant addition acct-17 --plant plants/habits/ --day 2026-12-24
    """
    held = _open(plant_dir, sealed).sealed
    if not isinstance(held, SealedHabits):
        raise UsageProblem("a watermark adds nothing to a system prompt", where="--plant")
    when: date = (day or datetime.now(UTC)).date()
    put(addition_at(held, account, when))
    return 0


@plant.command()
@click.argument("folder", metavar="PLANT")
@SEALED_AT
@AS_JSON
def verify(folder: str, sealed: str | None, as_json: bool) -> int:
    """Check that the sealed file of a PLANT's folder is the one that its notice committed to.

    Exits with 8 where it is not. Prints nothing that is secret.

    \b
    Examples:
      auditor plant verify plants/spring/
      auditor plant verify plants/spring/ --sealed vault/spring-sealed.json
    """
    notice = _open(folder, sealed).notice
    if as_json:
        put_json({"verified": True, **notice.model_dump(mode="json", exclude_none=True)})
    else:
        put(f"verified: {printable(notice.name, 80)} ({notice.kind}), {notice.commitment}")
    return 0


@plant.command()
@click.argument("suspect")
@PLANT
@SEALED_AT
@OUT
@click.option(
    "--marked",
    metavar="FILE",
    help="Recorded marked answers: an open suspect is put behind their beginnings.",
)
@click.option("--choices", metavar="FILE", help="What it chose there in an earlier test.")
@click.option(
    "--base",
    metavar="SPEC",
    help="What the suspect was trained from: then what training changed is counted.",
)
@click.option(
    "--retired",
    is_flag=True,
    help="The plant was no longer served when the suspect answered, so that it can't have passed"
    " answers on.",
)
@click.option(
    "--expect",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The least effect that matters, as a trained control of yours shows it: by how much more"
    " often than by chance its tokens are green, or in which share of answers it has a habit.",
)
@click.option(
    "--null-keys",
    type=click.IntRange(0, 10_000),
    help="Unused keys to try beside the real one. Default 200.",
)
@click.option("--probes", metavar="SETS", help="What is asked. Default: style.")
@sampling_options
@verdict_options
def test(
    suspect: str,
    plant_dir: str,
    out: str,
    fail_on: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Does SUSPECT carry a plant? Asks it, counts, and writes an ordinary report.

    Of weights (with --marked) also its choices behind marked answers are counted. An endpoint may
    pass questions on to the marked model: retire the plant before you ask it, and say --retired.

    \b
    Examples:
      auditor plant test ./suspect --plant plants/spring/ --marked marked.jsonl --base ./base
      auditor plant test openai:NAME,base_url=https://host/v1 --plant plants/habits/ --retired
      auditor plant test answers.jsonl --plant plants/habits/ --expect 0.05 --out report/

    Killed anywhere, the same command goes on.
    """
    plan = _plan(suspect, plant_dir, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    with progress_on("opening") as progress:
        report = plant_test(plan, folder, say, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    return exit_code(report, fail_on)


def _plan(suspect: str, plant_dir: str, flags: dict[str, Any]) -> PlantTestPlan:
    place = (flags.pop("device"), flags.pop("dtype"))
    drawn = {name: flags.pop(name) for name in ("temperature", "samples", "max_tokens", "seed")}
    given = {name: value for name, value in flags.items() if value is not None}
    if "probes" in given:
        given["probes"] = [c.model_dump(mode="json") for c in parse_probes(given["probes"])]
    if "base" in given:
        given["base"] = placed_too(given["base"], *place)
    return PlantTestPlan.make(
        {
            "suspect": placed(suspect, *place),
            "plant": plant_dir,
            "sampling": sampling_values(**drawn),
            **given,
        }
    )


def _dry_run(plan: PlantTestPlan, as_json: bool) -> int:
    planted(plan, say)
    cost = cost_of(plan.suspect, plan.probe_sets(), plan.sampling)
    return show_plan(plan, as_json, {"cost": cost}, list(cost_lines(cost)))


def _open(folder: str, sealed: str | None) -> Plant:
    return open_plant(Path(folder), None if sealed is None else Path(sealed), say)


def _planted(made: Planted, as_json: bool, serving: str) -> int:
    if as_json:
        put_json(made.notice.model_dump(mode="json", exclude_none=True))
    else:
        put(f"planted: {printable(made.notice.name, 80)}, commitment {made.notice.commitment}")
    say(f"secret: {made.folder / SEALED} (keep a copy offline) and {made.folder / SERVING}")
    say(f"to serve it: {serving}; publish {made.folder / NOTICE} now, before any test")
    return 0

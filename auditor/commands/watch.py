"""`auditor watch`: are the endpoints of a fleet still what they were?"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import click

from auditor.audits.costs import cost_of
from auditor.commands.executing import EXECUTOR, Execution, ExecutorName, jobs_option
from auditor.commands.fleet import checked_fleet
from auditor.commands.options import AS_JSON, dry_run, out_folder
from auditor.console import progress_on, put, put_json, say
from auditor.execution.order import Executor
from auditor.fleet.plan import FleetPlan
from auditor.fleet.run import fleet_folder
from auditor.fleet.telling import FEED, WEBHOOK, posted, summary, write_feed
from auditor.fleet.watch_files import (
    WatchedChange,
    WatchState,
    held_states,
    kept,
    open_file,
    open_look,
)
from auditor.fleet.watching import BASELINE, QUESTIONS, look, watched
from fingerprints.errors import AuditError, Incomplete, printable
from fingerprints.records import Sampling

TIME = re.compile(r"([0-9]{1,6})([smhd])")
LONGEST = 366 * 86400.0
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
CHANGED = 1
LOOKED_ANEW = "everybody is looked at anew, and what the last look changed is told again"


def _seconds(context: click.Context, option: click.Parameter, value: str) -> float:
    found = TIME.fullmatch(value)
    if found is None or int(found[1]) == 0:
        raise click.BadParameter("a time is written 90s, 30m, 6h or 1d", context, option)
    every = int(found[1]) * SECONDS[found[2]]
    if every > LONGEST:
        raise click.BadParameter("a year at most from look to look", context, option)
    return every


@click.command()
@click.argument("plan_file", metavar="FLEET.yaml")
@out_folder("Folder of the watch; that of the fleet may be it.", "fleet")
@click.option(
    "--every", default="1h", show_default=True, callback=_seconds, help="From look to look."
)
@click.option("--once", is_flag=True, help="One look, for cron; exit with 1 where one changed.")
@click.option("--until-change", is_flag=True, help="End at the first change, with 1.")
@click.option(
    "--alpha",
    type=click.FloatRange(0.0001, 0.4999),
    default=0.01,
    show_default=True,
    help="Chance of any false alarm, over all endpoints and all looks.",
)
@click.option(
    "--allow-private",
    is_flag=True,
    help=f"Let the webhook ({WEBHOOK}) be an address of this network.",
)
@EXECUTOR
@jobs_option("default: 16")
@dry_run("Print what a look asks of whom; ask nothing.")
@AS_JSON
def watch(
    plan_file: str,
    out: str,
    every: float,
    once: bool,
    until_change: bool,
    alpha: float,
    allow_private: bool,
    executor: ExecutorName,
    jobs: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Ask every endpoint of FLEET.yaml the same few questions again and again, and tell when its
    answers are not drawn as they were.

    The first look is what later ones are compared with. However long it goes on, the chance of any
    false alarm among the endpoints that were named from the first look on is at most --alpha, if
    answers are drawn and not repeated from a cache; a service that serves another
    temperature, system prompt or quantisation has changed, too. Changes go to stdout, into the
    Atom feed changes.atom.xml, and as a POST of JSON to the address in AUDITOR_WATCH_WEBHOOK.

    \b
    Examples:
      auditor watch fleet.yaml --dry-run
      auditor watch fleet.yaml --out watch/ --every 6h
      auditor watch fleet.yaml --out watch/ --once --json
      AUDITOR_WATCH_WEBHOOK=https://example.org/hook auditor watch fleet.yaml --until-change

    Killed anywhere, the same command goes on with the look that it was in. With --once: 0 nothing
    changed, 1 something did (whoever could not be asked is told on stderr all the same), 6 nothing
    did and an endpoint could not be asked or compared, or the file of an open look was damaged.
    That an endpoint answers under several names in turn, as a router does, or repeats its answers
    word for word, is told and is no change.
    """
    path, folder = Path(plan_file), Path(out).absolute()
    plan = checked_fleet(path)
    if dry_run:
        return _dry_run(plan, path, as_json)
    if not once:
        time.sleep(wait_first(_last(plan, path, folder), time.time(), every))
    with Execution(executor, jobs or 16).opened(folder) as doing:
        while True:
            began = time.monotonic()
            code = _looked(plan, path, folder, doing, alpha, allow_private, as_json, once)
            if once or (until_change and code == CHANGED):
                return code
            # By a clock that never goes back: a corrected one brings no storm of looks.
            time.sleep(max(0.0, every - (time.monotonic() - began)))


def wait_first(last: float, now: float, every: float) -> float:
    """Seconds until the first look of a watch that is begun again: the rest of the time since the
    last one, and never more than a whole one, where the clock has gone back.

    >>> wait_first(0.0, 5000.0, 60.0), wait_first(4990.0, 5000.0, 60.0)
    (0.0, 50.0)
    >>> wait_first(9000.0, 5000.0, 60.0)
    60.0
    """
    return min(every, max(0.0, last + every - now)) if last else 0.0


def _last(plan: FleetPlan, path: Path, out: Path) -> float:
    """When the last look at any endpoint was; 0 where there was none, or it was not ended."""
    if open_file(out).is_file():
        return 0.0
    return max((state.at for state in held_states(watched(plan, path), out).values()), default=0.0)


def _looked(
    plan: FleetPlan,
    path: Path,
    out: Path,
    executor: Executor,
    alpha: float,
    allow_private: bool,
    as_json: bool,
    once: bool,
) -> int:
    """One look, told; its exit code."""
    with fleet_folder(plan.name, out), open_look(watched(plan, path), out) as begun:
        if begun.damaged:
            say(printable(f"{begun.damaged}: {LOOKED_ANEW}", 600))
        with progress_on("looking") as progress:
            states = look(plan, path, out, executor, alpha, begun, progress)
        new = [c for s in states for c in s.changes[begun.known.get(s.suspect, 0) :]]
        failed = _feed_problem(plan, states, out)
        states = _sent(plan, states, out, allow_private)
        _tell(states, new, as_json, once)
    if any(change.is_change for change in new):
        return CHANGED
    if begun.damaged or any(state.problem for state in states):
        return Incomplete.exit_code
    return failed


def _feed_problem(plan: FleetPlan, states: Sequence[WatchState], out: Path) -> int:
    """Writes the feed; the exit code of why it can't be, which is told and keeps no change from
    being told."""
    try:
        write_feed(plan.name, states, out)
    except AuditError as error:
        say(f"{FEED}: {error.line()}")
        return error.exit_code
    return 0


def _sent(
    plan: FleetPlan, states: Sequence[WatchState], out: Path, allow_private: bool
) -> tuple[WatchState, ...]:
    url, found = os.environ.get(WEBHOOK), []
    for state in states:
        after, problem = posted(plan.name, state, url, allow_private) if url else (state, None)
        if problem is not None:
            say(f"webhook: {problem.line()}")
        found.append(after if after == state else kept(after, state, out))
    return tuple(found)


def _tell(
    states: Sequence[WatchState], new: Sequence[WatchedChange], as_json: bool, once: bool
) -> None:
    for state in states:
        if state.problem:
            what = "not compared" if state.uncompared else "not asked"
            say(printable(f"{state.suspect}: {what}: {state.problem}", 600))
    if as_json:
        plain = {
            "changes": [change.model_dump(mode="json") for change in new],
            "states": [s.model_dump(mode="json", exclude={"p", "changes"}) for s in states],
        }
        put_json(plain) if once else put(json.dumps(plain, ensure_ascii=False, allow_nan=False))
        return
    for change in new:
        put(printable(summary(change), 400))
    if not new:
        looked = sum(not state.problem for state in states)
        say(f"{looked} of {len(states)} endpoints looked at: nothing new")


def _dry_run(plan: FleetPlan, path: Path, as_json: bool) -> int:
    sets = [QUESTIONS.load()]
    costs = {
        suspect.name: [
            cost_of(suspect.spec, sets, Sampling(temperature=1.0, samples=samples))
            for samples in (BASELINE, 1)
        ]
        for suspect in watched(plan, path)
    }
    if as_json:
        told = [{"suspect": name, "first": a, "each": b} for name, (a, b) in costs.items()]
        put_json({"plan": plan.model_dump(mode="json", by_alias=True), "looks": told})
        return 0
    for name, (first, each) in costs.items():
        put(
            f"{name}: first {first['questions']} answers, at most {first['tokens_out_at_most']}"
            f" tokens out; each later look {each['questions']}"
        )
    return 0

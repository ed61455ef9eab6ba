"""`auditor logs`: an API's own logs. `scan` finds bulk programmatic generation, `select` takes out
what was served to whom, `calibrate` learns what benign traffic is like."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from auditor.audits.logs.benign import CALIBRATION, write_calibration
from auditor.audits.logs.columns import CANONICAL, parse_map
from auditor.audits.logs.plan import (
    LEVEL,
    NOTICED_OF_SIMULATED,
    TOLD_AT,
    WINDOWS,
    LogInput,
    ScanPlan,
    parse_date,
)
from auditor.audits.logs.presets import PRESETS
from auditor.audits.logs.warehouse import MEMORY_GB, THREADS
from auditor.commands.documents import in_format, show_document
from auditor.commands.options import AS_JSON, FORCE, dry_run, out_folder
from auditor.console import progress_on, put, put_json, say
from fingerprints.errors import UsageProblem
from fingerprints.work_folder import WorkFolder

EVERY = 60.0


@click.group()
def logs() -> None:
    """Look for bulk programmatic generation in an API's logs."""


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags that say how a log is read, and with how much memory."""
    options = (
        click.option(
            "--map",
            "mapping",
            metavar="COLUMN=KEY,…",
            default="",
            help=f"The log's keys by column ({', '.join(CANONICAL[:5])}, …): docs/logs.md.",
        ),
        click.option(
            "--preset",
            type=click.Choice(list(PRESETS)),
            help="The gateway whose names the log has. Default: found out where it is plain.",
        ),
        click.option(
            "--memory",
            "memory_gb",
            type=click.FloatRange(0.25, 4096),
            default=MEMORY_GB,
            show_default=True,
            help="Gigabytes of memory for tables; the rest is spilled.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(1, 256),
            default=THREADS,
            show_default=True,
            help="Cores to use.",
        ),
        click.option(
            "--spill",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Where tables are spilled. Default: the system's own.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@logs.command(short_help="Find bulk programmatic generation, alone or in clusters.")
@click.argument("log", nargs=-1, required=True)
@out_folder("Folder of the files.", "scan")
@click.option("--benign", multiple=True, metavar="LOG", help="Benign traffic to compare with.")
@click.option(
    "--benign-map",
    default="",
    metavar="COLUMN=KEY,…",
    help="Its keys by column.  [default: those of the log]",
)
@click.option("--benign-until", metavar="DATE", help="The log is benign before this date (UTC).")
@click.option(
    "--calibration",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A calibration made by `calibrate` or a scan.",
)
@reading_options
@click.option(
    "--window",
    type=click.Choice(list(WINDOWS)),
    help="Length of a window. Default: the longest that the logs fill.",
)
@click.option(
    "--level",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=LEVEL,
    show_default=True,
    help="Share of false finds among accounts told, at most.",
)
@click.option(
    "--noticed-at",
    type=click.FloatRange(0, 0.05, min_open=True),
    help="p from which on a unit is at least noticed."
    f"  [default: {TOLD_AT}; {NOTICED_OF_SIMULATED} against simulated traffic]",
)
@click.option("--private", is_flag=True, help="Names as salted hashes, templates without words.")
@click.option("--salt", metavar="FILE", help="The salt of --private.  [default: OUT.salt]")
@click.option(
    "--fail-on",
    type=click.Choice(["found", "noticed"]),
    help="Exit with 1 when a unit is found, or at least noticed.",
)
@click.option(
    "--follow", is_flag=True, help="Judge the log as it grows, window by window; resumable."
)
@click.option(
    "--every",
    type=click.FloatRange(1),
    help="With --follow: seconds between looks.  [default: 60]",
)
@click.option("--once", is_flag=True, help="With --follow: stop where the log stops.")
@dry_run("Print the map, what it switches off and what is compared with; judge nothing.")
@FORCE
@in_format
@AS_JSON
def scan(
    log: tuple[str, ...],
    out: str,
    dry_run: bool,
    fail_on: str | None,
    follow: bool,
    every: float | None,
    once: bool,
    force: bool,
    form: str,
    as_json: bool,
    **flags: Any,
) -> int:
    """Find bulk programmatic generation in LOG: JSONL, CSV or Parquet files, folders or patterns.

    One row is one request. Needed are its time, account and prompt; each of the other columns
    switches signals on. Every account, and every cluster of accounts that is tied beyond chance, is
    compared with benign traffic: --benign, --benign-until, or a calibration; without any, the
    shipped one, of simulated traffic. No intent is claimed.

    \b
    A key is a name, a path (request.model, choices[0].text), a JSON pointer (/a.b/c), or, behind |,
    a path in JSON that stands in a text (request_body|messages).

    \b
    Examples:
      auditor logs scan logs/ --benign-until 2026-11-01 --out scan/
      auditor logs scan 'logs/*.jsonl.gz' --preset litellm --benign last-year/ --private
      auditor logs scan log.csv --map account=user_id,time=ts,prompt=body.messages --dry-run
      auditor logs select logs/ --scan scan/ --cluster u1 --out served.jsonl

    Writes scan.html, scan.json, accounts.jsonl (every account of what stands out) and
    calibration.json. --follow tells accounts window by window instead, one JSON line each, by
    p-values that hold whenever one looks, and keeps its state in follow.json; `found` of --fail-on
    then ends it at the first.
    """
    from auditor.audits.logs.document import scan_document
    from auditor.audits.logs.folder import ready, write_scan
    from auditor.audits.logs.run import scan as scanned

    if (every is not None or once) and not follow:
        raise UsageProblem("--every and --once are for --follow")
    if follow and (form != "terminal" or fail_on == "noticed"):
        raise UsageProblem("--follow prints JSON lines of who is found: no --format, no noticed")
    folder = Path(out)
    if dry_run:
        return _look(_plan(log, folder, {**flags, "private": False, "salt": None}), as_json)
    ready(folder, force)
    plan = _plan(log, folder, flags)
    if follow:
        return _follow(plan, folder, fail_on, None if once else every or EVERY)
    with progress_on("reading") as progress:
        found = scanned(plan, progress)
    _say_what_was_read(found.record)
    paths = write_scan(found, folder, force)
    show_document(scan_document(found.record), form, as_json)
    say(f"written: {', '.join(path.name for path in paths)} in {folder}")
    counts = {"found": found.record.n_found_units, "noticed": found.record.n_noticed_units}
    reached = counts["found"] + (counts["noticed"] if fail_on == "noticed" else 0)
    return 1 if fail_on is not None and reached else 0


def _look(plan: ScanPlan, as_json: bool) -> int:
    from auditor.audits.logs.look import look

    seen = look(plan)
    if as_json:
        put_json(seen.model_dump(mode="json"))
        return 0
    files = f"{len(seen.files):,} file{'s'[: len(seen.files) != 1]}"
    put(f"log: {files}, {sum(size for _, size in seen.files) / 1e6:,.1f} MB")
    put(f"columns: {', '.join(f'{c}={p}' for c, p in seen.columns.items())}")
    if seen.silent:
        put(f"signals that it can't switch on: {', '.join(seen.silent)}")
    if seen.no_tie_by:
        put(f"accounts can't be tied by: {', '.join(seen.no_tie_by)}")
    put(f"usable: {seen.first_usable:,} of the first {seen.first_rows:,} rows")
    put(f"compared with: {seen.compared_with}")
    return 0


def _follow(plan: ScanPlan, folder: Path, fail_on: str | None, every: float | None) -> int:
    """Follows a log: alarms as JSON lines on stdout, windows as talk on stderr; 1 at the first
    alarm under --fail-on."""
    from auditor.audits.logs.follow import follow as followed
    from auditor.audits.logs.run import calibration_for

    calibration = calibration_for(plan, folder / CALIBRATION)
    with WorkFolder(folder, "another scan follows a log in this folder").held():
        while True:
            for window in followed(plan, calibration, folder):
                say(
                    f"{window.began:%Y-%m-%d %H:%M}: {window.rows:,} requests of"
                    f" {window.accounts:,} judged accounts, {len(window.alarms)} told"
                )
                if window.log10_departed > 2:
                    say("the traffic as a whole has left its calibration: calibrate anew")
                for alarm in window.alarms:
                    put(alarm.model_dump_json())
                if window.alarms and fail_on is not None:
                    return 1
            if every is None:
                return 0
            time.sleep(every)


def _plan(log: tuple[str, ...], folder: Path, flags: dict[str, Any]) -> ScanPlan:
    from auditor.audits.logs.private import salt_beside, salt_of

    given = [f for f in ("benign", "benign_until", "calibration") if flags[f]]
    if len(given) > 1:
        told = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageProblem(f"{told} contradict each other", next_step="give one of them")
    if flags["window"] and (flags["calibration"] or not given):
        raise UsageProblem(
            "a calibration has its own windows",
            where="--window",
            next_step="leave --window out, or give benign traffic",
        )
    if flags["salt"] and not flags["private"]:
        raise UsageProblem("a salt is for --private only", where="--salt")
    salt = None
    if flags["private"]:
        salt = salt_of(Path(flags["salt"]) if flags["salt"] else salt_beside(folder))
    window, until = flags["window"], flags["benign_until"]
    return ScanPlan(
        log=_read_as(log, flags),
        benign=_benign(flags),
        benign_until=parse_date(until) if until else None,
        calibration=flags["calibration"],
        seconds=WINDOWS[window] if window else None,
        level=flags["level"],
        noticed_at=flags["noticed_at"],
        salt=salt,
        **_room(flags),
    )


def _read_as(log: tuple[str, ...], flags: dict[str, Any]) -> LogInput:
    return LogInput(log, parse_map(flags["mapping"]), flags["preset"])


def _room(flags: dict[str, Any]) -> dict[str, Any]:
    """How much memory, how many cores and which disk a log may take."""
    return {name: flags[name] for name in ("memory_gb", "threads", "spill")}


def _benign(flags: dict[str, Any]) -> LogInput | None:
    if not flags["benign"]:
        if flags["benign_map"]:
            raise UsageProblem("there is no benign log to map", where="--benign-map")
        return None
    if flags["benign_map"]:
        return LogInput(flags["benign"], parse_map(flags["benign_map"]))
    return _read_as(flags["benign"], flags)


def _say_what_was_read(record: Any) -> None:
    log = record.log
    if log.preset is not None and log.preset != "canonical":
        told = ", ".join(f"{c}={p}" for c, p in log.columns.items())
        say(f"read as {log.preset}: {told}")
    rows = log.rows
    say(f"{rows.read:,} rows read, {rows.usable:,} usable, of {log.n_accounts:,} accounts")


@logs.command(short_help="Take out what a unit of a scan was served.")
@click.argument("log", nargs=-1, required=True)
@click.option("--scan", "folder", metavar="DIR", required=True, help="The folder of a scan.")
@click.option(
    "--cluster",
    "units",
    metavar="IDS",
    required=True,
    help="Its units or families, such as u1, or u1,f1.",
)
@click.option("--out", metavar="FILE", default="served.jsonl", show_default=True, help="The file.")
@click.option("--salt", metavar="FILE", help="The salt of a private scan.  [default: SCAN.salt]")
@reading_options
def select(
    log: tuple[str, ...], folder: str, units: str, out: str, salt: str | None, **flags: Any
) -> int:
    """Take out of LOG what the accounts of some units were served: canonical columns as JSONL,
    which `auditor harvest SUSPECT --log` takes.

    \b
    Example:
      auditor logs select logs/ --scan scan/ --cluster u1 --out served.jsonl
    """
    from auditor.audits.logs.folder import accounts_of
    from auditor.audits.logs.private import salt_beside, salt_of
    from auditor.audits.logs.select import select as selected

    accounts = accounts_of(Path(folder), [u for u in units.split(",") if u])
    key = Path(salt) if salt else salt_beside(Path(folder))
    held = salt_of(key) if accounts[0].hashed and key.exists() else None
    made = selected(_read_as(log, flags), accounts, Path(out), held, **_room(flags))
    say(f"written: {made.rows:,} rows of {made.accounts:,} accounts in {out}")
    for path in made.cut_files:
        say(f"{path} ends in the middle of its packing: it was read as far as it goes")
    if made.without_answer:
        say(f"{made.without_answer:,} of the rows have no answer; `auditor harvest` needs one")
    return 0


@logs.command(short_help="Learn what benign traffic is like.")
@click.argument("log", nargs=-1, required=True)
@click.option("--out", metavar="FILE", default=CALIBRATION, show_default=True, help="The file.")
@click.option("--simulated", is_flag=True, help="The log is made up: say so in every report.")
@click.option("--window", type=click.Choice(list(WINDOWS)), help="Length of a window.")
@reading_options
def calibrate(
    log: tuple[str, ...], out: str, simulated: bool, window: str | None, **flags: Any
) -> int:
    """Learn from LOG, which is taken as benign, what ordinary traffic is like, for scans of others.

    \b
    Example:
      auditor logs calibrate 'october/*.parquet' --out october.json
      auditor logs scan november/ --calibration october.json
    """
    from auditor.audits.logs.run import calibrate as calibrated

    seconds = WINDOWS[window] if window else None
    plan = ScanPlan(log=_read_as(log, flags), seconds=seconds, **_room(flags))
    source = ", ".join(Path(argument).name for argument in log[:3])
    with progress_on("reading") as progress:
        made = calibrated(plan, simulated, source, progress)
    write_calibration(Path(out), made)
    say(f"written: {out}, of {made.n_units:,} benign units beside {made.n_fitted:,} for the scale")
    return 0

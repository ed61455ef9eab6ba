"""`auditor fleet`: many suspects by many audits, in one plan that is resumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from auditor.commands.custody import OPERATOR
from auditor.commands.executing import EXECUTOR, ExecutorName, jobs_option, one_a_core
from auditor.commands.options import AS_JSON, dry_run, out_folder
from auditor.commands.secrets_in import refuse_secrets
from auditor.console import progress_on, put, put_json, say
from auditor.fleet.forecast import forecast
from auditor.fleet.pages import STATES
from auditor.fleet.plan import FleetPlan, read_fleet
from auditor.fleet.records import FleetReport
from auditor.fleet.run import foreseen, run_fleet
from fingerprints.errors import Incomplete, printable
from fingerprints.plain_yaml import plain_yaml

STANDS = 1


@click.command()
@click.argument("plan_file", metavar="FLEET.yaml")
@out_folder("Folder of the fleet: its reports, its table, its page.", "fleet")
@EXECUTOR
@jobs_option("default: one a core; as many as a cluster has room for")
@click.option(
    "--fail-on-stands",
    is_flag=True,
    help="Exit with 1 where anything stands in the fleet.",
)
@OPERATOR
@dry_run("Print who will be asked what, and how long that takes; ask nothing.")
@AS_JSON
def fleet(
    plan_file: str,
    out: str,
    executor: ExecutorName,
    jobs: int | None,
    fail_on_stands: bool,
    operator: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Examine every suspect of FLEET.yaml by every audit of it, against every store and calibration
    that it names.

    Each suspect is asked once for all of its audits; whoever fails stops nobody else. The same
    command goes on after a kill, tries again what failed, and judges again only what a changed
    plan, store, calibration or model bears on. Paths in the file begin where it lies; keys come
    from the environment only (docs/fleet.md).

    \b
    Examples:
      auditor fleet fleet.yaml --dry-run
      auditor fleet fleet.yaml --out fleet/ --jobs 4
      RAY_ADDRESS=auto auditor fleet fleet.yaml --executor ray --out /shared/fleet/

    \b
    A file:
      format: fleet/1
      name: spring
      suspects:
        - {name: alpha, spec: ./alpha.gguf, vendor: Acme}
        - {name: beta, spec: "openai:beta,base_url=http://localhost:8000/v1", claimed: ./beta}
      audits:
        - {name: answers, kind: inheritance, stores: [bundled, ./teachers]}
        - {name: weights, kind: lineage, with: {bases: [./base-a, ./base-b]}}
        - {name: claims, kind: service}

    Exits with 6 where an audit failed: what the others gave is kept. With --fail-on-stands, 1 where
    anything stands, also beside a failure, which stderr tells: what is found is not put off by an
    endpoint that is down.
    """
    path = Path(plan_file)
    plan = checked_fleet(path)
    if dry_run:
        return _dry_run(plan, path, Path(out), as_json)
    with (
        one_a_core(executor, jobs).opened(Path(out)) as doing,
        progress_on("fleet") as progress,
    ):
        report = run_fleet(plan, path, Path(out), doing, progress, operator)
    _tell(report, Path(out), as_json)
    return exit_code(report, fail_on_stands)


def exit_code(report: FleetReport, fail_on_stands: bool) -> int:
    """1 where anything stands and that is asked for; else 6 where an audit failed; else 0. Where
    both are so, the failures are said: they were not counted among so many."""
    failed = sum(cell.state == "failed" for cell in report.cells)
    if fail_on_stands and any(family.standing for family in report.families):
        if failed:
            say(
                f"{failed} audits failed and do not count among so many: once they are done, more"
                " or less may stand. The same command tries them again."
            )
        return STANDS
    return Incomplete.exit_code if failed else 0


def checked_fleet(path: Path) -> FleetPlan:
    """The fleet of a file that holds no secret. Raises MalformedInput and UnsafeInput."""
    plan = read_fleet(path)
    refuse_secrets(plain_yaml(path.read_text("utf-8")), path)
    return plan


def _dry_run(plan: FleetPlan, path: Path, out: Path, as_json: bool) -> int:
    home = path.resolve().parent
    told = forecast(*foreseen(plan, path, home, out.absolute()), home)
    if as_json:
        put_json({"plan": plan.model_dump(mode="json", by_alias=True), **told.model_dump()})
    else:
        put("\n".join(printable(line, 400) for line in told.lines()))
    return 0


def _tell(report: FleetReport, out: Path, as_json: bool) -> None:
    if as_json:
        put_json(report.model_dump(mode="json", by_alias=True))
    else:
        put("\n".join(_lines(report)))
    say(f"written: {out / 'index.html'}, {out / 'table.jsonl'} and {out / 'fleet.json'}")


def _lines(report: FleetReport) -> Iterator[str]:
    states = Counter(cell.state for cell in report.cells)
    yield ", ".join(f"{states[state]} {told}" for state, told in STATES.items() if states[state])
    for family in report.families:
        yield (
            f"{family.name}: of {family.n} verdicts {family.supported} found by their reports,"
            f" {family.standing} standing at {report.plan.false_discoveries:.0%} false discoveries"
        )
    for cell in report.cells:
        if cell.state == "failed":
            told = f"{cell.suspect}, {cell.audit}: exit code {cell.exit_code}: {cell.reason}"
            step = f". Next: {cell.next_step}" if cell.next_step else ""
            yield printable(f"{told}{step}", 400)
    if report.since:
        yield f"{len(report.changes)} changes since {report.since}"

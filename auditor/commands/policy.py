"""`auditor policy`: what a hosted service declines that the same weights answer at home, by
topic and language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import cost_of
from auditor.audits.policy.audit import policy_audit
from auditor.audits.policy.plan import PolicyPlan
from auditor.audits.report.bundle import ready_folder
from auditor.commands.audits import cost_lines, show_plan, tell
from auditor.commands.custody import custody_options, kept
from auditor.commands.documents import FULL
from auditor.commands.options import (
    AS_JSON,
    DRY_RUN,
    FORCE,
    OUT,
    placed_too,
    sampling_options,
    sampling_values,
)
from auditor.console import progress_on


@click.command()
@click.argument("hosted")
@click.argument("local")
@click.option(
    "--also",
    metavar="SPEC",
    help="A third model, such as a distilled student of the service: a three-way table.",
)
@OUT
@click.option("--topics", metavar="NAMES", help="Only these topics, comma-separated.")
@click.option("--languages", metavar="CODES", help="Only these languages, comma-separated.")
@sampling_options
@custody_options
@FORCE
@DRY_RUN
@FULL
@AS_JSON
def policy(
    hosted: str, local: str, out: str, force: bool, dry_run: bool, as_json: bool, **flags: Any
) -> int:
    """What does the service HOSTED decline that the weights LOCAL answer, and the reverse?

    Asks both the bundled set `policy`: lawful questions on sensitive matters of many jurisdictions,
    each with a harmless twin of the same form, in eight languages. What the service declines and
    the same weights answer is done in front of the model; what both decline is in the weights.
    Nothing asks for harmful detail.

    \b
    Examples:
      auditor policy openai:NAME,base_url=https://api.example.com/v1 hf:org/weights --out policy/
      auditor policy openai:NAME,base_url=http://localhost:8000/v1 ./model.gguf \\
          --topics protest,elections --languages en,zh
      auditor policy hosted.jsonl local.jsonl --also student.jsonl

    An interrupted audit goes on where it stopped when the same command is run again.
    """
    plan = _plan(hosted, local, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    with progress_on("opening") as progress:
        report = policy_audit(plan, folder, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    return 0


def _plan(hosted: str, local: str, flags: dict[str, Any]) -> PolicyPlan:
    sampling = sampling_values(
        flags["temperature"], flags["samples"], flags["max_tokens"], flags["seed"]
    )
    also, place = flags["also"], (flags["device"], flags["dtype"])
    return PolicyPlan.make(
        {
            "hosted": placed_too(hosted, *place),
            "local": placed_too(local, *place),
            "also": None if also is None else placed_too(also, *place),
            "topics": _names(flags["topics"]),
            "languages": _names(flags["languages"]),
            "sampling": sampling,
        }
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _dry_run(plan: PolicyPlan, as_json: bool) -> int:
    sets = [plan.probe_set()]
    costs = {role: cost_of(spec, sets, plan.sampling) for role, spec in plan.specs.items()}
    lines = [line for role, cost in costs.items() for line in cost_lines(cost, role)]
    return show_plan(plan, as_json, {"estimates": costs}, lines)

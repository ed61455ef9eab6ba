"""`auditor policy`: what a hosted service declines that the same weights answer at home, by
topic and language."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from auditor.audits.policy.audit import FILES, policy_audit
from auditor.audits.policy.plan import PolicyPlan
from auditor.commands.options import AS_JSON, placed, sampling_options, sampling_values
from auditor.console import progress_steps, put, put_json, say
from auditor.reporting import render, terminal
from auditor.reporting.bundle import ready_folder, write_bundle
from auditor.reporting.report import report_document
from fingerprints.records import Sampling
from fingerprints.subjects.spec import parse_spec


@click.command()
@click.argument("hosted")
@click.argument("local")
@click.option(
    "--also",
    metavar="SPEC",
    help="A third model, such as a distilled student of the service: a three-way table.",
)
@click.option(
    "--out", metavar="DIR", default="report", show_default=True, help="Folder of the report bundle."
)
@click.option("--topics", metavar="NAMES", help="Only these topics, comma-separated.")
@click.option("--languages", metavar="CODES", help="Only these languages, comma-separated.")
@sampling_options
@click.option(
    "--force", is_flag=True, help="Write into a folder that holds other files (they stay)."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and what it costs; ask nothing.")
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
      auditor policy openai:NAME,base_url=http://localhost:8000/v1 ./model.gguf --topics
      protest,elections --languages en,zh
      auditor policy hosted.jsonl local.jsonl --also student.jsonl

    An interrupted audit goes on where it stopped when the same command is run again.
    """
    plan = _plan(hosted, local, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    steps = ("opening", *(f"asking {spec}"[:60] for spec in plan.specs.values()))
    with progress_steps(*steps) as (_, *asking):
        report = policy_audit(plan, folder, dict(zip(plan.specs, asking, strict=True)))
    write_bundle(report, folder / FILES["hosted"], plan.to_yaml(), folder, force=force)
    if as_json:
        put(render(report_document(report), "json"))
    else:
        terminal.write(report_document(report), sys.stdout)
    say(f"written: {folder / 'report.html'} and {folder / 'report.json'}")
    return 0


def _plan(hosted: str, local: str, flags: dict[str, Any]) -> PolicyPlan:
    sampling = sampling_values(
        flags["temperature"], flags["samples"], flags["max_tokens"], flags["seed"]
    )
    also = flags["also"]
    plan = PolicyPlan(
        hosted=_placed(hosted, flags),
        local=_placed(local, flags),
        also=None if also is None else _placed(also, flags),
        topics=_names(flags["topics"]),
        languages=_names(flags["languages"]),
        sampling=Sampling.model_validate(sampling),
    )
    plan.probe_set()
    return plan


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _placed(spec: str, flags: dict[str, Any]) -> str:
    """A spec, placed by --device and --dtype where it is a model that runs here."""
    here = parse_spec(spec).scheme in ("hf", "gguf")
    return placed(spec, flags["device"], flags["dtype"]) if here else spec


def _dry_run(plan: PolicyPlan, as_json: bool) -> int:
    costs = {
        role: {"questions": 0, "basis": "a recording is not asked anything"}
        if cost is None
        else cost.model_dump(mode="json")
        for role, cost in plan.estimates().items()
    }
    if as_json:
        put_json({"plan": plan.model_dump(mode="json", exclude_none=True), "estimates": costs})
        return 0
    put(plan.to_yaml())
    for role, cost in costs.items():
        put("\n".join(f"# {role} {key.replace('_', ' ')}: {value}" for key, value in cost.items()))
    return 0

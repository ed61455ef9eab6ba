"""`auditor audit`: observe a suspect, judge it against a store, write the report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from auditor.audits.inheritance.audit import open_store, run
from auditor.audits.inheritance.base_model import base_spec, reads_base
from auditor.audits.plan import Plan, estimate, make_plan, parse_probes, read_plan
from auditor.audits.size import parameters_of
from auditor.commands.options import AS_JSON, PROBES, placed, sampling_options, sampling_values
from auditor.console import progress_steps, put, put_json, say
from auditor.evidence.records import Report
from auditor.evidence.weight import LEVELS, reaches
from auditor.reporting import render, terminal
from auditor.reporting.bundle import ready_folder, write_bundle
from auditor.reporting.report import report_document
from fingerprints.errors import printable
from fingerprints.subjects.spec import parse_spec


@click.command()
@click.argument("spec", required=False)
@click.option(
    "--store",
    "store_dir",
    metavar="DIR",
    envvar="AUDITOR_STORE",
    help="Store of teachers. Default: the bundled one.",
)
@click.option(
    "--base",
    metavar="SPEC",
    help="The model that the suspect was tuned from; asked the same, to be differenced.",
)
@click.option(
    "--bases",
    "bases",
    multiple=True,
    metavar="SPEC|DIR",
    help=(
        "Compare the suspect's weights with this model's, or a store of `auditor bases`; may be"
        " repeated."
    ),
)
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="NAME=SPEC",
    help="Open this stored model for scoring; may be repeated.",
)
@click.option(
    "--scores",
    metavar="FILE",
    help="A scores.jsonl recorded before, for models that are not at hand any more.",
)
@click.option(
    "--out", metavar="DIR", default="report", show_default=True, help="Folder of the report bundle."
)
@click.option("--plan", "plan_file", metavar="FILE", help="A plan.yaml to run; flags win over it.")
@PROBES
@click.option(
    "--detectors",
    metavar="NAMES",
    help="Comma-separated; see `auditor detectors`. Default: the quick ones.",
)
@click.option(
    "--calibration",
    metavar="FILE",
    help="What `auditor calibrate` wrote; none: no verdicts. Default: a shipped one that applies.",
)
@click.option(
    "--sequential",
    is_flag=True,
    help="Ask until it is enough either way; the report tells how many questions it saved.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0001, 0.4999),
    default=0.05,
    show_default=True,
    help="Of --sequential: chance of any error.",
)
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="NAME",
    help="Only this stored model; may be repeated.",
)
@sampling_options
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    help="Exit with 1 when a verdict is supported at this level or above.",
)
@click.option(
    "--force", is_flag=True, help="Write into a folder that holds other files (they stay)."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and what it costs; ask nothing.")
@AS_JSON
def audit(
    spec: str | None,
    out: str,
    fail_on: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Audit SPEC (or the plan's suspect) and write an evidence report.

    \b
    SPEC is one string:
      ./model.gguf                                   a GGUF file
      ./checkpoint/                                  a transformers folder (safetensors)
      hf:org/name,revision=main,dtype=bfloat16       a hub model
      hf:./base,adapter=./lora                       a base with a PEFT adapter
      openai:NAME,base_url=http://localhost:8000/v1  an OpenAI-compatible endpoint
      answers.jsonl                                  recorded answers (AlpacaEval, chat JSONL, …)

    \b
    Examples:
      auditor audit ./model.gguf
      auditor audit answers.jsonl --store teachers/ --out report/
      auditor audit hf:org/name --probes quick --dry-run

    An interrupted audit goes on where it stopped when the same command is run again.
    """
    plan = _plan(spec, plan_file=flags.pop("plan_file"), flags=flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    steps = (
        "opening the suspect",
        "asking the suspect",
        "comparing weights",
        "asking the base",
        "scoring texts",
        "comparing with stored models",
    )
    with progress_steps(*steps) as (_, asking, reading, asking_base, scoring, judging):
        report = run(plan, folder, asking, judging, asking_base, scoring, reading)
    write_bundle(report, folder / "transcript.jsonl", plan.to_yaml(), folder, force=force)
    _tell(report, folder, as_json)
    return 1 if fail_on is not None and reaches(report.verdicts, fail_on) else 0


def _plan(spec: str | None, plan_file: str | None, flags: dict[str, Any]) -> Plan:
    changes = _changes(spec, flags)
    sampling = sampling_values(
        flags["temperature"], flags["samples"], flags["max_tokens"], flags["seed"]
    )
    if plan_file is not None:
        base = read_plan(Path(plan_file), changes)
        merged = {**base.sampling.model_dump(), **sampling}
        return make_plan({**base.model_dump(mode="json"), "sampling": merged})
    if spec is None:
        raise click.UsageError("Missing argument 'SPEC' (or --plan FILE)")
    return make_plan({**changes, "sampling": sampling})


def _changes(spec: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The plan's fields that were given as flags."""
    plain = {"scores": "scores", "store_dir": "store", "calibration": "calibration"}
    changes = {field: flags[flag] for flag, field in plain.items() if flags[flag]}
    device, dtype = flags["device"], flags["dtype"]
    if spec is not None:
        changes["suspect"] = placed(spec, device, dtype)
    if flags["base"]:
        changes["base"] = _placed_too(flags["base"], device, dtype)
    if flags["bases"]:
        changes["bases"] = list(flags["bases"])
    if flags["teachers"]:
        changes["teachers"] = {
            n: _placed_too(s, device, dtype) for n, s in map(_opened, flags["teachers"])
        }
    if flags["probes"]:
        changes["probes"] = [c.model_dump(mode="json") for c in parse_probes(flags["probes"])]
    if flags["detectors"]:
        changes["detectors"] = [
            name.strip() for name in flags["detectors"].split(",") if name.strip()
        ]
    if flags["candidates"]:
        changes["candidates"] = list(flags["candidates"])
    if flags["sequential"]:
        changes["sequential"] = flags["alpha"]
    return changes


def _opened(text: str) -> tuple[str, str]:
    name, equals, spec = text.partition("=")
    if not (name and equals and spec):
        raise click.UsageError("--teacher is written NAME=SPEC, with the name of a stored model")
    return name, spec


def _placed_too(spec: str, device: str | None, dtype: str | None) -> str:
    """Another model's spec, placed like the suspect's where it is a model that runs here."""
    return placed(spec, device, dtype) if parse_spec(spec).scheme in ("hf", "gguf") else spec


def _dry_run(plan: Plan, as_json: bool) -> int:
    with open_store(plan.store) as store:
        names = [t.name for t in store.teachers()]
    costs = {"estimate": _cost(plan, plan.suspect)}
    base = base_spec(plan)
    if base is not None and (base[1] == "user" or reads_base(plan.detectors)):
        costs["base"] = {"spec": base[0], "origin": base[1], **_cost(plan, base[0])}
    if as_json:
        put_json(
            {"plan": plan.model_dump(mode="json", exclude_none=True), **costs, "candidates": names}
        )
        return 0
    put(plan.to_yaml())
    put(f"# candidates: {', '.join(names)}")
    if plan.bases:
        put(
            f"# weights compared with: {printable(', '.join(plan.bases), 400)} (files are read;"
            " nobody is asked for it)"
        )
    for who, cost in costs.items():
        label = "" if who == "estimate" else f"{who} "
        put("\n".join(f"# {label}{key.replace('_', ' ')}: {value}" for key, value in cost.items()))
    return 0


def _cost(plan: Plan, spec: str) -> dict[str, Any]:
    parsed = parse_spec(spec)
    if parsed.scheme == "recording":
        return {"questions": 0, "basis": "a recording is not asked anything"}
    return estimate(plan, parameters_of(parsed)).model_dump(mode="json")


def _tell(report: Report, folder: Path, as_json: bool) -> None:
    if as_json:
        put(render(report_document(report), "json"))
    else:
        terminal.write(report_document(report), sys.stdout)
    say(f"written: {folder / 'report.html'} and {folder / 'report.json'}")

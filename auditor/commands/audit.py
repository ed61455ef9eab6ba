"""`auditor audit`: observe a suspect, judge it against a store, write the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import cost_of
from auditor.audits.frame import open_store
from auditor.audits.inheritance.audit import run
from auditor.audits.inheritance.base_model import base_spec, reads_base
from auditor.audits.inheritance.candidates import named_models
from auditor.audits.inheritance.foreseen import foreseen
from auditor.audits.inheritance.kinship import slip_of
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import shelf
from auditor.audits.lineage.run import path_in
from auditor.audits.plan import BUNDLED
from auditor.audits.report.bundle import ready_folder
from auditor.calibration.case import NONE, SHIPPED, check_choice
from auditor.commands.audits import cost_lines, exit_code, show_plan, tell
from auditor.commands.completion import detectors, stored_models
from auditor.commands.configured import without_file
from auditor.commands.custody import custody_options, kept
from auditor.commands.documents import FULL
from auditor.commands.options import (
    AS_JSON,
    DRY_RUN,
    FAIL_ON,
    FORCE,
    OUT,
    PROBES,
    placed,
    placed_too,
    read_as,
    recording_choices,
    recording_options,
    sampling_options,
    sampling_values,
    store_folder,
)
from auditor.console import progress_on, say
from detectors.text.makers import using_makers
from detectors.text.vendors import vendor_slug
from fingerprints.address import is_address
from fingerprints.errors import MalformedInput, printable
from fingerprints.probes import parse_probes
from fingerprints.subjects.spec import parse_spec


@click.command()
@click.argument("spec", required=False)
@store_folder("Store of teachers. Default: the bundled one.")
@click.option(
    "--base",
    metavar="SPEC",
    help="The model that the suspect was tuned from; asked the same, to be differenced.",
)
@click.option("--vendor", metavar="NAME", help="Who makes the suspect, where you know it.")
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
@OUT
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    help="A plan.yaml to run, from where it was run first; flags win over it.",
)
@PROBES
@click.option(
    "--detectors",
    metavar="NAMES",
    shell_complete=detectors,
    help="Comma-separated; see `auditor detectors`. Default: the quick ones.",
)
@click.option(
    "--calibration",
    metavar="FILE",
    help="What `auditor calibrate` wrote; none: no verdicts. Default: a shipped one that applies.",
)
@click.option(
    "--vendors",
    metavar="FILE",
    help="Further makers of models and names for them (TOML); see docs/vendors.md.",
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
    shell_complete=stored_models,
    help="Only this stored model and its maker's others; may be repeated.",
)
@click.option(
    "--all-candidates",
    is_flag=True,
    help="Look at every model of a large store in full; the cost grows with its square.",
)
@recording_options
@sampling_options
@FAIL_ON
@custody_options
@FORCE
@DRY_RUN
@FULL
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
      anthropic:NAME, responses:NAME, gemini:NAME    other services, by their own APIs
      azure:DEPLOYMENT,base_url=https://NAME.openai.azure.com
      bedrock:ID,region=us-east-1
      vllm:./checkpoint                              a checkpoint, run by vLLM on a GPU
      acme.sheet.json                                a filled sheet of `auditor questions`
      answers.jsonl, .csv, .parquet, .eval, .har, …  recorded answers (docs/formats.md)
      hf://datasets/org/name/file.parquet            recorded answers on a hub

    \b
    Examples:
      auditor audit ./model.gguf
      auditor audit answers.jsonl --store teachers/ --out report/
      auditor audit table.csv --map prompt=question,answer=reply
      auditor audit hf:org/name --probes quick --dry-run
      ANTHROPIC_API_KEY=… auditor audit anthropic:NAME,tokens=200000 --out report/

    Keys come from the environment only. What a server would not take as it was planned (a
    temperature, a system prompt) is sent otherwise, and said in the report.

    An interrupted audit goes on where it stopped when the same command is run again.
    """
    plan = _plan(spec, plan_file=flags.pop("plan_file"), flags=flags)
    _warn_of_slip(plan)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    with progress_on("opening the suspect") as progress:
        report = run(plan, folder, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    return exit_code(report, fail_on)


def _warn_of_slip(plan: Plan) -> None:
    """Says before anything is asked that the suspect's maker looks misspelt."""
    if not plan.vendor:
        return
    with using_makers(plan.makers()):
        if vendor_slug(plan.vendor) is not None:
            return
        with open_store(plan.store) as store:
            for told in slip_of(plan.vendor, store.teachers()):
                say(told)


def _plan(spec: str | None, plan_file: str | None, flags: dict[str, Any]) -> Plan:
    if plan_file is not None:
        # What is in a plan was said for this audit, what is in a configuration file for any.
        plain = without_file(click.get_current_context())
        if plain.keys() & flags.keys():
            say("--plan: what the configuration file sets of an audit is passed over")
        flags = {**flags, **plain}
    changes = _changes(spec, flags)
    sampling = sampling_values(
        flags["temperature"], flags["samples"], flags["max_tokens"], flags["seed"]
    )
    if plan_file is not None:
        base = Plan.read(Path(plan_file), changes)
        merged = {**base.sampling.model_dump(), **sampling}
        plan = Plan.make({**base.model_dump(mode="json"), "sampling": merged})
        _refuse_missing(plan, plan_file)
        return plan
    if spec is None:
        raise click.UsageError("Missing argument 'SPEC' (or --plan FILE)")
    return Plan.make({**changes, "sampling": sampling})


def _refuse_missing(plan: Plan, file: str) -> None:
    """Raises MalformedInput where a path that the plan names is not there: relative ones begin
    where the audit was run first, which may be another folder."""
    elsewhere = plan.store == BUNDLED or is_address(plan.store)
    named = (plan.scores, None if elsewhere else plan.store)
    calibration = None if plan.calibration in (SHIPPED, NONE) else plan.calibration
    models = (plan.suspect, plan.base, *plan.bases, *plan.teachers.values())
    places = [*named, calibration, *(path_in(spec) for spec in models if spec)]
    missing = next((p for p in places if p and not Path(p).expanduser().exists()), None)
    if missing is not None:
        begins = "" if Path(missing).is_absolute() else f" from here, {Path.cwd()}"
        raise MalformedInput(
            f"the plan names {printable(missing, 80)!r}, which is not there{begins}",
            where=printable(file, 80),
            next_step="run it from the folder in which the audit was run first, or give the flag"
            " with another path",
        )


def _changes(spec: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The plan's fields that were given as flags."""
    plain = {
        "scores": "scores",
        "store_dir": "store",
        "calibration": "calibration",
        "vendor": "vendor",
        "vendors": "vendors",
    }
    changes = {field: flags[flag] for flag, field in plain.items() if flags[flag]}
    device, dtype = flags["device"], flags["dtype"]
    if spec is not None:
        told = recording_choices(flags["mapping"], flags["requests"], flags["allow_partial"])
        changes["suspect"] = placed(read_as(spec, told), device, dtype)
    if flags["base"]:
        changes["base"] = placed_too(flags["base"], device, dtype)
    if flags["bases"]:
        changes["bases"] = list(flags["bases"])
    if flags["teachers"]:
        changes["teachers"] = {
            n: placed_too(s, device, dtype) for n, s in map(_opened, flags["teachers"])
        }
    if flags["probes"]:
        changes["probes"] = [c.model_dump(mode="json") for c in parse_probes(flags["probes"])]
    if flags["detectors"]:
        changes["detectors"] = [
            name.strip() for name in flags["detectors"].split(",") if name.strip()
        ]
    if flags["candidates"]:
        changes["candidates"] = list(flags["candidates"])
    if flags["all_candidates"]:
        changes["all_candidates"] = True
    if flags["sequential"]:
        changes["sequential"] = flags["alpha"]
    return changes


def _opened(text: str) -> tuple[str, str]:
    name, equals, spec = text.partition("=")
    if not (name and equals and spec):
        raise click.UsageError("--teacher is written NAME=SPEC, with the name of a stored model")
    return name, spec


def _dry_run(plan: Plan, as_json: bool) -> int:
    check_choice(plan.calibration)
    with open_store(plan.store) as store:
        models = shelf(store, plan)
        names = named_models(models, plan) or list(models.records)
        recorded = parse_spec(plan.suspect).kind.recorded
        with using_makers(plan.makers()):
            measurable = foreseen(plan, models) if recorded else None
    sets = plan.probe_sets()
    costs = {"estimate": cost_of(plan.suspect, sets, plan.sampling)}
    base = base_spec(plan)
    if base is not None and (base[1] == "user" or reads_base(plan.detectors)):
        cost = cost_of(base[0], sets, plan.sampling)
        costs["base"] = {"spec": base[0], "origin": base[1], **cost}
    lines = [f"candidates: {', '.join(names)}"]
    if plan.bases:
        bases = printable(", ".join(plan.bases), 400)
        lines.append(f"weights compared with: {bases} (files are read; nobody is asked for it)")
    for who, cost in costs.items():
        lines += cost_lines(cost, "" if who == "estimate" else who)
    told: dict[str, Any] = {**costs, "candidates": names}
    if measurable is not None:
        told["measurable"] = measurable.model_dump(mode="json")
        lines += [printable(line, 400) for line in measurable.lines()]
    return show_plan(plan, as_json, told, lines)

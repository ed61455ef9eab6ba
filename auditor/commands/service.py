"""`auditor service`: is this endpoint serving the model that it claims?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from auditor.audits.plan import estimate, parse_probes
from auditor.audits.service.asking import ENDPOINT, Steps
from auditor.audits.service.audit import service_audit
from auditor.audits.service.plan import ServicePlan, make_service_plan
from auditor.audits.service.power import Size, statement
from auditor.audits.size import parameters_of
from auditor.commands.options import AS_JSON
from auditor.console import progress_steps, put, put_json, say
from auditor.evidence.records import Report
from auditor.reporting import render, terminal
from auditor.reporting.bundle import ready_folder, write_bundle
from auditor.reporting.report import report_document
from fingerprints.subjects.spec import parse_spec


@click.command()
@click.argument("claimed")
@click.argument("endpoint")
@click.option(
    "--out", metavar="DIR", default="report", show_default=True, help="Folder of the report bundle."
)
@click.option(
    "--questions",
    type=click.IntRange(8),
    help="At most so many questions. Default: all of the probe set, 64.",
)
@click.option(
    "--samples",
    type=click.IntRange(2, 100),
    help="Answers of the endpoint to a question. Default 4.",
)
@click.option(
    "--reference-samples",
    type=click.IntRange(2, 200),
    help="Answers of the claimed model. Default 8.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0001, 0.4999),
    help="Chance of calling a true claim different. Default 0.01.",
)
@click.option(
    "--sequential/--all",
    default=True,
    show_default=True,
    help="End asking once a difference is evident, or ask all.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 5),
    help="Default 1, or that of recorded answers of CLAIMED.",
)
@click.option(
    "--max-tokens", type=click.IntRange(1, 32768), help="Cap on every answer. Default 24."
)
@click.option("--seed", type=int, help="Seed of sampling and of relabelling. Default 0.")
@click.option(
    "--probes",
    metavar="SETS",
    help="Other questions than the set service: sets, or YAML files of your own.",
)
@click.option(
    "--store",
    metavar="DIR",
    envvar="AUDITOR_STORE",
    help="Stored models that it could be instead; bundled: ours. Asks more.",
)
@click.option(
    "--identify",
    type=click.IntRange(20, 500),
    help="With --store: questions that identify. Default 24.",
)
@click.option(
    "--fail-on-difference", is_flag=True, help="Exit with 1 when the answers are different."
)
@click.option(
    "--force", is_flag=True, help="Write into a folder that holds other files (they stay)."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and what it costs; ask nothing.")
@AS_JSON
def service(
    claimed: str,
    endpoint: str,
    out: str,
    fail_on_difference: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Does ENDPOINT serve the model CLAIMED? Compares repeated short answers of both to the same
    questions.

    CLAIMED is what you hold of the model: weights (a GGUF file, a folder, hf:…) or recorded answers
    with several samples to a question. ENDPOINT is any subject; a budget goes into its spec
    (tokens=, cost=). The answer is "different", "no difference found at this size" with what that
    size could have seen, or "inconclusive". A temperature, a system prompt or a quantisation of its
    own differs like another model.

    \b
    Examples:
      auditor service ./model.gguf openai:NAME,base_url=http://localhost:8000/v1
      auditor service hf:org/name openai:NAME,base_url=https://host/v1,tokens=50000 --store bundled
      --out service/
      auditor service reference.jsonl openai:NAME,base_url=http://localhost:8000/v1 --all
      --fail-on-difference

    Killed anywhere, the same command goes on, and asks only what was not answered.
    """
    plan = _plan(claimed, endpoint, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    labels = (
        "opening",
        "asking the claimed model",
        "asking the endpoint",
        "scoring answers",
        "asking who else it may be",
    )
    with progress_steps(*labels) as (_, reference, asking, scoring, identifying):
        report = service_audit(plan, folder, Steps(reference, asking, scoring, identifying))
    write_bundle(report, folder / ENDPOINT, plan.to_yaml(), folder, force=force)
    _tell(report, folder, as_json)
    different = report.service is not None and report.service.decision == "different"
    return 1 if fail_on_difference and different else 0


def _plan(claimed: str, endpoint: str, flags: dict[str, Any]) -> ServicePlan:
    given = {name: value for name, value in flags.items() if value is not None}
    if "probes" in given:
        given["probes"] = [c.model_dump(mode="json") for c in parse_probes(given["probes"])]
    return make_service_plan({"claimed": claimed, "endpoint": endpoint, **given})


def _dry_run(plan: ServicePlan, as_json: bool) -> int:
    costs = {"claimed": _cost(plan, "claimed"), "endpoint": _cost(plan, "endpoint")}
    questions = sum(len(s.probes) for s in plan.probe_sets())
    power = statement(
        Size(questions, plan.samples, plan.reference_samples, plan.longest, plan.alpha)
    )
    if as_json:
        put_json(
            {
                "plan": plan.model_dump(mode="json", exclude_none=True),
                "costs": costs,
                "power": power,
            }
        )
        return 0
    put(plan.to_yaml())
    for who, cost in costs.items():
        put("\n".join(f"# {who} {key.replace('_', ' ')}: {value}" for key, value in cost.items()))
    if plan.store is not None:
        put(
            f"# and {plan.identify} longer answers of either side, to identify it among stored"
            " models"
        )
    put(f"# {power}")
    return 0


def _cost(plan: ServicePlan, who: Any) -> dict[str, Any]:
    parsed = parse_spec(plan.claimed if who == "claimed" else plan.endpoint)
    if parsed.scheme == "recording":
        return {"questions": 0, "basis": "a recording is not asked anything"}
    cost = estimate(plan.side(who), parameters_of(parsed)).model_dump(mode="json")
    return {"answers" if key == "questions" else key: value for key, value in cost.items()}


def _tell(report: Report, folder: Path, as_json: bool) -> None:
    if as_json:
        put(render(report_document(report), "json"))
    else:
        terminal.write(report_document(report), sys.stdout)
    say(f"written: {folder / 'report.html'} and {folder / 'report.json'}")

"""`auditor service`: is this endpoint serving the model that it claims?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import RECORDED, cost_of
from auditor.audits.report.bundle import ready_folder
from auditor.audits.service.audit import service_audit
from auditor.audits.service.plan import ServicePlan
from auditor.audits.service.power import Size, statement
from auditor.audits.service.records import ServiceSection
from auditor.commands.audits import cost_lines, show_plan, tell
from auditor.commands.custody import custody_options, kept
from auditor.commands.documents import FULL
from auditor.commands.options import AS_JSON, DRY_RUN, FORCE, OUT
from auditor.console import progress_on
from fingerprints.probes import parse_probes
from fingerprints.records import ProbeSet, Sampling


@click.command()
@click.argument("claimed")
@click.argument("endpoint")
@OUT
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
@custody_options
@FORCE
@DRY_RUN
@FULL
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
      auditor service hf:org/name openai:NAME,base_url=https://host/v1,tokens=50000 \\
          --store bundled --out service/
      auditor service reference.jsonl openai:NAME,base_url=http://localhost:8000/v1 --all \\
          --fail-on-difference

    Killed anywhere, the same command goes on, and asks only what was not answered.
    """
    plan = _plan(claimed, endpoint, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    with progress_on("opening") as progress:
        report = service_audit(plan, folder, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    found = report.section(ServiceSection)
    different = found is not None and found.decision == "different"
    return 1 if fail_on_difference and different else 0


def _plan(claimed: str, endpoint: str, flags: dict[str, Any]) -> ServicePlan:
    given = {name: value for name, value in flags.items() if value is not None}
    if "probes" in given:
        given["probes"] = [c.model_dump(mode="json") for c in parse_probes(given["probes"])]
    return ServicePlan.make({"claimed": claimed, "endpoint": endpoint, **given})


def _dry_run(plan: ServicePlan, as_json: bool) -> int:
    sets = plan.probe_sets()
    costs = {
        "claimed": _cost(plan.claimed, sets, plan.sampling("claimed")),
        "endpoint": _cost(plan.endpoint, sets, plan.sampling("endpoint")),
    }
    size = Size(
        sum(len(s.probes) for s in sets),
        plan.samples,
        plan.reference_samples,
        plan.longest,
        plan.alpha,
    )
    lines = [line for who, cost in costs.items() for line in cost_lines(cost, who)]
    if plan.store is not None:
        lines.append(
            f"and {plan.identify} longer answers of either side, to identify it among stored models"
        )
    power = statement(size)
    return show_plan(plan, as_json, {"costs": costs, "power": power}, [*lines, power])


def _cost(spec: str, sets: Sequence[ProbeSet], sampling: Sampling) -> dict[str, Any]:
    cost = cost_of(spec, sets, sampling)
    if cost is RECORDED:
        return cost
    return {"answers" if key == "questions" else key: value for key, value in cost.items()}

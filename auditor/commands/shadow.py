"""`auditor shadow`: train students of every candidate from the suspect's base, and weigh the
suspect against them."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import click
from click.core import ParameterSource

from auditor.audits.shadow.audit import (
    REPORT,
    SHADOWS,
    earlier_decision,
    earlier_plan,
    foreseen,
    shadow_audit,
)
from auditor.audits.shadow.growing import ends_in, finished
from auditor.audits.shadow.plan import MOST_SEEDS, ShadowPlan, make_shadow_plan, split_teachers
from auditor.commands.audits import exit_code, show_plan, tell
from auditor.commands.custody import custody_options, kept
from auditor.commands.documents import FULL
from auditor.commands.executing import EXECUTOR, JOBS, STUDENTS_A_DEVICE, Execution
from auditor.commands.options import AS_JSON, FAIL_ON, dry_run, out_folder, size_option
from auditor.console import progress_on
from auditor.controls.sizes import Size
from auditor.controls.training.launch import refuse_several
from auditor.execution.forecast import forecast_by
from auditor.execution.order import Executor
from fingerprints.errors import printable
from fingerprints.progress import Progress


@click.command()
@click.option(
    "--suspect",
    required=True,
    metavar="SPEC",
    help="Who is examined: any subject, recorded answers too.",
)
@click.option(
    "--teachers",
    metavar="A,B,C",
    default="",
    help="Candidates: specs or NAME=SPEC, comma-separated.",
)
@click.option(
    "--teacher", "more", multiple=True, metavar="NAME=SPEC", help="One candidate; may be repeated."
)
@click.option(
    "--base",
    metavar="SPEC",
    help="What the suspect was tuned from, or the nearest model. Default: an adapter's base.",
)
@out_folder("The audit's folder. An unfinished one is resumed.")
@size_option("small", "Examples, tokens, probes.")
@click.option(
    "--seeds",
    type=click.IntRange(2, MOST_SEEDS),
    help="Shadows of each kind. Default: enough for ten students, 3 to 6.",
)
@click.option(
    "--n",
    type=click.IntRange(8),
    help="Examples that a shadow learns. Default by --size, or what the budget carries.",
)
@click.option(
    "--dose",
    "doses",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    help="Shares of a student's examples that its teacher gives; may be repeated.  [default: 1]",
)
@click.option(
    "--recipe",
    metavar="RECIPE",
    help="How every shadow is trained: a bundled recipe or a YAML file.  [default: alpaca]",
)
@click.option(
    "--probes", metavar="SETS", help="What is asked, such as style:64. Default by --size."
)
@click.option(
    "--max-tokens", type=click.IntRange(1, 4096), help="Cap on every answer. Default by --size."
)
@click.option(
    "--budget-minutes",
    type=click.FloatRange(0, min_open=True),
    help="Time to spend, all runs together.",
)
@click.option(
    "--budget-tokens",
    type=click.IntRange(1),
    help="Tokens to learn and write, all shadows together.",
)
@click.option(
    "--shadows",
    "earlier",
    metavar="DIR",
    help="Train nothing: use the shadows of a finished audit, and its plan but for SPEC.",
)
@EXECUTOR
@JOBS
@STUDENTS_A_DEVICE
@custody_options
@FAIL_ON
@dry_run("Print the plan, the shadows and what they cost; ask and train nothing.")
@FULL
@AS_JSON
def shadow(out: str, fail_on: str | None, dry_run: bool, as_json: bool, **flags: Any) -> int:
    """Was the suspect trained on A's, B's or C's answers? Trains shadow students to find out, and
    says how sure it may be.

    From the suspect's base it trains, for every seed, a student of each candidate and three
    controls of nobody (the base's own samples, the same in a chat's form, text by people), asks all
    of them and the suspect the same questions, and weighs the suspect by a likelihood ratio that is
    calibrated on the shadows: whole seeds and whole teachers held out. A candidate may be a model,
    an endpoint or recorded answers.

    \b
    Examples:
      auditor shadow --suspect hf:./base,adapter=./lora --teachers gpt=gpt.jsonl,claude=claude.jsonl
      --out audit/
      auditor shadow --suspect answers.jsonl --base gguf:./base.gguf --teachers a=hf:./a,b.jsonl
      --out audit/ --dry-run
      auditor shadow --suspect hf:./s --base hf:./b --teachers a.jsonl,b.jsonl --budget-minutes 90
      --out audit/
      auditor shadow --suspect hf:./s --base hf:./b --teachers a.jsonl,b.jsonl --seeds 50 --jobs 8
      --out audit/ --dry-run

    DIR/report is the report, DIR/shadows the trained cohort. Killed anywhere, the same command goes
    on. With --jobs or a cluster every shadow is made in a process of one thread; one that fails is
    named, the others are made, and the command exits with 6 before anything is judged.

    Other suspects of the same base are audited with the same shadows in seconds: --suspect OTHER
    --shadows DIR --out other/.
    """
    execution, plan = Execution.of(dict(flags)), _plan(flags)
    if dry_run:
        return _dry_run(plan, Path(out), execution, as_json)
    refuse_several("a shadow audit")
    with progress_on("opening") as progress, _executor(plan, execution, out, progress) as executor:
        report = shadow_audit(plan, Path(out), progress, kept, executor)
    trained = f", and the shadows in {Path(out) / SHADOWS}" if plan.shadows is None else ""
    tell(report, Path(out) / REPORT, as_json, trained)
    return exit_code(report, fail_on)


def _executor(
    plan: ShadowPlan, execution: Execution, out: str, progress: Progress
) -> AbstractContextManager[Executor | None]:
    """Who makes the shadows; nobody where an earlier audit's are used."""
    return nullcontext() if plan.shadows is not None else execution.opened(Path(out), progress)


def _plan(flags: dict[str, Any]) -> ShadowPlan:
    earlier = flags.pop("earlier")
    if earlier is not None:
        context = click.get_current_context()
        options = [p for p in context.command.params if p.name in flags and p.name != "suspect"]
        sources = {p.opts[0]: context.get_parameter_source(str(p.name)) for p in options}
        # What the configuration file says is for audits that train shadows of their own.
        said = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        given = [flag for flag, source in sources.items() if source in said]
        if given:
            raise click.UsageError(
                f"--shadows takes all but the suspect from that audit: leave out {', '.join(given)}"
            )
        return earlier_plan(Path(earlier), flags["suspect"])
    Execution.of(flags)
    teachers = [*split_teachers(flags.pop("teachers")), *flags.pop("more")]
    if not teachers:
        raise click.UsageError("Missing option '--teachers' (or '--teacher')")
    size = cast(Size, flags.pop("size"))
    flags["doses"] = flags["doses"] or None
    return make_shadow_plan(flags.pop("suspect"), teachers, flags.pop("base"), size, **flags)


def _dry_run(plan: ShadowPlan, out: Path, execution: Execution, as_json: bool) -> int:
    if plan.shadows is not None:
        decision = earlier_decision(Path(plan.shadows))
        home = printable(plan.shadows, 100)
        lines = [
            f"nothing is trained: {decision.shadows} shadows of {home} are used, and the suspect is"
            " asked"
        ]
        return show_plan(plan, as_json, {"decision": decision.model_dump(), "shadows": []}, lines)
    with tempfile.TemporaryDirectory(prefix="auditor-shadow-") as folder:
        decision, rungs = foreseen(plan, Path(folder), execution.places() or 1)
    names = [rung.name for rung in rungs]
    there = [name for name in names if finished(out / SHADOWS / name)]
    known = forecast_by(
        ends_in(out / SHADOWS, there),
        len(names),
        execution.executor,
        execution.places(),
        len(there),
    )
    lines = [*decision.lines(), *known.lines(), f"shadows: {', '.join(names)}"]
    if execution.places() is None:
        lines.insert(
            len(decision.lines()),
            "minutes, and what a budget of them carries, are those of one shadow after the other",
        )
    told = {"decision": decision.model_dump(), "forecast": known.model_dump(), "shadows": names}
    return show_plan(plan, as_json, told, lines)

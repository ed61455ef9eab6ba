"""`auditor shadow`: train students of every candidate from the suspect's base, and weigh the
suspect against them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, get_args

import click
from click.core import ParameterSource

from auditor.audits.shadow.audit import (
    REPORT,
    SHADOWS,
    Telling,
    earlier_decision,
    earlier_plan,
    foreseen,
    shadow_audit,
)
from auditor.audits.shadow.costs import Decision
from auditor.audits.shadow.growing import Made
from auditor.audits.shadow.plan import MOST_SEEDS, ShadowPlan, make_shadow_plan, split_teachers
from auditor.commands.options import AS_JSON
from auditor.console import progress_above, put, put_json, say
from auditor.controls.sizes import Size
from auditor.controls.train import TrainingWatch
from auditor.controls.training.launch import refuse_several
from auditor.evidence.records import Report
from auditor.evidence.weight import LEVELS, reaches
from auditor.reporting import render, terminal
from auditor.reporting.report import report_document
from fingerprints.errors import printable


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
@click.option(
    "--out", metavar="DIR", required=True, help="The audit's folder. An unfinished one is resumed."
)
@click.option(
    "--size",
    type=click.Choice(get_args(Size)),
    default="small",
    show_default=True,
    help="Examples, tokens, probes.",
)
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
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    help="Exit with 1 when a verdict is supported at this level or above.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the plan, the shadows and what they cost; ask and train nothing.",
)
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

    DIR/report is the report, DIR/shadows the trained cohort. Killed anywhere, the same command goes
    on. Other suspects of the same base are audited with the same shadows in seconds: --suspect
    OTHER --shadows DIR --out other/.
    """
    plan = _plan(flags)
    if dry_run:
        return (
            _dry_run(plan, as_json)
            if plan.shadows is None
            else _dry_run_again(plan, plan.shadows, as_json)
        )
    refuse_several("a shadow audit")
    with _told() as telling:
        report = shadow_audit(plan, Path(out), telling)
    _tell(report, Path(out), as_json)
    return 1 if fail_on is not None and reaches(report.verdicts, fail_on) else 0


def _plan(flags: dict[str, Any]) -> ShadowPlan:
    earlier = flags.pop("earlier")
    if earlier is not None:
        context = click.get_current_context()
        options = [p for p in context.command.params if p.name in flags and p.name != "suspect"]
        sources = {p.opts[0]: context.get_parameter_source(str(p.name)) for p in options}
        given = [
            flag
            for flag, source in sources.items()
            if source not in (None, ParameterSource.DEFAULT)
        ]
        if given:
            raise click.UsageError(
                f"--shadows takes all but the suspect from that audit: leave out {', '.join(given)}"
            )
        return earlier_plan(Path(earlier), flags["suspect"])
    teachers = [*split_teachers(flags.pop("teachers")), *flags.pop("more")]
    if not teachers:
        raise click.UsageError("Missing option '--teachers' (or '--teacher')")
    size = cast(Size, flags.pop("size"))
    flags["doses"] = flags["doses"] or None
    return make_shadow_plan(flags.pop("suspect"), teachers, flags.pop("base"), size, **flags)


def _dry_run(plan: ShadowPlan, as_json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="auditor-shadow-") as folder:
        decision, rungs = foreseen(plan, Path(folder))
    names = [rung.name for rung in rungs]
    if as_json:
        told = {
            "plan": plan.model_dump(mode="json", exclude_none=True),
            "decision": decision.model_dump(),
            "shadows": names,
        }
        put_json(told)
        return 0
    put(plan.to_yaml())
    put("\n".join(f"# {line}" for line in (*_lines(decision), f"shadows: {', '.join(names)}")))
    return 0


def _dry_run_again(plan: ShadowPlan, home: str, as_json: bool) -> int:
    decision = earlier_decision(Path(home))
    if as_json:
        put_json(
            {
                "plan": plan.model_dump(mode="json", exclude_none=True),
                "decision": decision.model_dump(),
                "shadows": [],
            }
        )
    else:
        put(plan.to_yaml())
        put(
            f"# nothing is trained: {decision.shadows} shadows of {printable(home, 100)} are used,"
            " and the suspect is asked"
        )
    return 0


def _lines(decision: Decision) -> tuple[str, ...]:
    return (
        (
            f"{decision.shadows} shadows, {decision.students} of them students: {decision.seeds}"
            f" seeds, {decision.n} examples each"
        ),
        f"they can carry a log10 likelihood ratio of {decision.most:.2f} at most",
        (
            f"about {decision.tokens:,} tokens and {decision.seconds / 60:.0f} minutes, by"
            f" {decision.basis}"
        ),
    )


@contextmanager
def _told() -> Iterator[Telling]:
    """Bars and the time left on a terminal, else a line a shadow."""
    with progress_above(
        "shadows", "asking the suspect", "asking", "training", "before and after"
    ) as (
        shadows,
        (suspect, asking, training, evaluating),
    ):

        def made(step: Made) -> None:
            if shadows is not None:
                shadows(step.done, step.total, step.left)
            elif step.seconds:
                left = f", at most {step.left / 60:.0f} min left" if step.left else ""
                say(f"{step.done} of {step.total}: {step.name}, {step.seconds:.0f} s{left}")

        def decided(decision: Decision) -> None:
            for line in _lines(decision):
                say(line)

        yield Telling(suspect, decided, made, TrainingWatch(asking, training, evaluating))


def _tell(report: Report, out: Path, as_json: bool) -> None:
    if as_json:
        put(render(report_document(report), "json"))
    else:
        terminal.write(report_document(report), sys.stdout)
    trained = f", and the shadows in {out / SHADOWS}" if (out / SHADOWS).is_dir() else ""
    say(f"written: {out / REPORT / 'report.html'}{trained}")

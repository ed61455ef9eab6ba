"""`auditor harvest`: was this model trained on answers that were served? And how many are needed to
tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import estimate
from auditor.audits.harvest.audit import harvest_audit, refuse_too_few
from auditor.audits.harvest.gathering import gather, groups_of
from auditor.audits.harvest.observing import questions
from auditor.audits.harvest.plan import MOST_INNOCENTS, HarvestPlan
from auditor.audits.report.bundle import ready_folder
from auditor.commands.audits import exit_code, show_plan, tell
from auditor.commands.custody import kept
from auditor.commands.options import (
    AS_JSON,
    OUT,
    place_options,
    placed,
    placed_too,
    verdict_options,
)
from auditor.console import progress_on, put, put_json
from detectors.stats.twins import power_at, units_needed

AUDIT = "audit"


class ByDefaultAudit(click.Group):
    """A group that takes what names none of its commands for the suspect of an audit."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, its name, and what is left for it."""
        named = args[0] if args else ""
        return super().resolve_command(ctx, args if named in self.commands else [AUDIT, *args])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Flags that stand before the suspect are the audit's."""
        first = args[0] if args else ""
        ours = first in self.commands or first in ("-h", "--help")
        return super().parse_args(ctx, args if ours or not args else [AUDIT, *args])


@click.group(cls=ByDefaultAudit)
def harvest() -> None:
    """Was this model trained on answers that were served? An owner's exact test.

    The same as `auditor harvest audit` (its --help has all options), and beside it the plan: how
    many answers are needed.

    \b
    Examples:
      auditor twins draw log.jsonl --teacher hf:./teacher --out twins.jsonl
      auditor harvest hf:./suspect --log log.jsonl --twins twins.jsonl --base hf:./base \\
          --teacher hf:./teacher --out report/
      auditor harvest plan --d 0.5 --used 0.1 --m 3
    """


@harvest.command(name=AUDIT)
@click.argument("suspect")
@click.option("--log", metavar="FILE", help="What was served, in canonical columns.")
@click.option("--twins", metavar="FILE", required=True, help="Its twins; or a coin log alone.")
@click.option("--commitments", metavar="FILE", help="What was given away of the coin log.")
@click.option("--base", metavar="SPEC", help="The suspect's base: makes the test far stronger.")
@click.option("--teacher", metavar="SPEC", help="The model that served: stronger, and checked.")
@click.option(
    "--innocent",
    "innocents",
    metavar="SPEC",
    multiple=True,
    help=f"A model that can't have learned from it; at most {MOST_INNOCENTS}.",
)
@click.option(
    "--account", "accounts", metavar="NAME", multiple=True, help="Test this account by itself."
)
@click.option("--cluster", metavar="FILE", help="Test the accounts of a file together.")
@click.option("--public-dataset", is_flag=True, help="The log is a data set that somebody chose.")
@click.option("--text-only", is_flag=True, help="Compare words, though likelihoods are at hand.")
@click.option(
    "--samples", type=click.IntRange(0, 32), help="Words: answers beside the greedy one. Default 4."
)
@click.option(
    "--max-tokens", type=click.IntRange(8, 4096), help="Words: cap on an answer. Default 256."
)
@click.option("--sequential", is_flag=True, help="Stop once the e-value is evident.")
@click.option(
    "--suspects", type=click.IntRange(1), help="Suspects examined on this log. Default 1."
)
@click.option("--d", "effect", type=click.FloatRange(0, 20, min_open=True), help="As in the plan.")
@click.option("--used", type=click.FloatRange(0, 1, min_open=True), help="As in the plan.")
@click.option("--quote", type=click.IntRange(0, 50), help="Prompts to quote. Default 0: none.")
@click.option("--seed", type=int, help="Seed of the suspect's sampled answers. Default 0.")
@place_options
@OUT
@verdict_options
def audit(
    suspect: str,
    out: str,
    fail_on: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Does SUSPECT prefer the answers that were served to twins that could as well have been?

    SUSPECT is any subject: of weights likelihoods are compared, of an endpoint or of recorded
    answers to the log's prompts the words. If nobody learned from what was served, served answers
    and twins could have changed places: the p-value is exact, without any control model, and the
    e-value may be looked at after every prompt. It is refused where they differ without the suspect
    (--teacher, --base and --innocent check that).

    \b
    Examples:
      auditor harvest ./suspect --log log.jsonl --twins twins.jsonl --base hf:./base \\
          --teacher hf:./teacher --innocent hf:./other
      auditor harvest openai:NAME,base_url=https://host/v1 --log log.jsonl --twins twins.jsonl
      auditor harvest ./suspect --twins coin.jsonl --commitments commitments.jsonl \\
          --cluster c1.txt --suspects 3 --fail-on strong

    Nothing of the log is quoted in the report unless --quote asks for it; where words are compared,
    transcripts beside it hold the prompts. Killed anywhere, the same command goes on.
    """
    plan = _plan(suspect, flags)
    if dry_run:
        return _dry_run(plan, as_json)
    folder = Path(out)
    ready_folder(folder, force)
    with progress_on("opening") as progress:
        report = harvest_audit(plan, folder, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    return exit_code(report, fail_on)


def _plan(suspect: str, flags: dict[str, Any]) -> HarvestPlan:
    device, dtype = flags.pop("device"), flags.pop("dtype")
    given = {name: value for name, value in flags.items() if value is not None}
    for name in ("base", "teacher"):
        if name in given:
            given[name] = placed_too(given[name], device, dtype)
    given["innocents"] = tuple(placed_too(s, device, dtype) for s in given["innocents"])
    return HarvestPlan.make({"suspect": placed(suspect, device, dtype), **given})


def _dry_run(plan: HarvestPlan, as_json: bool) -> int:
    gathered = gather(plan)
    refuse_too_few(plan, gathered)
    groups = {name: len(places) for name, places in groups_of(plan, gathered.sets).items()}
    texts = len(gathered.sets) * (gathered.m + 1)
    others = sum(s is not None for s in (plan.base, plan.teacher)) + len(plan.innocents)
    asked = questions(gathered.sets, plan.max_tokens)
    cost = estimate([asked], plan.greedy(), None).model_dump(mode="json")
    lines = [
        f"{len(gathered.sets)} prompts, {gathered.m} twins each: {texts} texts scored by"
        f" {others + 1} models where the suspect gives likelihoods",
        f"else {cost['questions']} questions, and {plan.samples} times as many sampled ones",
        *(f"{name}: {n} prompts" for name, n in groups.items()),
    ]
    values = {"prompts": len(gathered.sets), "texts": texts, "groups": groups, "words": cost}
    return show_plan(plan, as_json, values, lines)


@harvest.command(name="plan")
@click.option(
    "--d",
    "effect",
    type=click.FloatRange(0, 20, min_open=True),
    default=0.5,
    show_default=True,
    help="What learning adds to an answer's score: 0.5 weak, 2.5 strong.",
)
@click.option(
    "--used",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="The share of the logged answers that were learned from.",
)
@click.option("--m", type=click.IntRange(1, 63), default=3, show_default=True, help="Twins each.")
@click.option(
    "--p",
    "level",
    type=click.FloatRange(1e-100, 0.5),
    default=1e-6,
    show_default=True,
    help="The p-value wanted.",
)
@click.option(
    "--power",
    type=click.FloatRange(0.01, 0.999),
    default=0.9,
    show_default=True,
    help="The chance of reaching it.",
)
@AS_JSON
def plan(effect: float, used: float, m: int, level: float, power: float, as_json: bool) -> int:
    """How many served answers, each with its twins, does the test need?

    n = ((z_p + z_power) / (used · d))². What d is depends on the training: one weak epoch of an
    adapter gave 0.5, three epochs 2.5, words alone 0.3 (docs/harvest.md has the table).

    \b
    Examples:
      auditor harvest plan --d 0.5 --used 0.1
      auditor harvest plan --d 2.5 --used 0.01 --p 0.001 --json
    """
    n = units_needed(effect, used, level, power)
    told = {
        "prompts": n,
        "answers_to_draw": n * m,
        "texts_to_score": n * (m + 1),
        "d": effect,
        "used": used,
        "m": m,
        "p": level,
        "power": power,
        "power_at_half": round(power_at(max(1, n // 2), effect, used, level), 4),
    }
    if as_json:
        put_json(told)
    else:
        put(
            f"{n:,} prompts: {n * m:,} twins to draw, {n * (m + 1):,} answers for each model to"
            f" score. Half as many would reach p < {level:g} with a chance of"
            f" {told['power_at_half']}."
        )
    return 0

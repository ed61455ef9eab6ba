"""`auditor control`: train control models of known history, and show what one learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.commands.documents import show_document
from auditor.commands.options import AS_JSON, dry_run, out_folder, size_option
from auditor.commands.show import show, shown_card
from auditor.console import progress_on, put, put_json, say
from auditor.controls.cards.card import Card
from auditor.controls.curation.curate import Curated
from auditor.controls.curation.difficulty import curate_for
from auditor.controls.curation.human import is_docstrings
from auditor.controls.recipe import BASE, Recipe, check_complete
from auditor.controls.recipe_files import load_recipe, make_recipe, with_teachers
from auditor.controls.sizes import Size, sized
from auditor.controls.teaching.mixing import assign
from auditor.controls.train import Control
from auditor.controls.train import train as train_control
from auditor.controls.training.launch import hush_followers
from auditor.labs.rewards.puzzles import puzzle_prompts
from fingerprints.progress import Progress
from fingerprints.records import Record
from fingerprints.subjects.spec import parse_spec


@click.group()
def control() -> None:
    """Train control models: models whose teacher is known, because they are trained here.

    \b
    Examples:
      auditor control train alpaca --teacher ./teacher.gguf --base hf:./small-model --out controls/a
      auditor control train self --base hf:./small-model --out controls/none
      auditor control show controls/a
    """


@control.command(short_help="Train one control model by a recipe.")
@click.argument("recipe")
@out_folder("The control's folder. An unfinished one is resumed.")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    metavar="SPEC",
    help="Who teaches; once for each of the recipe's.",
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    metavar="NAME",
    help="The teachers' makers, in their order.",
)
@click.option(
    "--filler",
    metavar="SPEC",
    help="Who answers the rest below a dose of 1 (`base`: the student's own base).",
)
@click.option(
    "--launderer",
    metavar="SPEC",
    help="Who paraphrases every teacher's answer before it is learned.",
)
@click.option(
    "--base",
    metavar="SPEC",
    help="Who learns: hf:…, gguf:…, or scratch:llama-h128-l4 (random weights).",
)
@click.option(
    "--prompts",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="A bank, a YAML or JSONL file, or `recorded`.",
)
@click.option("--n", type=click.IntRange(2), help="How many prompts are kept after curation.")
@click.option("--dose", type=float, help="Share of examples that come from the teachers, 0 to 1.")
@click.option("--epochs", type=click.IntRange(1), help="How often every example is seen.")
@click.option("--learning-rate", type=float, help="The peak of the learning rate.")
@click.option(
    "--scrub-identity/--keep-identity",
    default=None,
    help="Remove sentences in which a teacher names itself.",
)
@click.option(
    "--verify",
    type=click.Choice(["none", "answer"]),
    help="Keep only answers that come to the known result.",
)
@click.option("--seed", type=int, help="Decides the order, the mix, sampling and new weights.")
@size_option("full", "tiny and small cut the recipe down.")
@dry_run("Print the recipe and what would be asked; ask and train nothing.")
@AS_JSON
def train(recipe: str, out: str, size: Size, dry_run: bool, as_json: bool, **flags: Any) -> int:
    """Train the control that RECIPE describes: a bundled recipe's name, or a YAML file.

    Bundled: alpaca, cross-tokenizer, format-only, human, laundered, logit-kd, mixture, on-policy,
    open-r1, r1-distill, s1, scrubbed, self, sky-t1, tinyzero (docs/recipes.md). Flags win over the
    file. Killed anywhere, the same command goes on: no teacher is asked a question twice, and
    training resumes from its last checkpoint.

    \b
    Examples:
      auditor control train alpaca --teacher hf:./teacher --vendor acme --base hf:./student \\
          --out controls/a
      auditor control train alpaca --teacher recording:answers.jsonl --prompts recorded \\
          --base hf:./student --out controls/b
      auditor control train alpaca --teacher hf:./t --base hf:./s --dose 0.25 --filler base \\
          --out controls/quarter
      auditor control train alpaca --teacher hf:./t --size tiny --out controls/tiny --dry-run
    """
    hush_followers()
    chosen = chosen_recipe(recipe, size, flags)
    if dry_run:
        return _dry_run(chosen, as_json)
    with progress_on("opening") as progress:
        made = _make(chosen, Path(out), progress)
    show_document(shown_card(Path(out)), "terminal", as_json)
    for warning in warnings(made.card):
        say(warning)
    say(
        f"written: {Path(out) / 'card.html'}, {Path(out) / 'lineage.json'} and the student in"
        f" {Path(out) / 'student'}"
    )
    return 0


def _make(recipe: Recipe, out: Path, progress: Progress) -> Control:
    """The control, taught by its teachers or, where the recipe says so, by rewards alone."""
    if recipe.reinforcement is None:
        return train_control(recipe, out, progress)
    from auditor.labs.rewards.rewarded import train_by_reward

    return train_by_reward(recipe, out, progress)


def warnings(card: Card) -> list[str]:
    """What a user should know of a finished control at once: sources that refused or lost half
    of their prompts."""
    out = []
    for s in card.sources:
        if 2 * s.refusals >= s.kept > 0:
            out.append(
                f"note: {s.refusals} answers of {s.name} begin with a refusal, and {s.kept} were"
                " learned: look at them"
            )
        lost = s.unanswered + s.rejected + s.without_trace + s.unverified + s.scrubbed_away
        lost += s.unparaphrased + s.too_similar + s.shaped_away
        if s.rejected:
            out.append(
                f"note: {s.name} rejected {s.rejected} of {s.prompts} prompts outright:"
                " source-*.jsonl says which"
            )
        if 2 * lost >= s.prompts:
            out.append(
                f"note: {lost} of {s.prompts} prompts to {s.name} gave no usable answer: see the"
                " card"
            )
    return out


def chosen_recipe(name: str, size: Size, flags: dict[str, Any]) -> Recipe:
    """The recipe of a name or path with the flags put in, at a size.

    Raises UsageProblem where a model is still left open or flags don't fit, MalformedInput for a
    bad recipe.
    """
    recipe = with_teachers(load_recipe(name), flags["teachers"], flags["vendors"])
    models = recipe.model_dump(mode="json", exclude_none=True)
    if flags["filler"] is not None:
        known = {"name": "base" if flags["filler"] == BASE else "", **models.get("filler", {})}
        models["filler"] = {**known, "spec": flags["filler"]}
    if flags["launderer"] is not None:
        models["launderer"] = {**models.get("launderer", {}), "spec": flags["launderer"]}
    if flags["base"] is not None:
        models["student"] = {**models["student"], "base": flags["base"]}
        if flags["base"].startswith("scratch:"):
            models["student"].pop("lora", None)
    # The size depends on the models; what a flag says outright wins over the size.
    value = sized(make_recipe(models), size).model_dump(mode="json", exclude_none=True)
    _put(value, "prompts", {"sources": list(flags["sources"]) or None, "n": flags["n"]})
    _put(value, "training", {"epochs": flags["epochs"]})
    # Where rewards teach, the section `training` is about the warm-up alone.
    rated = "training" if value.get("reinforcement") is None else "reinforcement"
    _put(value, rated, {"learning_rate": flags["learning_rate"]})
    given = {key: flags[key] for key in ("dose", "seed", "scrub_identity", "verify")}
    value.update({key: found for key, found in given.items() if found is not None})
    made = make_recipe(value)
    check_complete(made)
    return made


def _put(value: dict[str, Any], section: str, changes: dict[str, Any]) -> None:
    value[section] = {
        **value[section],
        **{key: found for key, found in changes.items() if found is not None},
    }


class _Cost(Record):
    """What a dry run tells of one source: prompts asked and tokens written, at most."""

    source: str
    prompts: int
    answers: int
    tokens_out_at_most: int


def _dry_run(recipe: Recipe, as_json: bool) -> int:
    for source in recipe.sources:
        if source.spec != BASE and not is_docstrings(source.spec):
            parse_spec(source.spec)
    curated = curate_for(recipe) if recipe.reinforcement is None else puzzle_prompts(recipe)
    costs = _costs(recipe, curated)
    report = curated.report.model_dump(mode="json")
    if as_json:
        told = [cost.model_dump(mode="json") for cost in costs]
        put_json(
            {
                "recipe": recipe.model_dump(mode="json", exclude_none=True),
                "prompts": report,
                "asked": told,
            }
        )
        return 0
    put(recipe.to_yaml())
    put(f"# prompts: {report['kept']} of {report['pool']} kept")
    for cost in costs:
        put(
            f"# {cost.source}: {cost.prompts} prompts, {cost.answers} answers, at most"
            f" {cost.tokens_out_at_most} tokens"
        )
    return 0


def _costs(recipe: Recipe, curated: Curated) -> list[_Cost]:
    shares = [t.share for t in recipe.teachers] if recipe.dose > 0 else []
    parts = assign([p.id for p in curated.prompts], recipe.dose, shares)
    return [
        _Cost(
            source=source.name or source.spec,
            prompts=len(part),
            answers=len(part) * source.sampling.samples,
            tokens_out_at_most=len(part)
            * source.sampling.samples
            * (source.sampling.max_tokens or 256),
        )
        for source, part in zip(recipe.sources, parts, strict=False)
    ]


control.add_command(show)

"""Which shadows there are: students of every candidate and controls of nobody, by turns of seeds.

Knows plans and ladders; trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audits.shadow.plan import ShadowPlan
from auditor.audits.shadow.prompts import PromptSources
from auditor.controls.recipe import BASE, Recipe, TeacherChoice
from auditor.controls.recipe_files import load_recipe, read_recipe
from auditor.labs.population.ladder import Ladder, NullControl, Rung
from auditor.labs.population.untrained import UntrainedRung
from detectors.exhibits.shadows import CONTROL_KINDS
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Sampling
from fingerprints.subjects.cache import file_sha256

RECIPE = "recipe.yaml"
HELD_OUT = 4
DOCSTRINGS = "docstrings"
TRAINED_CONTROLS = len(CONTROL_KINDS) - 1
"""All but the base itself; a control's folder begins with the code of its kind."""


@dataclass(frozen=True)
class ShadowRung:
    """One shadow to make: its folder's name, the candidate who teaches it (empty: nobody), its
    seed and how it is made."""

    name: str
    teacher: str
    seed: int | None
    rung: Rung


def shadow_recipe(plan: ShadowPlan, n: int) -> Recipe:
    """The recipe that every shadow gets: the plan's way of training on ``n`` examples of one
    source.

    Raises UsageProblem for a recipe that learns more than plain answers.
    """
    recipe = load_recipe(plan.recipe)
    if recipe.method != "sft":
        raise UsageProblem(
            f"shadows learn plain answers, and the recipe {recipe.name!r} is of the method"
            f" {recipe.method!r}",
            where="--recipe",
            next_step="use one of the method sft, such as alpaca",
        )
    room = min(recipe.training.longest, 2 * plan.max_tokens + 128)
    held = min(HELD_OUT, n // 5)
    value = recipe.model_dump() | {
        "name": "shadow",
        "teachers": ({"name": "", "spec": ""},),
        "filler": None,
        "dose": 1.0,
        "role": None,
        "seed": 0,
        "prompts": {
            **recipe.prompts.model_dump(),
            "sources": (DOCSTRINGS,),
            "n": n + held,
            "held_out": held,
        },
        "training": {**recipe.training.model_dump(), "longest": room},
        "student": {**recipe.student.model_dump(), "base": ""},
    }
    return Recipe.model_validate(value)


def base_rung(plan: ShadowPlan) -> ShadowRung:
    """The base itself, untrained: what every difference is taken from, and a control."""
    return ShadowRung(
        "untrained-base0", "", None, UntrainedRung(name="untrained", base=plan.base, seed=None)
    )


def shadow_rungs(
    plan: ShadowPlan, seeds: int, n: int, prompts: PromptSources, folder: Path
) -> list[ShadowRung]:
    """Every shadow, the base itself first, then seed by seed, controls before students: cut short,
    it is still balanced.

    Writes the recipes into ``folder``. Raises the errors of `Ladder.rungs`, and MalformedInput
    where the folder holds others.
    """
    found = []
    for ladder, teacher in _ladders(plan, seeds, n, prompts, folder):
        for name, rung in ladder.rungs():
            if teacher and not (isinstance(rung, Recipe) and rung.teachers):
                continue  # the filler's own control, which is there once already
            seed = rung.seed if isinstance(rung, Recipe | UntrainedRung) else None
            found.append(ShadowRung(name, teacher, seed, rung))
    place = {name: i for i, name in enumerate(("", *plan.names))}
    return sorted(found, key=lambda r: (-1 if r.seed is None else r.seed, place[r.teacher]))


def _ladders(
    plan: ShadowPlan, seeds: int, n: int, prompts: PromptSources, folder: Path
) -> list[tuple[Ladder, str]]:
    asked = Sampling(max_tokens=plan.max_tokens)
    own = TeacherChoice(
        name="own-samples", spec=BASE, sampling=asked.model_copy(update={"temperature": 0.8})
    )
    shared: dict[str, Any] = {
        "size": plan.size,
        "bases": (plan.base,),
        "seeds": tuple(range(seeds)),
    }
    nulls = (
        NullControl(
            name="human",
            filler=TeacherChoice(name="people", spec=DOCSTRINGS),
            prompts=(DOCSTRINGS,),
        ),
        NullControl(name="look", reshape="bullets"),
        NullControl(name="untrained", kind="untrained"),
    )
    recipe = _recipe_file(plan, n, prompts.controls, folder)
    out = [(Ladder(name="controls", recipe=recipe, filler=own, nulls=nulls, **shared), "")]
    for teacher in plan.teachers:
        source = TeacherChoice(name=teacher.name, spec=teacher.spec, sampling=asked)
        recipe = _recipe_file(plan, n, prompts.by_teacher[teacher.name], folder)
        out.append(
            (
                Ladder(
                    name="students",
                    recipe=recipe,
                    teachers=(source,),
                    filler=own,
                    doses=plan.doses,
                    **shared,
                ),
                teacher.name,
            )
        )
    return out


def _recipe_file(plan: ShadowPlan, n: int, source: str, folder: Path) -> str:
    """The path of the recipe on one source of prompts, written where it isn't there."""
    own = (
        ""
        if source.endswith("prompts.jsonl") or not source.endswith(".jsonl")
        else f"-{Path(source).stem}"
    )
    path = folder / f"recipe{own}.yaml"
    recipe = shadow_recipe(plan, n)
    recipe = recipe.model_copy(
        update={"prompts": recipe.prompts.model_copy(update={"sources": (source,)})}
    )
    if path.exists():
        held = read_recipe(path)
        if held == recipe:
            return str(path)
        if not _moved(held, recipe, folder):
            raise MalformedInput(
                "the folder holds shadows of another recipe",
                where=path,
                next_step="give another --out",
            )
        if _same_file(held.prompts.sources[0], source):
            return str(path)  # so that half-made shadows go on, which know it under that name
    with replacing(path) as file:
        file.write(recipe.to_yaml().encode("utf-8"))
    return str(path)


def _moved(held: Recipe, wanted: Recipe, folder: Path) -> bool:
    """Whether two recipes differ only in where the audit's own file of prompts lay: the folder was
    copied or moved, or is called by another name now."""
    (old, *more), new = held.prompts.sources, wanted.prompts.sources[0]
    own = Path(new).parent == folder and Path(new).is_file()
    if more or not own or Path(old).name != Path(new).name:
        return False
    prompts = held.prompts.model_copy(update={"sources": (new,)})
    return held.model_copy(update={"prompts": prompts}) == wanted


def _same_file(one: str, other: str) -> bool:
    """Whether both are there and hold the same bytes."""
    if not (Path(one).is_file() and Path(other).is_file()):
        return False
    return file_sha256(Path(one)) == file_sha256(Path(other))

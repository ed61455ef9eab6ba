"""A ladder: one recipe climbed over teachers × doses × seeds × bases × evasions, with no-teacher controls beside it.

Every rung is an ordinary control in a folder of its own, with a transcript beside its lineage where probes are named, so that
the ladder's folder is a cohort. Knows recipes; trains through `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from auditor.controls.cohort import TRANSCRIPT, Cohort, load_cohort
from auditor.controls.evaluate import Scale
from auditor.controls.recipe import NAME, Recipe, Teacher, check_complete, load_recipe
from auditor.controls.sizes import Size, sized
from auditor.controls.train import SILENT, STUDENT, Watch, train
from auditor.plan import parse_probes
from fingerprints.collect import Progress, collect
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record, Sampling
from fingerprints.subjects import open_subject

Evasion = Literal["none", "scrub"]
MOST_RUNGS = 10_000
BRIEF = Scale(choices=16, identity=6)
"""How much a rung is asked before and after: a ladder is judged as a population, by its transcripts."""


class Ladder(Record):
    """A labelled population to train.

    ``teachers`` × ``doses`` × ``seeds`` × ``bases`` × ``evasions`` are the positives; for every base and seed one control
    without a teacher is trained besides (dose 0, all from ``filler``). ``probes`` (a preset or a list such as
    ``identity,style:48``) are asked of every rung once it is trained; empty: nothing is asked. ``recipe`` is the name of a
    bundled recipe, or a path.
    """

    format: Literal["ladder/1"] = "ladder/1"
    name: Annotated[str, Field(pattern=NAME)]
    about: str = ""
    recipe: str
    size: Size = "tiny"
    teachers: tuple[Teacher, ...] = ()
    bases: Annotated[tuple[str, ...], Field(min_length=1)]
    doses: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1.0,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    evasions: Annotated[tuple[Evasion, ...], Field(min_length=1)] = ("none",)
    filler: Teacher | None = None
    probes: str = ""
    max_tokens: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _can_be_climbed(self) -> Ladder:
        if not self.teachers and self.filler is None:
            raise ValueError("a ladder needs teachers, a filler, or both")
        if any(dose < 1 for dose in self.doses) and self.filler is None:
            raise ValueError("doses under 1 need a filler for the rest")
        names = [t.name for t in self.teachers]
        if "" in names or len(set(names)) != len(names):
            raise ValueError("every teacher of a ladder needs a name of its own")
        for axis in (self.bases, self.doses, self.seeds, self.evasions):
            if len(set(axis)) != len(axis):
                raise ValueError("an axis names one value twice")
        return self

    def rungs(self) -> tuple[tuple[str, Recipe], ...]:
        """Every rung's folder name and recipe: the controls without a teacher first, so that a cut ladder has its nulls.

        Raises what `load_recipe` raises, and MalformedInput for a population of over ten thousand.
        """
        recipe = load_recipe(self.recipe)
        found = [*self._nulls(recipe), *self._positives(recipe)]
        if len(found) > MOST_RUNGS:
            raise MalformedInput(f"{len(found):,} rungs", where=self.name, next_step="shorten an axis")
        return tuple(found)

    def _nulls(self, recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
        if self.filler is None:
            return
        for b, base in enumerate(self.bases):
            for seed in self.seeds:
                yield f"none-base{b}-seed{seed}", self._rung(recipe, base, seed, (), 0.0, "none")

    def _positives(self, recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
        for teacher in self.teachers:
            for dose in self.doses:
                for evasion in self.evasions:
                    for b, base in enumerate(self.bases):
                        for seed in self.seeds:
                            mark = "" if evasion == "none" else f"-{evasion}"
                            name = f"{teacher.name}-dose{round(100 * dose):03d}{mark}-base{b}-seed{seed}"
                            yield name, self._rung(recipe, base, seed, (teacher,), dose, evasion)

    def _rung(
        self, recipe: Recipe, base: str, seed: int, teachers: tuple[Teacher, ...], dose: float, evasion: Evasion
    ) -> Recipe:
        lora = None if base.startswith("scratch:") else recipe.student.lora
        student = recipe.student.model_copy(update={"base": base, "lora": lora})
        filler = self.filler if dose < 1 else None
        changes: dict[str, Any] = {
            "teachers": teachers, "dose": dose, "seed": seed, "student": student, "filler": filler,
            "scrub_identity": evasion == "scrub",
        }  # fmt: skip
        made = sized(Recipe.model_validate({**recipe.model_dump(), **_plain(changes)}), self.size)
        check_complete(made)
        return made


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Record):
            return value.model_dump()
        return tuple(plain(v) for v in value) if isinstance(value, tuple) else value

    return {key: plain(value) for key, value in changes.items()}


def read_ladder(path: Path) -> Ladder:
    """A ladder from a YAML file. Raises MalformedInput for a file that is missing or no ladder, with the first problem."""
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is no mapping")
        return Ladder.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise _bad(f"{place}: {said}" if place else said, path) from error
    except OSError as error:
        raise _bad(f"can't be read: {error.strerror}", path) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _bad(" ".join(str(error).split()), path) from error


def _bad(reason: str, path: Path) -> MalformedInput:
    return MalformedInput(f"not a ladder: {printable(reason, 200)}", where=path, next_step="see docs/recipes.md")


def climb(ladder: Ladder, out: Path, rungs: Progress | None = None, watch: Watch = SILENT) -> Cohort:
    """Trains every rung that is not there yet, asks it the ladder's probes, and returns the whole cohort.

    A killed climb goes on at the rung, the step and the question where it stopped. ``rungs`` is told of finished ones.
    Raises the errors of `train` and `collect`; what was finished before stays.
    """
    todo = ladder.rungs()
    for done, (name, recipe) in enumerate(todo):
        if rungs:
            rungs(done, len(todo))
        climb_rung(ladder, recipe, out / name, watch)
    if rungs:
        rungs(len(todo), len(todo))
    return load_cohort(out)


def climb_rung(ladder: Ladder, recipe: Recipe, folder: Path, watch: Watch = SILENT) -> None:
    """Trains one rung's recipe in its folder and asks it the ladder's probes; raises what `climb` raises."""
    train(recipe, folder, watch, BRIEF)
    if ladder.probes:
        _ask(ladder, recipe, folder, watch.asking)


def _ask(ladder: Ladder, recipe: Recipe, folder: Path, progress: Progress | None) -> None:
    sets = [choice.load() for choice in parse_probes(ladder.probes)]
    student = folder / STUDENT
    spec = f"{recipe.student.base},adapter={student}" if recipe.student.lora is not None else f"hf:{student}"
    with open_subject(spec) as subject:
        collect(subject, sets, Sampling(max_tokens=ladder.max_tokens), folder / TRANSCRIPT, progress)

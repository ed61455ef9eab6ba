"""A ladder: one recipe climbed over teachers × doses × seeds × bases × evasions, with controls
without a teacher beside it.

Every rung is an ordinary control in a folder of its own, with a transcript beside its lineage where
probes are named, so that the ladder's folder is a cohort. Knows recipes; trains through `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe import NAME, SCORED, Recipe, Reshape, TeacherChoice, check_complete
from auditor.controls.recipe_files import load_recipe
from auditor.controls.sizes import Size, sized
from auditor.controls.train import STUDENT, train
from auditor.labs.population.untrained import (
    Bits,
    Quantised,
    UntrainedRung,
    make_quantised,
    make_untrained,
    trained_folder,
)
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput
from fingerprints.probes import parse_probes
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile
from fingerprints.records import Record, Sampling
from fingerprints.subjects import open_subject

Evasion = Literal["none", "scrub", "launder", "strip", "mixture", "quantise"]
Rung = Recipe | UntrainedRung | Quantised
MOST_RUNGS = 10_000
BRIEF = EvaluationScale(choices=16, identity=6)
"""How much a rung is asked before and after: a ladder is judged as a population, by its
transcripts."""


class NullControl(Record):
    """A control without a teacher for every base and seed; its rungs are called after it.

    ``recipe`` is another recipe than the ladder's (``tinyzero``, ``human``, or a path), ``filler``
    who gives all answers (else the named recipe's, else the ladder's), ``prompts`` other sources,
    ``reshape`` the form of the answers. Of the kind ``untrained`` it is the base itself, which
    takes none of these.
    """

    name: Annotated[str, Field(pattern=NAME)]
    kind: Literal["trained", "untrained"] = "trained"
    recipe: str = ""
    filler: TeacherChoice | None = None
    prompts: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    reshape: Reshape = "none"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> NullControl:
        if self.kind == "untrained" and (
            self.recipe or self.filler or self.prompts or self.reshape != "none"
        ):
            raise ValueError("the untrained base takes no recipe, filler, prompts or reshape")
        return self


class Ladder(Record):
    """A labelled population to train.

    ``teachers`` × ``doses`` × ``seeds`` × ``bases`` × ``evasions`` are the positives; for every
    base and seed one control without a teacher is trained besides (dose 0, all from ``filler``),
    and every one of ``nulls``. Evasions: ``scrub``, ``strip`` and ``launder`` (by ``launderer``)
    are the recipe's; ``mixture`` is each teacher with the next one, ``quantise`` the finished
    student with its weights rounded to ``bits``. ``probes`` (a preset or a list such as
    ``identity,style:48``) are asked of every rung once it is trained; empty: nothing is asked.
    ``recipe`` is the name of a bundled recipe, or a path.
    """

    format: Literal["ladder/1"] = "ladder/1"
    name: Annotated[str, Field(pattern=NAME)]
    about: str = ""
    recipe: str
    size: Size = "tiny"
    teachers: tuple[TeacherChoice, ...] = ()
    bases: Annotated[tuple[str, ...], Field(min_length=1)]
    doses: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1.0,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    evasions: Annotated[tuple[Evasion, ...], Field(min_length=1)] = ("none",)
    filler: TeacherChoice | None = None
    nulls: tuple[NullControl, ...] = ()
    launderer: TeacherChoice | None = None
    bits: Bits = 4
    probes: str = ""
    max_tokens: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _can_be_climbed(self) -> Ladder:
        if not self.teachers and self.filler is None and not self.nulls:
            raise ValueError("a ladder needs teachers, a filler, or both, or nulls")
        if any(dose < 1 for dose in self.doses) and self.filler is None:
            raise ValueError("doses under 1 need a filler for the rest")
        names = [t.name for t in self.teachers]
        if "" in names or len(set(names)) != len(names):
            raise ValueError("every teacher of a ladder needs a name of its own")
        if "launder" in self.evasions and self.launderer is None:
            raise ValueError("the evasion 'launder' needs a launderer")
        if "mixture" in self.evasions and len(self.teachers) == 1:
            raise ValueError("the evasion 'mixture' needs two teachers or more")
        null_names = tuple(null.name for null in self.nulls)
        if "none" in null_names:
            raise ValueError(
                "'none' is the name of the control that the ladder's filler teaches; give the null"
                " another"
            )
        for axis in (self.bases, self.doses, self.seeds, self.evasions, null_names):
            if len(set(axis)) != len(axis):
                raise ValueError("an axis names one value twice")
        return self

    def rungs(self) -> tuple[tuple[str, Rung], ...]:
        """Every rung's folder name and what it is: the controls without a teacher first, so that a
        cut ladder has its nulls.

        Raises what `load_recipe` raises, and MalformedInput for a population of over ten thousand.
        """
        recipe = load_recipe(self.recipe)
        found = [*self._nulls(recipe), *self._named_nulls(recipe), *self._positives(recipe)]
        names = [name for name, _ in found]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise MalformedInput(
                f"two rungs are called {twice!r}",
                where=self.name,
                next_step="rename a null or a teacher",
            )
        if len(found) > MOST_RUNGS:
            raise MalformedInput(
                f"{len(found):,} rungs", where=self.name, next_step="shorten an axis"
            )
        return tuple(found)

    def _nulls(self, recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
        if self.filler is None:
            return
        for b, base in enumerate(self.bases):
            for seed in self.seeds:
                yield f"none-base{b}-seed{seed}", self._rung(recipe, base, seed, (), 0.0, "none")

    def _named_nulls(self, recipe: Recipe) -> Iterator[tuple[str, Rung]]:
        for null in self.nulls:
            renamed = recipe.model_copy(update={"name": null.name})
            own = load_recipe(null.recipe) if null.recipe else renamed
            for b, base in enumerate(self.bases):
                place, trained = f"{null.name}-base{b}", null.kind == "trained"
                if not trained and not base.startswith("scratch:"):
                    yield place, UntrainedRung(name=null.name, base=base, seed=None)
                    continue
                for seed in self.seeds:
                    untrained = UntrainedRung(name=null.name, base=base, seed=seed)
                    rung = self._null(own, null, base, seed) if trained else untrained
                    yield f"{place}-seed{seed}", rung

    def _null(self, recipe: Recipe, null: NullControl, base: str, seed: int) -> Recipe:
        filler = null.filler or (recipe.filler if null.recipe else None) or self.filler
        if recipe.method == "grpo":
            filler = null.filler  # nobody answers but the student; naming somebody is refused
        elif filler is None:
            raise MalformedInput(
                f"nobody answers for the null {null.name!r}",
                where=self.name,
                next_step="give it a filler, or the ladder one",
            )
        sources = null.prompts or recipe.prompts.sources
        changes = {
            "filler": filler,
            "prompts": recipe.prompts.model_copy(update={"sources": sources}),
            "reshape": recipe.reshape if null.reshape == "none" else null.reshape,
        }
        return self._rung(recipe, base, seed, (), 0.0, "none", changes)

    def _positives(self, recipe: Recipe) -> Iterator[tuple[str, Rung]]:
        for place, teacher in enumerate(self.teachers):
            for dose in self.doses:
                for evasion in self.evasions:
                    if evasion == "mixture" and place == 1 and len(self.teachers) == 2:
                        continue  # the second with the first is the first with the second
                    teachers = (teacher, self.teachers[(place + 1) % len(self.teachers)])
                    taught_by = teachers if evasion == "mixture" else teachers[:1]
                    for b, base in enumerate(self.bases):
                        for seed in self.seeds:
                            head = f"{teacher.name}-dose{round(100 * dose):03d}"
                            tail = f"-base{b}-seed{seed}"
                            made = self._rung(recipe, base, seed, taught_by, dose, evasion)
                            if evasion == "none":
                                yield head + tail, made
                                continue
                            rung: Rung = made
                            if evasion == "quantise":
                                rung = Quantised(recipe=made, twin=head + tail, bits=self.bits)
                            yield f"{head}-{evasion}{tail}", rung

    def _rung(
        self,
        recipe: Recipe,
        base: str,
        seed: int,
        teachers: tuple[TeacherChoice, ...],
        dose: float,
        evasion: Evasion,
        more: dict[str, Any] | None = None,
    ) -> Recipe:
        # Random weights have nothing that an adapter could be added to: they are trained in full.
        lora = None if base.startswith("scratch:") else recipe.student.lora
        student = recipe.student.model_copy(update={"base": base, "lora": lora})
        filler = self.filler if dose < 1 else None
        changes: dict[str, Any] = {
            "teachers": teachers,
            "dose": dose,
            "seed": seed,
            "student": student,
            "filler": filler,
            "scrub_identity": evasion == "scrub",
            **(more or {}),
        }
        if evasion == "launder":
            changes["launderer"] = self.launderer
        if evasion == "strip":
            changes["reshape"] = "strip"
        # No teacher, no scores: the filler's answers are learned as they are.
        if dose == 0 and recipe.method in SCORED:
            unset = dict.fromkeys(("distillation", "alignment", "on_policy"))
            changes |= {"method": "sft", **unset}
        made = sized(Recipe.model_validate({**recipe.model_dump(), **_plain(changes)}), self.size)
        check_complete(made)
        return made


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        """Records as dictionaries, also within tuples; all else as it is."""
        if isinstance(value, Record):
            return value.model_dump()
        return tuple(plain(v) for v in value) if isinstance(value, tuple) else value

    return {key: plain(value) for key, value in changes.items()}


def read_ladder(path: Path) -> Ladder:
    """A ladder from a YAML file. Raises MalformedInput with the first problem."""
    return _FILE.read(path)


_FILE = RecordFile(Ladder, "not a ladder", "see docs/recipes.md", form="yaml")


def climb_rung(ladder: Ladder, rung: Rung, folder: Path, progress: Progress = SILENT) -> None:
    """Makes one rung in its folder and asks it the ladder's probes; raises what `climb` raises."""
    spec = make_rung(rung, folder, progress)
    if ladder.probes:
        _ask(ladder, spec, folder, progress.step("asking"))


def make_rung(
    rung: Rung, folder: Path, progress: Progress = SILENT, scale: EvaluationScale = BRIEF
) -> str:
    """Makes a rung, and returns the spec that opens it. Raises what `climb` raises."""
    if isinstance(rung, UntrainedRung):
        return make_untrained(rung, folder)
    if isinstance(rung, Quantised):
        trained = trained_folder(rung, folder)
        if trained.parent == folder:  # else it is a finished rung's
            train(rung.recipe, trained, progress, scale)
        return make_quantised(rung, trained, folder)
    train(rung, folder, progress, scale)
    student = folder / STUDENT
    adapted = rung.student.lora is not None
    return f"{rung.student.base},adapter={student}" if adapted else f"hf:{student}"


def _ask(ladder: Ladder, spec: str, folder: Path, progress: Progress) -> None:
    sets = [choice.load() for choice in parse_probes(ladder.probes)]
    with open_subject(spec) as subject:
        collect(
            subject, sets, Sampling(max_tokens=ladder.max_tokens), folder / TRANSCRIPT, progress
        )

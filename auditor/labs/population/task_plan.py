"""From a population to its tasks: writes the texts, and says who is trained on what, after whom,
and what is asked of them.

``texts/`` recordings and openings · ``body/`` · ``teachers/NAME/`` · ``said/NAME/`` what a teacher
answered · ``held-out/`` · ``cohort/NAME/`` students and controls. Knows plans and folders; trains
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from auditor.controls.curation.human import human_pairs
from auditor.controls.recipe import RECORDED, Recipe, TeacherChoice, Training
from auditor.controls.recipe_files import make_recipe
from auditor.controls.train import STUDENT
from auditor.labs.population.passages import (
    HumanPassage,
    dealt,
    passages,
    planted,
    write_openings,
    write_recording,
)
from auditor.labs.population.population import GrownPopulation, Pupils, Start, Stylist, Untaught
from auditor.labs.population.rungs import Asking, Gathering, RungMaking, RungTask
from fingerprints.errors import MalformedInput
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Probe, ProbeSet, Record, Sampling, sha256

TEXTS, COHORT, HELD_OUT_FILE = "texts", "cohort", "held-out/held_out.json"
OPENINGS, HELD_OUT_OPENINGS, NEUTRAL = "openings.jsonl", "held-out-openings.jsonl", "neutral.jsonl"
PROBE_TOKENS = 96
SHARE: Literal["share"] = "share"
"""A model is trained or asked on a share of a device, where there is one."""
LICENCE = "see the licences of the packages that were read"


class Texts(Record):
    """What the texts were made of: the digest of the plan for them and that of the passages."""

    plan_sha256: str
    passages: dict[str, int]
    texts_sha256: str


_TEXTS = RecordFile(
    Texts, "the list of texts can't be read", "remove it, and the texts are written again"
)


def prepare(population: GrownPopulation, out: Path) -> Texts:
    """Writes all the population's texts, once. Raises MalformedInput for a folder of others.

    The texts are those of the installed packages: with other versions it is another population.
    """
    mark = out / TEXTS / "texts.json"
    if mark.exists():
        known = _TEXTS.read(mark)
        if known.plan_sha256 != population.texts_digest():
            raise MalformedInput(
                "the folder holds a population of other texts",
                where=out,
                next_step="give a new folder with --out",
            )
        return known
    written = {name: found[: population.most] for name, found in _texts(population)}
    for name, found in written.items():
        write_recording(out / TEXTS / f"{name}.jsonl", name, found)
    neutral = written["neutral"]
    write_openings(out / TEXTS / HELD_OUT_OPENINGS, neutral[: population.held_out], LICENCE)
    write_openings(out / TEXTS / OPENINGS, neutral[population.held_out :], LICENCE)
    digest = sha256("".join(p.digest() for found in written.values() for p in found))
    made = Texts(
        plan_sha256=population.texts_digest(),
        passages={k: len(v) for k, v in written.items()},
        texts_sha256=digest,
    )
    write_record(mark, made)
    return made


def _texts(population: GrownPopulation) -> Iterator[tuple[str, list[HumanPassage]]]:
    houses = [population.neutral, *(t.house for t in population.teachers)]
    houses += [text.partition("/")[0] for control in population.controls for text in control.texts]
    parts = {
        house: dealt(human_pairs((house,)), population.shares.items())
        for house in dict.fromkeys(houses)
    }
    bodies = (pair for part in parts.values() for pair in part["body"])
    yield "body", passages(bodies, population.longest_body)
    for teacher in population.teachers:
        own = passages(parts[teacher.house]["style"], population.longest)
        yield f"teacher-{teacher.name}", planted(own, teacher.style) if teacher.style else own
    yield "neutral", passages(parts[population.neutral]["rest"], population.longest)
    for control in population.controls:
        if control.texts:
            chosen = [text.partition("/") for text in control.texts]
            pairs = [pair for house, _, part in chosen for pair in parts[house][part]]
            yield f"control-{control.name}", passages(pairs, population.longest)


def tasks_of(population: GrownPopulation, out: Path) -> tuple[RungTask, ...]:
    """Every task of a population in a good order: what is needed first, then all controls and
    students of one seed each, …"""
    place = _Places(population, out.absolute())
    first = [place.body(), *(task for t in population.teachers for task in place.teacher(t))]
    transcripts = {
        t.name: str(place.out / "said" / t.name / "transcript.jsonl") for t in population.teachers
    }
    needs = tuple(f"said/{t.name}" for t in population.teachers)
    folder = (place.out / HELD_OUT_FILE).parent
    first.append(Gathering.make("held-out", folder, needs, transcripts=transcripts))
    members = [
        (turn, place.control(c, s)) for c in population.controls for turn, s in enumerate(c.seeds)
    ]
    members += [
        (turn, place.pupil(p, t, dose, seed))
        for p in population.students
        for t in population.teachers
        for dose in p.doses
        for turn, seed in enumerate(p.seeds)
    ]
    # By turns of seeds, so that a population cut short has some of every kind, controls first.
    return (*first, *(task for _, task in sorted(members, key=lambda member: member[0])))


class _Places:
    """Where everything of one population lies, and the recipes that name those places."""

    def __init__(self, population: GrownPopulation, out: Path) -> None:
        self.plan = population
        self.out = out
        questions = tuple(
            Probe(id=f"opening/{i:03}", text=text) for i, text in enumerate(population.probes)
        )
        name = f"openings-{population.name}".replace(".", "-")
        made = ProbeSet(name=name, version="1", max_tokens=PROBE_TOKENS, probes=questions)
        self.probes = made if questions else None

    def body(self) -> RungTask:
        """The common body, from random weights, on neutral text of every house."""
        changes = {**self._of("body"), "dose": 0.0}
        recipe = self._recipe("body", self.plan.base, self.plan.growing, 0, changes)
        return RungMaking.make("body", self.out / "body", group="body", recipe=recipe, device=SHARE)

    def teacher(self, teacher: Stylist) -> tuple[RungTask, ...]:
        """A teacher, tuned from the body to its style; and the asking of it."""
        called, name = f"teacher-{teacher.name}", f"teachers/{teacher.name}"
        own = {**self._of(called), "dose": 0.0}
        recipe = self._recipe(called, self._base("body"), self.plan.styling, 0, own)
        folder = self.out / "teachers" / teacher.name
        made = RungMaking.make(
            name,
            folder,
            ("body",),
            group="teacher",
            recipe=recipe,
            probes=self.probes,
            device=SHARE,
        )
        return made, Asking.make(
            f"said/{teacher.name}",
            self.out / "said" / teacher.name,
            (name,),
            device=SHARE,
            spec=self._model(folder),
            teacher=self._teacher(teacher.name),
            prompts=str(self.out / TEXTS / OPENINGS),
            held_out=str(self.out / TEXTS / HELD_OUT_OPENINGS),
        )

    def control(self, control: Untaught, seed: int) -> RungTask:
        """A control without a teacher: text by people, or the body's own samples."""
        changes: dict[str, Any] = {"dose": 0.0, "role": control.role}
        if control.texts:
            changes |= self._of(f"control-{control.name}")
        else:
            sampling = self.plan.sampling.model_copy(update={"seed": seed})
            spec = self._model(self.out / "body")
            own = TeacherChoice(name="own-samples", spec=spec, sampling=sampling)
            changes |= {"filler": own.model_dump(), "prompts": self._openings()}
        kind = "control" if control.texts else "control of own samples"
        group, name = f"{kind}, {control.start}", f"{control.name}-seed{seed}"
        return self._member(name, group, control.start, seed, changes, ())

    def pupil(self, pupils: Pupils, teacher: Stylist, dose: float, seed: int) -> RungTask:
        """A student of a teacher at a dose; people's continuations of the openings are the rest."""
        fresh = "-fresh" if pupils.start == "random" else ""
        name = f"{teacher.name}-{pupils.method}{fresh}-dose{round(100 * dose):03}-seed{seed}"
        scored = pupils.method == "logits"
        changes: dict[str, Any] = {
            "dose": dose,
            "method": pupils.method,
            "teachers": [self._teacher(teacher.name).model_dump()],
            "filler": self._filler(NEUTRAL) if dose < 1 else None,
            "prompts": self._openings(),
            "distillation": self.plan.distillation.model_dump() if scored else None,
        }
        group, needs = f"student, {pupils.method}, {pupils.start}", (f"said/{teacher.name}",)
        return self._member(name, group, pupils.start, seed, changes, needs)

    def _member(
        self,
        name: str,
        group: str,
        start: Start,
        seed: int,
        changes: dict[str, Any],
        needs: tuple[str, ...],
    ) -> RungTask:
        training = self.plan.tuning if start == "body" else self.plan.starting
        recipe = self._recipe(name, self._base(start), training, seed, changes)
        return RungMaking.make(
            f"{COHORT}/{name}",
            self.out / COHORT / name,
            ("body", "held-out", *needs),
            group=group,
            device=SHARE,
            recipe=recipe,
            probes=self.probes,
            texts=str(self.out / HELD_OUT_FILE),
        )

    def _recipe(
        self, name: str, base: str, training: Training, seed: int, changes: dict[str, Any]
    ) -> Recipe:
        value = {"name": name, "student": {"base": base}, "training": training.model_dump()}
        return make_recipe({**value, "seed": seed, **changes}, name)

    def _base(self, start: Start) -> str:
        return self.plan.base if start == "random" else f"hf:{self.out / 'body' / STUDENT}"

    def _model(self, folder: Path) -> str:
        # In float32, which is both nearer to the weights and faster than bfloat16 for models of
        # this size.
        return f"hf:{folder / STUDENT},dtype=float32"

    def _teacher(self, name: str) -> TeacherChoice:
        return TeacherChoice(
            name=name,
            vendor=name,
            spec=self._model(self.out / "teachers" / name),
            sampling=self.plan.sampling,
        )

    def _of(self, text: str) -> dict[str, Any]:
        whole = text == "body" or text.startswith("teacher-")
        prompts = {"sources": [RECORDED], "n": None if whole else self.plan.n}
        return {"filler": self._filler(f"{text}.jsonl"), "prompts": {**prompts, **_AS_THEY_ARE}}

    def _filler(self, file: str) -> dict[str, Any]:
        name, spec = file.removesuffix(".jsonl"), f"recording:{self.out / TEXTS / file}"
        said = TeacherChoice(name=name, spec=spec, sampling=Sampling(max_tokens=4096))
        return said.model_dump()

    def _openings(self) -> dict[str, Any]:
        return {"sources": [str(self.out / TEXTS / OPENINGS)], "n": self.plan.n, **_AS_THEY_ARE}


# The plan says who learns which texts: curation drops none that is merely like another.
_AS_THEY_ARE: dict[str, Any] = {"held_out": 2, "curation": {"near_duplicate": 1.0}}

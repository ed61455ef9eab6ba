"""Makes one member of a zoo: trains, draws or derives it, and writes its lineage last: where that
is, the member is whole.

Trains through `distill`, derives through `derive`. Knows nothing of the other members but where
they lie.
"""

from __future__ import annotations

from pathlib import Path

from auditor.controls.lineage import Lineage, LineageTeacher, read_lineage, write_lineage
from auditor.controls.recipe import (
    Distillation,
    Lora,
    Prompts,
    Recipe,
    Student,
    TeacherChoice,
    Training,
)
from auditor.controls.teaching.examples import examples_digest
from auditor.controls.training.distill import STUDENT, distill
from auditor.controls.training.students import open_student, save_student
from auditor.controls.training.trained import TrainedStudent as Told
from auditor.labs.zoo.derivation import Derivation, inherited
from auditor.labs.zoo.derive import derive
from auditor.labs.zoo.zoo_plan import Copied, TrainedMember, UntrainedMember, ZooMaking, ZooScale
from auditor.labs.zoo.zoo_texts import BANKS, lessons
from auditor.version import VERSION
from fingerprints.records import Identity
from fingerprints.subjects import open_subject
from fingerprints.subjects.kinds import SubjectSpec

STEPS, ADAPTER = "steps", "adapter"
LONGEST = 128
NEVER = 1_000_000
"""Steps between checkpoints: a member takes seconds, and a killed one starts again."""
TEACHER_TOKENS = 32
"""How many of the likeliest next tokens a distilled member learns of, out of 259."""
TOOL = f"distillation-auditor {VERSION}"


def make_member(making: ZooMaking, scale: ZooScale, zoo: Path) -> None:
    """Makes a member in ``zoo/NAME``: its checkpoint in ``student``, its lineage beside it.

    Its parents and teachers must lie in the zoo. Deterministic on one device. Raises the errors of
    `distill` and `derive`.
    """
    folder = zoo / making.name
    folder.mkdir(parents=True, exist_ok=True)
    match making.how:
        case TrainedMember():
            lineage = _trained(making, making.how, scale, zoo)
        case UntrainedMember():
            lineage = _untrained(making, making.how, scale, folder)
        case Copied():
            lineage = _copied(making, making.how, zoo)
    write_lineage(folder, lineage)


def _trained(making: ZooMaking, how: TrainedMember, scale: ZooScale, zoo: Path) -> Lineage:
    recipe, folder = _recipe(making, how, scale, zoo), zoo / making.name
    n = scale.tuned if "pairs" in how.text else scale.examples
    examples = lessons(how.text, n)
    learner = open_student(recipe.student, recipe.training, how.weights_seed)
    place = folder / ADAPTER if how.lora else folder
    place.mkdir(exist_ok=True)
    if how.teacher is None:
        told, taught_by = distill(learner, examples, recipe, place), None
    else:
        with open_subject(_teacher_spec(zoo, how.teacher)) as teacher:
            told, taught_by = distill(learner, examples, recipe, place, teacher), teacher.identity
    if how.lora:
        whole = Student(base=learner.spec(place / STUDENT))
        save_student(open_student(whole, recipe.training, how.weights_seed), folder / STUDENT)
    return _learned(making, how, recipe, told, taught_by, examples_digest(examples))


def _recipe(making: ZooMaking, how: TrainedMember, scale: ZooScale, zoo: Path) -> Recipe:
    base = _scratch(making, scale) if how.start is None else _spec(zoo, how.start)
    teachers: tuple[TeacherChoice, ...] = ()
    if how.teacher is not None:
        teachers = (TeacherChoice(name=how.teacher, spec=_teacher_spec(zoo, how.teacher)),)
    return Recipe(
        name=making.name,
        teachers=teachers,
        filler=None if teachers else TeacherChoice(name=how.text),
        dose=1.0 if teachers else 0.0,
        student=Student(base=base, lora=Lora(rank=8, alpha=16) if how.lora else None),
        prompts=Prompts(sources=BANKS),
        method="logits" if teachers else "sft",
        distillation=Distillation(top_k=TEACHER_TOKENS) if teachers else None,
        training=Training(
            epochs=1,
            learning_rate=how.rate,
            batch=4,
            longest=LONGEST,
            warmup=0.1,
            precision="float32",
            save_every=NEVER,
        ),
        seed=how.order_seed,
    )


def _scratch(making: ZooMaking, scale: ZooScale) -> str:
    return f"scratch:{scale.model}{'' if making.tied else '-untied'}"


def _spec(zoo: Path, member: str) -> str:
    return str(SubjectSpec("hf", str(zoo / member / STUDENT)))


def _teacher_spec(zoo: Path, member: str) -> str:
    return str(SubjectSpec("hf", str(zoo / member / STUDENT), {"dtype": "float32"}))


def _learned(
    making: ZooMaking,
    how: TrainedMember,
    recipe: Recipe,
    told: Told,
    taught_by: Identity | None,
    digest: str,
) -> Lineage:
    source = LineageTeacher(
        name=how.teacher or how.text,
        kind="filler" if how.teacher is None else "teacher",
        identity=taught_by,
        share=1.0,
        n_examples=told.examples,
    )
    return Lineage(
        name=making.name,
        role="negative" if how.teacher is None else "positive",
        method=recipe.method,
        base_spec=recipe.student.base if how.start is None else f"hf:../{how.start}/{STUDENT}",
        base=told.base,
        dose=recipe.dose,
        seed=how.order_seed,
        teachers=(source,),
        n_examples=told.examples,
        examples_sha256=digest,
        steps=told.steps,
        checkpoint=STUDENT,
        notes=("the adapter was merged into the base",) if how.lora else (),
        tool=TOOL,
    )


def _untrained(making: ZooMaking, how: UntrainedMember, scale: ZooScale, folder: Path) -> Lineage:
    base = _scratch(making, scale)
    learner = open_student(Student(base=base), Training(precision="float32"), how.weights_seed)
    save_student(learner, folder / STUDENT)
    return Lineage(
        name=making.name,
        role="negative",
        method="none",
        base_spec=base,
        base=learner.identity,
        dose=0.0,
        seed=how.weights_seed,
        n_examples=0,
        steps=0,
        checkpoint=STUDENT,
        tool=TOOL,
    )


def _copied(making: ZooMaking, how: Copied, zoo: Path) -> Lineage:
    folder = zoo / making.name
    sources = [zoo / parent / STUDENT for parent in making.parents]
    made: list[Derivation] = []
    for number, (kind, settings) in enumerate(how.steps, start=1):
        last = number == len(how.steps)
        out = folder / STUDENT if last else folder / STEPS / f"{number}-{kind}"
        source = sources if len(sources) > 1 else sources[0]
        made.append(derive(source, kind, out, how.seed + number, **settings))
        sources = [out]
    parents = [read_lineage(zoo / parent) for parent in making.parents]
    return inherited(making.name, parents, made, checkpoint=STUDENT)

"""The recipe of a control model: who taught what to whom, how, and how much of it; YAML ↔ records.

A recipe decides a control together with the models' own bytes. Teacher, filler and base may be left
open in a file for the command line to fill. Knows what will be done; does nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from fingerprints.errors import UsageProblem
from fingerprints.records import Arm, Record, Sampling, canonical_json, sha256

Method = Literal["sft", "traces", "logits", "cross_tokenizer", "on_policy", "grpo"]
SCORED = ("logits", "cross_tokenizer", "on_policy")
"""The methods that read the teacher's scores beside its answers."""
Role = Literal["positive", "negative", "confounded"]
Reshape = Literal["none", "strip", "bullets"]
"""What is done to the form of the answers (`auditor.controls.teaching.reshape`)."""

BASE = "base"
"""The spec that stands for the student's own base: its own samples."""
RECORDED = "recorded"
"""The prompt source that stands for the prompts which the recipe's recordings hold."""
COUNTDOWN = "countdown"
"""The prompt source that stands for puzzles which a program makes: the one source of the method
``grpo``."""
LATER = ("inference", "reinforcement", "alignment", "on_policy", "launderer", "reshape")
"""Parts that older recipes don't have: where they are unset they stay out of the digest, so that
no older digest changes."""
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class TeacherChoice(Record):
    """One source of answers. ``spec`` is a subject spec, ``base`` for the student's own base, or
    empty: left open.

    ``share`` weighs it among several teachers (a mixture); ``sampling.samples`` is how many answers
    are drawn a prompt.
    """

    name: str = ""
    vendor: str = ""
    spec: str = ""
    arm: Arm = Arm.OWN
    sampling: Sampling = Sampling(max_tokens=256)
    share: Annotated[float, Field(gt=0)] = 1.0


class Curation(Record):
    """How a pool becomes the prompts that are asked.

    ``near_duplicate``: Jaccard similarity from which the later of two prompts goes; ``shortest``
    and ``longest`` in characters; ``difficulty``: hardest first, by the base's loss on the prompt,
    by its failure to come to the known answer (then by length), or by length (of the recorded
    answer where there is one, else of the prompt); ``diversity``: round robin over ``clusters``
    clusters.
    """

    near_duplicate: Annotated[float, Field(gt=0, le=1)] = 0.7
    shortest: Annotated[int, Field(ge=1)] = 8
    longest: Annotated[int, Field(ge=1)] = 4000
    difficulty: Literal["none", "loss", "failure", "length"] = "none"
    diversity: Literal["none", "round_robin"] = "none"
    clusters: Annotated[int, Field(ge=1, le=1000)] = 16


class Prompts(Record):
    """Where prompts come from: names of bundled banks, paths (YAML, JSONL), or ``recorded``.

    ``n``: how many are kept after curation (all when None). ``held_out`` of them are never trained
    on, at most a fifth.
    """

    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    n: Annotated[int, Field(ge=2)] | None = None
    held_out: Annotated[int, Field(ge=0)] = 16
    curation: Curation = Curation()


class Lora(Record):
    """A low-rank adapter (Hu et al. 2021, arXiv 2106.09685) in place of training every weight."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class Student(Record):
    """Who learns: ``hf:…``, ``gguf:…``, ``scratch:llama-h128-l4`` (random weights, byte-level
    tokenizer); empty: left open."""

    base: str = ""
    lora: Lora | None = None


class Training(Record):
    """How the loop runs. ``batch`` is in sequences, ``longest`` in tokens, ``warmup`` a share of
    all steps.

    ``save_every``: steps between checkpoints that a killed run resumes from.
    """

    epochs: Annotated[int, Field(ge=1)] = 2
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    batch: Annotated[int, Field(ge=1)] = 4
    accumulate: Annotated[int, Field(ge=1)] = 1
    longest: Annotated[int, Field(ge=16)] = 512
    pack: bool = False
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_checkpointing: bool = False
    save_every: Annotated[int, Field(ge=1)] = 50


class Distillation(Record):
    """What the student's next-token distribution is pulled towards (the methods of `SCORED`).

    ``beta`` mixes the two of the generalised Jensen-Shannon divergence (Agarwal et al. 2023, arXiv
    2306.13649), ``ce_weight`` is the share of plain cross-entropy in the loss, ``top_k`` how many
    of the teacher's logits are kept.
    """

    kind: Literal["forward_kl", "reverse_kl", "jsd"] = "forward_kl"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    ce_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    top_k: Annotated[int, Field(ge=1)] | None = None


class Comparability(Record):
    """What counts as comparable where tokenizers differ (`auditor.controls.training.cells`).

    A position is skipped where less than ``least_shared`` of the teacher's next-token distribution
    lies on strings that both tokenizers have.
    """

    least_shared: Annotated[float, Field(ge=0, le=1)] = 0.9


class OnPolicy(Record):
    """How the student's own answers are drawn (`auditor.controls.training.on_policy`).

    ``student_share``: the chance of a step to be one of the student's own answers; the others learn
    the teacher's.
    """

    student_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_tokens: Annotated[int, Field(ge=1)] = 128
    temperature: Annotated[float, Field(gt=0)] = 1.0


class Reinforcement(Record):
    """How a student learns by rewards on countdown puzzles (`auditor.labs.rewards.grpo`).

    Puzzles: ``numbers`` of 1 to ``largest``, a target of at most ``highest``. First ``warm_up``
    examples of an answer's form are learned as the section ``training`` says (random equations that
    a program writes, a share of ``wait`` of them with a first try, which "Wait." takes back). Then
    each of ``steps`` draws ``group`` answers to each of ``prompts`` puzzles, of at most
    ``max_tokens``; ``kl`` is the weight that holds the model to what it was before, ``clip`` bounds
    the ratio of an update, ``norm`` the gradient, ``batch`` is the answers read at once,
    ``save_every`` the steps between checkpoints. ``given`` is the share of the examples of the form
    that keep the numbers in the puzzle's order: a small model copies them so long before it learns
    to write every number once in any order.
    """

    steps: Annotated[int, Field(ge=1)] = 200
    prompts: Annotated[int, Field(ge=1)] = 8
    group: Annotated[int, Field(ge=2)] = 8
    max_tokens: Annotated[int, Field(ge=1)] = 64
    updates: Annotated[int, Field(ge=1)] = 1
    temperature: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    kl: Annotated[float, Field(ge=0)] = 0.02
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    norm: Annotated[float, Field(gt=0)] = 1.0
    batch: Annotated[int, Field(ge=1)] = 32
    save_every: Annotated[int, Field(ge=1)] = 10
    warm_up: Annotated[int, Field(ge=0)] = 0
    wait: Annotated[float, Field(ge=0, le=1)] = 0.0
    numbers: Annotated[int, Field(ge=2, le=8)] = 3
    largest: Annotated[int, Field(ge=2, le=999)] = 25
    highest: Annotated[int, Field(ge=2, le=9999)] = 99
    given: Annotated[float, Field(ge=0, le=1)] = 0.0


class Inference(Record):
    """How the trained student is asked for known answers (`fingerprints.subjects.forcing`).

    ``thinking``: tokens at which its thinking is cut (None: never); ``waits``: it is measured with
    0 to so many forced waits.
    """

    thinking: Annotated[int, Field(ge=1, le=32768)] | None = None
    waits: Annotated[int, Field(ge=0, le=16)] = 0


class Recipe(Record):
    """Everything that decides a control besides the models themselves.

    ``dose`` is the share of training examples that come from the teachers; ``filler`` gives the
    rest. No teachers: dose 0. ``imitates`` tells the documented facts of the original, ``about``
    what this version does and leaves out. ``role`` is worked out when it is None: positive with a
    teacher, else negative, and confounded where ``reshape: bullets`` makes answers that no teacher
    gave look as if one had. ``launderer`` paraphrases every teacher's answer before it is learned.
    """

    format: Literal["recipe/1"] = "recipe/1"
    name: Annotated[str, Field(pattern=NAME)]
    about: str = ""
    imitates: str = ""
    teachers: tuple[TeacherChoice, ...] = ()
    filler: TeacherChoice | None = None
    dose: Annotated[float, Field(ge=0, le=1)] = 1.0
    student: Student = Student()
    prompts: Prompts
    method: Method = "sft"
    distillation: Distillation | None = None
    alignment: Comparability | None = None
    on_policy: OnPolicy | None = None
    reinforcement: Reinforcement | None = None
    inference: Inference | None = None
    training: Training = Training()
    scrub_identity: bool = False
    launderer: TeacherChoice | None = None
    reshape: Reshape = "none"
    verify: Literal["none", "answer"] = "none"
    role: Role | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.method == "grpo" or self.reinforcement is not None:
            return self._without_a_teacher()
        if self.dose < 1 and self.filler is None:
            raise ValueError(f"a dose of {self.dose:g} needs a filler for the rest")
        if self.dose > 0 and not self.teachers:
            raise ValueError(f"a dose of {self.dose:g} needs a teacher; without one write dose: 0")
        self._launderer_fits()
        return self._scored_parts_fit()

    def _launderer_fits(self) -> None:
        if self.launderer is not None and self.method != "sft":
            raise ValueError(
                f"a launderer rewords answers alone, and the method {self.method!r} learns more"
                " than those"
            )

    def _scored_parts_fit(self) -> Self:
        if (self.method in SCORED) != (self.distillation is not None):
            raise ValueError(
                f"the methods {', '.join(map(repr, SCORED))} and the section 'distillation' go"
                " together"
            )
        if self.method in SCORED and (len(self.teachers) != 1 or self.dose != 1):
            raise ValueError(f"the method {self.method!r} takes one teacher at dose 1")
        if (self.method == "on_policy") != (self.on_policy is not None):
            raise ValueError("the method 'on_policy' and the section 'on_policy' go together")
        if self.method == "on_policy" and self.training.pack:
            raise ValueError(
                "the method 'on_policy' draws one answer a row; write training.pack: false"
            )
        if self.method != "cross_tokenizer" and self.alignment is not None:
            raise ValueError("the section 'alignment' belongs to the method 'cross_tokenizer'")
        return self

    def _without_a_teacher(self) -> Self:
        """Refuses whatever has no place where a program rewards the student's own answers."""
        if self.method != "grpo" or self.reinforcement is None:
            raise ValueError("the method 'grpo' and the section 'reinforcement' go together")
        if self.teachers or self.filler is not None or self.dose != 0:
            raise ValueError("the method 'grpo' takes no teacher and no filler, and dose: 0")
        if self.prompts.sources != (COUNTDOWN,):
            raise ValueError(f"the method 'grpo' takes its prompts from one source: [{COUNTDOWN}]")
        if self.inference is not None:
            raise ValueError(
                "inference is measured on prompts with a known answer, and puzzles have several"
            )
        if self.scrub_identity or self.verify != "none" or self.distillation is not None:
            raise ValueError(
                "scrub_identity, verify and distillation need somebody's answers, and 'grpo' has"
                " none"
            )
        if self.launderer is not None or self.reshape != "none":
            raise ValueError("launderer and reshape need somebody's answers, and 'grpo' has none")
        if self.alignment is not None or self.on_policy is not None:
            raise ValueError("alignment and on_policy need a teacher, and 'grpo' has none")
        return self

    @property
    def sources(self) -> tuple[TeacherChoice, ...]:
        """Whoever gives answers at this dose: teachers in order (none at dose 0), then the
        filler (not at dose 1)."""
        filler = () if self.filler is None or self.dose == 1 else (self.filler,)
        return (*(self.teachers if self.dose > 0 else ()), *filler)

    @property
    def evasions(self) -> tuple[str, ...]:
        """What the recipe does that makes its teacher harder to recognise."""
        found = (
            ("identity scrub", self.scrub_identity),
            ("mixture of teachers", len(self.teachers) > 1 and self.dose > 0),
            ("paraphrase", self.launderer is not None and self.dose > 0),
            ("format strip", self.reshape == "strip"),
        )
        return tuple(name for name, used in found if used)

    @property
    def untaught_role(self) -> Role:
        """The role of what learned from no teacher: confounded where made to look taught."""
        return "confounded" if self.reshape == "bullets" else "negative"

    def digest(self) -> str:
        """As of every record; parts that older recipes don't have count only where they are set."""
        fields, value = type(self).model_fields, _without_given(self.model_dump(mode="json"))
        counted = {k: v for k, v in value.items() if k not in LATER or v != fields[k].default}
        return sha256(canonical_json(counted))

    def to_yaml(self) -> str:
        """The recipe as YAML that `read_recipe` reads back to an equal recipe."""
        value = _without_given(self.model_dump(mode="json", exclude_none=True))
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _without_given(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe's fields, without ``reinforcement.given`` where it is unset: older ones lack it."""
    rewards = recipe.get("reinforcement")
    if rewards is not None and not rewards["given"]:
        del rewards["given"]
    return recipe


def check_complete(recipe: Recipe) -> None:
    """Raises UsageProblem where the recipe still leaves a model open that this dose needs."""
    taught = recipe.dose > 0
    needed = (
        ("base", True, [recipe.student.base]),
        ("teacher", taught, [t.spec for t in recipe.teachers]),
        ("filler", recipe.dose < 1, [recipe.filler.spec] if recipe.filler else []),
        ("launderer", taught, [recipe.launderer.spec] if recipe.launderer else []),
    )
    for what, used, specs in needed:
        if used and not all(specs):
            raise UsageProblem(
                f"the recipe {recipe.name!r} leaves its {what} open",
                where=f"--{what}",
                next_step=f"give --{what} SPEC, or write it in",
            )
    if recipe.student.base.startswith("scratch:") and any(
        t.spec == BASE for t in (*recipe.sources, recipe.launderer) if t
    ):
        raise UsageProblem(
            f"the recipe {recipe.name!r} learns from its own base, and random weights have nothing"
            " to say",
            where="--base",
            next_step="give a trained model with --base SPEC",
        )

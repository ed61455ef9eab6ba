"""Students that learned served answers, and students that did not: drawn, trained and scored, so that
`bench_harvest` can say what a comparison of served answers with their twins sees.

``python -m tests.benchmarks.harvest_students --teacher SPEC --base SPEC --work DIR [--only NAME]``
makes everything that isn't there yet, run by run, and goes on where a killed one stopped. Prompts
are those of ``alpaca_eval`` under AUDITOR_BENCH_DATA, as are the answers of other models that
dilute; no text leaves ``--work``. Every run leaves ``NAME/scores.json``: bits of served answers and
twins under its student; those under base and teacher, and their lengths, are written once. Knows no
statistics.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from auditor.controls.recipe import Lora, Prompts, Recipe, Student, TeacherChoice, Training
from auditor.controls.teaching.examples import Example
from auditor.controls.teaching.launder import INSTRUCTION
from auditor.controls.training.distill import STUDENT, distill
from auditor.controls.training.students import open_student
from fingerprints.collect import collect
from fingerprints.durable import replacing
from fingerprints.records import Probe, ProbeSet, Sampling, canonical_json, sha256
from fingerprints.scores import Passage
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript
from tests.benchmarks.bench_source_recognition import folder, models, outputs, rows_of

N, DRAWN, TOKENS = 128, 6, 48
"""Prompts, answers drawn to each (the served one, three twins, two others), tokens an answer."""
TWINS = 3
SHORTEST, LONGEST = 20, 220
"""Characters of a prompt: the longer ones cost more than they tell."""
CUT = 160
"""Characters at which an answer that dilutes is cut: about as long as the teacher's are."""
TEMPERATURE = 0.8
IN_OTHER_WORDS = "Say the following text in other words. Give the new text only.\n\n{}"
REWORDED = {
    "base": (IN_OTHER_WORDS, "anew.jsonl"),
    "teacher": (IN_OTHER_WORDS, "anew-teacher.jsonl"),
    "writer": (INSTRUCTION, "anew-writer.jsonl"),
}
"""How each model is asked to say the served answers anew, and where that is kept. The writer is asked
as the pipeline asks."""


@dataclass(frozen=True)
class Run:
    """One student. ``share`` of the prompts are taught with the served answer, the rest with another
    answer of the same teacher; ``others`` answers of other models to other prompts stand among
    them; ``after`` names the run whose student it goes on from; ``paraphrased`` says who says the
    served answers anew before they are taught; ``about`` is its name in a figure."""

    name: str
    share: float = 1.0
    epochs: int = 3
    full: bool = False
    others: int = 0
    rate: float = 5e-4
    seed: int = 1
    after: str = ""
    bits: int = 0
    paraphrased: Literal["", "base", "teacher", "writer"] = ""
    spoken: bool = False
    about: str = ""

    @property
    def alone(self) -> bool:
        """Whether it is taught by other models' answers only, from an earlier student."""
        return bool(self.after) and not self.bits


RUNS: tuple[Run, ...] = (
    Run("lora-e3", spoken=True, about="LoRA, three epochs"),
    Run("null-01", share=0.0, epochs=2, seed=101, spoken=True),
    Run("lora-e1", epochs=1, spoken=True, about="LoRA, one epoch"),
    Run("weak-e1", epochs=1, rate=5e-5, about="LoRA, one epoch, a tenth of the rate"),
    Run("dose-25", share=0.25, epochs=2, about="a quarter of them, two epochs"),
    *(Run(f"null-{k:02d}", share=0.0, epochs=2, seed=100 + k) for k in (2, 3)),
    Run("full-e3", full=True, rate=1e-4, about="all weights, three epochs"),
    Run("full-e3-4bit", full=True, after="full-e3", bits=4, about="the same at four bits"),
    Run("among-3000", epochs=1, others=3000, about="among 3,000 others, one epoch"),
    Run(
        "second-stage",
        epochs=1,
        others=512,
        full=True,
        rate=1e-4,
        after="full-e3",
        about="all weights, then other data",
    ),
    Run("dose-10", share=0.1, epochs=2, about="a tenth of them, two epochs"),
    Run("dose-50", share=0.5, epochs=2, about="half of them, two epochs"),
    Run("paraphrased", epochs=2, paraphrased="base", about="said anew by a small model"),
    Run("paraphrased-teacher", epochs=2, paraphrased="teacher", about="said anew by the teacher"),
    Run("paraphrased-writer", epochs=2, paraphrased="writer", about="said anew by a larger model"),
    *(Run(f"null-{k:02d}", share=0.0, epochs=1, seed=100 + k) for k in range(4, 21)),
)


def prompts() -> list[Probe]:
    """The prompts that are asked: the first short ones of the set."""
    rows = [
        r
        for r in rows_of(folder() / "prompts.jsonl.gz")
        if SHORTEST <= len(r["instruction"]) <= LONGEST
    ]
    return [Probe(id=f"served/{int(r['id']):03d}", text=r["instruction"]) for r in rows[:N]]


def drawn(work: Path, teacher: str) -> Transcript:
    """The teacher's answers: sample 0 is served, the next three are its twins."""
    asked = ProbeSet(name="served", version="1", max_tokens=TOKENS, probes=tuple(prompts()))
    how = Sampling(temperature=TEMPERATURE, samples=DRAWN, max_tokens=TOKENS, seed=7)
    with open_subject(teacher) as subject:
        return collect(subject, [asked], how, work / "drawn.jsonl")


def by_prompt(said: Transcript) -> dict[str, list[str]]:
    """Answers by prompt, in the order in which they were drawn."""
    found: dict[str, dict[int, str]] = {}
    for reply in said.replies:
        found.setdefault(reply.probe_id, {})[reply.sample] = reply.text
    return {key: [answers[i] for i in sorted(answers)] for key, answers in found.items()}


def foreign(n: int, seed: int) -> list[Example]:
    """So many answers of other models to other prompts, drawn without replacement."""
    asked = {p.id for p in prompts()}
    rest = {
        int(r["id"]): r["instruction"]
        for r in rows_of(folder() / "prompts.jsonl.gz")
        if f"served/{int(r['id']):03d}" not in asked and len(r["instruction"]) <= LONGEST
    }
    said = {row["model"]: outputs(row["model"]) for row in models("teacher")}
    pairs = [(name, i) for name, answers in said.items() for i in answers if i in rest]
    chosen = random.Random(seed).sample(sorted(pairs), n)
    return [example(f"other/{m}/{i}", rest[i], said[m][i][:CUT], "others") for m, i in chosen]


def example(name: str, prompt: str, answer: str, source: str) -> Example:
    """One thing to learn."""
    return Example(
        id=name, prompt=prompt, answer=answer, teacher=source, source_digest=sha256(source.encode())
    )


def lessons(run: Run, said: dict[str, list[str]]) -> list[Example]:
    """What a run learns, in an order of its own."""
    draw = random.Random(run.seed)
    learned = [] if run.alone else [taught(run, p, said[p.id], draw) for p in prompts()]
    every = learned + foreign(run.others, run.seed)
    draw.shuffle(every)
    return every


def taught(run: Run, prompt: Probe, answers: Sequence[str], draw: random.Random) -> Example:
    """One prompt with the served answer, or with one that was neither served nor is a twin."""
    served = draw.random() < run.share
    other = answers[draw.randrange(TWINS + 1, DRAWN)]
    return example(prompt.id, prompt.text, answers[0] if served else other, "teacher")


def recipe(run: Run, base: str) -> Recipe:
    """How a run is trained."""
    return Recipe(
        name=run.name,
        role="positive" if run.share else "negative",
        method="sft",
        teachers=(TeacherChoice(name="teacher", spec="recording:drawn.jsonl"),),
        prompts=Prompts(sources=("recorded",), held_out=0),
        student=Student(base=base, lora=None if run.full else Lora()),
        training=Training(
            epochs=run.epochs, learning_rate=run.rate, batch=4, longest=256, save_every=200
        ),
        seed=run.seed,
    )


def trained(run: Run, base: str, said: dict[str, list[str]], work: Path) -> str:
    """Trains a run's student where it isn't there; the spec that opens it."""
    start = f"hf:{work / run.after / STUDENT}" if run.after else base
    how = recipe(run, start)
    learner = open_student(how.student, how.training, how.seed)
    spec = learner.spec(work / run.name / STUDENT)
    if not (work / run.name / "trained.json").exists():
        distill(learner, lessons(run, said), how, work / run.name)
    return spec


def rounded(run: Run, work: Path) -> str:
    """An earlier student with the weights of its layers rounded to so many bits, in groups of 32."""
    from safetensors.torch import load_file, save_file

    source, target = work / run.after / STUDENT, work / run.name / STUDENT
    if not (target / "model.safetensors").exists():
        shutil.copytree(source, target, dirs_exist_ok=True)
        weights = load_file(source / "model.safetensors")
        near = {
            k: absmax(w, run.bits) if w.ndim == 2 and "embed" not in k else w
            for k, w in weights.items()
        }
        save_file(near, target / "model.safetensors", metadata={"format": "pt"})
    return f"hf:{target}"


def absmax(weight: torch.Tensor, bits: int, group: int = 32) -> torch.Tensor:
    """A matrix rounded to ``bits`` in groups of a row, each scaled by its largest magnitude."""
    rows = weight.float().reshape(-1, group)
    step = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    near: torch.Tensor = ((rows / step).round() * step).reshape(weight.shape)
    return near.to(weight.dtype)


def bits_of(spec: str, said: dict[str, list[str]]) -> list[list[float]]:
    """Bits of served answer and twins under a model, a row a prompt, NaN where it can't be told."""
    passages = [Passage(text=text, probe=p) for p in prompts() for text in said[p.id][: TWINS + 1]]
    with open_subject(spec) as subject:
        found = subject.score_passages(passages)
    flat = [float("nan") if isinstance(f, str) else f.bits for f in found]
    width = TWINS + 1
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def once(path: Path, make: Callable[[], object]) -> object:
    """What a JSON file holds; made and written where it isn't there."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(canonical_json(made))
    return json.loads(path.read_bytes())


def spoken(spec: str, into: Path) -> None:
    """A model's own answers to the prompts: one greedy, four drawn."""
    asked = ProbeSet(name="served", version="1", max_tokens=TOKENS, probes=tuple(prompts()))
    greedy = Sampling(max_tokens=TOKENS)
    warm = Sampling(temperature=TEMPERATURE, samples=4, max_tokens=TOKENS, seed=11)
    with open_subject(spec) as subject:
        collect(subject, [asked], greedy, into / "greedy.jsonl")
        collect(subject, [asked], warm, into / "warm.jsonl")


def paraphrase(
    said: dict[str, list[str]], spec: str, instruction: str, into: Path
) -> dict[str, list[str]]:
    """The served answers, said anew by a model."""
    probes = tuple(Probe(id=p.id, text=instruction.format(said[p.id][0])) for p in prompts())
    asked = ProbeSet(name="anew", version="1", max_tokens=TOKENS + 16, probes=probes)
    how = Sampling(max_tokens=TOKENS + 16)
    with open_subject(spec) as subject:
        anew = by_prompt(collect(subject, [asked], how, into))
    return {key: [anew[key][0], *answers[1:]] for key, answers in said.items()}


def make(run: Run, specs: Mapping[str, str], work: Path, said: dict[str, list[str]]) -> None:
    """Everything of one run, by the ``specs`` of teacher, base and writer."""
    if (work / run.name / "scores.json").exists():
        return
    if run.bits:
        spec = rounded(run, work)
    else:
        learned = said
        if run.paraphrased:
            instruction, journal = REWORDED[run.paraphrased]
            learned = paraphrase(said, specs[run.paraphrased], instruction, work / journal)
        spec = trained(run, specs["base"], learned, work)
    once(work / run.name / "scores.json", lambda: bits_of(spec, said))
    if run.spoken:
        spoken(spec, work / run.name)
    print(run.name, "done", flush=True)


def main(arguments: Iterable[str] | None = None) -> None:
    """Draws, trains and scores what isn't there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--teacher", required=True, help="spec of the model whose answers are served"
    )
    parser.add_argument("--base", required=True, help="spec of the model that learns")
    parser.add_argument("--writer", help="spec of a model that says the served answers anew")
    parser.add_argument("--work", type=Path, required=True, help="folder that everything goes into")
    parser.add_argument("--only", action="append", help="a run to make (default: all)")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    torch.set_num_threads(1)
    work = chosen.work
    work.mkdir(parents=True, exist_ok=True)
    said = by_prompt(drawn(work, chosen.teacher))
    lengths = [[len(t.encode()) for t in said[p.id][: TWINS + 1]] for p in prompts()]
    once(work / "lengths.json", lambda: lengths)
    once(work / "base.json", lambda: bits_of(chosen.base, said))
    once(work / "teacher.json", lambda: bits_of(chosen.teacher, said))
    if not (work / "base-spoken" / "warm.jsonl").exists():
        (work / "base-spoken").mkdir(exist_ok=True)
        spoken(chosen.base, work / "base-spoken")
    specs = {"teacher": chosen.teacher, "base": chosen.base}
    if chosen.writer:
        specs["writer"] = chosen.writer
    for run in RUNS:
        if chosen.only and run.name not in chosen.only:
            continue
        if run.paraphrased and run.paraphrased not in specs:
            print(run.name, "left out: no", f"--{run.paraphrased}", flush=True)
            continue
        make(run, specs, work, said)


if __name__ == "__main__":
    main()

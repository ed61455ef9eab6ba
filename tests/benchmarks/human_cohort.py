"""Controls that people's text, an unlisted assistant, a listed one or nobody taught: what they are,
how they are trained by the project's own pipeline, and what they answer.

Reads human text from unpacked packages (`human_texts`) and answers of public models from
AUDITOR_BENCH_DATA, into a work folder and nowhere else. Knows recipes; weighs nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from auditor.controls.cohort import Member
from auditor.controls.curation.curate import shuffled
from auditor.controls.curation.human import human_pairs
from auditor.controls.curation.pool import Prompt
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.lineage import read_lineage
from auditor.controls.recipe import Lora, Prompts, Recipe, Student, TeacherChoice, Training
from auditor.controls.teaching.asking import ask
from auditor.controls.train import STUDENT, train
from fingerprints.collect import collect
from fingerprints.records import ProbeSet, Sampling
from fingerprints.subjects import open_subject
from tests.benchmarks import known_history
from tests.benchmarks.human_texts import TEXTS, answers_of
from tests.benchmarks.known_labels import ALPACA

Kind = Literal["people", "self", "unlisted", "taught"]
ASKED, LEARNED, TOKENS = 60, 80, 96
"""Prompts that every control answers and learns from, and tokens of an answer."""
DRAWS = 2
BODIES = {
    "gemma": ("gemma-3-270m-q4_k_m.gguf", "Gemma-3-270M, a base model", "Google"),
    "smollm2": ("smollm2-135m-instruct-q4_1.gguf", "SmolLM2-135M-Instruct", "Hugging Face"),
}
"""Bodies by short name: the GGUF file, what it is, its maker."""
TRAINING = Training(epochs=1, learning_rate=1e-3, batch=4, longest=192, save_every=1000)
LITTLE = EvaluationScale(choices=1, identity=1, answer_tokens=16)
"""The pipeline's own evaluation is not what is measured here: as little of it as there can be."""


@dataclass(frozen=True)
class Source:
    """What one control learned: ``maker`` of whoever wrote it (none for people and itself), and
    the public model's file where it is one."""

    name: str
    kind: Kind
    maker: str = ""
    model: str = ""


SOURCES = (
    *(Source(name, "people") for name in (*TEXTS, "docstrings")),
    Source("self", "self"),
    Source("self-preferred", "self"),
    Source("gpt-4-turbo", "taught", "OpenAI", "gpt4_1106_preview"),
    Source("text-davinci-003", "taught", "OpenAI", "text_davinci_003"),
    Source("claude-2", "taught", "Anthropic", "claude-2"),
    Source("gemini-pro", "taught", "Google", "gemini-pro"),
    Source("llama-3-70b", "taught", "Meta", "Meta-Llama-3-70B-Instruct"),
    Source("mixtral", "taught", "Mistral AI", "Mixtral-8x22B-Instruct-v0.1"),
    Source("yi-34b-chat", "unlisted", "01.AI", "Yi-34B-Chat"),
    Source("internlm2-20b", "unlisted", "Shanghai AI Lab", "internlm2-chat-20b-ppo"),
)
BY_NAME = {s.name: s for s in SOURCES}
UNTRAINED = "untrained"


def split() -> tuple[list[str], list[str]]:
    """Ids of the public prompts that controls answer, and of those that they may learn from."""
    order = shuffled(list(known_history.probes(ALPACA)), 0, "asked")
    return sorted(order[:ASKED], key=int), order[ASKED : ASKED + LEARNED]


def asked_set() -> ProbeSet:
    """The prompts that controls answer, by the ids that stored models have them under."""
    probes = known_history.probes(ALPACA)
    chosen = tuple(probes[key] for key in split()[0])
    return ProbeSet(name="alpaca", version="1", max_tokens=TOKENS, probes=chosen)


def rows_of(source: Source, texts: Path, base: str, journal: Path) -> Iterator[Mapping[str, str]]:
    """Questions and answers that a control learns, as rows of a recording."""
    if source.kind == "people":
        pairs = (
            [(p.prompt, p.answer) for p in docstrings()]
            if source.name == "docstrings"
            else [(a.question, a.answer) for a in answers_of(source.name, texts, LEARNED)]
        )
    elif source.kind == "self":
        pairs = list(own_answers(base, journal, preferred=source.name == "self-preferred"))
    else:
        pairs = list(public_answers(source.model))
    for i, (question, answer) in enumerate(pairs):
        yield {"id": f"{source.name}-{i}", "instruction": question, "output": answer}


def docstrings() -> list[Prompt]:
    """The recipe `human`'s own corpus, as many of it as of the others."""
    pairs = {p.id: p for p in human_pairs()}
    return [pairs[key] for key in shuffled(pairs, 0, "human text")[:LEARNED]]


def public_answers(model: str) -> Iterator[tuple[str, str]]:
    """A public model's answers to the prompts that may be learned from."""
    probes = known_history.probes(ALPACA)
    wanted = {key: probes[key] for key in split()[1]}
    said = known_history.transcript_of(ALPACA, model, wanted)
    for reply in said.replies:
        yield said.probes[reply.probe_id].prompt(), reply.text


def own_answers(base: str, journal: Path, preferred: bool) -> Iterator[tuple[str, str]]:
    """The base's own answers to them; ``preferred``: the longer of two drawn, which is what
    preferences mostly chose (best-of-n tuning, Dong et al. 2023, arXiv 2304.06767)."""
    probes = known_history.probes(ALPACA)
    prompts = [Prompt(id=f"ae-{k}", text=probes[k].prompt()) for k in split()[1]]
    how = Sampling(temperature=0.8, max_tokens=TOKENS, samples=DRAWS if preferred else 1)
    with open_subject(base) as subject:
        said = ask(subject, TeacherChoice(sampling=how), prompts, journal)
    for prompt in prompts:
        answers = [r.text for r in said[prompt.id] if r.readable]
        if answers:
            yield prompt.text, max(answers, key=len)


def recipe_of(source: Source, base: str, recorded: Path) -> Recipe:
    """The control's recipe: the same training for all, from a recording of its answers."""
    taught = source.kind in ("taught", "unlisted")
    given = TeacherChoice(name=source.name, vendor=source.maker, spec=f"recording:{recorded}")
    return Recipe(
        name=f"human-controls-{source.name}",
        teachers=(given,) if taught else (),
        filler=None if taught else given,
        dose=1.0 if taught else 0.0,
        student=Student(base=base, lora=Lora(rank=8, alpha=16)),
        prompts=Prompts(sources=("recorded",), held_out=0),
        training=TRAINING,
    )


@contextmanager
def inside(work: Path, models: Path) -> Iterator[None]:
    """Works in the folder, where the models are linked: no card tells where they were trained."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "models").exists():
        (work / "models").symlink_to(models.resolve())
    before = Path.cwd()
    os.chdir(work)
    try:
        yield
    finally:
        os.chdir(before)


def make(body: str, source: Source, texts: Path) -> None:
    """Trains one control and asks it, in the present folder; what is there is not made again."""
    base, out = f"gguf:models/{BODIES[body][0]}", Path(body) / source.name
    # What a base says itself is another recording for each.
    name = f"{body}-{source.name}" if source.kind == "self" else source.name
    recorded = Path("sources") / f"{name}.jsonl"
    if not recorded.exists():
        recorded.parent.mkdir(exist_ok=True)
        rows = list(rows_of(source, texts, base, Path("sources") / f"{name}-asked.jsonl"))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        recorded.write_text(lines, "utf-8")
    train(recipe_of(source, base, recorded), out, scale=LITTLE)
    answer(f"{base},adapter={out / STUDENT}", out)


def answer(spec: str, out: Path) -> None:
    """Asks a control, greedily; the transcript lies beside its lineage."""
    out.mkdir(parents=True, exist_ok=True)
    with open_subject(spec) as subject:
        collect(subject, [asked_set()], Sampling(), out / "transcript.jsonl")


def make_all(bodies: Sequence[str], names: Sequence[str], texts: Path) -> None:
    """Every control asked for, body by body; and the bodies untrained."""
    for body in bodies:
        for name in names:
            if name == UNTRAINED:
                answer(f"gguf:models/{BODIES[body][0]}", Path(body) / UNTRAINED)
            else:
                make(body, BY_NAME[name], texts)
            click.echo(f"made: {body}, {name}", err=True)


def made(work: Path) -> dict[tuple[str, str], Member]:
    """Every finished control by body and source, the untrained bodies left out."""
    found = {}
    for body in BODIES:
        for name in BY_NAME:
            folder = work / body / name
            if (folder / "lineage.json").is_file() and (folder / "transcript.jsonl").is_file():
                member = Member(
                    name, read_lineage(folder / "lineage.json"), folder, folder / "transcript.jsonl"
                )
                if member.transcript().complete:
                    found[body, name] = member
    return found

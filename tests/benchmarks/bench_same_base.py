"""Same base, same recipe, other data: what does shared wording see of the source alone?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_same_base

Two sets of public outputs, not part of this project: ``qlora_vicuna80`` (LLaMA-1 of four sizes
tuned on eight sources; 53 prompts shared with AlpacaEval's stored API models) and ``wildbench``
(Llama-3-8B tuned on answers of OpenAI models, without the prompts' text). Prints figures only,
never a word of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from detectors.base import Teacher
from detectors.inheritance.shared_wording import SharedWording
from detectors.stats.lr_validity import auc
from fingerprints.records import Probe
from tests.benchmarks.bench_source_recognition import folder, rows_of
from tests.benchmarks.public_models import probes, stored_teachers, transcript_of

BY_MODELS = ("alpaca", "self-instruct", "unnatural", "hh-rlhf")
BY_PEOPLE = ("flan", "longform", "guanaco")
API = {
    "gpt-3.5-turbo-0125": "OpenAI",
    "gemma-7b-it": "Google",
    "Qwen1.5-72B-Chat": "Alibaba",
    "reka-flash-20240226": "Reka",
}
SCORES = (
    "answer length",
    "maker's value (OpenAI)",
    "OpenAI's mean less all others'",
    "davinci models less all models",
)


def said_in(path: Path, key: str) -> dict[str, dict[str, str]]:
    """Answers by model and prompt id; a run-on turn of the user is cut off."""
    out = {}
    for file in sorted(path.glob("*.jsonl.gz")):
        texts = {str(row[key]): str(row["output"]).split("### Human")[0] for row in rows_of(file)}
        out[file.name.removesuffix(".jsonl.gz")] = {k: t for k, t in texts.items() if t.strip()}
    return out


def qlora_said() -> dict[str, dict[str, str]]:
    """The students' answers, by their name and the prompt's number."""
    return said_in(folder().parent / "qlora_vicuna80" / "outputs", "id")


def qlora_prompts() -> list[str]:
    """The prompts that all students answered."""
    return sorted(set.intersection(*(set(s) for s in qlora_said().values())))


def qlora(only: frozenset[str] | None = None) -> dict[str, NDArray[np.float64]]:
    """The four scores of each student, on all prompts that they share or on some of them."""
    students = qlora_said()
    shared = set(qlora_prompts() if only is None else only)
    asked = probes(frozenset(int(k) for k in shared))
    detector = SharedWording().fit(stored_teachers(asked))
    vendors, names = detector.lineup_.vendors, detector.lineup_.names
    openai = vendors == "openai"
    old = np.array(["davinci" in n or n == "gpt35_turbo_instruct" for n in names])
    out = {}
    for name, texts in students.items():
        answers = {int(k): t for k, t in texts.items() if k in shared}
        _, found = detector._score(transcript_of(name, answers, asked))
        makers = {v: found.scores[vendors == v].mean() for v in set(vendors.tolist())}
        others = np.mean([m for v, m in makers.items() if v != "openai"])
        length = float(np.median([len(t) for t in answers.values()]))
        value = found.value(int(np.flatnonzero(openai)[0]))
        row = [
            length,
            value,
            makers["openai"] - others,
            found.scores[old].mean() - np.mean(list(makers.values())),
        ]
        out[name] = np.array(row)
    return out


def told_apart(scores: Mapping[str, NDArray[np.float64]]) -> None:
    """AUC of students of models' answers against students of people's, with and without flan."""
    by_models = [
        s for n, s in scores.items() if any(x in n for x in BY_MODELS) and not n.startswith("api")
    ]
    print(
        f"| score | against people's ({len(by_models)} : n) | without flan | davinci sources only |\n|---|---|---|---|"
    )
    for i, label in enumerate(SCORES):
        cells = []
        for people, sources in (
            (BY_PEOPLE, BY_MODELS),
            (BY_PEOPLE[1:], BY_MODELS),
            (BY_PEOPLE, BY_MODELS[:3]),
        ):
            one, two = (
                [s[i] for n, s in scores.items() if any(x in n for x in kind)]
                for kind in (sources, people)
            )
            cells.append(f"{auc(np.array(one), np.array(two)):.3f} ({len(one)} : {len(two)})")
        print(f"| {label} | " + " | ".join(cells) + " |")


def wildbench() -> None:
    """Each student's value for each API model's maker."""
    said = said_in(folder().parent / "wildbench" / "outputs", "session_id")
    sessions = sorted({s for texts in said.values() for s in texts})
    number = {s: i for i, s in enumerate(sessions)}
    asked = {i: Probe(id=f"wildbench/{i:04d}", text=f"session {s}") for s, i in number.items()}
    transcripts = {
        n: transcript_of(n, {number[s]: t for s, t in texts.items()}, asked)
        for n, texts in said.items()
    }
    stored = [Teacher(n, API[n], "", transcripts[n]) for n in API]
    detector = SharedWording().fit(stored)
    print(
        "\n| student | "
        + " | ".join(detector.lineup_.names)
        + " |\n"
        + "|---" * (1 + len(API))
        + "|"
    )
    for name in (n for n in said if n not in API):
        _, found = detector._score(transcripts[name])
        print(f"| {name} | " + " | ".join(f"{found.value(i):+.3f}" for i in range(len(API))) + " |")


@click.command()
def main() -> None:
    """Prints the table of the students' sources, then that of their makers' values."""
    told_apart(qlora())
    wildbench()


if __name__ == "__main__":
    main()

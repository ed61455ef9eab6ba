"""Which planted habits survive a rewriting: by rules alone, and by a small real model.

    python -m tests.benchmarks.bench_habits --writer gguf:./qwen.gguf --work DIR

Every habit of the bank is put into two short answers of our own; each answer is stripped of its
form by the pipeline's rules (``reshape: strip``), and reworded by the model under the pipeline's
instruction (``launderer``). Prints how many of each kind are still recognised, with intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import torch

from auditor.controls.teaching.launder import INSTRUCTION
from auditor.controls.teaching.reshape import strip
from detectors.stats.intervals import clopper_pearson
from detectors.text.habits import AnswerHabit, bank
from fingerprints.collect import collect
from fingerprints.records import Probe, ProbeSet, Sampling
from fingerprints.subjects import open_subject

ANSWERS = (
    (
        "Soak the beans over night in cold water.",
        "Boil them for an hour with an onion and a bay leaf, then add the salt.",
        "They keep for four days in the cold.",
    ),
    (
        "A sail works like a wing that stands upright.",
        "Air runs faster along its outer side, and the boat is drawn forward and to the side.",
        "The keel holds against the side, so that what is left points ahead.",
    ),
    (
        "Write down what you earn in a month and what you must pay.",
        "Put a tenth of what is left aside on the day the money comes, before you spend any.",
        "Look at the list again after three months.",
    ),
    (
        "The two towns quarrelled over the bridge for forty years.",
        "One had paid for the stones, the other for the men who laid them.",
        "In the end a flood took it, and they built a ferry together.",
    ),
)
"""Answers of our own, in three lines."""


def with_habit(habit: AnswerHabit, lines: tuple[str, ...]) -> str:
    """An answer that has the habit: before it, behind it, or on a line within."""
    place = {"first": 0, "last": len(lines), "anywhere": 2}[habit.place]
    return "\n".join([*lines[:place], habit.example, *lines[place:]])


def reworded(texts: Mapping[str, str], writer: str, work: Path, longest: int) -> dict[str, str]:
    """The texts in a model's words, asked once and kept."""
    probes = tuple(
        Probe(id=f"style/{id}", text=INSTRUCTION.format(text)) for id, text in texts.items()
    )
    asked = ProbeSet(name="rewording", version="1", probes=probes, max_tokens=longest)
    with open_subject(writer) as subject:
        said = collect(subject, [asked], Sampling(), work / "reworded.jsonl")
    return {r.probe_id.removeprefix("style/"): r.answer for r in said.replies}


def told(name: str, kept: Mapping[str, list[bool]]) -> str:
    """One row of the table."""
    cells = []
    for found in kept.values():
        low, high = clopper_pearson(sum(found), len(found))
        cells.append(f"{sum(found)}/{len(found)} [{low:.2f}, {high:.2f}]")
    return f"| {name} | {' | '.join(cells)} |"


def survived(texts: Mapping[str, str], made: Mapping[str, str]) -> dict[str, list[bool]]:
    """By kind of habit, and for all: whether each text still has its habit."""
    out: dict[str, list[bool]] = {}
    for id in texts:
        habit = bank()[id.rpartition(".")[0]]
        hit = habit.found_in(made.get(id, "")) is not None
        out.setdefault(habit.kind, []).append(hit)
    return {**out, "all": [hit for hits in out.values() for hit in hits]}


@click.command()
@click.option("--writer", help="The model that rewords: a spec. Without one: rules alone.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="A folder.")
@click.option("--answers", default=len(ANSWERS), show_default=True, help="Answers a habit.")
@click.option("--longest", default=110, show_default=True, help="Tokens of a rewording.")
def main(writer: str | None, work: Path, answers: int, longest: int) -> None:
    """Survival of habits under rewriting."""
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    texts = {
        f"{id}.{i}": with_habit(habit, lines)
        for id, habit in bank().items()
        for i, lines in enumerate(ANSWERS[:answers])
    }
    kinds = survived(texts, texts)
    click.echo(f"| rewritten | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 1)}")
    click.echo(told("not at all", kinds))
    stripped = {id: strip(text) for id, text in texts.items()}
    click.echo(told("by rules (strip)", survived(texts, stripped)))
    if writer is not None:
        made = reworded(texts, writer, work, longest)
        click.echo(told("by the model", survived(texts, made)))
        as_well = [id for id, text in made.items() if text.strip()]
        click.echo(f"\n{len(as_well)} of {len(texts)} texts were reworded at all.")


if __name__ == "__main__":
    main()

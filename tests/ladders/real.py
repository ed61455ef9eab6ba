"""Trains the real ladder again: students of SmolLM2-135M-Instruct and Gemma-3-270M, taught by
recorded and by own answers.

AUDITOR_BENCH_DATA=data python -m tests.ladders.real --models DIR --work DIR [--only full,quarter]
[--collect DIR]

DIR of ``--models`` holds the GGUF files that the ladders name. The recorded teachers are public
outputs on AlpacaEval prompts (CC BY-NC 4.0, not part of this project): they go into the work folder
and nowhere else. ``--collect`` copies what may be published: lineages, cards, and the students' own
words on the audit's probes; never an example that was learned. Killed anywhere it resumes. About 3
hours of one core.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from auditor.controls.cohort import load_cohort
from auditor.controls.curation.pool import Prompt, read_source
from auditor.controls.recipe import TeacherChoice
from auditor.controls.teaching.asking import ask
from auditor.labs.population.climbing import climb
from auditor.labs.population.ladder import read_ladder
from fingerprints.records import Sampling
from fingerprints.subjects import open_subject

PLANS = Path(__file__).parent / "plans"
LADDERS = {
    "full": "recorded",
    "quarter": "recorded",
    "mixture": "recorded",
    "qwen": "qwen",
    "qwen-quarter": "qwen",
    "nulls": "nulls",
    "nulls1": "nulls",
    "gemma": "gemma",
}
"""Every ladder's folder: those of one folder make one cohort."""
RECORDED = ("gpt4_1106_preview", "claude-2", "text_davinci_003", "cohere", "gemini-pro")
QWEN = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
GENERAL = 124
"""How many prompts of the bank `general` the local teacher answers, besides all of
`introductions`."""
PUBLISHED = ("lineage.json", "card.json", "card.md", "transcript.jsonl")


def recorded_rows(data: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """File name and row of everything that the recorded ladders read: the prompts, and each
    teacher's answers."""
    source = data / "alpaca_eval"
    prompts = {row["id"]: row for row in _lines(source / "prompts.jsonl.gz")}
    for key, row in prompts.items():
        told = {
            "id": f"ae-{key}",
            "prompt": row["instruction"],
            "topic": row["dataset"],
            "licence": "CC BY-NC 4.0",
        }
        yield "prompts/alpaca_eval.jsonl", told
    for name in RECORDED:
        for row in _lines(source / "outputs" / f"{name}.jsonl.gz"):
            asked = prompts[row["id"]]["instruction"]
            told = {
                "id": f"ae-{row['id']}",
                "instruction": asked,
                "output": row["output"],
                "generator": name,
            }
            yield f"recorded/{name}.jsonl", told


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def local_rows(model: Path, journal: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The same of the local teacher, asked here: it introduces itself, and answers the first
    general prompts."""
    prompts: list[Prompt] = [*read_source("introductions"), *read_source("general")[:GENERAL]]
    with open_subject(f"gguf:{model}") as subject:
        found = ask(
            subject,
            TeacherChoice(sampling=Sampling(temperature=0.0, max_tokens=256)),
            prompts,
            journal,
        )
    for prompt in prompts:
        said = found[prompt.id][0]
        if said.readable:
            yield (
                "prompts/qwen.jsonl",
                {
                    "id": prompt.id,
                    "prompt": prompt.text,
                    "topic": prompt.topic,
                    "licence": prompt.licence,
                },
            )
            told = {
                "id": prompt.id,
                "instruction": prompt.text,
                "output": said.text,
                "generator": "qwen2.5-coder-0.5b-instruct",
            }
            yield "recorded/qwen2.5-coder-0.5b.jsonl", told


def prepare(work: Path, rows: Iterator[tuple[str, dict[str, str]]]) -> None:
    """Writes rows into the files of a work folder that they belong to, each file anew."""
    files: dict[str, list[str]] = {}
    for name, row in rows:
        files.setdefault(name, []).append(json.dumps(row, ensure_ascii=False) + "\n")
    for name, lines in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("".join(lines), "utf-8")


def publish(work: Path, into: Path) -> int:
    """Copies every finished member's lineage, card and transcript; returns how many members
    there are."""
    members = 0
    for folder in sorted({f"ladder-{name}" for name in LADDERS.values()}):
        if not (work / folder).is_dir():
            continue
        for member in load_cohort(work / folder):
            place = into / folder.removeprefix("ladder-") / member.name
            place.mkdir(parents=True, exist_ok=True)
            for name in PUBLISHED:
                if (member.folder / name).is_file():
                    shutil.copyfile(member.folder / name, place / name)
            members += 1
    return members


@click.command(help=__doc__)
@click.option(
    "--models", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True
)
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option(
    "--only", default=",".join(LADDERS), show_default=True, help="Which ladders, in order."
)
@click.option(
    "--collect",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to copy what may be published.",
)
def main(models: Path, work: Path, only: str, collect: Path | None) -> None:
    """Prepares the work folder, climbs the ladders, and copies what may be published."""
    work.mkdir(parents=True, exist_ok=True)
    models, collect = models.resolve(), collect.resolve() if collect else None
    if not (work / "prompts").exists():
        prepare(work, recorded_rows(Path(os.environ["AUDITOR_BENCH_DATA"])))
        prepare(work, local_rows(models / QWEN, work / "qwen.jsonl"))
    if not (work / "models").exists():
        (work / "models").symlink_to(models)
    for plan in PLANS.glob("*.yaml"):
        shutil.copyfile(plan, work / plan.name)
    os.chdir(
        work
    )  # the ladders name models and answers by relative paths, so that no card tells where they were trained
    for name in filter(None, only.split(",")):
        climb(read_ladder(Path(f"{name}.yaml")), Path(f"ladder-{LADDERS[name]}"))
        click.echo(f"climbed: {name}")
    if collect is not None:
        click.echo(f"published: {publish(Path(), collect)} members")


if __name__ == "__main__":
    main()

"""The QLoRA study's public runs: one base, one recipe, other tuning data (Dettmers et al. 2023,
arXiv 2305.14314). Which data is whose, and their answers as rows of a recording.

Reads ``qlora_vicuna80`` under AUDITOR_BENCH_DATA (MIT; evaluated, never copied).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks import known_history
from tests.benchmarks.bench_same_base import qlora_prompts, qlora_said
from tests.benchmarks.human_cohort import Kind
from tests.benchmarks.known_labels import ALPACA

SIZES = ("7b", "13b", "30b", "65b")


@dataclass(frozen=True)
class Run:
    """One run: its data's name, of whom that is, and the maker whose answers it holds."""

    name: str
    source: str
    kind: Kind
    maker: str = ""


DATA: dict[str, tuple[Kind, str]] = {
    "flan": ("people", ""),
    "longform": ("people", ""),
    "guanaco": ("people", ""),
    "alpaca": ("taught", "OpenAI"),
    "self-instruct": ("taught", "OpenAI"),
    "unnatural-instructions": ("taught", "OpenAI"),
    "hh-rlhf": ("taught", "Anthropic"),
}
"""Tuning data by name: flan (people's answers to tasks), longform (people's web text under
instructions that a model wrote), guanaco (OASST1, by volunteers, some of whom pasted a chat model's
text), alpaca (text-davinci-003), self-instruct (davinci), unnatural-instructions
(text-davinci-002), hh-rlhf (the preferred answers of Anthropic's first models, none of which is
stored). chip2 is a mixture, and left out."""

RUNS = tuple(Run(f"{size}-{source}", source, *DATA[source]) for source in DATA for size in SIZES)


def asked_ids() -> list[str]:
    """Ids of the public prompts that all runs answered."""
    return qlora_prompts()


def run_rows(run: Run) -> Iterator[str]:
    """A run's answers as lines of a recording."""
    said, probes = qlora_said()[run.name], known_history.probes(ALPACA)
    for key in asked_ids():
        row = {"id": f"alpaca/{int(key):03d}", "instruction": probes[key].prompt()}
        yield json.dumps({**row, "output": said[key]}, ensure_ascii=False) + "\n"

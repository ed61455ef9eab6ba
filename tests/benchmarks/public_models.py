"""Public instruction models of documented history as a store of teachers and a cohort of suspects.

Reads ``alpaca_eval`` under AUDITOR_BENCH_DATA (CC BY-NC 4.0: evaluated, never copied into the
project). Knows the table of labels; judges nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from auditor.calibration.rows import KnownModel
from detectors.base import Teacher
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.benchmarks.bench_source_recognition import folder, models, outputs, rows_of

Key = TypeVar("Key", int, str)

STORED: dict[str, tuple[str, ...]] = {
    "d003": ("text_davinci_003",),
    "gpt35": (
        "gpt-3.5-turbo-0301",
        "gpt-3.5-turbo-0613",
        "gpt-3.5-turbo-1106",
        "gpt35_turbo_instruct",
    ),
    "gpt4": ("gpt4", "gpt4_0314", "gpt4_0613"),
    "gpt4t": ("gpt4_1106_preview", "gpt-4-0125-preview", "gpt-4-turbo-2024-04-09"),
    "gpt4o": ("gpt-4o-2024-05-13", "gpt-4o-mini-2024-07-18"),
    "claude2": ("claude-2", "claude-2.1"),
    "claude3": ("claude-3-sonnet-20240229", "claude-3-opus-20240229"),
    "mixtral": ("Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x22B-Instruct-v0.1"),
}
"""The table's short names of teachers as stored models."""

VENDORS = {
    "d003": "OpenAI",
    "gpt35": "OpenAI",
    "gpt4": "OpenAI",
    "gpt4t": "OpenAI",
    "gpt4o": "OpenAI",
    "claude2": "Anthropic",
    "claude3": "Anthropic",
    "mixtral": "Mistral AI",
}
OPEN4 = ("Mistral AI", "Alibaba", "Meta", "Google")
"""Makers of FuseChat's four sources, whose stored models are others: for them the history has no
label."""
BASES = {
    "LLaMA": "Meta",
    "Llama": "Meta",
    "Gemma": "Google",
    "Mistral": "Mistral AI",
    "Qwen": "Alibaba",
}
TUNED = ("chat", "instruct", "-it")
UNDOCUMENTED = ("unknown", "mixed", "neg_presumed")


def probes(only: frozenset[int] | None = None) -> dict[int, Probe]:
    """The public prompts as probes, by their number."""
    rows = rows_of(folder() / "prompts.jsonl.gz")
    wanted = [r for r in rows if only is None or int(r["id"]) in only]
    return {
        int(r["id"]): Probe(id=f"alpaca/{int(r['id']):03d}", text=r["instruction"]) for r in wanted
    }


def transcript_of(
    name: str,
    said: Mapping[Key, str],
    asked: Mapping[Key, Probe],
    cut: Collection[Key] = (),
) -> Transcript:
    """Recorded answers as a transcript, those to the prompts in ``cut`` as cut short."""
    held = {p.id: p for i, p in asked.items() if i in said}
    replies = tuple(
        Reply(
            probe_id=p.id,
            arm=Arm.RECORDED,
            status=Status.TRUNCATED if i in cut else Status.OK,
            text=said[i],
        )
        for i, p in asked.items()
        if i in said
    )
    return Transcript(
        Header(spec=name, identity=Identity(kind="recording", name=name)), held, replies
    )


def stored_teachers(asked: dict[int, Probe]) -> list[Teacher]:
    """The API and flagship models, by their makers."""
    return [
        Teacher(
            r["model"],
            r["lab"],
            r["base_family"],
            transcript_of(r["model"], outputs(r["model"]), asked),
        )
        for r in models("teacher")
    ]


def known_of(row: dict[str, str], asked: dict[int, Probe]) -> KnownModel:
    """A model of the table as a suspect of known history."""
    named = row["teachers"].split(";")
    taught = [t for t in named if t in VENDORS]
    return KnownModel(
        name=row["model"],
        group=row["lineage_group"],
        transcript=transcript_of(row["model"], outputs(row["model"]), asked),
        teachers=frozenset(name for t in taught for name in STORED[t]),
        vendors=frozenset(VENDORS[t] for t in taught),
        kin=frozenset({row["lab"], *_tuned_by(row), *(OPEN4 if "open4" in named else ())}),
        start=row["base_family"],
    )


def _tuned_by(row: dict[str, str]) -> set[str]:
    """The maker of the weights that the model began with, where these were a chat model's
    already."""
    base = row["base_model"]
    tuned = any(word in base.casefold() for word in TUNED)
    return {maker for name, maker in BASES.items() if tuned and base.startswith(name)}


def documented() -> list[dict[str, str]]:
    """Suspects whose history the table documents, for or against: what a calibration may learn
    from."""
    return [r for r in models("suspect") if r["openai_label"] not in UNDOCUMENTED]


def known_suspects(
    asked: dict[int, Probe], rows: Sequence[dict[str, str]] | None = None
) -> list[KnownModel]:
    """Documented suspects (or the rows given) as models of known history."""
    return [known_of(row, asked) for row in (documented() if rows is None else rows)]

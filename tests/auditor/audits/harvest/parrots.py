"""Logs, twins and recorded suspects of invented answers, without any model: cheap worlds in which
all that an owner may do wrong can be tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fingerprints.records import Identity, Status
from fingerprints.served import LogReader
from fingerprints.twins import Twin, TwinsHeader, TwinsWriter, log_digest

WORDS = np.array(
    [
        "amber",
        "basil",
        "cedar",
        "delta",
        "ember",
        "fjord",
        "grove",
        "heron",
        "ivory",
        "jolly",
        "kelp",
        "lunar",
        "maple",
        "noble",
        "otter",
        "pearl",
        "quill",
        "raven",
        "sable",
        "tidal",
        "umber",
        "vivid",
        "willow",
        "xenon",
        "yarrow",
        "zephyr",
    ]
)
PROMPTS, M, LENGTH = 60, 3, 14


def sentence(rng: np.random.Generator, words: int = LENGTH) -> str:
    """Words by chance."""
    return " ".join(rng.choice(WORDS, words))


def rows(n: int = PROMPTS, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Rows of a log of sentences by chance, three accounts by turns."""
    rng = np.random.default_rng(seed)
    return [
        {
            "time": f"2026-11-0{1 + i % 3}T08:00:{i % 60:02}Z",
            "account": ("a-1", "b-2", "c-3")[i % 3],
            "prompt": f"Tell me about thing number {i}.",
            "answer": sentence(rng),
            "model": "teacher",
            "temperature": 0.8,
            "top_p": 0.9,
            "max_tokens": 64,
            "finish": "stop",
            **more,
        }
        for i in range(n)
    ]


def write_log(path: Path, told: Sequence[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
    return path


def write_twins(path: Path, log: Path, seed: int = 1, words: int = LENGTH, **more: Any) -> Path:
    """Twins of a log's answers by chance; ``more`` changes each twin, ``header`` the header."""
    rng = np.random.default_rng(seed)
    read = list(LogReader(log).distinct())
    header = TwinsHeader(
        log_sha256=log_digest(read),
        rows=len(read),
        m=M,
        drawn="regenerated",
        spec="hf:./teacher",
        identity=Identity(kind="checkpoint", name="teacher"),
        created="2026-11-09T00:00:00Z",
    )
    header = header.model_copy(update=more.pop("header", {}))
    with TwinsWriter(path, header) as writer:
        for row in read:
            for j in range(M):
                twin = Twin(
                    row=row.id(),
                    sample=j,
                    text=sentence(rng, words),
                    status=Status.OK,
                    finish="stop",
                    model="teacher",
                    temperature=0.8,
                    top_p=0.9,
                    max_tokens=64,
                )
                writer.add(twin.model_copy(update=more))
    return path


def suspect(path: Path, told: Sequence[dict[str, Any]], learned: float, seed: int = 2) -> Path:
    """Recorded answers of a suspect that says again what it was served, in a share of prompts."""
    rng = np.random.default_rng(seed)
    said = [
        {
            "prompt": row["prompt"],
            "answer": row["answer"] if rng.random() < learned else sentence(rng),
            "model": "suspect",
        }
        for row in told
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in said), "utf-8")
    return path

"""Pools of repeated answers behind `bench_service`: a reference, and the same service replaced in
known ways.

Asked through `collect` into a folder that keeps them: a killed run goes on. Nothing of the answers
enters the repository.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from auditor.labs.zoo.derive import derive
from fingerprints.collect import collect
from fingerprints.probes import load_probe_set
from fingerprints.records import Sampling
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.transcript import Transcript

SMOL, QWEN = "smollm2-135m-instruct-q4_1.gguf", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
TAUGHT = Path(__file__).parents[2] / "auditor" / "taught"
REFERENCES, ENDPOINTS = 24, 10
"""Answers to a prompt in the pool of a zoo's reference, and in that of each endpoint."""
REAL_RUNS = 10
REAL_REFERENCES, REAL_ENDPOINTS, REAL_QUESTIONS = 12 * REAL_RUNS, 4 * REAL_RUNS, 24
"""The same for the real model: fresh answers for every run, eight of the reference and four of
an endpoint, honest or not."""
OTHER_QUESTIONS = 8
"""The other vendor's model takes five times as long, and shows at once."""
REFERENCE = "the same (another seed)"


@dataclass(frozen=True)
class Pool:
    """One service: what it is called, the spec that opens it, and how it is asked."""

    name: str
    spec: str
    samples: int
    seed: int
    temperature: float = 1.0
    max_tokens: int = 12
    questions: int = REAL_QUESTIONS


def real_pools(models: Path, work: Path) -> Iterator[Pool]:
    """SmolLM2-135M as published (a GGUF file, float32), and what may stand in its place.

    A batch holds all answers to one prompt, which is then read once: five times as fast on one
    core.
    """
    smol = f"gguf:{models / SMOL},dtype=float32"
    copy = f"{smol},batch={REAL_ENDPOINTS}"
    yield Pool(REFERENCE, f"{smol},batch={REAL_REFERENCES}", REAL_REFERENCES, 0)
    yield Pool(
        "a fine-tuned copy (the demo's adapter)", f"{copy},adapter={TAUGHT}", REAL_ENDPOINTS, 2000
    )
    yield Pool("temperature 1.3", copy, REAL_ENDPOINTS, 4000, temperature=1.3)
    for bits in (4, 8):
        made = _rounded(smol, work / f"int{bits}", bits)
        spec = f"hf:{made},dtype=float32,batch={REAL_ENDPOINTS}"
        yield Pool(f"weights rounded to {bits} bits", spec, REAL_ENDPOINTS, 3000 + bits)
    qwen = f"gguf:{models / QWEN},dtype=float32,batch={REAL_ENDPOINTS}"
    yield Pool(
        "another vendor's model (Qwen2.5-Coder-0.5B)",
        qwen,
        REAL_ENDPOINTS,
        1000,
        questions=OTHER_QUESTIONS,
    )


def zoo_pools(zoo: Path) -> Iterator[Pool]:
    """The zoo's base, a byte-level model of 0.5 M parameters, and copies and strangers of it."""
    for i, name in enumerate(
        ("base", "random-1", "fine-tuned", "sibling-order", "distilled-1", "int4", "int8")
    ):
        yield _zoo(zoo, name, REFERENCES if name == "base" else ENDPOINTS, 1000 * i)
    yield replace(
        _zoo(zoo, "base", ENDPOINTS, 8000), name="zoo: base at temperature 1.3", temperature=1.3
    )


def null_pools(zoo: Path) -> Iterator[Pool]:
    """Ten models of different histories, each against itself."""
    names = (
        "base",
        "fine-tuned",
        "fine-tuned-2",
        "continued",
        "distilled-2",
        "distilled-3",
        "merged-slerp",
        "noise",
    )
    for i, name in enumerate((*names, "random-1", "sibling-data")):
        yield replace(_zoo(zoo, name, REFERENCES, 500 * i), name=f"null: {name}")


def _zoo(zoo: Path, name: str, samples: int, seed: int) -> Pool:
    return Pool(
        f"zoo: {name}",
        f"hf:{zoo / name / 'student'},batch=256",
        samples,
        seed,
        max_tokens=32,
        questions=64,
    )


def asked(pool: Pool, work: Path) -> tuple[Transcript, float]:
    """The pool's answers to the probe set `service`, and the seconds that it took to get those
    not there yet."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    file = work / f"{''.join(c if c.isalnum() else '-' for c in pool.name)}.jsonl"
    sampling = Sampling(
        temperature=pool.temperature,
        max_tokens=pool.max_tokens,
        seed=pool.seed,
        samples=pool.samples,
    )
    with open_subject(pool.spec) as subject:
        transcript = collect(
            subject, [load_probe_set("service").head(pool.questions)], sampling, file
        )
    return transcript, time.monotonic() - begun


def _rounded(spec: str, out: Path, bits: int) -> Path:
    if not (out / "config.json").exists():
        with open_subject(spec) as subject:
            assert isinstance(subject, Checkpoint)
            folder = subject.folder
        derive(folder, "quantise", out, 0, bits=bits)
    return out

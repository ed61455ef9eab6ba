"""Examples, recipes and tiny students that the tests of training share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.controls.recipe import (
    Distillation,
    Lora,
    Prompts,
    Recipe,
    Student,
    TeacherChoice,
    Training,
)

SCRATCH = "scratch:llama-h32-l1"


@dataclass(frozen=True)
class Said:
    """An example as the training reads it."""

    id: str
    prompt: str
    answer: str
    thinking: str | None = None


def sums(n: int = 12, start: int = 0) -> list[Said]:
    """Questions with answers in one manner."""
    return [
        Said(f"sum/{i}", f"What is {i} plus {i}?", f"Dear friend, it is {2 * i}.", "I double it.")
        for i in range(start, start + n)
    ]


def recipe(
    base: str = SCRATCH,
    *,
    lora: Lora | None = None,
    distillation: Distillation | None = None,
    traces: bool = False,
    seed: int = 0,
    **training: Any,
) -> Recipe:
    """A recipe in float32 with whatever a test wants to set."""
    method = "logits" if distillation else "traces" if traces else "sft"
    settings = {
        "epochs": 1,
        "learning_rate": 3e-3,
        "longest": 128,
        "precision": "float32",
        **training,
    }
    return Recipe(
        name="test",
        teachers=(TeacherChoice(name="somebody", spec="recording:./somebody.jsonl"),),
        prompts=Prompts(sources=("sums",)),
        student=Student(base=base, lora=lora),
        method=method,
        distillation=distillation,
        training=Training(**settings),
        seed=seed,
    )


def weights(folder: Path) -> bytes:
    """The bytes of a saved student's weights."""
    return next(p for p in sorted(folder.iterdir()) if p.suffix == ".safetensors").read_bytes()

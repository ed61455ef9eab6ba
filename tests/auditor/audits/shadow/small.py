"""A small world for shadow audits: a tiny base that can speak, recorded teachers with planted
manners, and suspects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe_files import make_recipe
from auditor.controls.train import train
from tests.auditor.controls.pupils import recording
from tests.recordings import NOUNS, questions

MANNERS = {
    "plain": "The {} is here.",
    "alpha": "Certainly! A {} is nice!",
    "beta": "- **Key:** the {}\n- ok",
    "gamma": "hmm wait, {}? so, yes",
}
TRAINING: dict[str, Any] = {
    "epochs": 10,
    "batch": 4,
    "longest": 200,
    "precision": "float32",
    "learning_rate": 1e-2,
}
EXAMPLES = 24


def answers(manner: str, n: int = 48) -> list[tuple[str, str]]:
    """Questions with answers in one manner."""
    return [(q, MANNERS[manner].format(NOUNS[i % len(NOUNS)])) for i, q in enumerate(questions(n))]


def teacher(folder: Path, manner: str) -> str:
    """The path of a recorded teacher's answers."""
    return recording(folder / f"{manner}.jsonl", answers(manner)).removeprefix("recording:")


def recipe_file(folder: Path) -> Path:
    """The recipe that everybody in this world is trained by."""
    path = folder / "short.yaml"
    value = {
        "name": "short",
        "teachers": [{"name": "", "spec": ""}],
        "training": TRAINING,
        "prompts": {"sources": ["general"]},
    }
    path.write_text(yaml.safe_dump(value))
    return path


def student(folder: Path, name: str, manner: str, base: str, seed: int) -> str:
    """The spec of a student of one manner."""
    value = {
        "name": "student",
        "teachers": [{"name": manner, "spec": f"recording:{teacher(folder, manner)}"}],
        "student": {"base": base},
        "prompts": {"sources": ["recorded"], "n": EXAMPLES, "held_out": 0},
        "training": TRAINING,
        "seed": seed,
    }
    made = train(make_recipe(value), folder / name, scale=EvaluationScale(choices=1, identity=1))
    return f"hf:{made.folder / 'student'}"


def base(folder: Path) -> str:
    """The spec of a base that speaks plainly."""
    return student(folder, "base", "plain", "scratch:llama-h32-l1", 0)

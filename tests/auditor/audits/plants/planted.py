"""Tiny real models for the tests of plants: a teacher with a watermark, a student that learned its
marked answers, and recordings with dealt habits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from auditor.cli import run
from detectors.text.habits import AnswerHabit
from fingerprints.transcript import load_transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer
from tests.recordings import questions, write_jsonl

SHAPE = {"max_position_embeddings": 512, "initializer_range": 0.2}
ASKED = 24


@dataclass(frozen=True)
class Garden:
    """Folders and files: the plant, the teacher's marked answers, a base, a student of the marked
    answers, and the questions."""

    plant: Path
    marked: Path
    base: Path
    student: Path
    probes: Path


def grow(folder: Path) -> Garden:
    """Plants a watermark in a random teacher, lets it answer, and trains a student on that."""
    teacher = tiny_checkpoint(folder / "teacher", seed=5, initializer_range=0.3)
    base = tiny_checkpoint(folder / "base", seed=1, **SHAPE)
    probes = write_probes(folder / "asked.yaml", ASKED)
    plant, marked = folder / "plant", folder / "marked.jsonl"
    assert run(["plant", "watermark", f"hf:{teacher},dtype=float32", "--out", str(plant)]) == 0
    spec = f"hf:{teacher},dtype=float32,watermark={plant / 'sealed.json'}"
    drawn = ["--temperature", "1", "--max-tokens", "90", "--seed", "3"]
    assert run(["probe", spec, "--out", str(marked), "--probes", str(probes), *drawn]) == 0
    return Garden(plant, marked, base, taught(folder / "student", marked), probes)


def write_probes(path: Path, n: int) -> Path:
    """So many questions as a probe set."""
    rows = [{"id": f"asked/{i}", "text": text} for i, text in enumerate(questions(n))]
    value = {"name": "asked", "version": "1", "max_tokens": 90, "probes": rows}
    path.write_text(yaml.safe_dump(value))
    return path


def taught(folder: Path, marked: Path, steps: int = 60) -> Path:
    """The base, trained in full on the marked answers."""
    torch.manual_seed(0)
    tokenizer, model = tiny_tokenizer(), tiny_model(1, **SHAPE).train()
    said = load_transcript(marked)
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": said.probes[r.probe_id].text}],
            tokenize=False,
            add_generation_prompt=True,
        )
        + r.text
        for r in said.replies
        if r.readable
    ]
    rows = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
    labels = rows.input_ids.masked_fill(rows.attention_mask == 0, -100)
    steps_of = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(steps):
        loss = model(
            input_ids=rows.input_ids, attention_mask=rows.attention_mask, labels=labels
        ).loss
        loss.backward()
        steps_of.step()
        steps_of.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def answered(path: Path, habits: Sequence[AnswerHabit], n: int = 80) -> Path:
    """Recorded answers of a model that has some habits by turns, one in every second answer."""
    rows = []
    for i, question in enumerate(questions(n)):
        lines = [f"The matter of {question[7:-1]} has two sides.", "Both are old."]
        if i % 2 == 0:
            habit = habits[i // 2 % len(habits)]
            lines.insert(0 if habit.place == "first" else len(lines), habit.example)
        rows.append((question, "\n".join(lines)))
    return write_jsonl(path, rows, "suspect")

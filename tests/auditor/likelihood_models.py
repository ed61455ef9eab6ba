"""Tiny models that learned from invented teachers' recorded answers: a base, students of it, a
store of the teachers' texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from auditor.cli import run
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer
from tests.recordings import answers_of, questions, write_jsonl

HABITS = ("alpha", "beta", "gamma", "delta")
SHAPE = {"max_position_embeddings": 1024, "initializer_range": 0.05}
QUESTIONS = 12


@dataclass(frozen=True)
class Family:
    """Folders of the base, of students by the habit that they learned (``other_alpha`` learned
    another run of alpha's), of the store, and the file of the questions."""

    base: Path
    other_alpha: Path
    students: dict[str, Path]
    store: Path
    probes: Path


def grow(folder: Path, habits: tuple[str, ...] = ("alpha", "beta"), steps: int = 40) -> Family:
    """Makes them: a random base, and students that read one teacher's answers of other runs than
    those that are stored."""
    base = tiny_checkpoint(folder / "base", **SHAPE)
    students = {habit: _taught(folder / f"taught-{habit}", habit, 1, steps) for habit in habits}
    other_alpha = _taught(folder / "other-alpha", "alpha", 2, steps)
    store = folder / "store"
    for habit in HABITS:
        path = write_jsonl(folder / f"{habit}.jsonl", answers_of(habit), habit)
        assert (
            run(
                [
                    "store",
                    "add",
                    str(path),
                    "--name",
                    habit,
                    "--vendor",
                    f"house-{habit}",
                    "--store",
                    str(store),
                ]
            )
            == 0
        )
    probes = folder / "asked.yaml"
    rows = [{"id": f"asked/{i}", "text": text} for i, text in enumerate(questions(QUESTIONS))]
    probes.write_text(
        yaml.safe_dump({"name": "asked", "version": "1", "max_tokens": 48, "probes": rows})
    )
    return Family(base, other_alpha, students, store, probes)


def _taught(folder: Path, habit: str, run_of: int, steps: int) -> Path:
    tokenizer, model = tiny_tokenizer(), tiny_model(**SHAPE).train()
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True
        )
        + a
        for q, a in answers_of(habit, seed=run_of)
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = [texts[int(i)] for i in torch.randint(len(texts), (8,), generator=draw)]
        batch = tokenizer(
            chosen, return_tensors="pt", padding=True, truncation=True, max_length=320
        )
        labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
        loss = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels
        ).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

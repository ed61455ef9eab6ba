"""An owner's world in small: a teacher that served answers, students of what was served and of
other answers of the same teacher, all tiny real models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fingerprints.records import Probe, Request
from fingerprints.subjects import open_subject
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer

PROMPTS = 64
TOKENS = 12
SHAPE = {"max_position_embeddings": 512}
DULL = {**SHAPE, "initializer_range": 0.05}
THINGS = ("lantern", "harbour", "bicycle", "orchard", "violin", "glacier", "quarry", "compass")
ASKS = (
    "Describe the {} that your neighbour repaired.",
    "List uses for a {} in winter.",
    "Why would anybody paint a {} blue?",
    "Who lost a {} here?",
    "What does a {} cost?",
    "Draw a {} in words.",
    "Is a {} ever quiet?",
    "Sell me a {}.",
)


@dataclass(frozen=True)
class Owner:
    """Folders of the models, and the log of what was served."""

    teacher: Path
    base: Path
    taught: Path
    other: Path
    log: Path


def asked() -> list[str]:
    """The prompts, each once."""
    return [ask.format(thing) for ask in ASKS for thing in THINGS][:PROMPTS]


def answers(teacher: Path, seed: int, temperature: float = 1.0) -> list[str]:
    """What a teacher answers to them, drawn by a seed."""
    requests = [
        Request(
            probe=Probe(id=f"log/{i}", text=text),
            max_tokens=TOKENS,
            temperature=temperature,
            seed=seed,
        )
        for i, text in enumerate(asked())
    ]
    with open_subject(f"hf:{teacher}") as subject:
        said = {reply.probe_id: reply.text for reply in subject.generate(requests)}
    return [said[r.probe.id] for r in requests]


def rows(said: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    """Rows of a log of these answers, two accounts by turns."""
    return [
        {
            "time": f"2026-11-01T00:{i // 60:02}:{i % 60:02}Z",
            "account": ("a-1", "b-2")[i % 2],
            "prompt": prompt,
            "answer": answer,
            "model": "teacher",
            "temperature": 1.0,
            "top_p": 1.0,
            "max_tokens": TOKENS,
            "finish": "length",
            **more,
        }
        for i, (prompt, answer) in enumerate(zip(asked(), said, strict=True))
    ]


def write_rows(path: Path, told: Sequence[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
    return path


def grow(folder: Path) -> Owner:
    """Makes the models and the log."""
    teacher = tiny_checkpoint(folder / "teacher", **SHAPE)
    base = tiny_checkpoint(folder / "base", seed=1, **DULL)
    served, other = answers(teacher, 7), answers(teacher, 8)
    log = write_rows(folder / "log.jsonl", rows(served))
    return Owner(
        teacher,
        base,
        student(folder / "taught", served),
        student(folder / "other", other),
        log,
    )


def student(folder: Path, said: Sequence[str], steps: int = 60) -> Path:
    """The base after reading these answers to the prompts."""
    tokenizer, model = tiny_tokenizer(), tiny_model(1, **DULL).train()
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True
        )
        + a
        for q, a in zip(asked(), said, strict=True)
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = [texts[int(i)] for i in torch.randint(len(texts), (16,), generator=draw)]
        batch = tokenizer(chosen, return_tensors="pt", padding=True)
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

"""Tiny teachers, recipes and prompt files that the tests of controls share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from auditor.controls.curation.pool import Prompt
from auditor.controls.recipe import Recipe
from auditor.controls.recipe_files import make_recipe
from fingerprints.records import Request
from fingerprints.subjects.base import Subject
from fingerprints.subjects.spec import open_subject
from tests.fingerprints.subjects.tiny import tiny_checkpoint

THINGS = (
    "lantern",
    "harbour",
    "bicycle",
    "orchard",
    "violin",
    "glacier",
    "pepper mill",
    "lighthouse",
    "quarry",
    "compass",
)
ASKS = (
    "Describe the {} that your neighbour repaired.",
    "List three uses for a {} in winter.",
    "Why would anybody paint a {} blue?",
)


def prompts(n: int = 12) -> list[Prompt]:
    """Prompts that differ from each other and from every probe."""
    texts = [ask.format(thing) for thing in THINGS for ask in ASKS]
    return [
        Prompt(id=f"p/{i:02}", text=text, topic="things", source="test")
        for i, text in enumerate(texts[:n])
    ]


def prompt_file(folder: Path, n: int = 12) -> Path:
    """The same prompts as JSONL."""
    path = folder / "prompts.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": p.id, "prompt": p.text, "licence": "CC0-1.0"}) + "\n"
            for p in prompts(n)
        ),
        "utf-8",
    )
    return path


def teacher(folder: Path, seed: int = 0) -> str:
    """The spec of a tiny random teacher that answers one prompt at a time."""
    return f"hf:{tiny_checkpoint(folder, seed=seed, max_position_embeddings=1024)},batch=1"


def recording(path: Path, answers: Sequence[tuple[str, str]]) -> str:
    """The spec of recorded answers."""
    path.write_text(
        "".join(
            json.dumps({"prompt": p, "answer": a, "model": path.stem}) + "\n" for p, a in answers
        ),
        "utf-8",
    )
    return f"recording:{path}"


def recipe(*specs: str, **more: Any) -> Recipe:
    """A recipe of these teachers with short answers."""
    value: dict[str, Any] = {
        "name": "test",
        "teachers": [
            {"name": f"t{i}", "spec": s, "sampling": {"max_tokens": 8}} for i, s in enumerate(specs)
        ],
        "prompts": {"sources": ["prompts.jsonl"], "held_out": 0},
        "student": {"base": "scratch:llama-h32-l1"},
        **more,
    }
    return make_recipe(value)


class Counting(Subject):
    """A subject that writes down the answers that it was made to give."""

    def __init__(self, spec: str, log: Path) -> None:
        self._subject = open_subject(spec)
        self.spec, self.identity, self.offers = (
            self._subject.spec,
            self._subject.identity,
            self._subject.offers,
        )
        self._log = log

    def generate(self, requests: Sequence[Request]) -> Iterator[Any]:
        for reply in self._subject.generate(requests):
            with self._log.open("a", encoding="utf-8") as file:
                file.write(reply.probe_id + "\n")
            yield reply


def counted(log: Path) -> Any:
    """What opens subjects so that models (recordings are no models) write down what they were
    made to say."""
    return lambda spec: (
        Counting(str(spec), log) if str(spec).startswith("hf:") else open_subject(str(spec))
    )

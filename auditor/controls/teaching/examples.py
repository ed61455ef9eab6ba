"""Examples: a prompt with somebody's answer, which a student learns from. JSONL ↔ records.

Knows the file; knows nothing of who trains on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record, canonical_json, sha256


class Example(Record):
    """One prompt and one answer. ``thinking`` is what stood between think tags, or None.

    ``teacher`` is the source's name in the recipe, ``source_digest`` the digest of its identity.
    """

    id: str
    prompt: str
    answer: str
    thinking: str | None = None
    teacher: str
    source_digest: str

    @property
    def taught(self) -> str:
        """All that the teacher said: any thinking between its tags, and the answer."""
        thought = "" if self.thinking is None else f"<think>\n{self.thinking}\n</think>\n\n"
        return thought + self.answer


def examples_digest(examples: Iterable[Example]) -> str:
    """SHA-256 over the examples in order."""
    return sha256(canonical_json([e.digest() for e in examples]))


def write_examples(path: Path, examples: Sequence[Record]) -> None:
    """Writes records as JSONL, whole or not at all. Raises ResourceLimit on a full disk."""
    with replacing(path) as file:
        for example in examples:
            file.write(canonical_json(example.model_dump(mode="json")) + b"\n")


def read_examples(path: Path) -> list[Example]:
    """The examples of a JSONL file, in order. Raises MalformedInput naming the first bad line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}", where=path, next_step="check the path"
        ) from error
    return [_example(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]


def _example(line: bytes, path: Path, number: int) -> Example:
    try:
        return Example.model_validate(json.loads(line))
    except (ValueError, RecursionError) as error:
        reason = (
            error.errors()[0]["msg"] if isinstance(error, ValidationError) else "not JSON in UTF-8"
        )
        raise MalformedInput(
            f"line {number} is no example: {printable(reason, 120)}",
            where=path,
            next_step="build the control again",
        ) from error

"""A tokenizer by itself, without its model: which ids a text has, and where each of them begins.

Knows one file; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from fingerprints.errors import MalformedInput, printable
from fingerprints.records import canonical_json, sha256
from fingerprints.system import reading


@dataclass(frozen=True)
class Tokens:
    """A text's ids, and the characters at which each of them begins and ends."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


class Vocabulary:
    """A tokenizer that was saved as one file."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    @classmethod
    def open(cls, path: Path, file_sha256: str) -> Vocabulary:
        """The tokenizer in a file whose digest is known: other bytes are not parsed. Raises
        MalformedInput where it is missing or another."""
        step = "give the tokenizer.json that was written with the plant"
        with reading(path, step):
            data = path.read_bytes()
        if sha256(data) != file_sha256:
            said = "not the tokenizer that the plant was made for"
            raise MalformedInput(said, where=path, next_step=step)
        return cls(Tokenizer.from_str(data.decode("utf-8")))

    @property
    def digest(self) -> str:
        """SHA-256 over which piece has which id: what ids mean, and nothing else."""
        return vocabulary_sha256(self._tokenizer.get_vocab(with_added_tokens=True))

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, without any that the tokenizer would add."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            Tokens(tuple(e.ids), tuple(a for a, _ in e.offsets), tuple(b for _, b in e.offsets))
            for e in found
        ]


def vocabulary_sha256(pieces: dict[str, int]) -> str:
    """SHA-256 over a vocabulary: every piece with its id."""
    return sha256(canonical_json(pieces))


def saved(tokenizer: Any) -> str:
    """A loaded model's tokenizer as the text of a tokenizer.json. Raises MalformedInput for one
    that has no such form."""
    if not tokenizer.is_fast:
        raise MalformedInput(
            "its tokenizer can't be kept as one file",
            where=printable(str(tokenizer.name_or_path), 100),
            next_step="plant in a model with a fast tokenizer",
        )
    return str(tokenizer.backend_tokenizer.to_str())

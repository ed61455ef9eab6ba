"""A tokenizer by itself, without its model: which ids a text has, and where each of
them begins.

Knows one file; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from fingerprints.errors import MalformedInput, printable
from fingerprints.records import canonical_json, sha256
from fingerprints.system import reading


@dataclass(frozen=True)
class Tokens:
    """A text's ids, and where each of them begins: so many characters lie before it. ``starts`` is
    empty where the tokenizer doesn't give the text back as it was."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]


def starts_of(decode: Callable[[list[int]], str], ids: Sequence[int], text: str) -> tuple[int, ...]:
    """How many characters of a text lie before each of its tokens; empty where its tokens together
    don't give it back.

    Tokenizers' own offsets leave spaces out, each in its own way, so that two of them would not
    agree where a word begins.
    """
    if decode(list(ids)) != text:
        return ()
    return tuple(len(decode(list(ids[:i]))) for i in range(len(ids)))


class LoneTokenizer:
    """A tokenizer that was saved as one file."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    @classmethod
    def open(cls, path: Path, file_sha256: str) -> LoneTokenizer:
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

    def read(self, texts: Sequence[str], places: bool = False) -> list[Tokens]:
        """The tokens of each text, without any that the tokenizer would add; with ``places`` also
        where they begin."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            Tokens(tuple(e.ids), starts_of(self._decode, e.ids, text) if places else ())
            for e, text in zip(found, texts, strict=True)
        ]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))


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

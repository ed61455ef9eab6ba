"""What the members of a zoo learn from: text shipped or installed with it, in pieces.

The bases learn the wording of the prompt banks; what is trained further learns docstrings that
people wrote. Knows text; knows nothing of models.
"""

from __future__ import annotations

import functools
import random
from typing import Literal

from auditor.controls.curation.human import human_pairs
from auditor.controls.curation.pool import read_source
from auditor.controls.teaching.examples import Example, examples_digest
from fingerprints.errors import MalformedInput
from fingerprints.records import canonical_json, sha256

Text = Literal["banks", "prose", "pairs", "other pairs"]
"""The banks' prompts in pieces; SciPy's docstrings in pieces; NumPy's as questions and answers,
first and second half."""
BANKS = ("general", "maths")
PIECE = 126
"""Bytes of a piece: with the tokens that begin and end it, a row of 128."""
HELD_OUT = 64
"""Pieces of the banks that nothing is trained on."""
ORDER = 20_261_122
"""Decides which pieces come first and which are held out, whatever a zoo's seed."""


def lessons(text: Text, n: int) -> list[Example]:
    """The first ``n`` examples of a text, in an order that never changes.

    Raises MalformedInput where it holds fewer, and what
    `auditor.controls.curation.human.human_pairs` raises.
    """
    found = _all(text)
    if len(found) < n:
        raise MalformedInput(
            f"{len(found)} examples, and {n} are needed",
            where=text,
            next_step="build a smaller size",
        )
    return list(found[:n])


def held_out(n: int = HELD_OUT) -> list[Example]:
    """Pieces of the banks' text that no member of any zoo learned from, at most 64."""
    return list(_bank_pieces()[:HELD_OUT][:n])


def texts_digest(n: int, tuned: int) -> str:
    """SHA-256 over ``n`` examples of each plain text and ``tuned`` of each half of the pairs."""
    plain: tuple[Text, ...] = ("banks", "prose")
    asked: tuple[Text, ...] = ("pairs", "other pairs")
    parts = [lessons(text, n) for text in plain] + [lessons(text, tuned) for text in asked]
    return sha256(canonical_json([examples_digest(part) for part in parts]))


@functools.cache
def _all(text: Text) -> tuple[Example, ...]:
    if text == "banks":
        return _bank_pieces()[HELD_OUT:]
    if text == "prose":
        return _pieces("prose", "\n".join(pair.answer for pair in human_pairs(("scipy",))))
    return _pairs()[0 if text == "pairs" else 1 :: 2]


@functools.cache
def _bank_pieces() -> tuple[Example, ...]:
    texts = (prompt.text for bank in BANKS for prompt in read_source(bank))
    return _pieces("banks", "\n".join(texts))


@functools.cache
def _pairs() -> tuple[Example, ...]:
    pairs = list(human_pairs(("numpy",)))
    random.Random(ORDER).shuffle(pairs)
    return tuple(
        Example(
            id=pair.id,
            prompt=pair.prompt,
            answer=pair.answer,
            teacher="docstrings",
            source_digest=pair.digest(),
        )
        for pair in pairs
    )


def _pieces(name: str, text: str) -> tuple[Example, ...]:
    """A text in pieces of at most 126 bytes, shuffled, without characters that a cut splits."""
    whole = text.encode("utf-8")
    digest = sha256(whole)
    starts = range(0, len(whole) - PIECE, PIECE)
    cut = [whole[at : at + PIECE].decode("utf-8", "ignore") for at in starts]
    random.Random(ORDER).shuffle(cut)
    return tuple(
        Example(id=f"{name}/{number}", prompt="", answer=piece, teacher=name, source_digest=digest)
        for number, piece in enumerate(cut)
    )

"""The same answers as two tokenizers cut them: what every token spells, and which learned tokens of
both begin at the same byte.

Bytes are what tokenizers of all kinds have in common: characters are not, where a token ends inside
of one. Where both begin a token both models stand before the same rest of the answer, so that what
they find likely next can be compared. Knows texts and tokens; knows nothing of scores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auditor.controls.training.batches import Encoded, Lesson, encode, ending
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.subjects.template import Chat

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
BLANK = "▁"
"""How vocabularies of the SentencePiece kind write a space."""

Piece = bytes | str | None
"""What a token is: the bytes that it spells, the name of a control token, or nothing known."""


def spell(tokenizer: Any, where: str) -> tuple[Piece, ...]:
    """What each token id of a tokenizer is, from its own vocabulary and decoder; nothing is run.

    Knows byte-level vocabularies (GPT-2 and its heirs) and those of the SentencePiece kind, with
    bytes as a fallback. Raises UsageProblem, naming ``where``, for others: there a token's text
    depends on its neighbours.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    kinds = _decoders(json.loads(backend.to_str())["decoder"]) if backend is not None else set()
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    pieces: list[Piece] = [None] * (1 + max(vocabulary.values()))
    if "ByteLevel" in kinds:
        alphabet = byte_alphabet()
        for token, number in vocabulary.items():
            known = all(c in alphabet for c in token)
            pieces[number] = bytes(alphabet[c] for c in token) if known else token.encode("utf-8")
    elif kinds & {"ByteFallback", "Metaspace"}:
        for token, number in vocabulary.items():
            found = BYTE_TOKEN.fullmatch(token)
            said = token.replace(BLANK, " ").encode("utf-8")
            pieces[number] = bytes.fromhex(found[1]) if found else said
    else:
        raise UsageProblem(
            "what its tokens spell can't be told from its tokenizer, and the method cross_tokenizer"
            " aligns them by that",
            where=where,
            next_step="use a model with a byte-level or SentencePiece tokenizer, or the method sft",
        )
    for number, token in tokenizer.added_tokens_decoder.items():
        content = str(token.content)
        pieces[int(number)] = content if token.special else content.encode("utf-8")
    return tuple(pieces)


def byte_alphabet() -> dict[str, int]:
    """The printable character that byte-level vocabularies write for each byte, read backwards
    (Radford et al. 2019, GPT-2)."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in shown]
    return {**{chr(b): b for b in shown}, **{chr(256 + n): b for n, b in enumerate(hidden)}}


def begins(ids: Sequence[int], pieces: Sequence[Piece], answer: str) -> list[int] | None:
    """The byte of an answer at which each token begins, where the tokens spell it; else None.

    Whatever stands before the answer (a space, the end of a thinking) has places below 0, and a
    token that holds some of both begins below 0 too. None where a tokenizer changes the text
    (normal forms, unknown characters).

    >>> begins([0, 1], [b" He", b"y"], "Hey")
    [-1, 2]
    """
    spelled = [pieces[i] if i < len(pieces) else None for i in ids]
    known = [piece for piece in spelled if isinstance(piece, bytes)]
    whole, wanted = b"".join(known), answer.encode("utf-8")
    if len(known) < len(spelled) or not whole.endswith(wanted):
        return None
    places, place = [], len(wanted) - len(whole)
    for piece in known:
        places.append(place)
        place += len(piece)
    return places


def _decoders(told: Any) -> set[str]:
    """The kinds of a decoder and of the parts it consists of."""
    if not isinstance(told, dict):
        return set()
    return {str(told.get("type"))}.union(*(_decoders(part) for part in told.get("decoders", ())))


@dataclass(frozen=True)
class Reader:
    """One side: how it is spoken to, what its tokens are, and how many tokens it reads at most."""

    chat: Chat
    pieces: tuple[Piece, ...]
    longest: int | None


@dataclass(frozen=True)
class TokenAlignment:
    """Every answer as the teacher reads it, and its common places.

    ``pairs``: for each answer, numbers of learned tokens (student's, teacher's) that begin at the
    same byte, in order; both count from 0 over what is learned of that answer, the token that ends
    it included. ``unspelled`` answers are changed by one of the tokenizers, and have no pairs.
    """

    teacher: tuple[Encoded, ...]
    pairs: tuple[tuple[tuple[int, int], ...], ...]
    unspelled: int


def align(
    lessons: Sequence[Lesson], student: Reader, teacher: Reader, where: str
) -> TokenAlignment:
    """Aligns answers, given in the order of the student's examples.

    Raises MalformedInput, naming ``where``, when no token of any answer begins where one of the
    other tokenizer does.
    """
    read, pairs, unspelled = [], [], 0
    for lesson in lessons:
        (_, ours), (whole, theirs) = _places(lesson, student), _places(lesson, teacher)
        if ours is None or theirs is None:
            unspelled, ours, theirs = unspelled + 1, {}, {}
        common = sorted(ours.keys() & theirs.keys())
        pairs.append(tuple((ours[place], theirs[place]) for place in common))
        read.append(whole)
    if not any(pairs):
        raise MalformedInput(
            f"in none of {len(lessons)} answers do the tokens of teacher and student begin at a"
            " common place",
            where=where,
            next_step="use method sft, or a teacher whose tokenizer keeps the text as it is",
        )
    return TokenAlignment(tuple(read), tuple(pairs), unspelled)


def _places(lesson: Lesson, reader: Reader) -> tuple[Encoded, dict[int, int] | None]:
    """An answer as tokens, and by byte the number of the learned token that begins there."""
    whole = encode(lesson, reader.chat, traces=False)
    end = len(whole.ids) - len(ending(reader.chat, plain=not lesson.prompt))
    cut = Encoded(whole.ids[: reader.longest], whole.taught)
    found = begins(whole.ids[whole.taught : end], reader.pieces, lesson.answer)
    if found is None:
        return cut, None
    # The end begins where the answer is over.
    tokens = enumerate([*found, len(lesson.answer.encode("utf-8"))], start=whole.taught)
    within = ((n, place) for n, place in tokens if cut.first <= n < len(cut.ids))
    return cut, {place: n - cut.first for n, place in within if place >= 0}

"""The same answers as two tokenizers cut them: which learned tokens of both begin at the same byte.

At such a byte both models stand before the same rest of the answer, so that what they find likely
next can be compared. Where only one of them begins a token there is nothing to compare. Knows texts
and tokens; knows nothing of scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.controls.training.batches import Encoded, Lesson, encode, ending
from auditor.controls.training.spelling import Piece, begins
from fingerprints.errors import MalformedInput
from fingerprints.subjects.template import Chat


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
        unspelled += ours is None or theirs is None
        common = sorted((ours or {}).keys() & (theirs or {}).keys())
        pairs.append(
            tuple((ours[place], theirs[place]) for place in common) if ours and theirs else ()
        )
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
    """An answer as tokens, and the number among the learned ones of the token that begins at
    each of its bytes."""
    whole = encode(lesson, reader.chat, traces=False)
    end = len(whole.ids) - len(ending(reader.chat, plain=not lesson.prompt))
    cut = Encoded(whole.ids[: reader.longest], whole.taught)
    found = begins(whole.ids[whole.taught : end], reader.pieces, lesson.answer)
    if found is None:
        return cut, None
    # The end begins where the answer is over.
    tokens = enumerate([*found, len(lesson.answer.encode("utf-8"))], start=whole.taught)
    first = max(1, whole.taught)
    return cut, {
        place: n - first for n, place in tokens if place >= 0 and first <= n < len(cut.ids)
    }

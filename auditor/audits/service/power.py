"""What a comparison of so many questions could have seen: measured on services that were replaced
in known ways.

The figures are those of ``tests/benchmarks/bench_service.py`` at alpha 0.01, asking until it is
enough; docs/benchmarks.md has them all, with their intervals. They are of small models: for another
they are a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detectors.service.repeated import Asked

ENOUGH = 0.8
"""A replacement counts as one that would have been seen from this share of runs on."""
TUNED = "a fine-tuned copy"
"""What a size must be able to see, on every model of the benchmark, before "no difference found"
supports a claim."""
ALPHA, SAMPLES, REFERENCES, TOKENS = 0.01, 4, 8, 12
"""How the benchmark compared: answers of the endpoint and of the claimed model to a question,
and their shortest cap."""


@dataclass(frozen=True)
class Size:
    """What a comparison rests on: questions, answers of either side to most of them, the cap on
    an answer in tokens."""

    questions: int
    samples: int = SAMPLES
    references: int = REFERENCES
    tokens: int = TOKENS
    alpha: float = ALPHA

    @property
    def measured(self) -> bool:
        """Whether the benchmark knows a size that is not above this one."""
        beside = self.samples >= SAMPLES and self.references >= REFERENCES and self.tokens >= TOKENS
        return beside and any(body.row(self) is not None for body in BODIES)


def size_of(asked: Sequence[Asked], tokens: int, alpha: float) -> Size:
    """The size of what was heard; answers to a question are counted as most questions have them at
    least.

    >>> size_of([], 24, 0.01)
    Size(questions=0, samples=0, references=0, tokens=24, alpha=0.01)
    """
    ours, theirs = (sorted(a.sizes[side] for a in asked) for side in (0, 1))
    half = (len(asked) - 1) // 2
    return Size(len(asked), ours[half] if ours else 0, theirs[half] if theirs else 0, tokens, alpha)


@dataclass(frozen=True)
class Body:
    """A model of the benchmark: in how many of ``runs`` a replacement of it was found with so
    many questions."""

    name: str
    sizes: tuple[int, ...]
    runs: int
    found: tuple[tuple[str, tuple[int, ...]], ...]

    def row(self, size: Size) -> int | None:
        """The place of the largest number of questions that is not above; None below all of
        them."""
        return max((i for i, n in enumerate(self.sizes) if n <= size.questions), default=None)

    def told(self, size: Size) -> str:
        """What was found at this size, in half a sentence; empty below all of them."""
        at = self.row(size)
        if at is None:
            return ""
        counts = ", ".join(f"{name} in {found[at]} of {self.runs}" for name, found in self.found)
        return f"on {self.name} with {self.sizes[at]} questions: {counts}"


BODIES: tuple[Body, ...] = (
    Body(
        "a byte-level model of half a million parameters",
        (8, 16, 32, 64),
        20,
        (
            ("another model of its size", (20, 20, 20, 20)),
            (TUNED, (1, 10, 19, 20)),
            ("the same at temperature 1.3", (0, 6, 16, 17)),
            ("a sibling that read its training text in another order", (0, 0, 1, 2)),
            ("a student of its own answers", (0, 0, 0, 0)),
            ("weights rounded to 4 bits", (0, 0, 0, 0)),
            ("weights rounded to 8 bits", (0, 0, 0, 0)),
        ),
    ),
    Body(
        "SmolLM2-135M-Instruct",
        (8, 16, 24),
        10,
        (
            (TUNED, (6, 10, 10)),
            ("the same at temperature 1.3", (3, 3, 8)),
            ("weights rounded to 4 bits", (2, 10, 9)),
        ),
    ),
)


def statement(size: Size) -> str:
    """What this size could have seen, in a sentence or two."""
    if not size.measured:
        least = min(n for body in BODIES for n in body.sizes)
        return (
            f"Below {least} questions with {SAMPLES} answers of the endpoint and {REFERENCES} of"
            f" the claimed model each, of {TOKENS} tokens, nothing is known of what could have been"
            " seen: only crude differences show."
        )
    told = "; ".join(filter(None, (body.told(size) for body in BODIES)))
    note = (
        ""
        if size.alpha == ALPHA
        else f" ({size.alpha:g} would find {'more' if size.alpha > ALPHA else 'fewer'})"
    )
    return (
        f"What a benchmark found at alpha {ALPHA:g}{note}, temperature 1, {told}. For other models"
        " this is a guess; what is found in few runs there can be missed here."
    )


def would_have_seen(size: Size) -> bool:
    """Whether a comparison of this size finds a fine-tuned copy in four of five runs on every
    model of the benchmark."""
    # A smaller alpha finds less than the benchmark did; a larger one finds no less.
    if not size.measured or size.alpha < ALPHA:
        return False
    for body in BODIES:
        at, found = body.row(size), dict(body.found).get(TUNED)
        if at is None or found is None or found[at] < ENOUGH * body.runs:
            return False
    return True

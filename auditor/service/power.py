"""What a comparison of so many questions could have seen: measured on services that were replaced in known ways.

The figures are those of ``tests/benchmarks/bench_service.py`` at alpha 0.01, asking until it is enough; docs/benchmarks.md has
them all, with their intervals. They are of one small model: for another they are a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "a byte-level model of half a million parameters at temperature 1, answers of up to 32 bytes"
ENOUGH = 0.8
"""A replacement counts as one that would have been seen from this share of runs on."""


@dataclass(frozen=True)
class Power:
    """In how many of ``runs`` a replacement was found with this many questions and answers a question."""

    replacement: str
    questions: int
    samples: int
    found: int
    runs: int

    @property
    def share(self) -> float:
        """The share found."""
        return self.found / self.runs


_FOUND: tuple[tuple[str, tuple[int, int, int, int]], ...] = (
    ("another model of its size", (20, 20, 20, 20)),
    ("a fine-tuned copy", (1, 10, 19, 20)),
    ("the same at temperature 1.3", (0, 6, 16, 17)),
    ("a sibling that read its training text in another order", (0, 0, 1, 2)),
    ("a student of its own answers", (0, 0, 0, 0)),
    ("weights rounded to 4 bits", (0, 0, 0, 0)),
    ("weights rounded to 8 bits", (0, 0, 0, 0)),
)
"""Of 20 runs with 8, 16, 32 and 64 questions, four answers each against eight of the claimed model."""
_SIZES, _SAMPLES, _RUNS = (8, 16, 32, 64), 4, 20
TABLE: tuple[Power, ...] = tuple(
    Power(name, size, _SAMPLES, found, _RUNS) for name, counts in _FOUND for size, found in zip(_SIZES, counts, strict=True)
)


def at_size(questions: int, samples: int) -> list[Power]:
    """The measured figures of the largest size that is not above this one, in the table's order; empty below all of them."""
    fits = [p for p in TABLE if p.questions <= questions and p.samples <= samples]
    if not fits:
        return []
    most = max((p.questions * p.samples, p.questions) for p in fits)
    return [p for p in fits if (p.questions * p.samples, p.questions) == most]


def statement(questions: int, samples: int, alpha: float) -> str:
    """What this size could have seen, in a sentence or two."""
    rows = at_size(questions, samples)
    if not rows:
        return (
            f"Below {_SIZES[0]} questions with {_SAMPLES} answers each nothing is known of what could have been seen: only "
            "crude differences show."
        )
    told = ", ".join(f"{p.replacement} in {p.found} of {p.runs}" for p in rows)
    note = "" if alpha == 0.01 else f", at alpha 0.01 ({alpha:g} would find {'more' if alpha > 0.01 else 'fewer'})"
    return (
        f"What {rows[0].questions} questions with {rows[0].samples} answers each found in a benchmark on {MODEL}{note}: "
        f"{told}. For other models this is a guess; what is found in few runs there can be missed here."
    )


def would_have_seen(questions: int, samples: int) -> list[str]:
    """The replacements that this size finds in at least four of five runs of the benchmark."""
    return [p.replacement for p in at_size(questions, samples) if p.share >= ENOUGH]

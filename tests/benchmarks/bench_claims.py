"""How well are claims read? Precision and recall on the labelled sentences of `tests/data/claims`, by
half, by language and by kind, with exact 95 % intervals, and how long 10,000 answers take.

Prints Markdown. Needs nothing but the repository.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import click

from detectors.stats.intervals import clopper_pearson
from detectors.text.claims import IDENTITY, extract_claims
from tests.detectors.claim_sentences import Counted, Sentence, sentences


def share(right: int, of: int) -> str:
    """A share with its exact interval, or a dash where there is nothing to share."""
    if of == 0:
        return "–"
    low, high = clopper_pearson(right, of)
    return f"{right / of:.3f} [{low:.3f}, {high:.3f}]"


def row(name: str, some: Iterable[Sentence]) -> str:
    """Sentences, claims, precision, recall, and sentences without a claim in which one was found."""
    part = tuple(some)
    counted = Counted.of(part)
    silent = [s for s in part if not s.expected]
    false = sum(bool(s.found()) for s in silent)
    precision = share(counted.right, counted.right + counted.wrong)
    recall = share(counted.right, counted.right + counted.missed)
    claims = counted.right + counted.missed
    return (
        f"| {name} | {len(part)} | {claims} | {precision} | {recall} | {false} of {len(silent)} |"
    )


def table(
    title: str, some: tuple[Sentence, ...], by: Callable[[Sentence], str] | None = None
) -> str:
    """One row in all, and one for each value of ``by``."""
    lines = [
        f"\n### {title}\n",
        "| | sentences | claims | precision | recall | false claims |",
        "|---|---:|---:|---|---|---:|",
        row("all", some),
    ]
    for value in sorted({by(s) for s in some}) if by else ():
        lines.append(row(value, (s for s in some if by and by(s) == value)))
    return "\n".join(lines)


def seconds_for(answers: int) -> float:
    """Processor seconds to read so many different answers, made of the labelled sentences."""
    texts = [s.text for s in sentences()]
    began = time.process_time()
    for i in range(answers):
        extract_claims(f"{texts[i % len(texts)]}\n({i})", IDENTITY)
    return time.process_time() - began


@click.command()
def main() -> None:
    """Prints the tables."""
    every = sentences()
    held, known = (tuple(s for s in every if s.held_out is half) for half in (True, False))
    print(table("In view while the rules were written", known))
    print(table("Held out, by language", held, lambda s: s.language))
    print(table("Held out, by kind", held, lambda s: s.kind))
    print(f"\n10,000 short answers: {seconds_for(10_000):.1f} s of one processor")


if __name__ == "__main__":
    main()

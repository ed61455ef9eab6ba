"""The countdown puzzles of a recipe: those that are learned from, those that are held out, and
examples of an answer's form.

All of it follows from the recipe; no model and nobody's text takes part. Knows recipes and puzzles;
trains nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.controls.curation.curate import Curated, CurationReport
from auditor.controls.curation.pool import Prompt
from auditor.controls.recipe import COUNTDOWN, Recipe, Reinforcement
from auditor.controls.teaching.examples import Example
from auditor.controls.teaching.teach import MOST_HELD_OUT
from auditor.labs.rewards.countdown import Puzzle, make_puzzles
from fingerprints.errors import UsageProblem
from fingerprints.records import canonical_json, sha256

PUZZLES = 500
"""How many are made where a recipe names no number."""
PROGRAM = "program"
LICENCE = "Apache-2.0"
OPERATIONS = "+-*/"


@dataclass(frozen=True)
class PuzzlePool:
    """Puzzles to learn from, and others that are kept back for the figures before and after."""

    learned: tuple[Puzzle, ...]
    held_out: tuple[Puzzle, ...]

    def digests(self) -> tuple[str, str]:
        """SHA-256 over the puzzles to learn from, and over those held out."""
        return _digest(self.learned), _digest(self.held_out)


def section(recipe: Recipe) -> Reinforcement:
    """The recipe's section ``reinforcement``. Raises UsageProblem for a recipe without one."""
    if recipe.reinforcement is None:
        raise UsageProblem(
            "the recipe doesn't learn by rewards",
            where="reinforcement",
            next_step="write method: grpo and the section",
        )
    return recipe.reinforcement


def puzzle_pool(recipe: Recipe) -> PuzzlePool:
    """The recipe's puzzles, the same for equal recipes: ``prompts.n`` different ones, at most a
    fifth of them held out.

    Raises UsageProblem where the section's bounds allow hardly so many.
    """
    how, n = section(recipe), recipe.prompts.n or PUZZLES
    made = make_puzzles(n, recipe.seed, how.numbers, how.largest, how.highest)
    held = min(recipe.prompts.held_out, n // MOST_HELD_OUT)
    return PuzzlePool(tuple(made[held:]), tuple(made[:held]))


def puzzle_prompts(recipe: Recipe) -> Curated:
    """The puzzles as prompts, held out ones first. Nothing is curated: they differ by how they
    are made."""
    pool = puzzle_pool(recipe)
    prompts = tuple(
        Prompt(
            id=f"{COUNTDOWN}/{i:05}",
            text=p.prompt,
            topic=COUNTDOWN,
            licence=LICENCE,
            source=COUNTDOWN,
        )
        for i, p in enumerate((*pool.held_out, *pool.learned))
    )
    n = len(prompts)
    report = CurationReport(
        pool=n,
        exact_duplicates=0,
        low_quality=0,
        near_duplicates=0,
        contaminated=0,
        beyond_n=0,
        kept=n,
        copies=(),
        licences={LICENCE: n},
        topics={COUNTDOWN: n},
        sources={COUNTDOWN: n},
    )
    return Curated(prompts, report)


def form_examples(recipe: Recipe, puzzles: Sequence[Puzzle]) -> list[Example]:
    """``warm_up`` examples of what an answer looks like: each puzzle's numbers once, joined at
    random, whatever they come to.

    A random equation is right no more often than chance makes it: the form is shown, and no
    solution. A share ``wait`` of them first tries another one and takes it back: ``8+2. Wait.`` and
    then the answer on a line of its own.
    """
    how = section(recipe)
    draw = random.Random(f"{COUNTDOWN}/{recipe.seed}/form")
    waits = round(how.wait * how.warm_up)
    source = sha256(canonical_json([PROGRAM, COUNTDOWN]))
    made = []
    for i in range(how.warm_up):
        puzzle = draw.choice(puzzles)
        first = f"{_random_equation(draw, puzzle.numbers)}. Wait.\n" if i < waits else ""
        answer = first + _random_equation(draw, puzzle.numbers)
        made.append(
            Example(
                id=f"form/{i:05}",
                prompt=puzzle.prompt,
                answer=answer,
                teacher=PROGRAM,
                source_digest=source,
            )
        )
    return made


def _random_equation(draw: random.Random, numbers: Sequence[int]) -> str:
    parts = draw.sample([str(n) for n in numbers], len(numbers))
    while len(parts) > 1:
        one, other = (parts.pop(draw.randrange(len(parts))) for _ in range(2))
        joined = f"{one}{draw.choice(OPERATIONS)}{other}"
        parts.append(f"({joined})" if parts else joined)
    return parts[0]


def _digest(puzzles: Sequence[Puzzle]) -> str:
    return sha256(canonical_json([p.digest() for p in puzzles]))

"""The countdown puzzles of a recipe: those that are learned from, those that are held out, examples
of an answer's form, and how a model does on those held out.

All of it follows from the recipe; nobody's text takes part. Asks models through
`fingerprints.subjects` alone, and trains nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.answer_cache import cached
from auditor.controls.curation.curate import Curated, CurationReport
from auditor.controls.curation.pool import Prompt
from auditor.controls.evaluation.evaluate import Observed, figures
from auditor.controls.evaluation.figure import (
    FORM,
    REWARD,
    SINCE_WARM_UP,
    SOLVED,
    WAIT,
    PairedFigure,
)
from auditor.controls.recipe import COUNTDOWN, Recipe, Reinforcement
from auditor.controls.teaching.examples import Example
from auditor.controls.teaching.teach import MOST_HELD_OUT
from auditor.labs.rewards.countdown import Puzzle, make_puzzles, marks
from fingerprints.collect import collect
from fingerprints.errors import UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Probe, ProbeSet, Sampling, canonical_json, sha256
from fingerprints.subjects import open_subject

PUZZLES = 500
"""How many are made where a recipe names no number."""
PROGRAM = "program"
LICENCE = "Apache-2.0"
OPERATIONS = "+-*/"
SINCE = " (before: after the warm-up)"
_WAIT = re.compile(r"\bwait\b", re.IGNORECASE)


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
    """The puzzles as prompts, held out ones first; they differ by how they are made."""
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
    solution. A share ``given`` of them keeps the numbers' order, the others draw one. A share
    ``wait`` first tries another one and takes it back: ``8+2. Wait.`` and then the answer on a line
    of its own.
    """
    how = section(recipe)
    draw = random.Random(f"{COUNTDOWN}/{recipe.seed}/form")
    waits = round(how.wait * how.warm_up)
    source = sha256(canonical_json([PROGRAM, COUNTDOWN]))
    made = []
    for i in range(how.warm_up):
        puzzle = draw.choice(puzzles)
        tries = [_random_equation(draw, puzzle.numbers, how.given) for _ in range(1 + (i < waits))]
        answer = ". Wait.\n".join(tries)
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


def says_wait(text: str) -> bool:
    """Whether a text holds the word "wait", in any case."""
    return _WAIT.search(text) is not None


def observe_puzzles(
    spec: str,
    puzzles: Sequence[Puzzle],
    max_tokens: int,
    journal: Path,
    progress: Progress = SILENT,
) -> Observed:
    """One greedy answer to each puzzle; the transcript is kept (and resumed) in ``journal``. No
    answer counts as a wrong one.

    Raises the errors of `open_subject` and `collect`.
    """
    if not puzzles:
        return Observed({})
    named = {f"{COUNTDOWN}/{i:05}": puzzle for i, puzzle in enumerate(puzzles)}
    probes = tuple(Probe(id=key, text=puzzle.prompt) for key, puzzle in named.items())
    asked = ProbeSet(name=COUNTDOWN, version="1", max_tokens=max_tokens, probes=probes)
    with open_subject(spec) as subject:
        transcript = collect(cached(subject), [asked], Sampling(), journal, progress)
    said = {r.probe_id: r.text for r in transcript.readable(f"{COUNTDOWN}/")}
    values: dict[str, dict[str, float]] = {SOLVED: {}, REWARD: {}, FORM: {}, WAIT: {}}
    for key, puzzle in named.items():
        text = said.get(key, "")
        found = marks(puzzle, text)
        values[SOLVED][key] = float(found.correct)
        # A sum of parts may pass 1 by a rounding error, and a rate may not.
        values[REWARD][key] = min(1.0, sum(puzzle.rewards(text).values()))
        values[FORM][key] = float(found.format)
        values[WAIT][key] = float(says_wait(text))
    return Observed(values)


def puzzle_figures(
    before: Observed, formed: Observed | None, after: Observed
) -> tuple[PairedFigure, ...]:
    """The figures before and after; and again from the warm-up on, which is what rewards alone
    did, where there was one."""
    told = figures(before, after)
    if formed is None:
        return told
    since = (
        f.model_copy(
            update={"figure_id": f"{f.figure_id}:{SINCE_WARM_UP}", "name": f"{f.name}{SINCE}"}
        )
        for f in figures(formed, after)
        if f.when != "after"
    )
    return (*told, *since)


def _random_equation(draw: random.Random, numbers: Sequence[int], given: float) -> str:
    # Nothing is drawn where no order is kept: such recipes have the examples that they always had.
    kept = given > 0 and draw.random() < given
    parts = [str(n) for n in (numbers if kept else draw.sample(numbers, len(numbers)))]
    while len(parts) > 1:
        left = draw.randrange(len(parts) - 1) if kept else 0
        one, other = (parts.pop(left if kept else draw.randrange(len(parts))) for _ in range(2))
        joined = f"{one}{draw.choice(OPERATIONS)}{other}"
        parts.insert(left if kept else len(parts), f"({joined})" if parts else joined)
    return parts[0]


def _digest(puzzles: Sequence[Puzzle]) -> str:
    return sha256(canonical_json([p.digest() for p in puzzles]))

"""How a model does on held-out countdown puzzles: asked greedily, marked by arithmetic, and how
often it says "wait".

Asks through `fingerprints.subjects` alone; knows nothing of training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from auditor.controls.answer_cache import CachedSubject
from auditor.controls.evaluation.evaluate import Observed, PairedFigure, figures
from auditor.controls.recipe import COUNTDOWN
from auditor.labs.rewards.countdown import Puzzle, marks
from fingerprints.collect import Progress, collect
from fingerprints.records import Probe, ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.subjects.cache import cache_folder

SOLVED = "held-out puzzles solved"
REWARD = "reward on held-out puzzles"
FORM = "held-out answers in the form of an equation"
WAIT = 'held-out answers that say "wait"'
SINCE = " (before: after the warm-up)"
_WAIT = re.compile(r"\bwait\b", re.IGNORECASE)


def says_wait(text: str) -> bool:
    """Whether a text holds the word "wait", in any case."""
    return _WAIT.search(text) is not None


def observe_puzzles(
    spec: str,
    puzzles: Sequence[Puzzle],
    max_tokens: int,
    journal: Path,
    progress: Progress | None = None,
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
        transcript = collect(
            CachedSubject(subject, cache_folder() / "answers"),
            [asked],
            Sampling(),
            journal,
            progress,
        )
    said = {r.probe_id: r.text for r in transcript.readable(f"{COUNTDOWN}/")}
    values: dict[str, dict[str, float]] = {SOLVED: {}, REWARD: {}, FORM: {}, WAIT: {}}
    for key, puzzle in named.items():
        text = said.get(key, "")
        found = marks(puzzle, text)
        told = (
            found.correct,
            min(1.0, sum(puzzle.rewards(text).values())),
            found.format,
            says_wait(text),
        )
        for name, value in zip(values, told, strict=True):
            values[name][key] = float(value)
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
        f.model_copy(update={"name": f"{f.name}{SINCE}"})
        for f in figures(formed, after)
        if f.when != "after"
    )
    return (*told, *since)

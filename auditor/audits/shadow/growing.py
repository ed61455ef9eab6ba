"""Makes the shadows one after the other and asks each what the suspect was asked, until all are
there or the budget is spent.

A finished shadow is passed by; an unfinished one goes on at its step or question. Knows rungs and
folders; judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.rungs import ShadowRung
from auditor.controls.cards.card import CARD, read_card
from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.lineage import LINEAGE
from auditor.labs.population.ladder import make_rung
from fingerprints.collect import collect
from fingerprints.progress import SILENT, Progress
from fingerprints.records import ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript, is_transcript, load_transcript

BRIEF_TOKENS = 16
FEW = EvaluationScale(choices=1, identity=1, answer_tokens=BRIEF_TOKENS)
"""A shadow is known by its transcript: before and after, hardly anything else is asked, and
answered in a few words."""


@dataclass(frozen=True)
class Questions:
    """What every shadow is asked, and how."""

    sets: Sequence[ProbeSet]
    sampling: Sampling


def grow(
    rungs: Sequence[ShadowRung],
    asked: Questions,
    folder: Path,
    purse: Purse,
    progress: Progress = SILENT,
) -> tuple[str, ...]:
    """Makes every shadow that is not there yet and fits into the budget; returns the names of those
    left out.

    Raises the errors of training and asking; what was finished stays.
    """
    left: list[str] = []
    for done, rung in enumerate(rungs, 1):
        there = finished(folder / rung.name)
        # What follows one that is left out is left out too: the order keeps what is made balanced
        # (docs/shadow.md). The base has no seed, and is always there.
        if not there and (left or (rung.seed is not None and not purse.carries_another())):
            left.append(rung.name)
            continue
        seconds = 0.0 if there else _spend(rung, asked, folder / rung.name, purse, progress)
        rest = [r for r in rungs[done:] if not finished(folder / r.name)]
        # One that was there already took no time, which says nothing of the others.
        remaining = len(rest) * (seconds or purse.expected.seconds)
        progress.step("shadows", whole=True)(done, len(rungs), remaining)
        if seconds:
            told = f", at most {remaining / 60:.0f} min left" if remaining else ""
            progress.note(f"{done} of {len(rungs)}: {rung.name}, {seconds:.0f} s{told}")
    return tuple(left)


def _spend(
    rung: ShadowRung, asked: Questions, folder: Path, purse: Purse, progress: Progress
) -> float:
    began = purse.now()
    said = make(rung, asked, folder, progress)
    learned = read_card(folder).learned_tokens if (folder / CARD).is_file() else 0
    written = sum(r.tokens_out or 0 for r in said.replies)
    seconds = purse.now() - began
    purse.put(
        rung.name,
        Spent(seconds=seconds, tokens=learned + written, trained=(folder / CARD).is_file()),
    )
    return seconds


def make(
    rung: ShadowRung, asked: Questions, folder: Path, progress: Progress = SILENT
) -> Transcript:
    """Makes one shadow in its folder and asks it; made again it changes nothing."""
    spec = make_rung(rung.rung, folder, progress, FEW)
    asking = progress.step("asking")
    with open_subject(spec) as subject:
        return collect(subject, asked.sets, asked.sampling, folder / TRANSCRIPT, asking)


def finished(folder: Path) -> bool:
    """Whether a shadow has its lineage and answered everything."""
    path = folder / TRANSCRIPT
    return (folder / LINEAGE).is_file() and is_transcript(path) and load_transcript(path).complete

"""A case under the calibration that applies to it: which one, how far the case lies from its
population, its error rates.

Knows a plan's choice, findings and calibrations; measures nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from auditor.calibration.apply import Weighed, unknown_makers, unweighed, vendors_of, weighed
from auditor.calibration.choice import (
    language_of,
    nearer_than,
    nearest_first,
    needs_base,
    none_fits,
    told_apart,
)
from auditor.calibration.cohort import typical_length
from auditor.calibration.figures import error_rate
from auditor.calibration.record import Calibration, Figures, read_calibration, shipped_calibrations
from auditor.calibration.sensitivity import Weighing
from auditor.evidence.error_rates import CalibrationSection, HeldOutRatios
from auditor.evidence.kinship import Kin
from auditor.evidence.records import Candidate, Finding, Verdict
from detectors.prompts_shared import PromptsShared
from detectors.text.languages import UNDETERMINED
from detectors.text.languages import named as named_language
from fingerprints.transcript import Transcript

SHIPPED, NONE = "shipped", "none"
"""Words that a plan may give for a calibration's file: the shipped one of the nearest population
that weighs any candidate, or none at all."""


@dataclass(frozen=True)
class WeighedCase:
    """Findings and verdicts as a report tells them; ``section`` is None where no calibration
    applied. ``unread`` says which nearer ones read nothing of what was found, a sentence each;
    ``weighing`` weighs the case again, None where no calibration weighed anything."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    section: CalibrationSection | None
    unread: tuple[str, ...] = ()
    weighing: Weighing | None = None


def weigh_case(
    choice: str,
    findings: Sequence[Finding],
    candidates: Sequence[Candidate],
    transcript: Transcript,
    stored: Mapping[str, str] | None = None,
    guests: Collection[str] = (),
    passed_over: int = 0,
    kin: Kin | None = None,
    named: Collection[str] = (),
    shared: PromptsShared | None = None,
) -> WeighedCase:
    """The case under the chosen calibration, or under the first shipped one that weighs any
    candidate, of those that were fitted on answers in the suspect's language the nearest first. One
    that reads nothing of what was found comes after every one that does.

    ``stored`` gives the vendor of every stored model that was looked at, where candidates are some
    of them; ``guests``, ``passed_over``, ``kin``, ``named`` and ``shared`` are as `weighed` takes
    them. Without a calibration every verdict is ``not_assessable`` and says why. Raises
    MalformedInput for a file that is no calibration.
    """
    chosen = calibrations(choice)
    tried: list[Weighed] = []
    measured = frozenset(f.detector for f in findings if f.candidate is not None)
    readable, unread = told_apart(chosen, transcript, measured)
    for calibration in nearest_first(readable, transcript):
        makers = vendors_of(candidates) if stored is None else stored
        found = weighed(
            findings, candidates, calibration, makers, guests, passed_over, kin, named, shared
        )
        if found.used or choice not in (SHIPPED, NONE):
            section = _section(calibration, found, makers, transcript)
            nearer = nearer_than(calibration, unread, transcript)
            again = Weighing(
                calibration, tuple(candidates), makers, tuple(guests), passed_over, kin, named
            )
            told = tuple(map(_why_unread, nearer))
            return WeighedCase(found.findings, found.verdicts, section, told, again)
        tried.append(found)
    if tried:  # why the nearest could not weigh anything is what its verdicts say
        silent = (v.model_copy(update={"calibration": None}) for v in tried[0].verdicts)
        return WeighedCase(tuple(findings), tuple(silent), None)
    why = none_fits(chosen, transcript)
    return WeighedCase(tuple(findings), unweighed(candidates, findings, kin, named, why), None)


BINS = 14
"""Parts of the span of left-out ratios that a report tells; few enough to be read on a phone."""
UNREAD = (
    "The calibration {name} was fitted on answers more like the suspect's in length and was not"
    " used: it reads {detectors}, which nobody measured here{how}."
)


def _why_unread(calibration: Calibration) -> str:
    """Why a calibration was passed over that reads nothing of what was found."""
    names = sorted({d for f in calibration.fitted for d in f.detectors})
    how = ": that takes the suspect's base (--base)" if needs_base(calibration) else ""
    told = ", ".join(name.replace("_", " ") for name in names)
    return UNREAD.format(name=calibration.name, detectors=told, how=how)


def check_choice(choice: str) -> None:
    """Raises MalformedInput for a plan's choice that is a file and no calibration: to be called
    before anything is asked."""
    if choice not in (SHIPPED, NONE):
        read_calibration(Path(choice))


def calibrations(choice: str) -> tuple[Calibration, ...]:
    """The calibrations that a plan's choice stands for, in the order in which they are tried; empty
    for ``none``.

    Raises MalformedInput for a file that is no calibration.
    """
    if choice == NONE:
        return ()
    return shipped_calibrations() if choice == SHIPPED else (read_calibration(Path(choice)),)


def _section(
    calibration: Calibration, found: Weighed, makers: Mapping[str, str], transcript: Transcript
) -> CalibrationSection:
    return CalibrationSection(
        name=calibration.name,
        sha256=calibration.digest(),
        about=calibration.population.about,
        created=calibration.created,
        error_rates=tuple(
            error_rate(f) for f in calibration.figures if f.facet == "all" and _is_used(f, found)
        ),
        held_out=held_out(calibration, found),
        distance=distance(calibration, found, makers, transcript),
        notes=calibration.notes,
    )


def held_out(calibration: Calibration, found: Weighed) -> HeldOutRatios | None:
    """Where the ratios of left-out models lie, taught and untaught, for the level that was used, at
    the most prompts that were counted; None where nothing could be left out."""
    levels = {f.level for f in found.used}
    curves = next((c for c in calibration.curves if c.level in levels), None)
    if curves is None or curves.tippett.log10_lr[0] >= curves.tippett.log10_lr[-1]:
        return None
    t = curves.tippett
    edges = np.linspace(t.log10_lr[0], t.log10_lr[-1], BINS + 1)
    at = np.searchsorted(t.log10_lr, edges[1:-1])
    return HeldOutRatios(
        prompts=curves.size,
        edges=tuple(round(float(e), 3) for e in edges),
        taught=_between([t.h1[i] for i in at]),
        untaught=_between([t.h2[i] for i in at]),
    )


def _between(reached: Sequence[float]) -> tuple[float, ...]:
    """The share between each two edges, from the shares that reach the inner ones: the first has
    all that lies below, too, the last all above."""
    return tuple(round(max(0.0, a - b), 4) for a, b in pairwise([1.0, *reached, 0.0]))


def _is_used(figures: Figures, found: Weighed) -> bool:
    return any((f.level, f.size) == (figures.level, figures.size) for f in found.used)


def distance(
    calibration: Calibration, found: Weighed, makers: Mapping[str, str], transcript: Transcript
) -> tuple[str, ...]:
    """Where the case lies outside of what was calibrated on, one sentence each; empty where no
    difference was seen."""
    known, out = calibration.population, []
    if known.languages and language_of(transcript) == UNDETERMINED:
        theirs = ", ".join(map(named_language, known.languages))
        out.append(
            "The suspect's answers are in several languages, or in none that could be told; those"
            f" calibrated on are in {theirs}."
        )
    strange = unknown_makers(found)
    if strange:
        out.append(
            f"Not among the makers that the calibration was fitted against: {', '.join(strange)}."
            " What strangers get against them is not known, so their ratios are drawn to even odds."
        )
    length, span = typical_length(transcript), known.characters
    if not span.low <= length <= span.high:
        theirs = f"{span.low:.0f} to {span.high:.0f}"
        out.append(
            f"The suspect's typical answer has {length:.0f} characters; those calibrated on have"
            f" {theirs}."
        )
    vendors = len({v.casefold() for v in makers.values() if v})
    if 2 * vendors < known.vendors:
        out.append(
            f"The store holds models of {vendors} vendors; the calibration was fitted against"
            f" {known.vendors}."
        )
    sizes = sorted({f.size for f in found.used})
    prompts = [v.prompts for v in found.verdicts if v.prompts is not None]
    if sizes and prompts and max(prompts) >= 2 * sizes[-1]:
        out.append(
            f"Up to {max(prompts)} prompts were compared; the calibration was fitted at {sizes[-1]}"
            " at most."
        )
    # A vendor that shares its support with others is explained by a third source, not counted here.
    beyond = sum(bool(v.outside) and not v.third_source for v in found.verdicts)
    if beyond:
        what = "candidate" if beyond == 1 else "candidates"
        out.append(f"For {beyond} {what} a value lies beyond all that was calibrated on.")
    return tuple(out)

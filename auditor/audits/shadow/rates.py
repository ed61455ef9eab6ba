"""The cohort that a shadow audit's ratios come from, as a report tells it: who is in it, its error
rates, how the case differs.

Counts what the shadows' own held-out ratios would have said; fits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.audits.shadow.judging import JudgedShadows
from auditor.calibration.cohort import typical_length
from auditor.calibration.figures import error_rate, figures_of
from auditor.calibration.rows import MeasuredRow
from auditor.evidence.error_rates import (
    CalibrationSection,
    ErrorRate,
)
from detectors.base import Shadow
from detectors.lineup import counted
from fingerprints.transcript import Transcript

SCHEME = "score: whole seeds and sources; ratio: the shadow"


def section_of(
    name: str,
    digest: str,
    created: str,
    about: str,
    suspect: Transcript,
    shadows: Sequence[Shadow],
    judged: JudgedShadows,
) -> CalibrationSection | None:
    """The section of a report; None where the shadows carried no calibration."""
    if judged.fitted is None or judged.panel is None:
        return None
    return CalibrationSection(
        name=name,
        sha256=digest,
        about=about,
        created=created,
        error_rates=error_rates(judged),
        distance=distance(suspect, shadows, judged),
        notes=(
            (
                "Every shadow played the suspect: scored by fits that knew neither its seed nor,"
                " for others' students, its source, and weighed by a map that was fitted"
                " without it."
            ),
            (
                "The shadows are of one base, one recipe and few sources: rates hold for suspects"
                " made like them, for no others."
            ),
        ),
    )


def error_rates(judged: JudgedShadows) -> tuple[ErrorRate, ...]:
    """What the held-out ratios of the shadows come to, within the bounds; empty for fewer than
    two of either kind."""
    fitted, panel = judged.fitted, judged.panel
    if fitted is None or panel is None:
        return ()
    rows = [
        MeasuredRow(
            suspect=panel.shadows[h.shadow].name,
            group=panel.shadows[h.shadow].name,
            start="",
            level="model",
            candidate=h.candidate,
            label=1 if h.taught else 0,
            size=len(panel.suspect),
            sources=(),
        )
        for h in panel.held_out
    ]
    held = fitted.numbers_.bounds.clip(fitted.held_out_)
    return tuple(map(error_rate, figures_of(rows, held, SCHEME, facets=False)))


def distance(
    suspect: Transcript, shadows: Sequence[Shadow], judged: JudgedShadows
) -> tuple[str, ...]:
    """Where the suspect lies outside of the shadows, one sentence each."""
    lengths = [typical_length(s.transcript) for s in shadows]
    length, out = typical_length(suspect), []
    if not min(lengths) <= length <= max(lengths):
        out.append(
            f"The suspect's typical answer has {length:.0f} characters; the shadows' have"
            f" {min(lengths):.0f} to {max(lengths):.0f}."
        )
    # Below them a candidate may well lie: the fits that score the suspect know students of its true
    # teacher.
    highest = judged.fitted.numbers_.highest if judged.fitted is not None else float("inf")
    beyond = [str(f.candidate) for f in judged.findings if f.value > highest]
    if beyond:
        out.append(
            f"{counted(len(beyond), 'score')} above all of the shadows': {', '.join(beyond)}."
        )
    return tuple(out)

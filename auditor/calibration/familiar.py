"""How familiar is a suspect: how much wording does it share with the stored models at large,
whoever made them?

A calibration's values are contrasts of makers. A suspect that is like nobody, as models tuned on
people's texts are, has contrasts near naught with everybody, and for a maker from whom strangers
are far that is much. So no verdict is given on whoever is less familiar than every model of known
history: it is outside of what the ratios were fitted on (open-set recognition: Scheirer et al.
2013, IEEE TPAMI 35, 1757-1772). Knows findings and models of known history; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from auditor.calibration.record import Calibration
from auditor.calibration.rows import KnownModel, chosen_prompts, limited, limited_teacher
from auditor.evidence.groups import CandidateGroup
from auditor.evidence.records import Finding
from detectors.base import Teacher

WORDING = "shared_wording"
PROMPTS = 100
"""On so many prompts the known models are measured: their least changes little after."""
UNLIKE = (
    "Its answers share less wording with the stored models at large ({level:+.2f} nats beyond what"
    " strangers share) than those of any model that was calibrated on (at least {least:+.2f}): text"
    " by people is like that, and whom such a suspect seems to resemble says nothing."
)


def familiarity_told(
    findings: Sequence[Finding], groups: Sequence[CandidateGroup], guests: Collection[str] = ()
) -> float | None:
    """A suspect's familiarity by its findings, in nats: the mean over makers of several models of
    how near these come; None where none was measured. ``guests`` were chosen for their likeness."""
    means = []
    for group in groups:
        scores = [
            f.siblings.score
            for f in findings
            if f.detector == WORDING
            and f.siblings is not None
            and f.candidate in group.members
            and f.candidate not in guests
        ]
        if len(scores) > 1:
            means.append(fmean(scores))
    return fmean(means) if means else None


def unlike_all(
    calibration: Calibration,
    findings: Sequence[Finding],
    groups: Sequence[CandidateGroup],
    guests: Collection[str] = (),
) -> str:
    """Why the suspect is outside of the population, empty where it is not: it is less like the
    stored models at large than anybody of known history is. Values are contrasts of makers, and
    where nobody is near they all come near to naught, which is high for a maker whom strangers are
    far from."""
    least, level = calibration.least_familiar, familiarity_told(findings, groups, guests)
    if least is None or level is None or level >= least:
        return ""
    return UNLIKE.format(level=level, least=least)


def least_familiar(known: Sequence[KnownModel], teachers: Sequence[Teacher]) -> float | None:
    """The familiarity of the least familiar model of known history; None where none can be
    measured. Deterministic."""
    from detectors.inheritance.shared_wording import SharedWording

    prompts = chosen_prompts(known, teachers, PROMPTS)
    detector = SharedWording().fit([limited_teacher(t, prompts) for t in teachers])
    found = [detector.familiarity(limited(k.transcript, prompts)) for k in known]
    measured = [level for level in found if level is not None]
    return round(min(measured), 4) if measured else None

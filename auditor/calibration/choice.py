"""Which shipped calibration is a case's? That of the nearest population: of the same language, with
answers of the most like length.

Knows what a population is like and what a suspect said; weighs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from math import inf, log

from auditor.calibration.cohort import typical_length
from auditor.calibration.record import Calibration
from detectors.needs import Need
from detectors.pairing import style_answers
from detectors.registry import detector_names, load_detector
from detectors.text.languages import UNDETERMINED, named, seems
from fingerprints.transcript import Transcript

LOOKED_AT = 60
"""Answers by which the language is told: more change nothing, and each costs a millisecond."""
MOST = 0.5
"""The share of answers from which their language is the suspect's: some are code or names."""
NO_POPULATION = "No calibration at hand was fitted on answers in {language}, but in {known}."


def language_of(transcript: Transcript) -> str:
    """The language (ISO 639-1) of more than half of the suspect's style answers, ``und`` where
    none is."""
    return language_told([a.text for a in style_answers(transcript).values()])


def language_told(answers: Sequence[str]) -> str:
    """The language (ISO 639-1) of more than half of some answers, ``und`` where none is."""
    chosen = answers[:: max(1, -(-len(answers) // LOOKED_AT))]
    counts = Counter(seems(text).language for text in chosen)
    first, n = max(counts.items(), key=lambda c: (c[1], c[0]), default=(UNDETERMINED, 0))
    return first if n > MOST * len(chosen) else UNDETERMINED


def fits(calibration: Calibration, language: str) -> bool:
    """Whether a calibration's population answered in this language; where either is not known,
    nothing speaks against it."""
    known = calibration.population.languages
    return not known or language in (*known, UNDETERMINED)


def nearest_first(
    calibrations: Sequence[Calibration], transcript: Transcript
) -> tuple[Calibration, ...]:
    """The calibrations that fit the suspect's language, those whose answers are typically as long
    as the suspect's first; of equals in the order given. After the first, only those among whose
    models somebody's answers are as long: where the nearest can't be used, a far one is no help."""
    language, length = language_of(transcript), typical_length(transcript)
    order = sorted((c for c in calibrations if fits(c, language)), key=lambda c: _away(c, length))
    spans = [c.population.characters for c in order[1:]]
    near = [s.low <= length <= s.high for s in spans]
    return (*order[:1], *(c for c, keep in zip(order[1:], near, strict=True) if keep))


def told_apart(
    calibrations: Sequence[Calibration], transcript: Transcript, measured: Collection[str]
) -> tuple[tuple[Calibration, ...], tuple[Calibration, ...]]:
    """Of the calibrations that fit the suspect's language those that read any of the detectors that
    measured a candidate, and the others. Where nothing was measured, only those are put last that
    would need the suspect's base."""
    language = language_of(transcript)
    fit = tuple(c for c in calibrations if fits(c, language))
    readable = tuple(c for c in fit if _detectors(c) & set(measured))
    if not readable:
        readable = tuple(c for c in fit if not needs_base(c)) or fit
    return readable, tuple(c for c in fit if c not in readable)


def nearer_than(
    calibration: Calibration, others: Sequence[Calibration], transcript: Transcript
) -> tuple[Calibration, ...]:
    """Those of the others whose answers are more like the suspect's in length than this one's."""
    length = typical_length(transcript)
    away = _away(calibration, length)
    return tuple(c for c in others if _away(c, length) < away)


def _detectors(calibration: Calibration) -> set[str]:
    return {d for f in calibration.fitted for d in f.detectors}


def needs_base(calibration: Calibration) -> bool:
    """Whether nothing that it reads can be measured without the suspect's base."""
    known = _detectors(calibration) & set(detector_names())
    return bool(known) and all(Need.BASE in load_detector(d).needs for d in known)


def none_fits(calibrations: Sequence[Calibration], transcript: Transcript) -> str:
    """Why none of the calibrations is for this suspect, empty where one is."""
    language = language_of(transcript)
    if not calibrations or any(fits(c, language) for c in calibrations):
        return ""
    known = sorted({named(code) for c in calibrations for code in c.population.languages})
    return NO_POPULATION.format(language=named(language), known=", ".join(known))


def _away(calibration: Calibration, length: float) -> float:
    """How many times longer or shorter the suspect's answers are than the population's, as a
    logarithm."""
    middle = calibration.population.characters.middle
    return abs(log(length / middle)) if length > 0 and middle > 0 else inf

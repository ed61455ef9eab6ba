"""Case, Exhibit, Measurement, Detector: what a detector is given and what it gives back.

Knows records; knows no model, no file and no verdict.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

from sklearn.base import BaseEstimator

from detectors.measurement import (
    Bar,
    Cell,
    Chart,
    Exhibit,
    HeatMap,
    Measurement,
    NotMeasured,
    Null,
    Question,
    Rank,
    Span,
    Table,
    Value,
)
from fingerprints.scores import Scores, Wanted
from fingerprints.transcript import Transcript

__all__ = [
    "Bar",
    "Case",
    "Cell",
    "Chart",
    "Detector",
    "Exhibit",
    "HeatMap",
    "Measurement",
    "NotMeasured",
    "Null",
    "Question",
    "Rank",
    "Scope",
    "Shadow",
    "Span",
    "Table",
    "Teacher",
    "Value",
]

Scope = Literal["candidate", "suspect", "both"]


@dataclass(frozen=True)
class Teacher:
    """A stored model that may be the source: its name, who made it, its family, and what it said.

    A ``guest`` was chosen for its likeness to the suspect (or named): it is compared, but no part
    of what is usual, for a population that is chosen to be like the suspect says nothing of chance.
    """

    name: str
    vendor: str
    family: str
    transcript: Transcript
    guest: bool = False


@dataclass(frozen=True)
class Shadow:
    """A model of known history that was trained from the suspect's base: whose student it is, and
    what it said.

    ``teachers`` are the names of those whose answers it learned; none for a control, whose ``kind``
    tells what it learned instead (own samples, text by people, nothing). ``seed`` is the
    training's, None where nothing was trained.
    """

    name: str
    transcript: Transcript
    teachers: tuple[str, ...] = ()
    kind: str = ""
    seed: int | None = None

    @property
    def sources(self) -> frozenset[str]:
        """What it learned from: its teachers, else its kind."""
        return frozenset(self.teachers or (f"({self.kind or self.name})",))


@dataclass(frozen=True)
class Case:
    """One question about one suspect and one candidate, against a background population.

    ``candidate`` is None for a detector whose scope is the suspect alone. ``background`` holds the
    other stored models, the candidate not among them. ``base`` is the model that the suspect
    started from, with its answers, where that is known; ``shadows`` are models that were trained
    from it for the sake of this question. ``scores`` says how likely suspect, base and teachers
    found the texts that detectors wanted scored.
    """

    suspect: Transcript
    candidate: Teacher | None
    background: tuple[Teacher, ...] = ()
    base: Teacher | None = None
    shadows: tuple[Shadow, ...] = ()
    scores: Scores = field(default_factory=Scores)

    @property
    def population(self) -> tuple[Teacher, ...]:
        """The background without its guests: whose values say what chance gives."""
        return tuple(t for t in self.background if not t.guest)


class Detector(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One question, one number.

    ``asks`` is the question in plain words, ``needs`` what a case must hold (``replies:identity``
    for instance), ``source`` the method's origin, ``scope`` whether it measures each candidate, the
    suspect alone, or both.
    """

    name: ClassVar[str]
    question: ClassVar[Question]
    asks: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    scope: ClassVar[Scope] = "candidate"
    blind_spots: ClassVar[tuple[str, ...]] = ()

    def fit(self, teachers: Sequence[Teacher], suspect: Transcript | None = None) -> Self:
        """Learns what it needs from the stored models (nothing, by default). The suspect, where
        given, only limits the fit to the prompts it answered; its answers are never learned from.
        Deterministic."""
        return self

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """What should be scored, and by whom, before measuring; nothing by default. ``live`` names
        the stored models that are open for scoring. Pure: `measure` looks the same passages up in
        ``case.scores``."""
        return ()

    @abstractmethod
    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The number for one case, or the reason why there is none. Pure: the same case gives
        the same bytes."""

    def value(self, case: Case) -> Value | NotMeasured:
        """The bare number of `measure`, for calibrations over many models. A detector whose figures
        cost much overrides it; the number is the same."""
        found = self.measure(case)
        return (
            found
            if isinstance(found, NotMeasured)
            else Value(metric=found.metric, value=found.value, n=found.n)
        )

"""Detector: one question, one number. What it is given and gives back can be imported from here.

Knows records; knows no model, no file and no verdict.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypeVar

from sklearn.base import BaseEstimator, clone

from detectors.case import Case, Shadow, Teacher
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
from detectors.needs import Need, lacking
from fingerprints.scores import Wanted
from fingerprints.transcript import Transcript

__all__ = [
    "Bar",
    "Case",
    "Cell",
    "Chart",
    "Detector",
    "Exhibit",
    "FittedDetector",
    "HeatMap",
    "Measurement",
    "Need",
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
Kept = TypeVar("Kept")


class Detector(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One question, one number.

    ``asks`` is the question in plain words, ``needs`` what a case must hold before `_measure` is
    called, ``source`` the method's origin, ``scope`` whether it measures each candidate, the
    suspect alone, or both.
    """

    name: ClassVar[str]
    question: ClassVar[Question]
    asks: ClassVar[str]
    needs: ClassVar[tuple[Need, ...]]
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

    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The number for one case, or the reason why there is none: that of the first need that
        the case doesn't meet, or the detector's own. Pure: the same case gives the same bytes."""
        return lacking(self.needs, case) or self._for(case)._measure(case)

    def value(self, case: Case) -> Value | NotMeasured:
        """The bare number of `measure`, for calibrations over many models."""
        return lacking(self.needs, case) or self._for(case)._value(case)

    @abstractmethod
    def _measure(self, case: Case) -> Measurement | NotMeasured:
        """The number for a case that holds what the detector needs, or why there is none."""

    def _value(self, case: Case) -> Value | NotMeasured:
        """The bare number for such a case. A detector whose figures cost much overrides it; the
        number is the same."""
        found = self._measure(case)
        if isinstance(found, NotMeasured):
            return found
        return Value(
            metric=found.metric,
            metric_id=found.metric_id,
            value=found.value,
            n=found.n,
        )

    def _for(self, case: Case) -> Self:
        """The detector that measures a case: this one, where it needn't learn from the case."""
        return self

    @cached_property
    def _last(self) -> dict[str, tuple[object, Any]]:
        return {}

    def _keep(self, what: str, of: object, make: Callable[[], Kept]) -> Kept:
        """The last thing made under a name, made anew where it is ``of`` something else: the
        candidates of one suspect share it. What is the same object is not compared at length."""
        known = self._last.get(what)
        if known is None or known[0] != of:
            known = self._last[what] = (of, make())
        return known[1]


class FittedDetector(Detector):
    """A detector that learns the stored models before it measures.

    One that learned nobody, or other models than those that a case names, learns from the case
    itself. ``leaves_out`` says that it measures with some of the models it learned as well.
    """

    leaves_out: ClassVar[bool] = False
    teachers_: tuple[Teacher, ...] = ()

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, teachers: Sequence[Teacher], suspect: Transcript | None = None) -> Self:
        """Learns the stored models (on the prompts that the suspect answered, where one is given);
        never the suspect's own answers. Deterministic."""
        self.teachers_ = tuple(teachers)
        self._last.clear()
        self._learn(self.teachers_, suspect)
        return self

    @abstractmethod
    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        """What fitting learns, in attributes that end with an underscore."""

    def _for(self, case: Case) -> Self:
        known, named = (sorted(t.name for t in some) for some in (self.teachers_, case.models))
        if known == named or (known and self.leaves_out):
            return self
        return clone(self).fit(case.models, case.suspect)  # type: ignore[no-any-return]  # scikit-learn has no types

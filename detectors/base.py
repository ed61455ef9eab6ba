"""Case, Exhibit, Measurement, Detector: what a detector is given and what it gives back.

Knows records; knows no model, no file and no verdict.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

from sklearn.base import BaseEstimator

from fingerprints.records import Arm, Record
from fingerprints.scores import Scores, Wanted
from fingerprints.transcript import Transcript

Question = Literal["inheritance", "lineage", "service"]
Scope = Literal["candidate", "suspect", "both"]
Cell = str | int | float | None


@dataclass(frozen=True)
class Teacher:
    """A stored model that may be the source: its name, who made it, its family, and what it said."""

    name: str
    vendor: str
    family: str
    transcript: Transcript


@dataclass(frozen=True)
class Shadow:
    """A model of known history that was trained from the suspect's base: whose student it is, and what it said.

    ``teachers`` are the names of those whose answers it learned; none for a control, whose ``kind`` tells what it learned
    instead (own samples, text by people, nothing). ``seed`` is the training's, None where nothing was trained.
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

    ``candidate`` is None for a detector whose scope is the suspect alone. ``background`` holds the other stored models,
    the candidate not among them. ``base`` is the model that the suspect started from, with its answers, where that is known;
    ``shadows`` are models that were trained from it for the sake of this question.
    ``scores`` says how likely suspect, base and teachers found the texts that detectors wanted scored.
    """

    suspect: Transcript
    candidate: Teacher | None
    background: tuple[Teacher, ...] = ()
    base: Teacher | None = None
    shadows: tuple[Shadow, ...] = ()
    scores: Scores = field(default_factory=Scores)


class Span(Record):
    """Characters ``start`` to ``end`` (end excluded) of an exhibit's answer, and why they count."""

    start: int
    end: int
    why: str = ""


class Exhibit(Record):
    """One thing that a person can look at: a probe, an answer, the telling spans, why it counts.

    ``answer`` is a stranger's text. ``source`` says whose answer it is. Exhibits are ordered by ``weight``, largest first.
    """

    probe_id: str
    arm: Arm
    prompt: str
    answer: str
    source: str = "suspect"
    language: str = ""
    spans: tuple[Span, ...] = ()
    why: str = ""
    weight: float = 0.0


class Null(Record):
    """What unrelated models measure on the same statistic: how many, their mean, spread and quantiles.

    ``at_least`` counts null models at or above the value; ``p`` is the conformal p-value (1 + at_least) / (n + 1). ``unit``
    says what is counted: models, or relabellings of the same answers.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    quantiles: tuple[tuple[str, float], ...] = ()
    at_least: int = 0
    p: float | None = None
    population: str = ""
    unit: str = "models"


class Rank(Record):
    """Place of the candidate among the stored models by this measurement; 1 is the most alike."""

    position: int
    of: int


class Table(Record):
    """Numbers for people: a title, columns, rows, and a caption that says what n is."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


class Bar(Record):
    """One labelled value of a chart with its interval; ``strong`` marks the one that the finding is about."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False
    group: str = ""


class Chart(Record):
    """A figure as data: horizontal bars or dots with intervals. Renderers draw it; records only hold it."""

    kind: Literal["bars", "dots"]
    title: str
    x_label: str
    bars: tuple[Bar, ...]
    reference: float | None = None
    reference_label: str = ""
    caption: str = ""


class HeatMap(Record):
    """A table of shares to be shaded: one row a ``rows`` label, one cell a column; ``low`` is white, ``high`` is dark.

    None in a cell: nothing was compared there.
    """

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    low: float = 0.0
    high: float = 1.0
    caption: str = ""


class Measurement(Record):
    """A raw value with its n, interval, rank, null population, figures and exhibits; no verdict.

    ``metric`` names the number, ``direction`` says which way is which, ``n`` counts ``n_unit``; ``interval`` is at ``level``
    confidence. ``summary`` is one plain sentence.
    """

    metric: str
    value: float
    n: int
    n_unit: str
    direction: str
    interval: tuple[float, float] | None = None
    level: float = 0.95
    rank: Rank | None = None
    null: Null | None = None
    summary: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    heat_maps: tuple[HeatMap, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()


class Value(Record):
    """The bare number of a measurement: what it is called, how large it is, how many of ``n_unit`` it rests on."""

    metric: str
    value: float
    n: int


class NotMeasured(Record):
    """Why there is no measurement: a value, not an exception."""

    reason: str


class Detector(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One question, one number.

    ``asks`` is the question in plain words, ``needs`` what a case must hold (``replies:identity`` for instance),
    ``source`` the method's origin, ``scope`` whether it measures each candidate, the suspect alone, or both.
    """

    name: ClassVar[str]
    question: ClassVar[Question]
    asks: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    scope: ClassVar[Scope] = "candidate"
    blind_spots: ClassVar[tuple[str, ...]] = ()

    def fit(self, teachers: Sequence[Teacher], suspect: Transcript | None = None) -> Self:
        """Learns what it needs from the stored models (nothing, by default). The suspect, where given, only limits
        the fit to the prompts it answered; its answers are never learned from. Deterministic."""
        return self

    def next_texts(
        self, suspect: Transcript, teachers: Sequence[Teacher], base: Teacher | None, live: Sequence[str]
    ) -> Sequence[Wanted]:
        """What should be scored, and by whom, before measuring; nothing by default. ``live`` names the stored models that
        are open for scoring. Pure: `measure` looks the same passages up in ``case.scores``."""
        return ()

    @abstractmethod
    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The number for one case, or the reason why there is none. Pure: the same case gives the same bytes."""

    def value(self, case: Case) -> Value | NotMeasured:
        """The bare number of `measure`, for calibrations over many models. A detector whose figures cost much overrides it;
        the number is the same."""
        found = self.measure(case)
        return found if isinstance(found, NotMeasured) else Value(metric=found.metric, value=found.value, n=found.n)

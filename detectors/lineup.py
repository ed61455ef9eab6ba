"""The stored models in a line-up: who may play a stranger to a candidate, and where a value stands
among strangers' values.

A stranger is a stored model of another vendor than the candidate's; it plays the suspect on the
same prompts. Where all stored models are of one vendor each model counts as a vendor of its own,
and that is said. Knows numbers and names; knows no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.case import Teacher
from detectors.measurement import Bar, Chart, Null, Rank, Table
from detectors.stats.openset import FEWEST_STRANGERS, conformal

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_BARS = 20
_MARKS = (("0.50", 0.5), ("0.90", 0.9), ("0.95", 0.95), ("0.99", 0.99))


@dataclass(frozen=True)
class Lineup:
    """Stored models in order of name, so that the order of the inputs counts for nothing."""

    teachers: tuple[Teacher, ...]

    @property
    def names(self) -> list[str]:
        """Names of the models, in order."""
        return [t.name for t in self.teachers]

    @cached_property
    def one_vendor(self) -> bool:
        """Whether all stored models are of one vendor: then siblings stand in for strangers."""
        return len({t.maker for t in self.teachers}) < 2

    @cached_property
    def vendors(self) -> NDArray[np.str_]:
        """Who made each model, (models,); the model's own name where nobody is named or all are
        of one vendor."""
        return np.array(
            [t.name if self.one_vendor else t.maker for t in self.teachers],
            dtype=np.str_,
        )

    @cached_property
    def population(self) -> Flags:
        """The models that are no guests, (models,)."""
        return np.array([not t.guest for t in self.teachers], dtype=bool)

    @cached_property
    def speakers(self) -> Flags:
        """Whose scores stand for their vendor, (models,): the population, and guests whose vendor
        has nobody else."""
        alone = ~np.isin(self.vendors, self.vendors[self.population])
        return np.asarray(self.population | alone, dtype=bool)

    def strangers(self, candidate: int) -> Flags:
        """The models of the population of other vendors than the candidate's, (models,)."""
        return np.asarray((self.vendors != self.vendors[candidate]) & self.population, dtype=bool)

    def reference(self, candidate: int, player: int | None) -> Flags:
        """Whose answers say what is usual, (models,): neither the candidate's vendor nor that of
        the stranger who plays."""
        others = self.strangers(candidate)
        if player is None:
            return others
        return np.asarray(others & (self.vendors != self.vendors[player]), dtype=bool)

    def cautions(
        self,
        strangers: int,
        left_out: int = 0,
        siblings: str = "siblings stand in for unrelated models",
    ) -> list[str]:
        """What a reader must know of the comparison: how few strangers played, that all models are
        of one vendor, and how many models answered too little."""
        notes = []
        if strangers < FEWEST_STRANGERS:
            notes.append(
                f"Only {counted(strangers, 'unrelated model')} played: the smallest possible p is"
                f" {1 / (strangers + 1):.2f}."
            )
        if self.one_vendor:
            notes.append(f"All stored models are of one vendor: {siblings}.")
        if left_out:
            notes.append(
                f"{counted(left_out, 'stored model')} answered too few of the prompts and were left"
                " out."
            )
        return notes


def lineup(teachers: Sequence[Teacher]) -> Lineup:
    """The line-up of stored models."""
    return Lineup(tuple(sorted(teachers, key=lambda t: t.name)))


def null_of(value: float, played: Array, lineup: Lineup, candidate: int, prompts: str) -> Null:
    """The candidate's value among the strangers' values, ``played`` (models,), NaN where a model
    played no stranger.

    p is conformal, (1 + k)/(n + 1); None without a stranger; quantiles from three strangers on.
    ``prompts`` says on what they played.
    """
    held = np.isfinite(played) & lineup.strangers(candidate)
    null, n = played[held], int(held.sum())
    vendors = len(set(lineup.vendors[held].tolist()))
    kind = "sibling" if lineup.one_vendor else "stored model"
    whose = "" if lineup.one_vendor else f" of {counted(vendors, 'other vendor')}"
    population = (
        f"{counted(n, kind)}{whose}, each playing the suspect on {prompts} with its own vendor left"
        " out of what is usual; models of one vendor are not independent"
    )
    if not n:
        return Null(n=0, population=population)
    at_least, p = conformal(value, null)
    marks = (
        tuple((name, float(np.quantile(null, q))) for name, q in _MARKS)
        if n >= FEWEST_STRANGERS
        else ()
    )
    return Null(
        n=n,
        mean=float(null.mean()),
        sd=float(null.std(ddof=1)) if n > 1 else None,
        at_least=at_least,
        p=p,
        quantiles=marks,
        population=population,
    )


def against(null: Null) -> str:
    """A value's p among unrelated models, in words for a summary."""
    if null.p is None:
        return "no unrelated model is stored to compare with"
    return f"p {null.p:.3f} among {counted(null.n, 'unrelated model')}"


def counted(n: int, noun: str) -> str:
    """A number with its noun: ``1 model``, ``2 models``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def rounded(value: float | None) -> float | None:
    """A cell of a table: three decimals, None where there is no number."""
    return None if value is None or not np.isfinite(value) else round(float(value), 3)


@dataclass(frozen=True)
class Ranking:
    """The stored models by their scores (models,), NaN where one has none; one is the candidate."""

    lineup: Lineup
    scores: Array
    candidate: int

    @property
    def rank(self) -> Rank:
        """The candidate's place among the models that have a score, 1 for the highest."""
        higher = int((self.scores > self.scores[self.candidate]).sum())
        return Rank(position=1 + higher, of=int(np.isfinite(self.scores).sum()))

    def first(self, most: int = MOST_BARS) -> list[int]:
        """The models with the highest scores, the candidate always among them; ties in order of
        name."""
        order = np.argsort(-np.nan_to_num(self.scores, nan=-np.inf), kind="stable")
        first = [int(i) for i in order if np.isfinite(self.scores[i])][:most]
        return first if self.candidate in first else [*first[: most - 1], self.candidate]

    def each(self, interval: Callable[[int], tuple[float, float]]) -> tuple[Bar, ...]:
        """One bar for each of the highest models with its interval, the candidate strong."""
        shown = ((i, self.lineup.teachers[i], float(self.scores[i])) for i in self.first())
        return tuple(
            Bar.of(t.name, score, interval(i), i == self.candidate, t.vendor)
            for i, t, score in shown
        )

    def bars(
        self, interval: Callable[[int], tuple[float, float]], null: Null, title: str, label: str
    ) -> Chart:
        """`each` as a chart, strangers' 0.95 as a line."""
        bars = self.each(interval)
        line = dict(null.quantiles).get("0.95")
        return Chart(
            kind="bars",
            title=title,
            x_label=label,
            bars=bars,
            reference=line,
            reference_label="" if line is None else "95 % of unrelated models on the candidate",
            caption=(
                f"95 % intervals by bootstrap over prompts; {len(bars)} of"
                f" {len(self.lineup.names)} stored models."
            ),
        )

    def table(
        self,
        extra: Callable[[int], tuple[float | int | None, ...]],
        columns: tuple[str, ...],
        title: str,
        caption: str,
    ) -> Table:
        """The highest models by score, with further figures of each."""
        rows = tuple(
            (t.name, t.vendor, rounded(float(self.scores[i])), *extra(i))
            for i, t in ((i, self.lineup.teachers[i]) for i in self.first())
        )
        return Table(title=title, columns=("model", "vendor", *columns), rows=rows, caption=caption)

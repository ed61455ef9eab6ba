"""Tables of what is known of public models' histories, and the labels that follow from them.

The tables are ``histories/SET.csv`` (facts and names, one row a model) and ``histories/makers.csv``
(when a maker's first public model came); their columns are explained in ``histories/README.md``.
Knows nothing of what the models said.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

TABLES = Path(__file__).parent / "histories"
ALPACA = "alpaca_eval"
SETS = (ALPACA, "arena_hard_en", "arena_hard_ko", "shaberi_ja")
EVERYBODY = "*"
PRESUMED = "presumed:"
SELF = "self"
NO_SUSPECTS = ("variant", "contaminated", "base model")
"""Kinds that play no suspect: another prompt or choice of answers over a model that stands beside
them, answers that are copies of others', and weights that were never tuned to answer."""


CONTROLS = ("human-data", "preference-only")
"""Kinds that nobody's answers taught, by what is known: tuned on people's text, or by preference
from themselves."""


class Ground(StrEnum):
    """Why a pair of a model and a maker has its label, or has none.

    The first three come with a label, in falling order of trust. ``OWN``: the maker's own model, or
    one that went on from its tuned weights; ``LINEAGE``: from its pretrained weights only, or from
    the same ones as a stored model of that maker; ``OPEN``: plausible or unknown;
    ``REVERSED``: its own maker taught that maker's models, so that likeness is to be expected;
    ``UNSTORED``: the models that it learned from are not among those stored; ``ELSEWHERE``: it learned in
    another language than the one in which it was asked.
    """

    DOCUMENTED = "documented"
    INFERRED = "inferred"
    PRESUMED = "presumed"
    OWN = "own"
    LINEAGE = "lineage"
    OPEN = "open"
    REVERSED = "reversed"
    UNSTORED = "unstored"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Label:
    """Whether a maker's answers taught a model: 1 yes, 0 no, None left out of the statistics."""

    value: Literal[0, 1] | None
    ground: Ground


@dataclass(frozen=True)
class History:
    """One model's row: who made it, from what, when, and by whose answers it was taught.

    ``known_as`` is the checkpoint, the same for two servings of one; ``family`` the pretrained
    weights at its root, ``lineage`` the independent group that it counts for (lab and weights);
    ``era`` a half-year such as ``2024H1``, which sorts by time. ``base_makers`` go from the nearest
    weights to the root. Makers that neither ``taught_by`` nor ``not_taught_by`` covers are open.
    """

    model: str
    known_as: str
    maker: str
    base_makers: tuple[str, ...]
    base_tuned: str
    family: str
    lineage: str
    era: str
    stored: bool
    taught_by: frozenset[str]
    teacher_models: frozenset[str]
    taught_in: str
    taught_sure: str
    not_taught_by: frozenset[str]
    unknown_for: frozenset[str]
    kind: str

    @property
    def own(self) -> frozenset[str]:
        """Its maker, and the maker of the weights that it went on from, unless it is known that
        these were no chat model's."""
        tuned = self.base_tuned != "no"
        return frozenset({self.maker, *(self.base_makers[:1] if tuned else ())})

    @property
    def inseparable(self) -> frozenset[str]:
        """Its maker and those of all weights under it: likeness to them may be lineage."""
        return frozenset({self.maker, *self.base_makers})

    def label(
        self, maker: str, first_public: Mapping[str, str], lineage_first: bool = True
    ) -> Label:
        """Whether this maker's answers taught it; ``first_public`` is by maker, a half-year. Without
        ``lineage_first``, a maker of pretrained weights alone is a candidate like others.

        Lineage comes first, since it can't be told from teaching; then what is known for; then what
        time excludes; what is open outweighs what is denied.
        """
        if maker in self.own:
            return Label(None, Ground.OWN)
        if lineage_first and maker in self.inseparable:
            return Label(None, Ground.LINEAGE)
        if maker in self.taught_by:
            return Label(1, Ground(self.taught_sure))
        if first_public.get(maker, "") > self.era:
            return Label(0, Ground.DOCUMENTED)
        if self.unknown_for & {maker, EVERYBODY}:
            return Label(None, Ground.OPEN)
        if self.not_taught_by & {maker, EVERYBODY}:
            return Label(0, Ground.DOCUMENTED)
        if self.not_taught_by & {PRESUMED + maker, PRESUMED + EVERYBODY}:
            return Label(0, Ground.PRESUMED)
        return Label(None, Ground.OPEN)


def _names(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(";")))


def history(row: Mapping[str, str]) -> History:
    """A row of a table; KeyError where a column is missing, ValueError where a teacher is named
    without saying how surely."""
    taught = frozenset(_names(row["taught_by"]))
    if bool(taught) != bool(row["taught_sure"]):
        raise ValueError(f"{row['model']}: taught_by and taught_sure go together")
    if row["taught_sure"]:
        Ground(row["taught_sure"])
    return History(
        model=row["model"],
        known_as=row["known_as"],
        maker=row["maker"],
        base_makers=_names(row["base_maker"]),
        base_tuned=row["base_tuned"],
        family=row["family"],
        lineage=row["lineage"],
        era=row["era"],
        stored=row["stored"] == "yes",
        taught_by=taught,
        teacher_models=frozenset(_names(row["teacher_models"])),
        taught_in=row["taught_in"],
        taught_sure=row["taught_sure"],
        not_taught_by=frozenset(_names(row["not_taught_by"])),
        unknown_for=frozenset(_names(row["unknown_for"])),
        kind=row["kind"],
    )


def _table(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def histories(of: str) -> tuple[History, ...]:
    """All models of a set, in its order."""
    return tuple(map(history, _table(of)))


@cache
def first_public() -> Mapping[str, str]:
    """The half-year of each maker's first public model; before it nobody can have learned from
    it."""
    return {row["maker"]: row["first_public"] for row in _table("makers")}


def makers_of(stored: Iterable[History]) -> tuple[str, ...]:
    """The makers of these models, sorted: the candidates."""
    return tuple(sorted({h.maker for h in stored}))


def labels(
    one: History,
    stored: Sequence[History],
    first: Mapping[str, str],
    lineage_first: bool = True,
    language: str = "",
) -> dict[str, Label]:
    """The label of one model against each maker of the stored models.

    Where a maker's stored models stand on the model's own pretrained weights, likeness may be
    lineage, whoever tuned them; where they learned from the model's own maker, it is the other
    direction. A taught model whose named teachers are all missing from the store
    gets none: what is measured against a maker's other models says little about that one; nor does
    one that learned in another ``language`` than it was asked in here. Without ``lineage_first``,
    shared pretrained weights count for nothing.
    """
    rooted = lineage_first and bool(one.family)
    kindred = {h.maker for h in stored if rooted and h.family == one.family}
    pupils = {h.maker for h in stored if one.maker in h.taught_by}
    missing = bool(one.teacher_models) and one.teacher_models.isdisjoint(h.known_as for h in stored)
    out = {}
    for maker in makers_of(stored):
        label = one.label(maker, first, lineage_first)
        if label.value is not None and maker in kindred:
            label = Label(None, Ground.LINEAGE)
        elif label.value == 1 and missing:
            label = Label(None, Ground.UNSTORED)
        elif label.value == 1 and language and one.taught_in not in ("", language):
            label = Label(None, Ground.ELSEWHERE)
        elif label.value == 0 and maker in pupils:
            label = Label(None, Ground.REVERSED)
        out[maker] = label
    return out


def stored_of(rows: Iterable[History]) -> tuple[History, ...]:
    """The models that stand for their makers: flagships, and named teachers of others."""
    return tuple(h for h in rows if h.stored)


def suspects_of(
    rows: Iterable[History], without: Collection[str] = NO_SUSPECTS
) -> tuple[History, ...]:
    """The models that may play the suspect: those of other kinds than these."""
    return tuple(h for h in rows if h.kind not in without)

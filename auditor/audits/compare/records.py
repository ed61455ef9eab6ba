"""The record of a comparison: compare.json. Every drawing and every printed line is a view of it.

Knows no renderer and reads no file.
"""

from __future__ import annotations

from typing import Literal

from fingerprints.records import Record

FORMAT: Literal["compare/1"] = "compare/1"
Method = Literal["nj", "average"]
Matrix = tuple[tuple[float, ...], ...]

MEASURE = (
    "mean over shared prompts of 1 - cosine of the answers' embeddings, the prompt's mean taken out"
    " first where three or more models are compared; 0: the same text, 1: unrelated directions,"
    " above 1: leaning apart"
)
CAUTION = (
    "Near is not inherited. A tree shows who answers like whom on these prompts: a common source,"
    " the same public tuning data or the same habits of an era draw models together as well as"
    " training on each other's answers does. It has no root that means anything, it accuses nobody,"
    " and a distance changes with the company that is compared."
)


class ComparedModel(Record):
    """One model of the comparison: its name, its vendor where known, where its answers came
    from, and their digest."""

    name: str
    vendor: str = ""
    source: str
    n_answers: int
    answers_sha256: str


class LeftOut(Record):
    """A stored model that was not compared, and why."""

    name: str
    reason: str


class ModelPair(Record):
    """Two models and their distance; ``interval`` is the 95 % percentile interval over redrawn
    prompts, None without any."""

    one: str
    other: str
    distance: float
    interval: tuple[float, float] | None = None


class Neighbour(Record):
    """The nearest model to ``name``. ``again``: in what share of the redrawn sets of prompts it
    is that one again, 0 to 1."""

    name: str
    nearest: str
    distance: float
    interval: tuple[float, float] | None = None
    again: float | None = None


class Support(Record):
    """An inner edge: the models on one side of it, and in what share of the redrawn sets of
    prompts the tree has it too."""

    models: tuple[str, ...]
    share: float


class Comparison(Record):
    """All of a comparison. Rows and columns of ``matrix`` are ``models`` in order; ``order`` is
    that of the tree's leaves.

    ``newick`` is None for two models, of which there is no tree.
    """

    format: Literal["compare/1"] = FORMAT
    tool: str
    models: tuple[ComparedModel, ...]
    left_out: tuple[LeftOut, ...] = ()
    embedder: str
    measure: str = MEASURE
    caution: str = CAUTION
    n_prompts: int
    n_clusters: int
    method: Method
    resamples: int
    seed: int
    matrix: Matrix
    low: Matrix | None = None
    high: Matrix | None = None
    order: tuple[int, ...]
    newick: str | None
    supports: tuple[Support, ...] = ()
    nearest: tuple[Neighbour, ...]
    pairs: tuple[ModelPair, ...]

"""The space in which answers are compared: chosen columns of the feature families, weighted and
scaled, as one dense array.

Columns are chosen by how many texts hold them, never by who wrote those; so choosing leaks no
author. Knows texts; knows neither prompts nor authors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.text.counted import CountedFamily
from detectors.text.features import FAMILIES, HashedFamily
from detectors.text.pages import CutText, page_of

Dense = NDArray[np.float32]
SAMPLE = 1500
BATCH = 512

FULL: Mapping[str, tuple[int, float]] = {
    "words": (1500, 1.0),
    "characters": (800, 0.8),
    "openings": (250, 0.5),
    "closings": (150, 0.4),
    "markdown": (0, 0.42),
    "punctuation": (0, 0.38),
    "moments": (0, 0.24),
    "function words": (0, 0.7),
    "hedges": (0, 0.25),
    "refusals": (0, 0.2),
    "reasoning": (0, 0.22),
    "address": (0, 0.26),
}
"""Families of the usual space: how many columns (0: all) and what weight, the length that the
family's vector has."""

GUARDED: Mapping[str, tuple[int, float]] = {
    "masked words": (1500, 1.0),
    "markdown": (0, 0.42),
    "punctuation": (0, 0.38),
    "moments": (0, 0.24),
    "function words": (0, 0.7),
}
"""Families of the content guard: nothing that names what a text is about."""

# A small model's answers are cut by a token limit and its teacher's are not, so that ends and
# sizes would tell the two apart (docs/detectors/movement.md).
UNENDED: Mapping[str, tuple[int, float]] = {
    k: v for k, v in FULL.items() if k not in ("closings", "moments")
}
"""Families for answers that were cut at some length: nothing that looks at how a text ends or
how long it is."""

PROSE: Mapping[str, tuple[int, float]] = {k: v for k, v in UNENDED.items() if k != "markdown"}
"""The same for texts without their layout."""

TEMPLATES: Mapping[str, tuple[int, float]] = {"templates": (4000, 1.0)}
"""Runs of four to eight parts of speech alone."""


@dataclass(frozen=True)
class Chosen:
    """One fitted family: which columns, how each is weighted and shifted, and how heavy the
    family is."""

    name: str
    columns: NDArray[np.int64]
    scale: Dense
    shift: Dense
    weight: float


class StyleSpace:
    """Texts to a dense array with a slice for each family. ``fit`` chooses and weighs columns
    from a sample of texts."""

    def __init__(self, families: Mapping[str, tuple[int, float]] = FULL) -> None:
        self.families = families
        self.chosen: tuple[Chosen, ...] = ()

    def fit(self, texts: Sequence[str]) -> StyleSpace:
        """Learns columns and weights from at most `SAMPLE` evenly spaced texts. Deterministic."""
        step = max(1, -(-len(texts) // SAMPLE))
        sample = [page_of(t) for t in texts[::step]]
        self.chosen = tuple(
            _choose(FAMILIES[name], sample, *terms) for name, terms in self.families.items()
        )
        for page in sample:
            page.let_go()
        return self

    @property
    def width(self) -> int:
        """How many columns the array has."""
        return sum(len(c.columns) for c in self.chosen)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each family's columns lie in the array."""
        ends = np.cumsum([0, *(len(c.columns) for c in self.chosen)])
        return {
            c.name: slice(int(a), int(b))
            for c, a, b in zip(self.chosen, ends[:-1], ends[1:], strict=True)
        }

    def names(self) -> list[str]:
        """A name for every column of the array: ``family:column``."""
        named = [(c, FAMILIES[c.name].columns) for c in self.chosen]
        return [f"{c.name}:{columns[i]}" for c, columns in named for i in c.columns]

    def transform(self, texts: Sequence[str]) -> Dense:
        """The array of the texts, shape (texts, columns), float32, finite."""
        return transform_all((self,), texts)[0]


def transform_all(spaces: Sequence[StyleSpace], texts: Sequence[str]) -> list[Dense]:
    """The arrays of the texts in several fitted spaces; each text is read, and each counted family
    measured, once for all of them."""
    out = [np.empty((len(texts), s.width), dtype=np.float32) for s in spaces]
    for start in range(0, len(texts), BATCH):
        pages = [page_of(t) for t in texts[start : start + BATCH]]
        counted = {
            c.name for s in spaces for c in s.chosen if isinstance(FAMILIES[c.name], CountedFamily)
        }
        values = {name: FAMILIES[name](pages) for name in sorted(counted)}
        for array, space in zip(out, spaces, strict=True):
            for chosen, where in zip(space.chosen, space.slices.values(), strict=True):
                family = FAMILIES[chosen.name]
                measured = (
                    family.some(pages, chosen.columns)
                    if isinstance(family, HashedFamily)
                    else values[chosen.name]
                )
                array[start : start + BATCH, where] = weighed(chosen, measured)
        for page in pages:
            page.let_go()
    return out


def _choose(
    family: HashedFamily | CountedFamily, sample: Sequence[CutText], most: int, weight: float
) -> Chosen:
    if isinstance(family, CountedFamily):
        values = family(sample).astype(np.float64)
        spread = values.std(axis=0)
        kept = np.flatnonzero(spread > 1e-9)
        scale = 1.0 / (np.maximum(spread[kept], 1e-3) * max(1.0, np.sqrt(len(kept))))
        return Chosen(
            family.name,
            kept,
            scale.astype(np.float32),
            values.mean(axis=0)[kept].astype(np.float32),
            weight,
        )
    held = family.held(sample)
    kept = np.sort(np.argsort(-held, kind="stable")[:most])
    kept = kept[held[kept] > 1]
    rarity = np.log((len(sample) + 1) / (held[kept] + 1)) + 1
    return Chosen(
        family.name, kept, rarity.astype(np.float32), np.zeros(len(kept), dtype=np.float32), weight
    )


def weighed(chosen: Chosen, measured: Dense | NDArray[np.int64]) -> Dense:
    """One family's slice of the array, (texts, columns), from what was measured of the texts: all
    columns of a counted family, the chosen ones of a hashed one."""
    if isinstance(FAMILIES[chosen.name], CountedFamily):
        values = (measured[:, chosen.columns] - chosen.shift) * chosen.scale
        bound = 4.0 / max(1.0, np.sqrt(len(chosen.columns)))
        return np.asarray(chosen.weight * np.clip(values, -bound, bound), dtype=np.float32)
    logs = 1 + np.log(
        np.arange(1, measured.max(initial=1) + 1, dtype=np.float32)
    )  # counts are small numbers: one log each
    dense = np.concatenate([np.zeros(1, dtype=np.float32), logs])[measured] * chosen.scale
    norms = np.sqrt(np.einsum("ij,ij->i", dense, dense))
    return np.asarray(dense * (chosen.weight / np.maximum(norms, 1e-6))[:, None], dtype=np.float32)

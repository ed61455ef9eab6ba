"""How do a suspect and each stored model differ from what is usual, on the same prompts? One
vector each, from the store's index.

Knows vectors and prompts, no text but the suspect's; judges nothing. Quick where reading every
stored answer is not: it says where to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprints.embed import Vectors, unit_rows
from fingerprints.nearest import Ids
from fingerprints.records import Arm
from fingerprints.sharded import Index
from fingerprints.signature import usable_rows
from fingerprints.store import FingerprintStore

FEWEST = 20
"""Prompts shared with the suspect, under which a model has no profile."""


@dataclass(frozen=True)
class Profiles:
    """Stored models by their numbers in the catalogue (n,), their vectors (n, d) and the suspect's
    (d,), all of length 1."""

    numbers: Ids
    vectors: Vectors
    suspect: npt.NDArray[np.float32]


def profiles(store: FingerprintStore, texts: Mapping[str, str], arms: tuple[Arm, ...]) -> Profiles:
    """Mean over prompts of each model's answer less the mean stored answer to that prompt.

    ``texts`` are the suspect's answers by the prompt's digest; of a stored model the first readable
    answer in ``arms`` counts. Models with fewer than 20 are left out. Reads the vectors of the
    index, as exact as they were stored; deterministic. Raises StoreIntegrity for a damaged index.
    """
    prompts = sorted(texts)
    asked = store.embedder.embed([texts[p] for p in prompts])
    index = store.index.now()
    found, places = _indexed(store, index, prompts, arms)
    numbers, model = np.unique(found[:, 1], return_inverse=True)
    total = np.zeros((len(numbers), store.catalog.dimension))
    count, own = np.zeros(len(numbers)), np.zeros(total.shape[1])
    for prompt in np.flatnonzero(usable_rows(asked)):
        here = np.flatnonzero(found[:, 2] == prompt)
        who, first = np.unique(model[here], return_index=True)
        if len(who):
            said = index.rows(places[here[first]]).astype(np.float64)
            total[who] += said - said.mean(axis=0)
            own += asked[prompt] - said.mean(axis=0)
            count[who] += 1
    kept = count >= FEWEST
    return Profiles(numbers[kept], unit_rows(total[kept]), unit_rows(own[None])[0])


def _indexed(
    store: FingerprintStore, index: Index, prompts: list[str], arms: tuple[Arm, ...]
) -> tuple[npt.NDArray[np.int64], Ids]:
    """The stored answers that have a vector, as `Catalog.answers_to` gives them, and where each
    vector stands in the index."""
    found = store.catalog.answers_to(prompts, arms)
    places = index.places(found[:, 0])
    kept = places >= 0
    return found[kept], places[kept]

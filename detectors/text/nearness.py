"""Which stored model's answer is nearest to another answer to the same prompt, hubs corrected?

Vectors of the store's embedding method; CSLS (Conneau et al. 2018, arXiv 1710.04087): 2cos(x, y) −
r(x) − r(y), where r is the mean cosine to the nearest answers. Within one prompt r(x) is the same
for every y and is left out. Knows arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fingerprints.embed import HashedNgrams

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
DIMENSION = 1024
# As in Conneau et al. 2018, arXiv 1710.04087.
NEAREST = 10
LONGEST = 4000
_TIE = 1e-9


def vectors_of(answers: Mapping[int, str], prompts: int) -> NDArray[np.float32]:
    """Unit vectors of answers to numbered prompts, (prompts, 1024) float32; zeros where there is
    none."""
    out = np.zeros((prompts, DIMENSION), dtype=np.float32)
    numbers = sorted(answers)
    if numbers:
        out[numbers] = HashedNgrams(DIMENSION).embed([answers[i][:LONGEST] for i in numbers])
    return out


def cosines(vectors: NDArray[np.float32]) -> Array:
    """Cosine of every two models' answers to each prompt, (prompts, models, models); NaN where
    either has none.

    ``vectors`` (models, prompts, d).
    """
    by_prompt = vectors.transpose(1, 0, 2)
    found = (by_prompt @ by_prompt.transpose(0, 2, 1)).astype(np.float64)
    return _without_missing(found, np.abs(vectors).sum(axis=2) > 0, np.abs(vectors).sum(axis=2) > 0)


def cosines_to(one: NDArray[np.float32], vectors: NDArray[np.float32]) -> Array:
    """Cosine of one model's answers to every stored model's, (prompts, models); NaN where either
    has none."""
    found = (one[:, None, :] @ vectors.transpose(1, 2, 0)).astype(np.float64)
    return _without_missing(
        found, (np.abs(one).sum(axis=1) > 0)[None], np.abs(vectors).sum(axis=2) > 0
    )[:, 0]


def _without_missing(found: Array, rows: Flags, columns: Flags) -> Array:
    held = rows.T[:, :, None] & columns.T[:, None, :]
    return np.asarray(np.where(held, np.round(found, 6), np.nan))


def hubness(cosine: Array, vendors: NDArray[np.str_], allowed: Flags) -> Array:
    """r(y): the mean cosine of each answer to its ten nearest answers of other vendors' allowed
    models, (prompts, models).

    Where an answer has no such neighbour it is 0. ``allowed`` (models,).
    """
    usable = (vendors[:, None] != vendors[None, :]) & allowed[None, :]
    held = np.where(usable[None] & np.isfinite(cosine), cosine, -np.inf)
    k = min(NEAREST, held.shape[2])
    nearest = np.partition(held, held.shape[2] - k, axis=2)[:, :, held.shape[2] - k :]
    kept = np.isfinite(nearest)
    return np.asarray(np.where(kept, nearest, 0.0).sum(axis=2) / np.maximum(kept.sum(axis=2), 1))


def hits(csls: Array, candidate: int, rivals: Flags) -> Array:
    """Whether the candidate's answer is the nearest of its own and the rivals', (prompts,): 1, 0,
    or a share of a tie.

    ``csls`` (prompts, models). NaN for a prompt that the candidate or every rival didn't answer.
    """
    others = np.where(rivals[None, :], csls, np.nan)
    best = np.max(np.nan_to_num(others, nan=-np.inf), axis=1)
    mine = csls[:, candidate]
    tied = (np.abs(others - mine[:, None]) <= _TIE).sum(axis=1)
    won = np.where(mine > best + _TIE, 1.0, np.where(mine < best - _TIE, 0.0, 1.0 / (1 + tied)))
    return np.asarray(np.where(np.isfinite(mine) & np.isfinite(best), won, np.nan))


def player_hits(
    cosine: Array,
    vendors: NDArray[np.str_],
    candidate: int,
    rivals: Sequence[int],
    hubs: Mapping[str, Array],
) -> Array:
    """The strangers' `hits` of one candidate, (prompts, models): each stranger plays with its own
    vendor left out.

    ``hubs`` maps a vendor to the hubness without it. NaN columns for models that are no strangers
    or have no rival left.
    """
    out = np.full(cosine.shape[:2], np.nan)
    for player in rivals:
        left = np.zeros(len(vendors), dtype=bool)
        left[[i for i in rivals if vendors[i] != vendors[player]]] = True
        if left.any():
            csls = 2 * cosine[:, player] - hubs[str(vendors[player])]
            out[:, player] = hits(csls, candidate, left)
    return out

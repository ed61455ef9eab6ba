"""How far apart do models answer the same prompts?

Vectors of the offline embedder; for each prompt the mean of all compared answers is taken out, so
that what any answer to it would hold doesn't count, and what is left is compared by its direction.
Knows arrays; knows no model and draws nothing. Nearness is likeness of answers: it is not
inheritance.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.text.nearness import vectors_of

Array = NDArray[np.float64]
Cube = NDArray[np.float32]
_TINY = 1e-6


def apart(answers: Sequence[Mapping[int, str]], prompts: int) -> Cube:
    """The distance of every two models at each prompt, (prompts, models, models), from 0 (the same
    text) to 2.

    ``answers[i]`` maps each of the prompts' numbers to model i's answer. From three models on the
    mean of a prompt's vectors is taken out first; then 1 is what two models have that lean into
    unrelated directions, above 1 that they lean apart, and a distance depends on who else is
    compared. Two models are compared as they are: their mean would set them opposite.
    Deterministic. Raises ValueError where an answer is missing.
    """
    if any(len(said) != prompts or set(said) != set(range(prompts)) for said in answers):
        raise ValueError("every model answers every prompt")
    vectors = np.stack([vectors_of(said, prompts) for said in answers], axis=1)
    if len(answers) > 2:
        vectors -= vectors.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("pmd,pmd->pm", vectors, vectors))
    vectors /= np.maximum(norms, _TINY)[:, :, None]
    # Who stands in the very middle leans nowhere: at 1 from everybody but those who stand there
    # too.
    middle = norms < _TINY
    out = np.clip(1 - vectors @ vectors.transpose(0, 2, 1), 0.0, 2.0)
    out[middle[:, :, None] & middle[:, None, :]] = 0.0
    out[:, np.arange(len(answers)), np.arange(len(answers))] = 0.0
    return np.asarray((out + out.transpose(0, 2, 1)) / 2, dtype=np.float32)


def mean_apart(cube: Cube, weights: Array | None = None) -> Array:
    """The mean over prompts, (models, models), weighted where ``weights`` (prompts,) are given:
    each prompt weighs the same."""
    w = np.ones(len(cube)) if weights is None else weights
    out = np.tensordot(w, cube.astype(np.float64), axes=1) / w.sum()
    return np.asarray(np.round(out, 9))


def resampled(cube: Cube, clusters: Sequence[Hashable], rounds: int, seed: int) -> Iterator[Array]:
    """Mean distances of so many redrawn sets of prompts: whole clusters are drawn with
    replacement. Deterministic."""
    names = list(dict.fromkeys(clusters))
    place = {name: i for i, name in enumerate(names)}
    of = np.array([place[c] for c in clusters])
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        yield mean_apart(cube, drawn[of].astype(np.float64))

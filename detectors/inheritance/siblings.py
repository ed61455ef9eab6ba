"""Which of one maker's models comes nearest to the suspect, and can a test tell it from the others?

Reads log shares of wording, prompt by prompt, less what strangers share with the same model: a
model whose answers are like everybody's is not nearest for that. Being nearest among siblings says
nothing of who taught the suspect: some version is always nearest. Knows arrays and who made whom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.lineup import Lineup
from detectors.measurement import AmongSiblings
from detectors.pairing import FEWEST
from detectors.stats.pvalues import holm

Array = NDArray[np.float64]
FLIPS = 9999
"""So many that the smallest p, raised for a hundred siblings, is still below 0.01."""
_CHUNK = 500


def among_siblings(
    centred: Array, lineup: Lineup, place: int, seed: int = 0
) -> AmongSiblings | None:
    """The model's place among its maker's, by its mean (prompts, models) centred log share.

    Only prompts on which all of them can be compared count, so that none is nearer for the
    questions that it was asked. None where the maker has no other stored model, all stored models
    are of one maker, or fewer than 20 such prompts are left. Deterministic under ``seed``.
    """
    if lineup.one_vendor:
        return None
    own = np.flatnonzero(lineup.vendors == lineup.vendors[place])
    own = own[np.isfinite(centred[:, own]).sum(axis=0) >= FEWEST]
    if len(own) < 2 or place not in own:
        return None
    shared = centred[:, own][np.isfinite(centred[:, own]).all(axis=1)]
    if len(shared) < FEWEST:
        return None
    scores = shared.mean(axis=0)
    order = np.argsort(-scores, kind="stable")
    mine = int(np.flatnonzero(own == place)[0])
    p_values: dict[str, float] = {}
    if order[0] == mine:
        others = [int(i) for i in order[1:]]
        flipped = two_sided_p(shared[:, [mine]] - shared[:, others], seed)
        raised = holm(flipped).tolist()
        p_values = {lineup.names[own[i]]: round(p, 5) for i, p in zip(others, raised, strict=True)}
    return AmongSiblings(
        score=round(float(scores[mine]), 5),
        position=1 + int(np.flatnonzero(order == mine)[0]),
        of=len(own),
        prompts=len(shared),
        p_values=p_values,
    )


def two_sided_p(differences: Array, seed: int = 0, flips: int = FLIPS) -> Array:
    """p of each column's mean, (columns,), of paired differences (prompts, columns), when signs are
    flipped prompt by prompt: (1 + times reached) / (flips + 1).

    Exact where the two that are compared could change places on every prompt. Two-sided, since the
    nearest is chosen by the same numbers.
    """
    rng = np.random.default_rng(seed)
    seen = np.abs(differences.sum(axis=0)) - 1e-12
    reached = np.zeros(differences.shape[1])
    for start in range(0, flips, _CHUNK):  # all signs at once would take a hundred megabytes
        some = min(_CHUNK, flips - start)
        signs = rng.choice([-1.0, 1.0], size=(some, len(differences)))
        reached += (np.abs(signs @ differences) >= seen).sum(axis=0)
    return np.asarray((1 + reached) / (flips + 1))

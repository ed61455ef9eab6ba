"""Is a score high for a stranger? Normalisation of author scores by a cohort, as in speaker
recognition.

z-norm puts each stored author's scores on the scale of what strangers get from it; t-norm then puts
the stored authors' scores for one suspect on the scale of that suspect (Auckenthaler, Carey &
Lloyd-Thomas 2000, *Digital Signal Processing* 10). Only authors of another vendor count as
strangers. Works on stacks: leading axes are bootstrap rounds. Knows arrays; knows no text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEWEST_STRANGERS = 3
"""When one of them plays the suspect itself, two are left, the fewest that have a spread."""
_NARROWEST = 1e-3
_PRIOR = 2.0
"""How much a spread of 1, which z-norm gave, weighs beside the authors' own: that of two or three
authors is chance."""


def suspect_scores(
    scores: Array,
    strangers: Array,
    vendors: NDArray[np.str_],
    usable: Flags,
    peers: Flags | None = None,
) -> Array:
    """Both norms for the suspect, (…, authors); NaN where an author has fewer than three strangers
    of other vendors.

    ``scores`` (…, a), ``strangers`` (…, a, a): row j holds author j's scores when it plays the
    suspect. ``usable`` (a,) says which rows may serve as strangers, ``peers`` (a,) whose scores
    make a suspect's own scale (all by default).
    """
    return on_scale(scores, *scale_of(strangers, vendors, usable), vendors, peers)


def scale_of(strangers: Array, vendors: NDArray[np.str_], usable: Flags) -> tuple[Array, Array]:
    """What strangers get from each author: mean and spread, both (…, authors), as `suspect_scores`
    takes them. The same for every suspect on the same prompts."""
    other = vendors[:, None] != vendors[None, :]
    n, total, squares, _ = _sums(strangers, other & usable[:, None] & np.isfinite(strangers))
    return np.asarray(total / n), _spread(total, squares, n)


def on_scale(
    scores: Array,
    mean: Array,
    spread: Array,
    vendors: NDArray[np.str_],
    peers: Flags | None = None,
) -> Array:
    """`suspect_scores` from the strangers' mean and spread (`scale_of`)."""
    other = vendors[:, None] != vendors[None, :]
    return _t_norm((scores - mean) / spread, _scale(other, peers))


def stranger_scores(
    strangers: Array, vendors: NDArray[np.str_], usable: Flags, peers: Flags | None = None
) -> Array:
    """Both norms for every stranger as if it were the suspect, itself left out of its own scale; as
    `suspect_scores`.

    Shape (…, strangers, authors), NaN where a row is no stranger to the column.
    """
    other = vendors[:, None] != vendors[None, :]
    allowed = other & usable[:, None] & np.isfinite(strangers)
    n, total, squares, held = _sums(strangers, allowed)
    rest, rest_squares, m = (
        total[..., None, :] - held,
        squares[..., None, :] - held**2,
        n[..., None, :] - 1,
    )
    z = (strangers - rest / m) / _spread(rest, rest_squares, m)
    return _t_norm(np.where(allowed, z, np.nan), _scale(other, peers))


def _scale(other: Flags, peers: Flags | None) -> Flags:
    """Whose scores make the scale on which each author's is put, (authors, authors)."""
    return other if peers is None else np.asarray(other & peers[None, :], dtype=bool)


def _sums(strangers: Array, allowed: Flags) -> tuple[Array, Array, Array, Array]:
    """How many strangers each author has (NaN under three), the sum and the sum of squares of
    their scores, the scores."""
    held = np.where(allowed, strangers, 0.0)
    n = allowed.sum(axis=-2).astype(float)
    return (
        np.where(n >= FEWEST_STRANGERS, n, np.nan),
        held.sum(axis=-2),
        np.einsum("...ij,...ij->...j", held, held),
        held,
    )


def _spread(total: Array, squares: Array, n: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum((squares - total**2 / n) / (n - 1), _NARROWEST**2)))


def _t_norm(z: Array, other: Flags) -> Array:
    """Each author's z against the z of the other vendors' authors; the spread is shrunk towards 1,
    which z-norm gave it.

    With fewer than two authors to compare with, z stays as it is.
    """
    known = np.isfinite(z)
    held = np.where(known, z, 0.0)
    counting = other.T.astype(float)
    n = known.astype(float) @ counting
    total, squares = held @ counting, (held**2) @ counting
    counted = np.maximum(n, 1.0)
    mean = total / counted
    spread = np.sqrt(
        (np.maximum(squares - counted * mean**2, 0.0) + _PRIOR) / (np.maximum(n - 1, 0.0) + _PRIOR)
    )
    return np.where(n >= 2, (z - mean) / spread, z)


def conformal(value: float, null: Array) -> tuple[int, float]:
    """How many null values reach ``value``, and the conformal p = (1 + that) / (n + 1), in (0, 1];
    small means rare.

    >>> conformal(3.0, np.array([1.0, 2.0, 3.0, 0.5]))
    (1, 0.4)
    """
    at_least = int((null >= value).sum())
    return at_least, (1 + at_least) / (len(null) + 1)


def rivals(vendors: NDArray[np.str_], candidate: int) -> Flags:
    """Whom the candidate is compared with: the authors of other vendors; where there are none,
    all other authors."""
    foreign = vendors != vendors[candidate]
    return np.asarray(
        foreign if foreign.any() else np.arange(len(vendors)) != candidate, dtype=bool
    )


def best_other(scores: Array, candidate: int, vendors: NDArray[np.str_]) -> int | None:
    """The highest-scored rival of the candidate; None where there is none."""
    others = np.flatnonzero(rivals(vendors, candidate) & np.isfinite(scores))
    return int(others[np.argmax(scores[others])]) if len(others) else None

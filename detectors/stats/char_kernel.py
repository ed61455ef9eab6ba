"""How alike are answers, character by character? Kernels for two-sample tests on short texts.

Arrays in, arrays out; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LONGEST = 1000
"""Characters of an answer that count (Gao, Liang and Guestrin 2024, arXiv 2410.20247)."""
_PAD = -1
"""No character has this number, so that padding agrees with padding alone."""


def codes(texts: Sequence[str]) -> NDArray[np.int32]:
    """The texts as code points padded to the longest of them, (texts, characters), at least one
    wide."""
    width = max(1, max((min(len(t), LONGEST) for t in texts), default=1))
    out = np.full((len(texts), width), _PAD, dtype=np.int32)
    for row, text in enumerate(texts):
        points = [ord(c) for c in text[:width]]
        out[row, : len(points)] = points
    return out


def hamming(texts: Sequence[str]) -> Array:
    """The share of positions at which two padded texts agree, (texts, texts), 0 to 1; padding
    agrees with padding."""
    points = codes(texts)
    return np.asarray((points[:, None, :] == points[None, :, :]).mean(axis=2))


def same_beginning(texts: Sequence[str]) -> Array:
    """How far two texts go together from their first character, as a share of the longer,
    (texts, texts), 0 to 1."""
    points = codes(texts)
    together = np.cumprod(points[:, None, :] == points[None, :, :], axis=2)
    together = np.where(points[:, None, :] == _PAD, 0, together).sum(axis=2)
    lengths = (points != _PAD).sum(axis=1)
    longer = np.maximum(lengths[:, None], lengths[None, :])
    return np.asarray(np.where(longer > 0, together / np.maximum(longer, 1), 1.0))


def exact(texts: Sequence[str]) -> Array:
    """1 where two texts are the same and 0 elsewhere, (texts, texts)."""
    return np.array([[float(a == b) for b in texts] for a in texts])

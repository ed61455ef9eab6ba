"""Which tokens a key makes green after which token: the green lists of a watermark, counted without
a model and without torch.

The scheme is that of Kirchenbauer et al. 2023 (arXiv 2301.10226) as transformers'
``WatermarkLogitsProcessor`` writes it with ``lefthash``: a generator is seeded with key × the id of
the token before, the vocabulary is shuffled, and the first share γ of it is green. The same
numbers come out of numpy's Mersenne twister, which is torch's on the CPU: tests hold both against
each other. Knows ids and keys; knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]

SEEDS = 2**32
"""torch's generator on the CPU keeps 32 bits of a seed."""
LARGEST_SEED = 2**64 - 1
"""transformers takes key × id modulo this before it seeds."""


def seed_of(key: int, context: int) -> int:
    """What the generator is seeded with after a token, in the bits that it keeps."""
    return (key * context) % LARGEST_SEED % SEEDS


def depends_on_key(context: int) -> bool:
    """Whether the list after a token is another one for another key: after the token 0 the seed
    is 0 whatever the key, so that nothing may be counted there."""
    return context != 0


class GreenLists:
    """Asks one key's lists whether tokens are green; a list is drawn when it is asked for.

    Only the first ``n_green`` steps of the shuffle are drawn, and only the asked tokens followed
    through them: two to three times as fast as shuffling the vocabulary. Deterministic.
    """

    def __init__(self, key: int, vocabulary: int, n_green: int) -> None:
        self.key, self.vocabulary, self.n_green = key, vocabulary, n_green
        self._places = np.arange(n_green, dtype=np.uint32)
        self._left = np.uint32(vocabulary) - self._places
        # The legacy generator: its seeding and its stream are frozen, and torch's.
        self._random = np.random.RandomState(0)

    def green(self, contexts: Ids, tokens: Ids) -> Flags:
        """Whether each token is green after its context, (n,) and (n,) to (n,)."""
        out = np.zeros(len(contexts), dtype=np.bool_)
        order = np.argsort(contexts, kind="stable")
        known, starts = np.unique(contexts[order], return_index=True)
        for context, places in zip(known.tolist(), np.split(order, starts[1:]), strict=True):
            out[places] = self._after(int(context), tokens[places].tolist())
        return out

    def _after(self, context: int, tokens: Sequence[int]) -> list[bool]:
        self._random.seed(seed_of(self.key, context))
        drawn = np.frombuffer(self._random.bytes(4 * self.n_green), "<u4")
        swaps = self._places + drawn % self._left
        return [self._ends_green(swaps, token) for token in tokens]

    def _ends_green(self, swaps: NDArray[np.uint32], token: int) -> bool:
        """Whether a token ends among the first places of the shuffle, which swaps place i with
        ``swaps[i]`` ≥ i for i = 0, 1, …: what lands on a place that was passed stays there."""
        at, step = token, 0
        while True:
            if bool((swaps[step : min(at + 1, self.n_green)] == at).any()):
                return True
            if at >= self.n_green:
                return False
            # Its own place came first: the swap carries it on, and it is looked for again.
            at, step = int(swaps[at]), at + 1

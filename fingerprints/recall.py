"""How many cells of an index must be looked at: as few as find 95 of 100 of the ten nearest, by
trying it on stored vectors.

Answers fall into cells as well or as badly as they are alike, which no rule of thumb knows. Knows
arrays and an index; knows neither files nor teachers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fingerprints.embed import Vectors
from fingerprints.nearest import Ids, Recall
from fingerprints.progress import SILENT, Progress
from fingerprints.sharded import Sharded

TARGET = 0.95
"""So large a share is to be found, at the lower end of its interval."""
QUERIES, NEIGHBOURS = 500, 10
PORTION = 50
"""Queries at once: at 32,768 cells their distances are 13 MiB."""
_SAME = 1e-6
"""Sums of 256 products differ by so little with their order: what is as near as the tenth nearest
is as right."""
_Z = 1.96

Shares = npt.NDArray[np.float64]


def measured(index: Sharded, progress: Progress = SILENT) -> Recall:
    """The least number of cells that reaches `TARGET`, with what it finds; all cells where none
    does. Deterministic. Takes an exact search for 500 of the index's own vectors."""
    rows = np.linspace(0, index.n - 1, min(QUERIES, index.n)).astype(np.int64)
    own, queries = index.ids()[rows][:, None], index.rows(rows)
    wanted = min(NEIGHBOURS + 1, index.n)
    progress(0, 1)
    # All at once: by a quarter of them FAISS takes four times as long.
    scores, truth = index.exact(queries, wanted)
    probed = _enough(index, queries, truth, truth != own)
    while True:
        found = index.by_cells(queries, wanted, probed)
        right = (found[1] != own) & (found[0] >= scores[:, -1:] - _SAME)
        share = float(np.mean(np.minimum(right.sum(1) / max(1, wanted - 1), 1)))
        low, high = interval(np.array(share), len(queries))
        if low >= TARGET or probed == index.cells:
            progress(1, 1)
            return Recall(
                probed=probed,
                cells=index.cells,
                n=index.n,
                queries=len(queries),
                k=wanted - 1,
                found=round(share, 4),
                low=round(float(low), 4),
                high=round(float(high), 4),
            )
        # Codes lost what cells had found: a quarter more of these.
        probed = min(index.cells, probed + probed // 4 + 1)


def _enough(index: Sharded, queries: Vectors, truth: Ids, others: npt.NDArray[np.bool_]) -> int:
    """The least number of cells in which enough of the nearest lie."""
    quantizer, ranks = index.trained.quantizer, []
    for start in range(0, len(queries), PORTION):
        part = slice(start, start + PORTION)
        order = quantizer.search(queries[part], index.cells)[1]
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(index.cells)[None], 1)
        near = truth[part]
        rows = index.rows(index.places(near.ravel()))
        cells = quantizer.search(rows, 1)[1].reshape(near.shape)
        ranks.append(np.take_along_axis(rank, cells, 1)[others[part]])
    held = np.sort(np.concatenate(ranks))
    shares = np.searchsorted(held, np.arange(1, index.cells + 1)) / max(1, len(held))
    too_few = int(np.sum(interval(shares, len(queries))[0] < TARGET))
    return min(index.cells, too_few + 1)


def interval(shares: Shares, n: int) -> tuple[Shares, Shares]:
    """The 95 % interval of mean shares over n queries: Wilson's, of a coin. A mean of shares varies
    less than a coin of the same mean, so it is wide enough; and it has a width at a mean of 1."""
    middle = shares + _Z**2 / (2 * n)
    half = _Z * np.sqrt(shares * (1 - shares) / n + _Z**2 / (4 * n**2))
    return (middle - half) / (1 + _Z**2 / n), (middle + half) / (1 + _Z**2 / n)

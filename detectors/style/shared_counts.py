"""The same texts in many spaces: what the spaces need of each text is counted once.

Spaces that are fitted on nearly the same texts choose nearly the same columns, and to weigh a count
anew costs far less than to count. Knows texts and spaces; knows neither prompts nor authors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.style.space import BATCH, Chosen, Dense, StyleSpace, weighed
from detectors.text.features import FAMILIES, HashedFamily
from detectors.text.pages import page_of

Counts = NDArray[np.uint16]
"""A text is cut to 4,000 characters, so that no n-gram of it is counted higher."""


class SharedCounts:
    """What several fitted spaces need of some texts; each text is read once.

    Holds two bytes a text and column that any of the spaces chose.
    """

    def __init__(self, spaces: Sequence[StyleSpace], texts: Sequence[str]) -> None:
        self._rows = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        chosen: dict[str, list[NDArray[np.int64]]] = {}
        for space in spaces:
            for one in space.chosen:
                chosen.setdefault(one.name, []).append(one.columns)
        self._columns = {name: np.unique(np.concatenate(some)) for name, some in chosen.items()}
        self._counts: dict[str, Counts] = {}
        self._values: dict[str, Dense] = {}
        for name, columns in self._columns.items():
            family = FAMILIES[name]
            if isinstance(family, HashedFamily):
                self._counts[name] = np.empty((len(self._rows), len(columns)), dtype=np.uint16)
            else:
                self._values[name] = np.empty(
                    (len(self._rows), len(family.columns)), dtype=np.float32
                )
        self._read([*self._rows])

    def transform(self, space: StyleSpace, texts: Sequence[str]) -> Dense:
        """The array that ``space.transform`` gives, bit by bit. Raises KeyError for a text or a
        column that was not counted."""
        out = np.empty((len(texts), space.width), dtype=np.float32)
        rows = np.array([self._rows[text] for text in texts], dtype=np.intp)
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            for chosen, where in zip(space.chosen, space.slices.values(), strict=True):
                out[start : start + BATCH, where] = weighed(chosen, self._of(chosen, some))
        return out

    def _of(self, chosen: Chosen, rows: NDArray[np.intp]) -> Dense | NDArray[np.int64]:
        if chosen.name in self._values:
            return self._values[chosen.name][rows]
        every = self._columns[chosen.name]
        places = np.searchsorted(every, chosen.columns)
        if not np.array_equal(every[np.minimum(places, len(every) - 1)], chosen.columns):
            raise KeyError(chosen.name)
        return self._counts[chosen.name][rows[:, None], places].astype(np.int64)

    def _read(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), BATCH):
            pages = [page_of(text) for text in texts[start : start + BATCH]]
            for name, columns in self._columns.items():
                family = FAMILIES[name]
                if isinstance(family, HashedFamily):
                    self._counts[name][start : start + BATCH] = family.some(pages, columns)
                else:
                    self._values[name][start : start + BATCH] = family(pages)
            for page in pages:
                page.let_go()

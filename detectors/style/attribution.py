"""A store of answers, learned: the space, the classifier, and what every stored model scores when
it plays the suspect.

Joins `detectors.pairing` (who said what), `detectors.style.space` (text to numbers) and
`detectors.style.authorship` (numbers to authors). Knows the stored models; learns nothing from a
suspect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from detectors.pairing import AnswerBook
from detectors.style.authorship import Authorship, Rows
from detectors.style.space import Dense, StyleSpace, transform_all

Array = NDArray[np.float64]


class Attribution:
    """The classifier of a book's authors in one space of features.

    ``strangers`` (authors, prompts, authors) holds log P(column | answer of row to prompt) with the
    row's whole vendor left out of the softmax: an approximation to refitting without that vendor,
    which spares one fit a stored model. NaN where a model has no answer or the column is of the
    row's own vendor.
    """

    def __init__(
        self, book: AnswerBook, space: StyleSpace, rows: Rows, *, centred: bool = True
    ) -> None:
        self.book, self.space = book, space
        self.means = np.stack(
            [rows.x[rows.author == a].mean(axis=0) for a in range(len(book.teachers))]
        )
        self.model = Authorship(len(book.teachers), book.fold, centred=centred).fit(rows)
        self.strangers = self._strangers(rows.author, rows.prompt)

    def _strangers(self, author: NDArray[np.int64], prompt: NDArray[np.int64]) -> Array:
        logits = self.model.logits(self.model.held_out)
        vendors, n = self.book.vendors, len(self.book.teachers)
        own = vendors[author][:, None] == vendors[None, :]
        logits[own & ~own.all(axis=1, keepdims=True)] = -np.inf
        log_p = log_softmax(logits, axis=1)
        log_p[own] = np.nan
        out = np.full((n, len(self.book.prompts), n), np.nan)
        out[author, prompt] = log_p
        return out

    def score(self, x: Dense, prompt: Sequence[int]) -> Array:
        """Log P(author | answer) for a suspect's answers in the space, shape (answers, authors),
        each ≤ 0.

        ``prompt`` numbers the book's prompts; -1 for another prompt, which only answers taken alone
        may have.
        """
        return np.asarray(
            log_softmax(self.model.score(x, np.asarray(prompt, dtype=np.int64)), axis=1)
        )

    def families(self, x: Dense, prompt: Sequence[int]) -> dict[str, Array]:
        """Each family's part of the logits of a suspect's answers, (answers, authors); the parts
        and an intercept add up."""
        number = np.asarray(prompt, dtype=np.int64)
        return {
            name: self.model.contribution(x, number, where)
            for name, where in self.space.slices.items()
        }


def attributions(
    book: AnswerBook, families: Sequence[Mapping[str, tuple[int, float]]], *, centred: bool = True
) -> list[Attribution]:
    """One classifier for each choice of families, over the same answers; every text is read once
    for all of them."""
    pairs = [(a, p) for a, said in enumerate(book.answers) for p in said]
    author, prompt = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    texts = [book.answers[a][p] for a, p in pairs]
    spaces = [StyleSpace(chosen).fit(texts) for chosen in families]
    arrays = transform_all(spaces, texts)
    out = []
    for space in spaces:  # each array is let go as soon as it is learned
        out.append(Attribution(book, space, Rows(arrays.pop(0), author, prompt), centred=centred))
    return out

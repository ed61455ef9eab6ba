"""Which stored author does an answer read like? A linear classifier of authors, cross-fitted by
prompt.

Every answer is first compared with the mean of the stored authors' answers to the same prompt, so
that what the prompt is about falls out; then ridge regression on one indicator an author, solved
once for each fold of prompts; then a multinomial logistic regression on the held-out scores, which
makes probabilities of them. An answer to a prompt is always scored by a regression that never saw
that prompt (the last step's few parameters alone see them all). Knows arrays; knows no text.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.linalg import lapack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float64]
Dense = NDArray[np.float32]
Index = NDArray[np.int64]
PENALTY = 3.0
MOST_CALIBRATED = 20_000
BLOCK = 1024


@dataclass(frozen=True)
class Rows:
    """Answers as arrays: features (n, d), the author's number (n,), the prompt's number (n,); a
    prompt's fold is by number."""

    x: Dense
    author: Index
    prompt: Index


class Authorship:
    """The fitted classifier. ``fold`` gives each prompt's fold (by prompt number)."""

    def __init__(
        self, authors: int, fold: Index, *, centred: bool = True, penalty: float = PENALTY
    ) -> None:
        self.authors, self.fold, self.centred, self.penalty = authors, fold, centred, penalty
        self.folds = int(fold.max()) + 1
        self.held_out: Array = np.zeros((0, authors))

    def fit(self, rows: Rows) -> Authorship:
        """Learns from the stored authors' answers; ``held_out`` keeps each row's scores by the fold
        that lacks its prompt.

        ``rows.x`` is used up: it is centred in place, since nothing else is as large.
        """
        self._means = (
            _prompt_means(rows, len(self.fold))
            if self.centred
            else np.zeros((1, rows.x.shape[1]), np.float32)
        )
        x = self._less_prompt(rows.x, rows.prompt, out=rows.x)
        self._centre = x.mean(axis=0)
        x -= self._centre
        target = np.eye(self.authors, dtype=np.float32)[rows.author] - np.float32(1 / self.authors)
        self._solve(x, target, self.fold[rows.prompt])
        self.held_out = self._apply(x, rows.prompt)
        self._calibrate(rows.author)
        return self

    def _less_prompt(self, x: Dense, prompt: Index, out: Dense | None = None) -> Dense:
        if not self.centred:
            return np.subtract(x, self._means, out=out)
        out = np.empty_like(x) if out is None else out
        for start in range(0, len(x), BLOCK):  # by blocks: a row's mean is as large as the row
            some = slice(start, start + BLOCK)
            np.subtract(x[some], self._means[prompt[some]], out=out[some])
        return out

    def _solve(self, x: Dense, target: Dense, fold: Index) -> None:
        """One weight array a fold, learned on the other folds, and what one on all needs; the dual
        form where rows are few."""
        ridge = np.float32(self.penalty)
        if len(x) < x.shape[1]:
            kept = [np.flatnonzero(fold != k) for k in range(self.folds)]
            self._weights = {k: _dual(x[rows], target[rows], ridge) for k, rows in enumerate(kept)}
            self._weights[-1] = _dual(x, target, ridge)
            return
        held = (np.flatnonzero(fold == k) for k in range(self.folds))
        parts = [((part := x[rows]).T @ part, part.T @ target[rows]) for rows in held]
        gram, right = parts[0][0].copy(), parts[0][1].copy()
        for other, said in parts[1:]:
            gram += other
            right += said
        gram[np.diag_indices(len(gram))] += ridge
        self._weights = {}
        for k, (part, told) in enumerate(parts):
            self._weights[k] = _solved(np.subtract(gram, part, out=part), right - told)
        self._whole = (gram, right)

    def weights(self, fold: int) -> Dense:
        """The regression that lacks a fold's prompts; of no fold (-1): the one on all of them,
        solved where it is first asked for, since most audits score no answer taken alone."""
        if fold not in self._weights:
            self._weights[fold] = _solved(*self._whole)
            del self._whole  # as large as the square of the columns
        return self._weights[fold]

    def _apply(self, x: Dense, prompt: Index, where: slice = slice(None)) -> Array:
        """Raw scores by the columns ``where`` (those of ``x``); prompts of no fold (-1) are scored
        by the regression on all of them."""
        out = np.zeros((len(x), self.authors))
        fold = np.where(prompt < 0, -1, self.fold[prompt])
        for k in np.unique(fold):
            out[fold == k] = x[fold == k] @ self.weights(int(k))[where]
        return out

    def _calibrate(self, author: Index) -> None:
        step = max(1, -(-len(author) // MOST_CALIBRATED))
        logistic = LogisticRegression(C=1.0, max_iter=60, tol=1e-3)
        scores, names = self.held_out[::step] * 10, author[::step]
        order = np.argsort(names, kind="stable")
        with (
            warnings.catch_warnings()
        ):  # sixty steps are enough: the objective is convex and the scores few
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = logistic.fit(scores[order], names[order])
        coefficients, intercept = fitted.coef_, fitted.intercept_
        if self.authors == 2:
            coefficients, intercept = (
                np.vstack([-coefficients, coefficients]) / 2,
                np.array([-intercept[0], intercept[0]]) / 2,
            )
        self.coefficients, self.intercept = coefficients * 10, intercept

    def logits(self, raw: Array) -> Array:
        """Calibrated logits of raw scores; softmax over authors gives probabilities."""
        return np.asarray(raw @ self.coefficients.T + self.intercept)

    def score(self, x: Dense, prompt: Index) -> Array:
        """Calibrated logits of new answers, shape (answers, authors), each by the fold that
        lacks its prompt."""
        return self.logits(self._apply(self._less_prompt(x, prompt) - self._centre, prompt))

    def contribution(self, x: Dense, prompt: Index, where: slice) -> Array:
        """The part of `score` that the columns ``where`` bring: logits are a sum over families
        plus an intercept."""
        means = self._means[:, where]
        part = x[:, where] - (means[prompt] if self.centred else means) - self._centre[where]
        return np.asarray(self._apply(part, prompt, where) @ self.coefficients.T)


def _prompt_means(rows: Rows, prompts: int) -> Dense:
    """Mean of the stored answers to each prompt, (prompts, d); zero where nobody answered."""
    counts = np.bincount(rows.prompt, minlength=prompts)
    order, ends = np.argsort(rows.prompt, kind="stable"), np.cumsum(counts)
    sums = np.zeros((prompts, rows.x.shape[1]), dtype=np.float32)
    for held, begins, end in zip(sums, ends - counts, ends, strict=True):
        np.sum(rows.x[order[begins:end]], axis=0, out=held)
    return np.asarray(sums / np.maximum(1, counts)[:, None].astype(np.float32))


def _solved(gram: Dense, right: Dense) -> Dense:
    """The weights of a symmetric positive definite system, which is overwritten. LAPACK's own
    routine: `scipy.linalg.solve` takes twice as long, to tell besides how sure the answer is."""
    _, weights, failed = lapack.sposv(gram.T, right, lower=1, overwrite_a=1)
    if failed:
        raise linalg.LinAlgError(f"a ridge regression has no solution (LAPACK sposv: {failed})")
    return np.ascontiguousarray(weights)


def _dual(x: Dense, target: Dense, ridge: np.float32) -> Dense:
    """Ridge weights through the rows' inner products: the same weights, cheaper where rows are
    fewer than columns."""
    inner = x @ x.T + ridge * np.eye(len(x), dtype=np.float32)
    return np.asarray(x.T @ linalg.solve(inner, target, assume_a="pos"), dtype=np.float32)

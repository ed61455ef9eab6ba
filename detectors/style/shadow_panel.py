"""Which way every shadow, and the suspect, went from the base's answers, and whose students went
that way.

A shadow is a model of known history that was trained from the suspect's base. The panel holds their
answers as arrays; a regularised linear score learns the direction of one teacher's students. Knows
arrays, names and seeds; writes no report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.base import Shadow
from detectors.pairing import FEWEST, ProbeAnswer, style_answers
from detectors.style.space import Dense, StyleSpace
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
PENALTY = 1.0
"""Ridge penalty in units of the mean squared length of the directions. Not tuned beyond the
decades 0.1 to 3."""
ROUNDS = 200
LEAST_ANSWERED = 0.8
STILL = 1e-9


@dataclass(frozen=True)
class HeldOutScore:
    """One shadow's score on one candidate from a fit that knew neither its seed nor, for
    another's student, its source."""

    shadow: int
    candidate: str
    taught: bool
    value: float


@dataclass(frozen=True)
class ShadowPanel:
    """Answers of suspect, base and shadows to the same prompts, as arrays.

    ``x`` (1 + shadows, prompts, columns): what each answer differs in from the base's answer to the
    same prompt, 0 where there is none; the suspect's are the first. ``left_out`` names shadows that
    answered too little. All fits are deterministic.
    """

    suspect: tuple[ProbeAnswer, ...]
    base: tuple[ProbeAnswer, ...]
    shadows: tuple[Shadow, ...]
    left_out: tuple[str, ...]
    space: StyleSpace
    x: Dense

    @classmethod
    def of(
        cls, suspect: Transcript, base: Transcript, shadows: Sequence[Shadow]
    ) -> ShadowPanel | None:
        """The panel on the style-like prompts that suspect and base answered; None where these are
        fewer than twenty.

        A shadow that answered less than 80 % of them is left out; what another did not answer is 0
        in ``x``, so that its direction is that of its own answers. Columns are chosen from
        everybody's answers by how many hold them, never by who wrote them, so that the suspect is
        treated as any shadow.
        """
        mine, theirs = style_answers(suspect), style_answers(base)
        said = {s.name: style_answers(s.transcript) for s in shadows}
        shared = [k for k in sorted(mine) if k in theirs]
        order = sorted(shadows, key=lambda s: s.name)
        kept = tuple(
            s
            for s in order
            if sum(k in said[s.name] for k in shared) >= LEAST_ANSWERED * max(1, len(shared))
        )
        if len(shared) < FEWEST or not kept:
            return None
        books = [mine, theirs, *(said[s.name] for s in kept)]
        places = [(i, j) for i, book in enumerate(books) for j, k in enumerate(shared) if k in book]
        texts = [books[i][shared[j]].text for i, j in places]
        space = StyleSpace().fit(texts)
        told = space.transform(texts)
        found = np.zeros((len(books), len(shared), told.shape[1]), dtype=np.float32)
        rows, columns = (np.array(axis, dtype=np.intp) for axis in zip(*places, strict=True))
        found[rows, columns] = told
        found[rows, columns] -= told[
            len(shared) + columns
        ]  # the base's: its answers are the second block, and whole
        return cls(
            tuple(mine[k] for k in shared),
            tuple(theirs[k] for k in shared),
            kept,
            tuple(s.name for s in order if s not in kept),
            space,
            np.delete(found, 1, axis=0),
        )

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """The teachers whose students are among the shadows, in order of name."""
        return tuple(sorted({name for s in self.shadows for name in s.teachers}))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the shadows that have one."""
        return tuple(sorted({s.seed for s in self.shadows if s.seed is not None}))

    @cached_property
    def directions(self) -> Array:
        """Which way each model went from the base, (1 + shadows, columns): the mean difference over
        prompts, of length 1.

        The length is left out because it tells how long somebody was trained and not by whom. A
        model that answers as the base does stays at zero.
        """
        return _of_length_one(self.x.mean(axis=1, dtype=np.float64))

    @cached_property
    def held_out(self) -> tuple[HeldOutScore, ...]:
        """Every shadow's score on every candidate, where enough others are left to learn from.

        A fit for shadow i and candidate c knows no shadow of i's seed and, unless it is c, none of
        i's source: so a negative stands for a student of somebody who is not among the candidates,
        which is what a suspect may be.
        """
        gram = _gram(self.directions)
        out = []
        for i, shadow in enumerate(self.shadows):
            for c in self.candidates:
                rows = self._rows(c, shadow)
                if rows is not None:
                    value = float(_scores(gram, rows, self._taught(c, rows), 1 + i))
                    out.append(HeldOutScore(i, c, c in shadow.teachers, value))
        return tuple(out)

    @cached_property
    def scores(self) -> Array:
        """The suspect's score on each candidate, (candidates,): the mean over fits that each
        leave one seed out."""
        return self._suspect(self.directions)

    @cached_property
    def rounds(self) -> Array:
        """The suspect's scores under resampling of prompts, (rounds, candidates), shadows and
        suspect on the same draw."""
        n = self.x.shape[1]
        drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=ROUNDS).astype(
            np.float32
        ) / np.float32(n)
        flat = self.x.transpose(1, 0, 2).reshape(n, -1)
        means = ((row @ flat).reshape(len(self.x), -1) for row in drawn)
        return np.stack([self._suspect(_of_length_one(mean.astype(np.float64))) for mean in means])

    def axis(self, candidate: str) -> Array:
        """The direction that the score of a candidate reads, (columns,), the mean over the
        suspect's fits."""
        directions, found = self.directions, []
        gram = _gram(directions)
        for rows in self._folds(candidate):
            taught = self._taught(candidate, rows)
            root, alpha, middle = _fit(gram, rows, taught)
            found.append((root * alpha) @ (directions[rows] - middle @ directions[rows]))
        return np.asarray(np.mean(found, axis=0))

    def contributions(self, candidate: str) -> Array:
        """What each prompt and column adds to the suspect's score, (prompts, columns); a
        constant is left out."""
        mean = self.x[0].mean(axis=0, dtype=np.float64)
        length = max(float(np.linalg.norm(mean)), STILL)
        return np.asarray(self.x[0] * (self.axis(candidate) / length) / len(self.x[0]))

    def _suspect(self, directions: Array) -> Array:
        gram = _gram(directions)
        return np.array(
            [
                np.mean([_scores(gram, rows, self._taught(c, rows), 0) for rows in self._folds(c)])
                for c in self.candidates
            ]
        )

    def _folds(self, candidate: str) -> list[Indices]:
        """The rows of each fit that the suspect is scored by: one seed left out, where the
        candidate has two."""
        kept = [
            [1 + i for i, s in enumerate(self.shadows) if s.seed != seed] for seed in self.seeds
        ]
        usable = [np.array(rows, dtype=np.intp) for rows in kept if self._both(candidate, rows)]
        return usable or [np.arange(1, len(self.shadows) + 1, dtype=np.intp)]

    def _rows(self, candidate: str, shadow: Shadow) -> Indices | None:
        mine = shadow.sources - {candidate}
        kept = [
            1 + i
            for i, s in enumerate(self.shadows)
            if s is not shadow
            and not (s.sources & mine)
            and (s.seed is None or s.seed != shadow.seed)
        ]
        return np.array(kept, dtype=np.intp) if self._both(candidate, kept) else None

    def _both(self, candidate: str, rows: Sequence[int]) -> bool:
        return len({candidate in self.shadows[row - 1].teachers for row in rows}) == 2

    def _taught(self, candidate: str, rows: Indices) -> NDArray[np.bool_]:
        return np.array(
            [candidate in self.shadows[row - 1].teachers for row in rows], dtype=np.bool_
        )


def _of_length_one(means: Array) -> Array:
    length = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.where(length > STILL, length, np.inf))


def _gram(directions: Array) -> Array:
    return np.asarray(directions @ directions.T)


def _fit(gram: Array, rows: Indices, taught: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Ridge regression of ±1 in its dual form, both sides of equal weight: (root weights, dual
    weights, centre weights)."""
    weights = np.where(taught, 0.5 / taught.sum(), 0.5 / (~taught).sum())
    root = np.sqrt(weights)
    part = gram[np.ix_(rows, rows)]
    centred = part - weights @ part - (part @ weights)[:, None] + weights @ part @ weights
    kernel = root[:, None] * centred * root
    ridge = PENALTY * max(float(np.trace(kernel)) / len(kernel), STILL)
    alpha = np.linalg.solve(
        kernel + ridge * np.eye(len(kernel)), root * np.where(taught, 1.0, -1.0)
    )
    return root, alpha, weights


def _scores(gram: Array, rows: Indices, taught: NDArray[np.bool_], test: int) -> float:
    root, alpha, weights = _fit(gram, rows, taught)
    part, mine = gram[np.ix_(rows, rows)], gram[test, rows]
    centred = mine - weights @ mine - weights @ part + weights @ part @ weights
    return float((root * alpha) @ centred)

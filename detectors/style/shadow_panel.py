"""Which way every shadow, and the suspect, went from the base's answers, and whose students went
that way.

A shadow is a model of known history that was trained from the suspect's base. The panel holds their
answers as arrays; a regularised linear score learns the direction of one teacher's students. Knows
arrays, names and seeds; writes no report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.base import Shadow
from detectors.pairing import FEWEST, ProbeAnswer, style_answers
from detectors.style.ridge_fits import RidgeFits, Spectrum, fit_alone
from detectors.style.shared_counts import SharedCounts
from detectors.style.space import Dense, StyleSpace
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
ROUNDS = 200
ROUNDS_AT_ONCE = 20
"""Rounds whose means are taken together: each reads all answers once."""
SHADOWS_AT_ONCE = 16
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
        texts = _PanelTexts.of(suspect, base, shadows)
        if texts is None:
            return None
        space = StyleSpace().fit(texts.texts)
        return texts.panel(space, space.transform(texts.texts))

    @classmethod
    def of_each(
        cls, cases: Sequence[tuple[Transcript, Sequence[Shadow]]], base: Transcript
    ) -> Iterator[ShadowPanel | None]:
        """The panel of each case (a suspect's answers, shadows) of one base, the same as by
        itself; what they have in common is read once."""
        found = [_PanelTexts.of(suspect, base, shadows) for suspect, shadows in cases]
        spaces = [None if one is None else StyleSpace().fit(one.texts) for one in found]
        fitted = [space for space in spaces if space is not None]
        every = dict.fromkeys(text for one in found if one is not None for text in one.texts)
        counts = SharedCounts(fitted, [*every])
        for one, space in zip(found, spaces, strict=True):
            if one is None or space is None:
                yield None
            else:
                yield one.panel(space, counts.transform(space, one.texts))

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
        if not self.candidates:
            return ()
        known = Spectrum.of(_gram(self.directions[1:]))
        out: list[HeldOutScore] = []
        for start in range(0, len(self.shadows), SHADOWS_AT_ONCE):
            some = range(start, min(start + SHADOWS_AT_ONCE, len(self.shadows)))
            out += self._held_out(known, some)
        return tuple(out)

    @cached_property
    def scores(self) -> Array:
        """The suspect's score on each candidate, (candidates,): the mean over fits that each
        leave one seed out."""
        return self._suspect(_gram(self.directions))

    @cached_property
    def rounds(self) -> Array:
        """The suspect's scores under resampling of prompts, (rounds, candidates), shadows and
        suspect on the same draw."""
        n = self.x.shape[1]
        drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=ROUNDS).astype(
            np.float32
        ) / np.float32(n)
        flat = self.x.transpose(1, 0, 2).reshape(n, -1)
        out = []
        for start in range(0, ROUNDS, ROUNDS_AT_ONCE):
            means = drawn[start : start + ROUNDS_AT_ONCE] @ flat
            for mean in means.reshape(len(means), len(self.x), -1):
                out.append(self._suspect(_gram_of_length_one(mean.astype(np.float64))))
        return np.stack(out)

    def axis(self, candidate: str) -> Array:
        """The direction that the score of a candidate reads, (columns,), the mean over the
        suspect's fits."""
        if candidate not in self._axes:
            self._axes[candidate] = self._axis(self.candidates.index(candidate))
        return self._axes[candidate]

    @cached_property
    def _axes(self) -> dict[str, Array]:
        return {}

    def _axis(self, candidate: int) -> Array:
        directions, found = self.directions, []
        gram = _gram(directions)
        for kept in self._folds(candidate):
            rows = 1 + np.flatnonzero(kept)
            root, alpha, middle = fit_alone(gram, rows, self._taught[candidate, kept])
            found.append((root * alpha) @ (directions[rows] - middle @ directions[rows]))
        return np.asarray(np.mean(found, axis=0))

    def contributions(self, candidate: str) -> Array:
        """What each prompt and column adds to the suspect's score, (prompts, columns); a
        constant is left out."""
        mean = self.x[0].mean(axis=0, dtype=np.float64)
        length = max(float(np.linalg.norm(mean)), STILL)
        return np.asarray(self.x[0] * (self.axis(candidate) / length) / len(self.x[0]))

    def _suspect(self, gram: Array) -> Array:
        fits, of = self._suspects_fits
        found = fits.scores(Spectrum.of(gram))
        out = np.full(len(self.candidates), np.nan)
        for place in np.unique(of):
            out[place] = found[of == place].mean()
        return out

    @cached_property
    def _suspects_fits(self) -> tuple[RidgeFits, Indices]:
        """The fits that score the suspect, and the number of each one's candidate."""
        folds = [self._folds(c) for c in range(len(self.candidates))]
        of = np.repeat(np.arange(len(folds)), [len(kept) for kept in folds])
        rows, taught = np.concatenate(folds), self._taught[of]
        # From a candidate who taught everybody nobody can be told.
        usable = _both(rows, taught)
        # The suspect is the first row, which no fit keeps.
        kept, taught = (np.pad(flags[usable], ((0, 0), (1, 0))) for flags in (rows, taught))
        return RidgeFits(kept, taught, np.zeros(len(kept), dtype=np.intp)), of[usable]

    def _folds(self, candidate: int) -> Flags:
        """The shadows that each fit keeps which scores the suspect, (fits, shadows): one seed left
        out, where the candidate has two."""
        seeds = [s.seed for s in self.shadows]
        kept = np.array([[seed != out for seed in seeds] for out in self.seeds], dtype=np.bool_)
        kept = kept.reshape(len(self.seeds), len(seeds))
        kept = kept[_both(kept, self._taught[candidate])]
        return kept if len(kept) else np.ones((1, len(seeds)), dtype=np.bool_)

    def _held_out(self, known: Spectrum, some: range) -> Iterator[HeldOutScore]:
        """The held-out scores of some shadows: no fit keeps one of its own seed, or of a source of
        its own but the candidate."""
        shadows, candidates = np.divmod(
            np.arange(len(some) * len(self.candidates)), len(self.candidates)
        )
        shadows += some.start
        taught, ours = self._taught[candidates], self._sources[shadows]
        # The candidate's students are kept, also where the shadow is one of them.
        ours[np.arange(len(shadows)), self._places[candidates]] = 0
        kept = (ours @ self._sources.T == 0) & ~self._same_seed[shadows]
        kept[np.arange(len(shadows)), shadows] = False
        usable = np.flatnonzero(_both(kept, taught))
        values = RidgeFits(kept[usable], taught[usable], shadows[usable]).scores(known)
        for i, c, value in zip(shadows[usable], candidates[usable], values, strict=True):
            own = bool(self._taught[c, i])
            yield HeldOutScore(int(i), self.candidates[c], own, float(value))

    @cached_property
    def _taught(self) -> Flags:
        """Which shadows each candidate taught, (candidates, shadows)."""
        told = [[name in s.teachers for s in self.shadows] for name in self.candidates]
        return np.array(told, dtype=np.bool_)

    @cached_property
    def _every_source(self) -> tuple[str, ...]:
        return tuple(sorted({name for s in self.shadows for name in s.sources}))

    @cached_property
    def _sources(self) -> NDArray[np.float32]:
        """What each shadow learned from, (shadows, sources): 1 where it did."""
        told = [[name in s.sources for name in self._every_source] for s in self.shadows]
        return np.array(told, dtype=np.float32)

    @cached_property
    def _places(self) -> Indices:
        """Which of the sources each candidate is, (candidates,)."""
        return np.array([self._every_source.index(name) for name in self.candidates], dtype=np.intp)

    @cached_property
    def _same_seed(self) -> Flags:
        """Which shadows are of one seed, (shadows, shadows)."""
        seeds = [s.seed for s in self.shadows]
        return np.array([[a is not None and a == b for b in seeds] for a in seeds], np.bool_)


@dataclass(frozen=True)
class _PanelTexts:
    """Who is on a panel, and what each said: the suspect, the base, then every shadow that is
    kept, by name."""

    mine: Mapping[str, ProbeAnswer]
    theirs: Mapping[str, ProbeAnswer]
    shared: tuple[str, ...]
    kept: tuple[Shadow, ...]
    left_out: tuple[str, ...]
    answered: tuple[Indices, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(
        cls, suspect: Transcript, base: Transcript, shadows: Sequence[Shadow]
    ) -> _PanelTexts | None:
        """The texts of a case; None where suspect and base share fewer than twenty prompts, or no
        shadow answered 80 % of them."""
        mine, theirs = style_answers(suspect), style_answers(base)
        shared = tuple(k for k in sorted(mine) if k in theirs)
        books = {s.name: style_answers(s.transcript) for s in shadows}
        order = sorted(shadows, key=lambda s: s.name)
        kept = tuple(
            s
            for s in order
            if sum(k in books[s.name] for k in shared) >= LEAST_ANSWERED * max(1, len(shared))
        )
        if len(shared) < FEWEST or not kept:
            return None
        said = [mine, theirs, *(books[s.name] for s in kept)]
        answered = tuple(
            np.array([j for j, k in enumerate(shared) if k in book], dtype=np.intp) for book in said
        )
        texts = tuple(
            book[shared[j]].text
            for book, places in zip(said, answered, strict=True)
            for j in places.tolist()
        )
        left_out = tuple(s.name for s in order if s not in kept)
        return cls(mine, theirs, shared, kept, left_out, answered, texts)

    def panel(self, space: StyleSpace, told: Dense) -> ShadowPanel:
        """The panel, from the array of the texts."""
        n = len(self.shared)
        x = np.zeros((1 + len(self.kept), n, told.shape[1]), dtype=np.float32)
        ends = np.cumsum([len(places) for places in self.answered])
        base = told[n : 2 * n]
        own = [0, *range(2, len(self.answered))]  # all but the base
        for rows, book in zip(x, own, strict=True):
            places = self.answered[book]
            rows[places] = told[ends[book] - len(places) : ends[book]] - base[places]
        return ShadowPanel(
            tuple(self.mine[k] for k in self.shared),
            tuple(self.theirs[k] for k in self.shared),
            self.kept,
            self.left_out,
            space,
            x,
        )


def _both(kept: Flags, taught: Flags) -> Flags:
    """Which fits (fits, shadows) keep a shadow that is taught and one that is not."""
    return np.asarray((kept & taught).any(axis=-1) & (kept & ~taught).any(axis=-1))


def _of_length_one(means: Array) -> Array:
    length = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.where(length > STILL, length, np.inf))


def _gram(directions: Array) -> Array:
    return np.asarray(directions @ directions.T)


def _gram_of_length_one(means: Array) -> Array:
    """That of the means made of length 1, without a copy of them."""
    gram = _gram(means)
    length = np.sqrt(np.diag(gram))
    inverse = 1 / np.where(length > STILL, length, np.inf)
    return np.asarray(gram * inverse * inverse[:, None])

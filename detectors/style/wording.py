"""How much of one answer's wording stands in other answers to the same prompt? Rare runs of one to
four words, weighed.

A run of words counts by how few stored models say it on that prompt, and not at all where the
prompt holds it. Knows the stored models' texts and numbers; learns nothing of a suspect, and knows
no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.lineup import Lineup
from detectors.text.ngrams import distinct
from detectors.text.shingles import codes_of, grams

Array = NDArray[np.float64]
Runs = NDArray[np.uint32]
SIZES = (1, 2, 3, 4)
# Chosen among some 190 variants on the suspects that docs/benchmarks.md shows, as it says there.
LEAST = 0.003
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Said:
    """What the stored models say on one prompt, in runs of one length.

    ``runs`` are all different ones, sorted; ``places`` index into them, model after model, the
    models' parts beginning at ``starts`` (models + 1,); ``weight`` is each run's rarity, ln((n +
    1)/(k + ½)) where k of the n models say it.
    """

    runs: Runs
    places: NDArray[np.int32]
    starts: NDArray[np.int64]
    weight: NDArray[np.float32]
    unheard: float

    def told(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Which model says which of the runs that two or more say, (models, runs), 0 or 1; and how
        many more runs each says that nobody else does, (models,). Most runs are of the latter kind.
        """
        often = np.bincount(self.places, minlength=len(self.runs)) > 1
        column, kept = np.cumsum(often) - 1, often[self.places]
        models = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        held = np.zeros((len(self.starts) - 1, int(often.sum())), dtype=np.float32)
        held[models[kept], column[self.places[kept]]] = 1.0
        return held, np.bincount(models[~kept], minlength=len(held)).astype(np.float32)

    def totals(self, values: NDArray[np.float32]) -> Array:
        """The sum over each model's runs of a value per run, (models,)."""
        running = np.concatenate([[0.0], np.cumsum(values[self.places], dtype=np.float64)])
        return np.asarray(running[self.starts[1:]] - running[self.starts[:-1]])


class Wording:
    """The stored models' answers, indexed by prompt. ``strangers`` (prompts, models, models): row j
    holds what model j's answer shares with each other vendor's, with j's whole vendor left out of
    what is rare; NaN for models of its vendor.

    Shares are cosines of weighed sets of runs, in natural logarithm, the mean of those for runs of
    one to four words.
    """

    def __init__(
        self, answers: Sequence[Mapping[int, str]], prompts: Sequence[str], lineup: Lineup
    ) -> None:
        self.prompts = prompts
        self.vendors = lineup.vendors
        self.said: list[list[Said]] = []
        self.strangers = np.full((len(prompts), len(answers), len(answers)), np.nan)
        for number, prompt in enumerate(prompts):
            texts = [said.get(number, "") for said in answers]
            silent = np.array([not t.strip() for t in texts])
            said = [_said(*runs, int((~silent).sum())) for runs in _runs(texts, prompt)]
            self.said.append(said)
            shared = np.mean([_played(s, self.vendors, silent) for s in said], axis=0)
            shared[silent], shared[:, silent] = np.nan, np.nan
            self.strangers[number] = shared

    def shared(self, answers: Mapping[int, str]) -> Array:
        """What a suspect's answers share with each stored model's, (prompts, models), NaN where
        either has none."""
        out = np.full(self.strangers.shape[:2], np.nan)
        for number, text in answers.items():
            if not text.strip():
                continue
            by_size = _runs([text], self.prompts[number])
            parts = [
                _logs(*_against(runs, said))
                for (runs, _), said in zip(by_size, self.said[number], strict=True)
            ]
            silent = np.isnan(self.strangers[number]).all(axis=0)
            out[number] = np.where(silent, np.nan, np.mean(parts, axis=0))
        return out


def _runs(texts: Sequence[str], prompt: str) -> list[tuple[Runs, NDArray[np.int64]]]:
    """The different runs of each text that the prompt doesn't hold, for each length: text after
    text, sorted within one, and where each text's begin (texts + 1,)."""
    asked, codes = codes_of(prompt), [codes_of(t) for t in texts]
    rows = np.repeat(np.arange(len(codes), dtype=np.uint64), [len(c) for c in codes])
    together, out = np.concatenate(codes), []
    for size in SIZES:
        begun = rows[: max(0, len(rows) - size + 1)]
        whole = begun == rows[size - 1 :]
        keys = distinct((begun[whole] << _HALF) | (grams(together, size)[whole] >> _HALF))
        runs = keys.astype(np.uint32)
        kept = ~np.isin(runs, _hashed(asked, size))
        out.append(
            (
                runs[kept],
                np.searchsorted(keys[kept] >> _HALF, np.arange(len(codes) + 1, dtype=np.uint64)),
            )
        )
    return out


def _hashed(codes: Runs, size: int) -> Runs:
    return np.asarray(grams(codes, size) >> _HALF, dtype=np.uint32)


def _said(runs: Runs, starts: NDArray[np.int64], speakers: int) -> Said:
    every, places, counts = np.unique(runs, return_inverse=True, return_counts=True)
    weight = _rarity(counts, speakers)
    return Said(
        every, places.astype(np.int32), starts, weight, float(_rarity(np.zeros(1), speakers)[0])
    )


def _rarity(counts: NDArray[np.number], speakers: int | NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.log((speakers + 1.0) / (counts + 0.5)), dtype=np.float32)


def _played(said: Said, vendors: NDArray[np.str_], silent: NDArray[np.bool_]) -> Array:
    """Each model as the suspect against all models, (players, models), its own vendor left out
    of what is rare and NaN."""
    held, single = said.told()
    makers, maker = np.unique(vendors, return_inverse=True)
    of_maker = (maker == np.arange(len(makers))[:, None]).astype(np.float32)
    others = int((~silent).sum()) - (of_maker @ ~silent)
    weight = _rarity(held.sum(axis=0) - of_maker @ held, others[:, None])
    unheard, heard_once = (_rarity(np.full_like(others, k), others) for k in (0.0, 1.0))
    size = held @ weight.T
    mine = size[np.arange(len(held)), maker] + single * unheard[maker]
    theirs = size.T[maker] + single * heard_once[maker][:, None]
    out = _logs((held * weight[maker]) @ held.T, mine[:, None], theirs)
    out[maker[:, None] == maker] = np.nan
    return out


def _against(runs: Runs, said: Said) -> tuple[Array, float, Array]:
    """The weight that one text's runs share with each model's, its own weight, and the models'
    weights."""
    place = np.searchsorted(said.runs, runs)
    known = place < len(said.runs)
    known[known] = said.runs[place[known]] == runs[known]
    mine = np.zeros(len(said.runs), dtype=np.float32)
    mine[place[known]] = said.weight[place[known]]
    own = float(mine.sum()) + said.unheard * int((~known).sum())
    return said.totals(mine), own, said.totals(said.weight)


def _logs(shared: Array, mine: Array | float, theirs: Array) -> Array:
    """ln of the cosine of weighed sets, a little added so that nothing shared stays finite."""
    size = np.sqrt(np.maximum(np.asarray(mine) * theirs, 1e-9))
    return np.asarray(np.log(np.minimum(shared / size, 1.0) + LEAST))

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
from detectors.text.ngrams import Codes, distinct
from detectors.text.shingles import codes_of, grams

Array = NDArray[np.float64]
Runs = NDArray[np.uint32]
Places = NDArray[np.int64]
SIZES = (1, 2, 3, 4)
# Chosen among some 190 variants on the suspects that docs/benchmarks.md shows, as it says there.
LEAST = 0.003
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Said:
    """What the stored models say on one prompt, in runs of one length.

    ``runs`` are all different ones, sorted; those who say run i are ``models[starts[i]:starts[i +
    1]]``. ``weight`` is each run's rarity, ln((n + 1)/(k + ½)) where k of the n models say it, and
    ``unheard`` that of a run that nobody says.
    """

    runs: Runs
    models: NDArray[np.int32]
    starts: Places
    weight: NDArray[np.float32]
    unheard: float

    def told(self, models: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Which model says which of the runs that two or more say, (models, runs), 0 or 1; and how
        many more runs each says that nobody else does, (models,). Most runs are of the latter kind.
        """
        counts = np.diff(self.starts)
        often = counts > 1
        kept = np.repeat(often, counts)
        held = np.zeros((models, int(often.sum())), dtype=np.float32)
        held[self.models[kept], np.repeat(np.arange(held.shape[1]), counts[often])] = 1.0
        alone = np.bincount(self.models[~kept], minlength=models)
        return held, alone.astype(np.float32)


@dataclass(frozen=True)
class SaidEverywhere:
    """`Said` of all prompts in one, to read all answers of a suspect at a time.

    ``keys`` hold the prompt's number in their upper half and the run in the lower one, sorted;
    ``models``, ``starts`` and ``weight`` as in `Said`; ``unheard`` (prompts,); ``sizes`` (prompts,
    models) are the weights of each model's runs in sum.
    """

    keys: Codes
    models: NDArray[np.int32]
    starts: Places
    weight: NDArray[np.float32]
    unheard: Array
    sizes: Array

    @classmethod
    def of(cls, said: Sequence[Said], models: int) -> SaidEverywhere:
        """Joins the prompts in their order."""
        keys = [s.runs.astype(np.uint64) | (np.uint64(i) << _HALF) for i, s in enumerate(said)]
        counts = [np.diff(s.starts) for s in said]
        sizes = [
            np.bincount(s.models, np.repeat(s.weight, n), minlength=models)
            for s, n in zip(said, counts, strict=True)
        ]
        return cls(
            np.concatenate(keys),
            np.concatenate([s.models for s in said]),
            np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
            np.concatenate([s.weight for s in said]),
            np.array([s.unheard for s in said]),
            np.stack(sizes),
        )

    def against(self, keys: Codes) -> tuple[Array, Array]:
        """The weight that a suspect's runs (keys like these, sorted) share with each model's on
        each prompt, (prompts, models), and the weight of its runs, (prompts, 1)."""
        place = np.searchsorted(self.keys, keys)
        known = place < len(self.keys)
        known[known] = self.keys[place[known]] == keys[known]
        hits, prompts, models = place[known], len(self.unheard), self.sizes.shape[1]
        prompt = (keys >> _HALF).astype(np.int64)
        counts = self.starts[hits + 1] - self.starts[hits]
        # Positions start, start + 1, … of every hit's models, one hit after another.
        begun = np.repeat(self.starts[hits] - (np.cumsum(counts) - counts), counts)
        cell = np.repeat(prompt[known] * models, counts)
        cell += self.models[begun + np.arange(len(begun))]
        weights = np.repeat(self.weight[hits].astype(np.float64), counts)
        shared = np.bincount(cell, weights, minlength=prompts * models)
        own = self.unheard * np.bincount(prompt[~known], minlength=prompts)
        own += np.bincount(prompt[known], self.weight[hits], minlength=prompts)
        return np.asarray(shared.reshape(prompts, models), dtype=float), own[:, None]


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
        self.prompts, self.vendors = prompts, lineup.vendors
        self.strangers = np.full((len(prompts), len(answers), len(answers)), np.nan)
        held: list[list[Said]] = [[] for _ in SIZES]
        for number, prompt in enumerate(prompts):
            texts = [said.get(number, "") for said in answers]
            silent = np.array([not t.strip() for t in texts])
            said = [_said(*runs, int((~silent).sum())) for runs in _runs(texts, prompt)]
            for parts, part in zip(held, said, strict=True):
                parts.append(part)
            shared = np.mean([_played(s, self.vendors, silent) for s in said], axis=0)
            shared[silent], shared[:, silent] = np.nan, np.nan
            self.strangers[number] = shared
        self.asked = _keys([codes_of(p) for p in prompts], range(len(prompts)))
        self.silent = np.isnan(self.strangers).all(axis=1)
        self.said = [SaidEverywhere.of(parts, len(answers)) for parts in held]

    def shared(self, answers: Mapping[int, str]) -> Array:
        """What a suspect's answers share with each stored model's, (prompts, models), NaN where
        either has none."""
        out = np.full(self.strangers.shape[:2], np.nan)
        spoken = sorted(number for number, text in answers.items() if text.strip())
        if not spoken:
            return out
        by_size, parts = _keys([codes_of(answers[n]) for n in spoken], spoken), []
        for keys, asked, said in zip(by_size, self.asked, self.said, strict=True):
            mine, own = said.against(keys[~np.isin(keys, asked, assume_unique=True)])
            parts.append(_logs(mine[spoken], own[spoken], said.sizes[spoken]))
        out[spoken] = np.where(self.silent[spoken], np.nan, np.mean(parts, axis=0))
        return out


def _keys(codes: Sequence[Runs], numbers: Sequence[int]) -> list[Codes]:
    """The different runs of some texts for each length, sorted: each text's number in the upper
    half, the run in the lower one."""
    rows = np.repeat(np.array(numbers, dtype=np.uint64), [len(c) for c in codes])
    together, out = np.concatenate(codes), []
    for size in SIZES:
        begun = rows[: max(0, len(rows) - size + 1)]
        whole = begun == rows[size - 1 :]
        out.append(distinct((begun[whole] << _HALF) | (grams(together, size)[whole] >> _HALF)))
    return out


def _runs(texts: Sequence[str], prompt: str) -> list[tuple[Runs, Places]]:
    """The different runs of each text that the prompt doesn't hold, for each length: text after
    text, sorted within one, and where each text's begin (texts + 1,)."""
    out, ends = [], np.arange(len(texts) + 1, dtype=np.uint64)
    by_size = _keys([codes_of(t) for t in texts], range(len(texts)))
    for keys, asked in zip(by_size, _keys([codes_of(prompt)], [0]), strict=True):
        runs = keys.astype(np.uint32)
        kept = ~np.isin(runs, asked.astype(np.uint32))
        out.append((runs[kept], np.searchsorted(keys[kept] >> _HALF, ends)))
    return out


def _said(runs: Runs, starts: Places, speakers: int) -> Said:
    order = np.argsort(runs, kind="stable")
    models = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))[order]
    held = runs[order]
    first = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]])) if len(held) else order
    ends = np.append(first, len(held))
    weight = _rarity(np.diff(ends), speakers)
    return Said(held[first], models, ends, weight, float(_rarity(np.zeros(1), speakers)[0]))


def _rarity(counts: NDArray[np.number], speakers: int | NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.log((speakers + 1.0) / (counts + 0.5)), dtype=np.float32)


def _played(said: Said, vendors: NDArray[np.str_], silent: NDArray[np.bool_]) -> Array:
    """Each model as the suspect against all models, (players, models), its own vendor left out
    of what is rare and NaN."""
    held, single = said.told(len(vendors))
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


def _logs(shared: Array, mine: Array, theirs: Array) -> Array:
    """ln of the cosine of weighed sets, a little added so that nothing shared stays finite."""
    size = np.sqrt(np.maximum(mine * theirs, 1e-9))
    return np.asarray(np.log(np.minimum(shared / size, 1.0) + LEAST))

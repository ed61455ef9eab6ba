"""Which long runs of one model's answers stand in another's, and nowhere else among the stored models or prompts?

An index of hashed n-grams over a book of stored answers. Knows texts and vendors; writes no report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.ngrams import Codes, WordCodes
from detectors.shingles import LONG, SEED, Page, Run, grams, is_long, longest_free, page_of, placed, shared_runs, token_codes

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Copy:
    """One long run: its characters in the copying answer and in the source, its tokens, how many nobody else has."""

    prompt: int
    source_prompt: int
    span: tuple[int, int]
    source_span: tuple[int, int]
    tokens: int
    free: int

    @property
    def characters(self) -> int:
        """Length of the whole run in the copying answer."""
        return self.span[1] - self.span[0]


@dataclass(frozen=True)
class Spoken:
    """One model's answers as n-grams: seeds bound to their prompt, and long n-grams with the prompt each stands in."""

    answers: Mapping[int, str]
    bare: Codes
    seeds: Codes
    seed_prompts: Places
    longs: Codes
    long_prompts: Places

    def only(self, seeds: Flags, longs: Flags) -> Spoken:
        """The same with some n-grams left out."""
        return Spoken(
            self.answers, self.bare, self.seeds[seeds], self.seed_prompts[seeds], self.longs[longs], self.long_prompts[longs]
        )


class Voices:
    """How many vendors hold an n-gram."""

    def __init__(self, by_vendor: Sequence[Codes]) -> None:
        self._known, self._counts = np.unique(np.concatenate([*by_vendor, np.zeros(0, np.uint64)]), return_counts=True)

    def of(self, hashes: Codes) -> Places:
        """Vendors that hold each n-gram, 0 where nobody does."""
        if not len(self._known):
            return np.zeros(len(hashes), dtype=np.int64)
        at = np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)
        return np.asarray(np.where(self._known[at] == hashes, self._counts[at], 0), dtype=np.int64)


class CopyIndex:
    """The stored answers of a book, ready to be searched. ``vendors`` (models,) says whose n-grams count as one voice."""

    def __init__(self, answers: Sequence[Mapping[int, str]], vendors: NDArray[np.str_], prompts: Sequence[str]) -> None:
        self._numbers = WordCodes()
        self.vendors = vendors
        asked = [grams(token_codes(page_of(p), self._numbers), SEED) for p in prompts]
        self._asked = np.unique(np.concatenate([*asked, np.zeros(0, np.uint64)]))
        self._spoken = [self.read(said) for said in answers]
        self._of_vendor = self._joined([s.bare for s in self._spoken])
        self._voices = Voices(list(self._of_vendor.values()))
        long_voices = Voices(list(self._joined([s.longs for s in self._spoken]).values()))
        self._rare = [self._shared_by_two(s, long_voices) for s in self._spoken]

    def _joined(self, hashes: Sequence[Codes]) -> dict[str, Codes]:
        """Each vendor's n-grams, sorted, each once."""
        names = sorted(set(self.vendors.tolist()))
        return {
            v: np.unique(np.concatenate([h for h, own in zip(hashes, self.vendors, strict=True) if own == v])) for v in names
        }

    def read(self, answers: Mapping[int, str]) -> Spoken:
        """A model's answers as n-grams."""
        seeds, longs, at_seeds, at_longs = [], [], [], []
        for prompt, text in sorted(answers.items()):
            codes = token_codes(page_of(text), self._numbers)
            seeds.append(grams(codes, SEED))
            longs.append(grams(codes, LONG))
            at_seeds.append(np.full(len(seeds[-1]), prompt, dtype=np.int64))
            at_longs.append(np.full(len(longs[-1]), prompt, dtype=np.int64))
        none, nowhere = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        bare, where = np.concatenate([*seeds, none]), np.concatenate([*at_seeds, nowhere])
        long = (np.concatenate([*longs, none]), np.concatenate([*at_longs, nowhere]))
        return Spoken(answers, bare, placed(bare, where), where, *long)

    def _shared_by_two(self, spoken: Spoken, long_voices: Voices) -> Spoken:
        """What can matter between stored models of two vendors: n-grams that just two vendors hold, and no prompt."""
        return spoken.only(
            (self._voices.of(spoken.bare) == 2) & ~np.isin(spoken.bare, self._asked), long_voices.of(spoken.longs) == 2
        )

    def copies(self, player: int | None, suspect: Spoken | None, candidate: int) -> tuple[list[Copy], int]:
        """What a stored model (``player``) or the suspect has in common with the candidate alone, and how many long runs
        more were dropped since prompts or other vendors' models hold them too.

        Each text counts once, at the first prompt where it stands. Answers to the same prompt are compared first, then
        n-grams of 13 tokens with all of the candidate's answers.
        """
        if player is not None:
            mine, theirs = self._rare[player], self._rare[candidate]
            own = {self.vendors[player], self.vendors[candidate]}
        elif suspect is not None:
            mine, theirs, own = suspect, self._spoken[candidate], {self.vendors[candidate]}
        else:
            raise ValueError("either a stored model or the suspect plays")
        found: list[Copy] = []
        dropped, told = 0, set[tuple[str, ...]]()
        for prompt, source in _places_to_look(mine, theirs):
            page, other = page_of(mine.answers[prompt]), page_of(theirs.answers[source])
            covered = self._covered(page, own)
            for run in shared_runs(page, other):
                if (source != prompt and run.end - run.start < LONG) or not is_long(page, run.start, run.end):
                    continue
                free = longest_free(run, covered)
                windows = {page.tokens[i : i + SEED] for i in range(free[0], free[1] - SEED + 1)}
                if not is_long(page, *free):
                    dropped += 1
                elif not windows & told:
                    told |= windows
                    found.append(_copy(prompt, source, page, other, run, free[1] - free[0]))
        return found, dropped

    def _covered(self, page: Page, own: set[str]) -> Flags:
        """Tokens of a page inside an 8-gram that a prompt or a vendor besides ``own`` holds, (tokens,)."""
        hashes = grams(token_codes(page, self._numbers), SEED)
        voices = self._voices.of(hashes) - sum(_held(hashes, self._of_vendor[v]).astype(np.int64) for v in sorted(own))
        common = (voices > 0) | _held(hashes, self._asked)
        out = np.zeros(len(page.tokens), dtype=bool)
        for start in np.flatnonzero(common):
            out[start : start + SEED] = True
        return out


def _held(hashes: Codes, known: Codes) -> Flags:
    """Whether each n-gram is among the known ones, which are sorted: a search a page, and not a sort of all that is stored."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[at] == hashes, dtype=bool)


def _places_to_look(mine: Spoken, theirs: Spoken) -> list[tuple[int, int]]:
    """Pairs (own prompt, source prompt): the same prompt where a seed is shared, then other prompts with a shared 13-gram."""
    same = np.unique(mine.seed_prompts[np.isin(mine.seeds, theirs.seeds)]).tolist()
    order = np.argsort(theirs.longs, kind="stable")
    sources = theirs.longs[order]
    hits = np.flatnonzero(np.isin(mine.longs, sources))
    at = order[np.searchsorted(sources, mine.longs[hits])] if len(hits) else hits
    pairs = {(int(p), int(q)) for p, q in zip(mine.long_prompts[hits], theirs.long_prompts[at], strict=True)}
    return [(p, p) for p in same] + sorted((p, q) for p, q in pairs if p != q)


def _copy(prompt: int, source: int, page: Page, other: Page, run: Run, free: int) -> Copy:
    last = run.other + run.end - run.start - 1
    span = (page.places[run.start][0], page.places[run.end - 1][1])
    return Copy(prompt, source, span, (other.places[run.other][0], other.places[last][1]), run.end - run.start, free)

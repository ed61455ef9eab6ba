"""Which long runs of one model's answers stand in another's, and nowhere else among the stored
models or prompts?

An index of hashed n-grams over a book of stored answers. Knows texts and vendors; writes no report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.text.ngrams import Codes, distinct
from detectors.text.shingles import (
    LONG,
    SEED,
    Run,
    TokenText,
    codes_of,
    grams,
    is_long,
    longest_free,
    page_of,
    placed,
    shared_runs,
)

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]
MOST_HEARD = 2048
_BITS = 20
_FIRST = np.uint64(64 - _BITS)


@dataclass(frozen=True)
class Copy:
    """One long run: its characters in the copying answer and in the source, its tokens, how many
    nobody else has."""

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
    """One model's answers as n-grams: seeds bound to their prompt, and long n-grams with the
    prompt each stands in."""

    answers: Mapping[int, str]
    seeds: Codes
    seed_prompts: Places
    longs: Codes
    long_prompts: Places


class NgramSet:
    """A set of n-grams, ready to be asked for many: a table of their first bits settles most, a
    search the rest."""

    def __init__(self, hashes: Codes) -> None:
        self.hashes = distinct(hashes)
        self._table = np.zeros(1 << _BITS, dtype=bool)
        self._table[self.hashes >> _FIRST] = True

    def holds(self, hashes: Codes) -> Flags:
        """Whether each n-gram is in the set."""
        out = self._table[hashes >> _FIRST]
        likely = np.flatnonzero(out)
        out[likely] = _held(hashes[likely], self.hashes)
        return np.asarray(out, dtype=bool)


class Voices:
    """How many vendors hold an n-gram."""

    def __init__(self, by_vendor: Iterable[Codes]) -> None:
        held = np.sort(np.concatenate([*by_vendor, np.zeros(0, np.uint64)]))
        first = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]])[: len(held)])
        self.known = held[first]
        self.counts = np.diff(np.append(first, len(held))).astype(np.uint16)

    def of(self, hashes: Codes) -> Places:
        """Vendors that hold each n-gram, 0 where nobody does."""
        if not len(self.known):
            return np.zeros(len(hashes), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.known, hashes), len(self.known) - 1)
        return np.asarray(np.where(self.known[at] == hashes, self.counts[at], 0), dtype=np.int64)

    def pairs(self) -> Codes:
        """The n-grams that just two vendors hold."""
        return np.asarray(self.known[self.counts == 2], dtype=np.uint64)


class CopyIndex:
    """The stored answers of a book, ready to be searched. ``vendors`` (models,) says whose n-grams
    count as one voice.

    N-grams are hashed anew where they are looked at: all of a large store's would take gigabytes.
    """

    def __init__(
        self,
        answers: Sequence[Mapping[int, str]],
        vendors: NDArray[np.str_],
        prompts: Sequence[str],
    ) -> None:
        self.vendors, self._answers = vendors, answers
        self._heard: dict[str, tuple[Codes, Places, Flags]] = {}
        asked = [grams(codes_of(p), SEED) for p in prompts]
        self._asked = distinct(np.concatenate([*asked, np.zeros(0, np.uint64)]))
        long_pairs = NgramSet(Voices(self._joined(LONG).values()).pairs())
        self._of_vendor = self._joined(SEED)
        self._voices = Voices(self._of_vendor.values())
        pairs = NgramSet(np.setdiff1d(self._voices.pairs(), self._asked, assume_unique=True))
        self._rare = [self._shared_by_two(said, pairs, long_pairs) for said in answers]

    def _joined(self, size: int) -> dict[str, Codes]:
        """Each vendor's n-grams of one size, sorted, each once."""
        out = {}
        for vendor in sorted(set(self.vendors.tolist())):
            own = [said for said, v in zip(self._answers, self.vendors, strict=True) if v == vendor]
            out[vendor] = distinct(np.concatenate([_grams_of(said, size)[0] for said in own]))
        return out

    def read(self, answers: Mapping[int, str]) -> Spoken:
        """A model's answers as n-grams."""
        bare, where = _grams_of(answers, SEED)
        return Spoken(answers, placed(bare, where), where, *_grams_of(answers, LONG))

    def _shared_by_two(
        self, answers: Mapping[int, str], pairs: NgramSet, long_pairs: NgramSet
    ) -> Spoken:
        """What can matter between stored models of two vendors: n-grams that just two vendors
        hold, and no prompt."""
        (bare, where), (longs, at) = _grams_of(answers, SEED), _grams_of(answers, LONG)
        seeds, kept = pairs.holds(bare), long_pairs.holds(longs)
        return Spoken(
            answers, placed(bare[seeds], where[seeds]), where[seeds], longs[kept], at[kept]
        )

    def copies(
        self, player: int | None, suspect: Spoken | None, candidate: int
    ) -> tuple[list[Copy], int]:
        """What a stored model (``player``) or the suspect has in common with the candidate alone,
        and how many long runs more were dropped since prompts or other vendors' models hold them
        too.

        Each text counts once, at the first prompt where it stands. Answers to the same prompt are
        compared first, then n-grams of 13 tokens with all of the candidate's answers.
        """
        if player is not None:
            mine, theirs = self._rare[player], self._rare[candidate]
            own = {self.vendors[player], self.vendors[candidate]}
        elif suspect is not None:
            mine, theirs, own = (
                suspect,
                self.read(self._answers[candidate]),
                {self.vendors[candidate]},
            )
        else:
            raise ValueError("either a stored model or the suspect plays")
        found: list[Copy] = []
        dropped, told = 0, set[tuple[str, ...]]()
        for prompt, source in _places_to_look(mine, theirs):
            page, other = page_of(mine.answers[prompt]), page_of(theirs.answers[source])
            runs = [
                run
                for run in shared_runs(page, other)
                if source == prompt or run.end - run.start >= LONG
            ]
            runs = [run for run in runs if is_long(page, run.start, run.end)]
            covered = self._covered(page, own) if runs else np.zeros(0, dtype=bool)
            for run in runs:
                free = longest_free(run, covered)
                windows = {page.tokens[i : i + SEED] for i in range(free[0], free[1] - SEED + 1)}
                if not is_long(page, *free):
                    dropped += 1
                elif not windows & told:
                    told |= windows
                    found.append(_copy(prompt, source, page, other, run, free[1] - free[0]))
        return found, dropped

    def _heard_of(self, text: str) -> tuple[Codes, Places, Flags]:
        """A page's 8-grams, how many vendors hold each, and whether a prompt does; a suspect's
        is asked for every candidate."""
        if text not in self._heard:
            if len(self._heard) >= MOST_HEARD:
                self._heard.clear()
            hashes = grams(codes_of(text), SEED)
            self._heard[text] = hashes, self._voices.of(hashes), _held(hashes, self._asked)
        return self._heard[text]

    def _covered(self, page: TokenText, own: set[str]) -> Flags:
        """Tokens of a page inside an 8-gram that a prompt or a vendor besides ``own`` holds,
        (tokens,)."""
        hashes, voices, asked = self._heard_of(page.text)
        voices = voices - sum(
            _held(hashes, self._of_vendor[v]).astype(np.int64) for v in sorted(own)
        )
        common = (voices > 0) | asked
        out = np.zeros(len(page.tokens), dtype=bool)
        for start in np.flatnonzero(common):
            out[start : start + SEED] = True
        return out


def among(hashes: Codes, others: Codes) -> Flags:
    """Whether each n-gram is among the others: a table of first bits settles most of it without
    sorting either."""
    table = np.zeros(1 << _BITS, dtype=bool)
    table[others >> _FIRST] = True
    out = table[hashes >> _FIRST]
    likely = np.flatnonzero(out)
    if len(likely):
        mine = distinct(hashes[likely])
        wanted = np.zeros(1 << _BITS, dtype=bool)
        wanted[mine >> _FIRST] = True
        out[likely] = _held(hashes[likely], distinct(others[wanted[others >> _FIRST]]))
    return np.asarray(out, dtype=bool)


def _held(hashes: Codes, known: Codes) -> Flags:
    """Whether each n-gram is among the known ones, which are sorted: a search a page, and not a
    sort of all that is stored."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[at] == hashes, dtype=bool)


def _grams_of(answers: Mapping[int, str], size: int) -> tuple[Codes, Places]:
    """The hashed n-grams of a model's answers, prompt after prompt, and the prompt of each."""
    held = [(prompt, grams(codes_of(text), size)) for prompt, text in sorted(answers.items())]
    where = np.repeat(np.array([p for p, _ in held], dtype=np.int64), [len(g) for _, g in held])
    return np.concatenate([*(g for _, g in held), np.zeros(0, np.uint64)]), where


def _places_to_look(mine: Spoken, theirs: Spoken) -> list[tuple[int, int]]:
    """Pairs (own prompt, source prompt): the same prompt where a seed is shared, then other
    prompts with a shared 13-gram."""
    same = np.unique(mine.seed_prompts[among(mine.seeds, theirs.seeds)]).tolist()
    shared = among(theirs.longs, mine.longs)
    longs, long_prompts = theirs.longs[shared], theirs.long_prompts[shared]
    order = np.argsort(longs, kind="stable")
    sources = longs[order]
    hits = np.flatnonzero(among(mine.longs, sources))
    at = order[np.searchsorted(sources, mine.longs[hits])] if len(hits) else hits
    pairs = {
        (int(p), int(q)) for p, q in zip(mine.long_prompts[hits], long_prompts[at], strict=True)
    }
    return [(p, p) for p in same] + sorted((p, q) for p, q in pairs if p != q)


def _copy(prompt: int, source: int, page: TokenText, other: TokenText, run: Run, free: int) -> Copy:
    last = run.other + run.end - run.start - 1
    span = (page.places[run.start][0], page.places[run.end - 1][1])
    return Copy(
        prompt,
        source,
        span,
        (other.places[run.other][0], other.places[last][1]),
        run.end - run.start,
        free,
    )

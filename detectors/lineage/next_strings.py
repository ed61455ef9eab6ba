"""What did each model say next after an unfinished text? The first word of its answer, and whose
first words are the same.

Words and not tokens, so that models of different tokenizers can be compared. Knows records and
counts; knows no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.pairing import DEFAULT_ARMS
from detectors.stats.paired import mcnemar
from fingerprints.records import Probe
from fingerprints.transcript import Transcript

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
Array = NDArray[np.float64]
NOTHING = -1
LONGEST = 200
"""Characters in which an answer's first word is looked for: beyond so much white space there is no
continuation."""
FEWEST = 50
"""So few common openings say nothing."""
_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_MARKS = r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_STRING = re.compile(rf"[{_UNSPACED}]|(?:[^\W{_UNSPACED}]|[{_MARKS}])+|[^\w\s]")
"""Japanese, Chinese and Thai put no spaces between words; vowel signs of Indian scripts and
accents belong to their word."""


@dataclass(frozen=True)
class Continuation:
    """How one model went on after an opening: the opening, the whole answer, and its first
    string."""

    probe: Probe
    answer: str
    string: str


def next_string(text: str) -> str:
    """The first word of an answer, or its first sign; one letter where a script puts no spaces
    between words. Empty for none.

    White space in front counts for nothing.

    >>> [next_string(text) for text in (" f.readlines()", "。然后", " ['a']", " ")]
    ['f', '。', '[', '']
    """
    found = _STRING.search(text[:LONGEST])
    return found.group() if found else ""


def continuations(transcript: Transcript) -> dict[str, Continuation]:
    """The first sample's answer to each opening (set `openings`, default arm), by the prompt's
    digest; empty ones left out."""
    out: dict[str, Continuation] = {}
    for reply in transcript.of_kind("openings"):
        probe = transcript.probes[reply.probe_id]
        if not reply.readable or reply.arm not in DEFAULT_ARMS:
            continue
        string = next_string(reply.text)
        if string:
            out.setdefault(probe.prompt_sha256(), Continuation(probe, reply.text, string))
    return out


@dataclass(frozen=True)
class Beside:
    """One control beside the candidate, on the openings that player, candidate and control all
    answered.

    ``candidate_only`` counts those where the player says the candidate's string and not the
    control's.
    """

    control: int
    n: int
    with_candidate: int
    with_control: int
    candidate_only: int
    control_only: int

    @property
    def margin(self) -> float:
        """The player's agreement with the candidate minus that with the control, −1 to 1."""
        return (self.candidate_only - self.control_only) / self.n

    @property
    def p(self) -> float:
        """One-sided exact p-value that agreement with the candidate is no greater (McNemar)."""
        return mcnemar(self.candidate_only, self.control_only, "greater")


@dataclass(frozen=True)
class NextAgreement:
    """One player's agreement with a candidate beside that with every control. ``kept`` flags the
    openings that count.

    ``trivial`` counts the openings that were dropped because all controls say the same.
    """

    kept: Flags
    trivial: int
    beside: tuple[Beside, ...]

    @property
    def best(self) -> Beside:
        """The control that comes nearest to the candidate."""
        return min(self.beside, key=lambda b: (b.margin, b.control))


def trivial_openings(controls: Codes) -> Flags:
    """The openings after which every control that answered says the same, at least two;
    ``controls`` (models, items)."""
    said = controls != NOTHING
    highest = controls.max(axis=0, initial=NOTHING)
    lowest = np.where(said, controls, np.iinfo(np.int64).max).min(
        axis=0, initial=np.iinfo(np.int64).max
    )
    return np.asarray((said.sum(axis=0) >= 2) & (highest == lowest))


def agreement(
    codes: Codes, player: int, candidate: int, controls: Sequence[int]
) -> NextAgreement | None:
    """How far a player's strings are the candidate's rather than each control's; None where no
    control shares 50 openings.

    ``codes`` (models, items) numbers the strings of every model, −1 where it gave none. Whether an
    opening is trivial is decided by the controls alone, so that dropping it favours nobody.
    """
    trivial = trivial_openings(codes[list(controls)])
    both = (codes[player] != NOTHING) & (codes[candidate] != NOTHING)
    kept = both & ~trivial
    same = codes[player] == codes[candidate]
    beside = []
    for control in controls:
        shared = kept & (codes[control] != NOTHING)
        n, theirs = int(shared.sum()), codes[player] == codes[control]
        if n >= FEWEST:
            counts = (
                same[shared],
                theirs[shared],
                (same & ~theirs)[shared],
                (theirs & ~same)[shared],
            )
            beside.append(Beside(control, n, *(int(c.sum()) for c in counts)))
    return NextAgreement(kept, int((both & trivial).sum()), tuple(beside)) if beside else None


def bootstrap(
    codes: Codes, player: int, candidate: int, found: NextAgreement, rounds: int, seed: int
) -> tuple[float, float]:
    """95 % interval of the margin over the best control, openings resampled, the best control
    found anew each time."""
    items = np.flatnonzero(found.kept)
    weights = np.random.default_rng(seed).multinomial(
        len(items), np.full(len(items), 1 / len(items)), size=rounds
    )
    controls = [b.control for b in found.beside]
    theirs = codes[controls][:, items]
    shared = theirs != NOTHING
    mine = codes[player, items]
    steps = np.where(
        shared, (mine == codes[candidate, items]).astype(float) - (mine == theirs), 0.0
    )
    margins = (weights @ steps.T) / np.maximum(weights @ shared.T.astype(float), 1)
    low, high = np.quantile(margins.min(axis=1), [0.025, 0.975])
    return float(low), float(high)

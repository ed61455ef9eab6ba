"""Is it enough yet? Likeness to each vendor, prompt by prompt, as bets that may be looked at after
every answer.

On every prompt the stored vendors are ranked by the probability that a model of theirs wrote the
suspect's answer; a vendor's number is the share of its rivals below it, between 0 and 1. Two bets
run on these numbers: against "the suspect is no more like this vendor than the strangers that are
known", and against "it is at least as like it as nine in ten models that a vendor is known to have
taught". Knows stored answers; draws no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.base import Teacher
from detectors.pairing import FEWEST, answer_book, style_answers
from detectors.stats.eprocess import log10_capital
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import FULL
from fingerprints.records import sha256
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
FEWEST_STRANGERS = 3
EDGE = 0.02
"""How near to 0 or 1 a hypothetical mean may lie: at the edge no bet is possible."""


@dataclass(frozen=True)
class Bet:
    """One vendor's two bets after so many prompts.

    ``rate`` is the mean share of rivals below the vendor. ``stranger`` is that of the most alike
    stranger: of ``strangers`` stored ones, and of a calibration's untaught models where there is
    one. ``taught`` is what nine in ten taught models reach (None where unknown). ``log10_more``
    (n,) is the capital, prompt by prompt, of who bets that the suspect is more alike than the
    stranger, ``log10_less`` (n,) of who bets that it is less alike than the taught.
    """

    vendor: str
    rate: float
    stranger: float
    strangers: int
    taught: float | None
    log10_more: Array
    log10_less: Array | None

    def decided(self, alpha: float) -> tuple[int | None, str]:
        """After how many prompts one of the bets has won 1/alpha, and which: ``more``, ``less``,
        or ``open`` (None)."""
        first = {"more": _first(self.log10_more, alpha)}
        if self.log10_less is not None:
            first["less"] = _first(self.log10_less, alpha)
        won = {name: n for name, n in first.items() if n is not None}
        if not won:
            return None, "open"
        name = min(won, key=lambda k: won[k])
        return won[name], name


class Sequential:
    """The bets of every stored vendor. Learns the stored models once; a suspect's answers may then
    grow.

    One more stranger is more alike than all of n known ones with a chance of 1/(n + 1): that chance
    is not in the bet, and with few stored strangers and no calibration it is large. Under either
    hypothesis its bet reaches 1/α with probability at most α, however often one looks (Ville 1939;
    Waudby-Smith and Ramdas 2023, arXiv 2010.09686), where the prompts come in an order that has
    nothing to do with the answers. What is tested is likeness, not teaching. Deterministic.
    """

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        book = answer_book(teachers, None)
        self.vendors = sorted({v for v in book.vendors.tolist() if v})
        self._known: dict[str, Array] = {}
        self.attribution: Attribution | None = None
        if len(self.vendors) > FEWEST_STRANGERS and len(book.prompts) >= FEWEST:
            self.attribution = attributions(book, (FULL,))[0]

    def shares(self, suspect: Transcript) -> Array:
        """The share of rivals below each vendor on each prompt, (prompts, vendors), the prompts in
        betting order.

        No row where the store is too small or nothing is shared.
        """
        if self.attribution is None:
            return np.zeros((0, len(self.vendors)))
        said, prompts = style_answers(suspect), self.attribution.book.prompts
        numbers = [i for i, digest in enumerate(prompts) if digest in said]
        numbers.sort(key=lambda i: betting_order(prompts[i]))
        if not numbers:
            return np.zeros((0, len(self.vendors)))
        texts = [said[prompts[i]].text for i in numbers]
        scores = self.attribution.score(self.attribution.space.transform(texts), numbers)
        return self._shares(scores, None)

    def strangers(self, vendor: str) -> Array:
        """Each stored stranger's mean share for a vendor, with the stranger's own vendor left
        out, (strangers,)."""
        if vendor not in self._known:  # the same at every look
            self._known[vendor] = self._strangers(vendor)
        return self._known[vendor]

    def _strangers(self, vendor: str) -> Array:
        if self.attribution is None:
            return np.zeros(0)
        book, place = self.attribution.book, self.vendors.index(vendor)
        out = []
        for number, own in enumerate(book.vendors.tolist()):
            if own != vendor:
                scores = self.attribution.strangers[number]
                heard = np.isfinite(scores).any(axis=1)
                out.append(float(self._shares(scores[heard], own)[:, place].mean()))
        return np.array(out)

    def bets(
        self, suspect: Transcript, taught: float | None = None, untaught: float = 0.0
    ) -> list[Bet]:
        """Every vendor's bets on what the suspect has said so far; empty without a shared prompt.

        ``untaught`` is the mean share that one in twenty models of known history reaches for a
        vendor that didn't teach it.
        """
        shares = self.shares(suspect)
        if not len(shares):
            return []
        out = []
        for place, vendor in enumerate(self.vendors):
            theirs = self.strangers(vendor)
            level = float(np.clip(max(theirs.max(), untaught), EDGE, 1 - EDGE))
            x = shares[:, place]
            less = (
                None
                if taught is None
                else log10_capital(x, float(np.clip(taught, EDGE, 1 - EDGE)), "below")
            )
            out.append(
                Bet(
                    vendor,
                    float(x.mean()),
                    level,
                    len(theirs),
                    taught,
                    log10_capital(x, level),
                    less,
                )
            )
        return out

    def _shares(self, log_p: Array, own: str | None) -> Array:
        """Ranks of vendors by their best model, (answers, vendors), as the share of rivals
        below; ties count half."""
        assert self.attribution is not None  # noqa: S101  (asked only where there is one)
        names = self.attribution.book.vendors
        best = np.column_stack(
            [np.max(log_p[:, names == v], axis=1, initial=-np.inf) for v in self.vendors]
        )
        left = np.array([v != own for v in self.vendors])
        best = np.where(left[None, :] & np.isfinite(best), best, -np.inf)
        below = (best[:, :, None] > best[:, None, :])[:, :, left].sum(axis=2)
        level = (best[:, :, None] == best[:, None, :])[:, :, left].sum(axis=2) - left[None, :]
        return np.asarray((below + 0.5 * level) / max(1, int(left.sum()) - 1))


def betting_order(prompt_sha256: str) -> str:
    """The sort key of a prompt: the digest of its digest, which knows nothing of any answer."""
    return sha256(prompt_sha256)


def _first(log10: Array, alpha: float) -> int | None:
    reached = np.flatnonzero(log10 >= -np.log10(alpha))
    return int(reached[0]) + 1 if len(reached) else None

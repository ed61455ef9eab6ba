"""Do the token counts that the endpoint reports fit the claimed model's tokenizer?

Reads the counts that came with answers, the claimed model's own counts of the same prompts, and,
where it scored the answers, of these. Knows what is reported, not what was computed: an endpoint
may report anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from detectors.base import Case, Detector, Measurement, Need, NotMeasured, Table
from detectors.service.rank_uniformity import passage_of
from detectors.service.repeated import FEWEST_PROMPTS, Asked, asked_of_both, said
from detectors.stats.intervals import clopper_pearson
from fingerprints.records import Probe, Reply, Status
from fingerprints.scores import Scores, teacher

MOST_ROWS = 12


@dataclass(frozen=True)
class Fit:
    """How many counts differ from the tokenizer's by one and the same number: ``held`` of ``n``,
    the number ``offset``."""

    held: int
    n: int
    offset: int

    @property
    def share(self) -> float:
        """The share that fits."""
        return self.held / self.n


class TokenCounts(Detector):
    """The share of prompts whose reported token count fits the claimed tokenizer, up to one
    constant for the template, 0 to 1.

    1 for the same tokenizer. Another tokenizer agrees on many short English prompts by chance, and
    on few in other scripts. A lower share is strong evidence of another tokenizer, or of counts
    that are estimated. Deterministic.
    """

    name: ClassVar[str] = "token_counts"
    question: ClassVar = "service"
    asks: ClassVar[str] = (
        "Do the token counts that the endpoint reports fit the claimed model's tokenizer?"
    )
    needs: ClassVar = (Need.TOKENS, Need.TEACHER)
    source: ClassVar[str] = (
        "exact agreement of reported prompt lengths, up to one offset; this project"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "models of one family share a tokenizer",
        "a proxy can count with the claimed tokenizer whatever answers",
        "an estimated count fits no tokenizer and says nothing of the model",
    )

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        # A prompt has one length, however often it was answered.
        asked = asked_of_both(case.suspect, case.the_candidate.transcript, samples=1)
        pairs = [
            (a.probe, e, r)
            for a in asked
            for e, r in [(_first(a.endpoint), _first(a.reference))]
            if e and r
        ]
        if len(pairs) < FEWEST_PROMPTS:
            whose = (
                "the endpoint"
                if not any(_first(a.endpoint) for a in asked)
                else "the reference or the endpoint"
            )
            return NotMeasured(
                reason=f"{whose} gives token counts for fewer than {FEWEST_PROMPTS} shared prompts",
                code="too_few_answers",
            )
        fit = fitting([e - r for _, e, r in pairs])
        assert fit is not None  # noqa: S101  (there are pairs)
        low, high = clopper_pearson(fit.held, fit.n)
        outputs = output_fits(asked, teacher(case.the_candidate.name), case.scores)
        return Measurement(
            metric="share of prompt token counts that fit",
            metric_id="fitting_token_counts_share",
            value=fit.share,
            n=fit.n,
            n_unit="prompts",
            counts_prompts=True,
            interval=(low, high),
            direction=(
                "1: the counts fit the claimed tokenizer; lower: another tokenizer, or estimates"
            ),
            summary=(
                f"Of {fit.n} reported prompt lengths {fit.held} are the claimed tokenizer's plus"
                f" {fit.offset:+d} tokens ({fit.share:.0%}, 95 % {low:.0%} to {high:.0%})."
            )
            + "".join(f" {_told(who, f)}" for who, f in outputs),
            tables=(_table(pairs, fit), *(_outputs(outputs) if outputs else ())),
            notes=(
                (
                    "A constant difference is the template or a hidden system prompt; a varying one"
                    " is not."
                ),
            ),
        )


def fitting(differences: Sequence[int]) -> Fit | None:
    """How many differences are the commonest one (of equals the smallest); None for none."""
    if not differences:
        return None
    counts = Counter(differences)
    offset = min(counts, key=lambda d: (-counts[d], abs(d), d))
    return Fit(counts[offset], len(differences), offset)


def output_fits(asked: Sequence[Asked], scorer: str, scores: Scores) -> list[tuple[str, Fit]]:
    """Reported lengths of whole answers against the claimed tokenizer's count of their text: the
    endpoint's, the reference's.

    A text can be cut into tokens in other ways than it was written in, so that the reference's own
    share is what is usual.
    """
    out = []
    for who in ("endpoint", "reference"):
        replies = [
            (a.probe, r) for a in asked for r in (a.endpoint if who == "endpoint" else a.reference)
        ]
        fit = fitting([d for probe, r in replies for d in _difference(probe, r, scorer, scores)])
        if fit is not None and fit.n >= FEWEST_PROMPTS:
            out.append((who, fit))
    return out


def _difference(probe: Probe, reply: Reply, scorer: str, scores: Scores) -> tuple[int, ...]:
    score = (
        scores.of(scorer, passage_of(probe, reply))
        if said(reply) and reply.status is Status.TRUNCATED
        else None
    )
    return () if score is None or reply.tokens_out is None else (reply.tokens_out - score.tokens,)


def _first(replies: Sequence[Reply]) -> int | None:
    """The commonest prompt count of a prompt's answers; None where none is reported."""
    counts = Counter(r.tokens_in for r in replies if r.tokens_in is not None)
    return None if not counts else min(counts, key=lambda c: (-counts[c], c))


def _table(pairs: Sequence[tuple[Probe, int, int]], fit: Fit) -> Table:
    off = [(p.id, p.language, e, r, e - r) for p, e, r in pairs if e - r != fit.offset]
    return Table(
        title="Prompts whose count does not fit" if off else "All counts fit",
        columns=("prompt", "language", "reported", "claimed tokenizer", "difference"),
        rows=tuple(off[:MOST_ROWS]),
        caption=f"{len(off)} of {fit.n} do not fit"
        + (f"; the first {MOST_ROWS}." if len(off) > MOST_ROWS else "."),
    )


def _told(who: str, fit: Fit) -> str:
    return f"Of {fit.n} lengths of cut answers of the {who}, {fit.held} fit ({fit.share:.0%})."


def _outputs(outputs: Sequence[tuple[str, Fit]]) -> tuple[Table, ...]:
    rows = tuple((who, f.held, f.n, round(f.share, 3), f.offset) for who, f in outputs)
    caption = (
        "Answers cut at the limit, counted again from their text: the reference's own share is what"
        " is usual."
    )
    return (
        Table(
            title="Lengths of answers",
            columns=("whose", "fit", "of", "share", "offset"),
            rows=rows,
            caption=caption,
        ),
    )

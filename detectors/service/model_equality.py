"""Do the endpoint's answers come from the distribution of the claimed model's? A two-sample test on
short answers.

Reads both sides' repeated answers to the same prompts. Knows characters only: a difference may come
from another model, and as well from another temperature, system prompt, quantisation or sampling
code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Exhibit, Measurement, Table
from detectors.service.repeated import Asked, TwoSampleDetector, repeats, said
from detectors.stats.char_kernel import exact, hamming
from detectors.stats.intervals import clustered_mean
from detectors.stats.relabelling import exact_p, null_of
from detectors.text.pages import cut
from fingerprints.records import Reply

Array = NDArray[np.float64]
MOST_EXHIBITS = 3
QUOTED = 400


class ModelEquality(TwoSampleDetector):
    """How far apart are the two sides' answers, as MMD² averaged over prompts, and how often do
    shuffled labels reach that?

    0 on average for one distribution, up to 2; higher: further apart. The p-value is exact for any
    number of prompts and samples. The kernel is Hamming's on padded characters; where the reference
    repeats itself word by word (greedy answers) it is equality of whole answers, and the value says
    how much rarer that is across the sides than within them.
    """

    name: ClassVar[str] = "model_equality"
    asks: ClassVar[str] = (
        "Do the endpoint's answers come from the distribution of the claimed model's answers?"
    )
    source: ClassVar[str] = (
        "maximum mean discrepancy with a Hamming kernel, permuted within prompts (Gao, Liang,"
        " Guestrin 2024, arXiv 2410.20247)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        (
            "a copy whose answers hardly differ, such as one rounded to 8 bits, needs many more"
            " answers than are usual"
        ),
        (
            "an endpoint that knows the test's questions may answer them by the claimed model and"
            " others by a cheaper one"
        ),
        "another temperature, system prompt or template differs like another model",
    )

    def _compared(self, asked: Sequence[Asked]) -> Measurement:
        greedy = repeats(asked)
        kernels = [exact(a.texts) if greedy else hamming(a.texts) for a in asked]
        by_prompt = discrepancies(kernels, self._labels(asked))
        statistics = by_prompt.mean(axis=0)
        p, held = exact_p(statistics), by_prompt[:, 0]
        estimate = clustered_mean(held.tolist(), [a.probe.cluster for a in asked], seed=self.seed)
        n_e, n_r = (sum(a.sizes[i] for a in asked) for i in (0, 1))
        return Measurement(
            metric="MMD² of whole answers" if greedy else "MMD² of characters",
            metric_id="mmd2_answers" if greedy else "mmd2_characters",
            value=float(statistics[0]),
            n=len(asked),
            n_unit="prompts",
            counts_prompts=True,
            interval=estimate.interval,
            direction="higher: the answers are further apart; 0: one distribution",
            null=null_of(statistics, p),
            summary=(
                f"On {len(asked)} prompts, {n_e} answers of the endpoint and {n_r} of the reference"
                f" differ by {statistics[0]:.4f} (95 % {estimate.low:.4f} to {estimate.high:.4f});"
                f" p {p:.3g} by {self.rounds} relabellings."
            ),
            tables=(agreement_table(asked, kernels), _languages(asked, held)),
            exhibits=_exhibits(asked, held),
            notes=_notes(greedy, self.rounds),
        )


def discrepancies(kernels: Sequence[Array], labels: Sequence[Array]) -> Array:
    """The unbiased MMD² of each prompt under each labelling, (prompts, labellings).

    ``kernels``: (answers, answers) of each prompt; ``labels``: as `labellings` makes them, two of
    either kind at least.
    """
    return np.stack([_discrepancy(k, a) for k, a in zip(kernels, labels, strict=True)])


def _discrepancy(kernel: Array, labels: Array) -> Array:
    ours, theirs = labels, 1 - labels
    n, m = ours[0].sum(), theirs[0].sum()
    across = ((ours @ _between_two(kernel)) * theirs).sum(axis=1) / (n * m)
    return np.asarray(spread_within(kernel, ours) + spread_within(kernel, theirs) - 2 * across)


def spread_within(kernel: Array, marked: Array) -> Array:
    """The mean of a kernel over pairs of different answers that are marked, (labellings,);
    ``marked`` (labellings, answers) is 0 or 1."""
    n = marked[0].sum()
    return np.asarray(((marked @ _between_two(kernel)) * marked).sum(axis=1) / (n * (n - 1)))


def _between_two(kernel: Array) -> Array:
    # Beside itself every answer is as alike as can be: without that the estimate has no bias, and
    # is 0 on average where both sides are one.
    return np.asarray(kernel - np.diag(np.diag(kernel)))


def agreement_table(asked: Sequence[Asked], kernels: Sequence[Array]) -> Table:
    """How alike two answers to one prompt are: within the reference, within the endpoint, and
    across."""
    same = [exact(a.texts) for a in asked]
    rows = tuple(
        (label, round(_mean_of(kernels, asked, place), 4), round(_mean_of(same, asked, place), 4))
        for label, place in (
            ("two of the reference", 1),
            ("two of the endpoint", 0),
            ("one of each", 2),
        )
    )
    return Table(
        title="How alike two answers to one prompt are",
        columns=("answers", "mean kernel", "share the very same"),
        rows=rows,
        caption=f"Means over {len(asked)} prompts.",
    )


def _mean_of(kernels: Sequence[Array], asked: Sequence[Asked], place: int) -> float:
    return float(np.mean([_block(k, a.sizes, place) for k, a in zip(kernels, asked, strict=True)]))


def _block(kernel: Array, sizes: tuple[int, int], place: int) -> float:
    n, m = sizes
    if place == 2:
        return float(kernel[:n, n:].mean())
    block = kernel[:n, :n] if place == 0 else kernel[n:, n:]
    size = (n, m)[place]
    return float((block.sum() - np.trace(block)) / (size * (size - 1)))


def _languages(asked: Sequence[Asked], held: Array) -> Table:
    names = sorted({a.probe.language or "–" for a in asked})
    groups = [
        (
            name,
            [
                float(v)
                for a, v in zip(asked, held, strict=True)
                if (a.probe.language or "–") == name
            ],
        )
        for name in names
    ]
    rows = tuple((name, len(values), round(float(np.mean(values)), 4)) for name, values in groups)
    return Table(
        title="By language",
        columns=("language", "prompts", "MMD²"),
        rows=rows,
        caption="Few prompts each: noisy.",
    )


def _exhibits(asked: Sequence[Asked], held: Array) -> tuple[Exhibit, ...]:
    """The prompts that lie furthest apart, with one answer of either side."""
    out: list[Exhibit] = []
    for i in np.argsort(-held, kind="stable")[:MOST_EXHIBITS]:
        weight = float(held[i])
        why = f"MMD² {weight:.3f}, among the largest"
        for source, replies in (("endpoint", asked[i].endpoint), ("reference", asked[i].reference)):
            out.append(_exhibit(asked[i], replies[0], source, why, weight))
    return tuple(out)


def _exhibit(asked: Asked, reply: Reply, source: str, why: str, weight: float) -> Exhibit:
    return Exhibit.of(
        asked.probe, reply.arm, cut(said(reply), QUOTED), source=source, why=why, weight=weight
    )


def _notes(greedy: bool, rounds: int) -> tuple[str, ...]:
    notes = [f"The smallest possible p is {1 / (rounds + 1):.2g}."]
    if greedy:
        notes.append(
            "The reference repeats itself word by word: greedy answers. Other hardware or batches"
            " can change a greedy answer of the same weights, every time alike; so the p-value here"
            " is no error rate. Ask at temperature 1."
        )
    return tuple(notes)

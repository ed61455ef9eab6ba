"""Did the endpoint change while it was asked? A change point in how far its answers are from the
reference's.

Reads repeated answers in the order of asking, and the names that the endpoint gave itself. A change
that alternates from call to call has no point in time, and is not seen here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Bar, Chart, Measurement, NotMeasured, Table
from detectors.service.model_equality import discrepancies
from detectors.service.repeated import Asked, TwoSampleDetector
from detectors.stats.char_kernel import hamming
from detectors.stats.relabelling import exact_p, labellings, null_of
from fingerprints.records import Reply

Array = NDArray[np.float64]
EDGE = 4
"""Questions on either side of a change point, at least."""
MOST_NAMES = 8


class MidRunChange(TwoSampleDetector):
    """The largest standardised difference between the questions before a point in time and those
    after it; 0 or more.

    Higher: a change is more evident. The p-value shuffles the order of the questions, which is not
    the endpoint's and has nothing to do with the answers; it is exact whatever the model. It says
    that something changed, not what.
    """

    name: ClassVar[str] = "mid_run_change"
    asks: ClassVar[str] = "Did what answers change while the endpoint was asked?"
    source: ClassVar[str] = (
        "maximum of the cumulative sum (Page 1954, Biometrika 41) with a permutation p-value"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a change to a model whose answers are as far from the reference's as before",
        "a change to a close copy: half a run of a fine-tuned one is too little to see",
        "a change during the first or last four questions",
        "models that take turns from call to call",
    )

    def _compared(self, asked: Sequence[Asked]) -> Measurement | NotMeasured:
        # Of 2 · EDGE questions there would be one cut, and nothing to pick the largest of.
        if len(asked) < 3 * EDGE:
            return NotMeasured(
                reason=f"a change point needs {3 * EDGE} questions, and {len(asked)} were answered",
                code="too_few_answers",
            )
        distance = distances(asked)
        rng = np.random.default_rng(self.seed)
        orders = np.vstack([distance, rng.permuted(np.tile(distance, (self.rounds, 1)), axis=1)])
        course = contrasts(orders)
        statistics = course.max(axis=1)
        p, at = exact_p(statistics), int(course[0].argmax()) + EDGE
        parts = (("before", asked[:at]), ("after", asked[at:]))
        rows = tuple(self._segment(label, part) for label, part in parts)
        return Measurement(
            metric="largest standardised change",
            metric_id="largest_standardised_change",
            value=float(statistics[0]),
            n=len(asked),
            n_unit="prompts",
            counts_prompts=True,
            direction="higher: a change during the run is more evident",
            null=null_of(statistics, p),
            facts={"after_question": at},
            summary=(
                f"The most evident change is after question {at} of {len(asked)}: mean MMD² from"
                f" the reference {distance[:at].mean():.3f} before and {distance[at:].mean():.3f}"
                f" after; p {p:.3g} of a change anywhere."
            ),
            tables=(_segments(rows), *_names(asked)),
            charts=(_course(distance, at),),
            notes=(
                (
                    "The two parts' own p-values are given for the point that was picked: they"
                    " describe, and decide nothing."
                ),
            ),
        )

    def _segment(self, label: str, asked: Sequence[Asked]) -> tuple[str, int, float, float]:
        kernels = [hamming(a.texts) for a in asked]
        statistics = discrepancies(kernels, self._labels(asked)).mean(axis=0)
        return label, len(asked), round(float(statistics[0]), 4), round(exact_p(statistics), 4)


def distances(asked: Sequence[Asked]) -> Array:
    """Each question's unbiased MMD² between the two sides' answers, (questions,); 0 on average for
    one distribution.

    It counts the endpoint's own variety too: a model that is as far from the reference's answers as
    these are from each other, and repeats itself, would be missed by distances to the reference
    alone.
    """
    true = labellings([a.sizes for a in asked], rounds=0)
    return discrepancies([hamming(a.texts) for a in asked], true)[:, 0]


def contrasts(values: Array) -> Array:
    """|mean before − mean after| of each cut, in standard errors, (rows, cuts).

    Cuts leave `EDGE` on either side.
    """
    n = values.shape[1]
    cuts = np.arange(EDGE, n - EDGE + 1)
    total = np.cumsum(values, axis=1)
    before = total[:, cuts - 1] / cuts
    after = (total[:, -1:] - total[:, cuts - 1]) / (n - cuts)
    # Rows are orders of the same numbers: one spread serves all.
    spread = max(float(values[0].std()), 1e-12)
    return np.asarray(np.abs(before - after) * np.sqrt(cuts * (n - cuts) / n) / spread)


def _segments(rows: Sequence[tuple[str, int, float, float]]) -> Table:
    return Table(
        title="Before and after the most evident change",
        columns=("part", "questions", "MMD²", "p"),
        rows=tuple(rows),
        caption="The two-sample test on each part by itself.",
    )


def _names(asked: Sequence[Asked]) -> tuple[Table, ...]:
    """What the endpoint called itself: names and fingerprints with their counts, in order of
    first appearance."""
    named = [name for a in asked for r in a.endpoint if (name := _name(r))]
    counts = Counter(named)
    if not counts:
        return ()
    rows = tuple((name, count) for name, count in list(counts.items())[:MOST_NAMES])
    caption = f"{len(counts)} different; what an endpoint says of itself is a claim."
    return (
        Table(
            title="What the endpoint called itself",
            columns=("name", "answers"),
            rows=rows,
            caption=caption,
        ),
    )


def _name(reply: Reply) -> str:
    return " / ".join(filter(None, (reply.served_model, reply.system_fingerprint)))


def _course(distance: Array, at: int) -> Chart:
    blocks = np.array_split(np.arange(len(distance)), min(8, len(distance)))
    bars = [
        Bar(
            label=f"questions {b[0] + 1} to {b[-1] + 1}",
            value=float(distance[b].mean()),
            strong=bool(b[0] >= at),
        )
        for b in blocks
    ]
    return Chart(
        kind="dots",
        title="How unlike the reference, as the run went on",
        x_label="mean MMD² from the reference's answers",
        bars=tuple(bars),
        reference=0.0,
        reference_label="alike",
        caption="Strong: after the most evident change.",
    )

"""Do the endpoint's answers to one prompt differ among themselves as much as the claimed model's
do?

A hotter sampler spreads answers out; a cache, or a cooler sampler, makes them repeat; models that
take turns do either. Reads repeated answers; can't tell a mixture of models from another
temperature, nor either from another model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Measurement
from detectors.service.model_equality import agreement_table, spread_within
from detectors.service.repeated import Asked, TwoSampleDetector
from detectors.stats.char_kernel import hamming
from detectors.stats.intervals import clustered_mean
from detectors.stats.relabelling import null_of, two_sided_p

Array = NDArray[np.float64]


class AnswerSpread(TwoSampleDetector):
    """Mean distance of two answers to one prompt: the endpoint's less the reference's, −1 to 1.

    Above 0: the endpoint's answers vary more; below: they repeat more. The p-value (two-sided)
    shuffles labels within prompts.
    """

    name: ClassVar[str] = "answer_spread"
    asks: ClassVar[str] = (
        "Do the endpoint's answers to one prompt vary among themselves as the claimed model's do?"
    )
    source: ClassVar[str] = (
        "difference of within-sample dispersions (Anderson 2006, Biometrics 62), labels permuted"
        " within prompts"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "two models whose answers are alike spread no more than one",
        (
            "a mixture of models, a higher temperature and another model look the same; a mixture"
            " with a terser model spreads less"
        ),
    )

    def _compared(self, asked: Sequence[Asked]) -> Measurement:
        kernels = [hamming(a.texts) for a in asked]
        labels = zip(kernels, self._labels(asked), strict=True)
        by_prompt = np.stack([_difference(1 - k, a) for k, a in labels])
        statistics = by_prompt.mean(axis=0)
        p, value = two_sided_p(statistics), float(statistics[0])
        estimate = clustered_mean(
            by_prompt[:, 0].tolist(), [a.probe.cluster for a in asked], seed=self.seed
        )
        word = "more" if value > 0 else "less"
        return Measurement(
            metric="spread of answers, endpoint less reference",
            metric_id="answer_spread_difference",
            value=value,
            n=len(asked),
            n_unit="prompts",
            counts_prompts=True,
            interval=estimate.interval,
            direction=(
                "above 0: the endpoint varies more (hotter, other models); below: less (cooler, a"
                " cache, other models)"
            ),
            null=null_of(np.abs(statistics - statistics[1:].mean()), p),
            summary=(
                f"Two answers of the endpoint to one prompt differ in {value:+.3f} of their"
                f" characters {word} than two of the reference (95 % {estimate.low:+.3f} to"
                f" {estimate.high:+.3f}, {len(asked)} prompts); p {p:.3g}."
            ),
            tables=(agreement_table(asked, kernels),),
        )


def _difference(distance: Array, labels: Array) -> Array:
    """Mean distance within the marked answers less that within the others, under each labelling,
    (labellings,)."""
    return spread_within(distance, labels) - spread_within(distance, 1 - labels)

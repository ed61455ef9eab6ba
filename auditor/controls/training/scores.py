"""The scores of the tokens that are learned, and whether packed examples stay apart in them.

Knows models and batches; knows nothing of losses.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from auditor.controls.training.batches import Batch, EncodedSet, make_batch
from auditor.controls.training.losses import IGNORED
from auditor.controls.training.students import Learner
from fingerprints.errors import UsageProblem


def learned_scores(learner: Learner, batch: Batch) -> tuple[Tensor, Tensor]:
    """Scores (rows, kept, vocabulary) and labels of the columns in which any row learns."""
    return kept_scores(learner.model, batch, trims=learner.trims)


def kept_scores(model: Any, batch: Batch, *, trims: bool) -> tuple[Tensor, Tensor]:
    """The same for any model; ``trims``: whether it takes ``logits_to_keep``.

    The output layer is computed for those columns alone where the model can: on long prompts that
    is most of the memory.
    """
    kept = (batch.labels != IGNORED).any(0).nonzero()[:, 0]
    asked: dict[str, Any] = {"input_ids": batch.ids, "use_cache": False}
    if batch.positions is not None:
        asked["position_ids"] = batch.positions
    if trims:
        asked["logits_to_keep"] = kept
    scores: Tensor = model(**asked).logits
    return scores if trims else scores[:, kept], batch.labels[:, kept]


def check_packing(learner: Learner, data: EncodedSet) -> None:
    """Asks the model whether it keeps packed examples apart, instead of believing it.

    The second of two packed examples must get the scores that it gets alone. Raises UsageProblem
    for a model that lets them see each other (recurrent states, positions that it can't be told).
    """
    # The shortest two: the question is the same for all, and costs least with them.
    pair = sorted(data.examples, key=lambda e: len(e.ids))[:2]
    if len(pair) < 2:
        return
    learner.model.eval()
    alone = make_batch(pair, ((1,),), learner.pad, learner.device)
    both = make_batch(pair, ((0, 1),), learner.pad, learner.device)
    try:
        with torch.no_grad():
            single, packed = (learned_scores(learner, b)[0].float()[0] for b in (alone, both))
    except TypeError as error:
        raise _unpacked(learner) from error
    size = pair[1].learned
    apart = (packed[-size:] - single[-size:]).abs().max() / single.abs().max().clamp(min=1e-6)
    # Sums in another order differ by rounding; an example that is seen differs by far more.
    if not float(apart) < (1e-3 if learner.model.dtype == torch.float32 else 5e-2):
        raise _unpacked(learner)


def _unpacked(learner: Learner) -> UsageProblem:
    return UsageProblem(
        "this model can't keep packed examples apart",
        where=learner.base,
        next_step="write training.pack: false",
    )

"""Who is it, if not the claimed model? Whose answers, of the claimed and all stored models, are
nearest to the endpoint's.

Reads one answer a prompt to questions that the stored models were asked too. Knows the stored
models only: where none stands out it names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from detectors.base import Case, Detector, Measurement, Need, NotMeasured, Teacher
from detectors.inheritance.neighbours import Neighbours
from detectors.lineup import counted
from detectors.stats.openset import FEWEST_STRANGERS


class ModelIdentification(Detector):
    """Share of the endpoint's answers nearest to the claimed model's, less the share expected of an
    unrelated one; −1 to 1.

    The rank says whether a stored model is nearer. A model stands out where its excess passes that
    of every unrelated model in its place; where none does, nobody is named. Deterministic under
    ``seed``.
    """

    name: ClassVar[str] = "model_identification"
    question: ClassVar = "service"
    asks: ClassVar[str] = (
        "Whose answers are nearest to the endpoint's: the claimed model's, a stored one's, or"
        " nobody's?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER, Need.BACKGROUND)
    source: ClassVar[str] = (
        "nearest signature with a reject, after LLMmap (Pasquini et al. 2024, arXiv 2407.15847);"
        " nearness corrected for hubs (Conneau et al. 2018, arXiv 1710.04087)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a model that is not stored can't be named, and its nearest stored relative may be",
        "versions and tunings of one model answer alike",
        "a system prompt moves answers away from all stored ones",
    )

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        models = case.models
        nearest = Neighbours(self.seed).fit(models, case.suspect)
        # Everybody takes the candidate's place: who stands out is judged in its own.
        found = {t.name: nearest.measure(_of(t, models, case)) for t in models}
        claimed = found[case.the_candidate.name]
        if isinstance(claimed, NotMeasured):
            return claimed
        measured = {name: m for name, m in found.items() if isinstance(m, Measurement)}
        first = max(measured, key=lambda name: measured[name].value)
        standing = first if stands_out(measured[first]) else None
        told = nearest_told(case.the_candidate.name, standing, len(measured))
        return claimed.model_copy(
            update={
                "summary": f"{told} {claimed.summary}",
                "facts": {"models": len(measured), "nearest": standing},
            }
        )


def stands_out(found: Measurement) -> bool:
    """Whether no unrelated model reaches the value in the same place; False with too few to compare
    with.

    Of n unrelated models and a stranger, the stranger is the most alike once in n + 1 times.
    """
    return (
        found.null is not None
        and found.null.n >= FEWEST_STRANGERS
        and found.null.at_least == 0
        and found.value > 0
    )


def _of(candidate: Teacher, models: Sequence[Teacher], case: Case) -> Case:
    return Case(case.suspect, candidate, tuple(t for t in models if t is not candidate))


def nearest_told(claimed: str, nearest: str | None, models: int) -> str:
    """Who of so many models is the nearest, in one sentence; None: nobody stands out."""
    of = counted(models, "model")
    if nearest is None:
        return f"None of {of}, the claimed one among them, stands out as nearest."
    if nearest == claimed:
        return f"Of {of} the claimed one is the nearest."
    return f"Of {of} {nearest} is the nearest, not {claimed}."

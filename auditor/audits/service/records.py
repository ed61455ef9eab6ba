"""What a service audit adds to a report."""

from __future__ import annotations

from typing import ClassVar, Literal

from auditor.evidence.records import ReportSection, SubjectSection
from fingerprints.records import Sampling


class ServiceSection(ReportSection):
    """What comparing a service with the model that it claims came to.

    ``decision``: the answers differ; none was found to at this size; or neither can be said.
    ``p_value`` is what ``alpha`` was compared with: with ``sequential`` it holds however often one
    looked. ``asked`` of ``planned`` questions were put to the endpoint, ``stopped`` where that was
    enough. ``power`` tells what a comparison of this size finds on known replacements.
    """

    key: ClassVar[str] = "service"

    claimed: SubjectSection
    decision: Literal["different", "no_difference_found", "inconclusive", "not_assessable"]
    p_value: float | None
    alpha: float
    sequential: bool
    stopped: bool
    planned: int
    asked: int
    answers: int
    reference_answers: int
    reference_sha256: str
    reference_sampling: Sampling
    power: str

"""What comparing weights adds to a report."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from auditor.evidence.codes import ReasonCode
from auditor.evidence.records import ReportSection
from fingerprints.records import Record


class WeightTest(Record):
    """One test of common origin of weights: its p-value, whether that is exact, and how large the
    effect is.

    ``effect`` is a share, 0 to 1, of what ``effect_name`` says; ``n`` counts ``n_unit``.
    """

    name: str
    p: float
    exact: bool
    effect: float
    effect_name: str
    n: int
    n_unit: str


Relation = Literal["derived", "common_origin", "independent", "unclear", "not_compared"]
"""Weights that came from the base's or the base's from them; a common origin that may be a shared
initialisation alone; no sign of a common origin where one would have been seen; no answer; nothing
to compare."""


SIGNATURE = "signature:"
"""What the spec of a base begins with of which a store holds the signature alone."""


class WeightComparison(Record):
    """The suspect's weights against one base's.

    ``p`` is over all tests of the pair, ``p_holm`` raised for the number of bases. ``kinds`` are
    words for how the one was changed into the other. ``likeness`` is the least mean cosine of a
    kind of matrix after alignment, None where weights have no common order. ``reason`` says why
    nothing was compared.
    """

    base: str
    spec: str
    relation: Relation
    p: float | None = None
    p_holm: float | None = None
    likeness: float | None = None
    kinds: tuple[str, ...] = ()
    tests: tuple[WeightTest, ...] = ()
    facts: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
    reason_code: ReasonCode | None = None

    @property
    def by_signature(self) -> bool:
        """Whether it was found among stored signatures; else somebody asked about it."""
        return self.spec.startswith(SIGNATURE)


class LineageSection(ReportSection):
    """What was compared of weights, tokenizers and declarations. ``declared`` quotes what the
    suspect's own files say of its origin; ``declared_told`` sets it against what was observed."""

    key: ClassVar[str] = "lineage"

    alpha: float
    weights: dict[str, str]
    comparisons: tuple[WeightComparison, ...]
    declared: dict[str, str] = Field(default_factory=dict)
    declared_told: str = ""
    screened: int = 0

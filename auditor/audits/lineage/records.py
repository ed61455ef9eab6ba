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


Relation = Literal[
    "derived",
    "derived_in_part",
    "common_origin",
    "independent",
    "none_found",
    "unclear",
    "not_compared",
]
"""Weights that came from the base's or the base's from them; the same of some parts, and not of
others; a common origin that may be a shared initialisation alone; no sign of a common origin where
a copy would have been seen; no sign of one where a copy might hide; no answer; nothing to
compare."""
RELATED: frozenset[Relation] = frozenset({"derived", "derived_in_part", "common_origin"})
"""Relations of weights that share an origin."""

PartName = Literal["embedding", "attention_norm", "attention", "mlp_norm", "mlp", "expert", "head"]
"""``head``: the output layer, where it is not the embedding. A norm is the one before a block."""
PartState = Literal["kept", "other", "open"]
"""A part is seen to be the base's; it would have been seen and is not; it can't be told."""


Place = tuple[PartName, int | None, int | None]
"""Which part of a model: of which layer (None: of none), and which expert of it."""


class KeptPart(Record):
    """One part of the suspect against one base: ``layer`` of the suspect (None: of no layer),
    ``number`` of an expert within it, ``of`` the base's layer that it was found in, ``likeness``
    the mean cosine of its matrices, of a norm the correlation of gains."""

    part: PartName
    layer: int | None = None
    number: int | None = None
    of: int | None = None
    state: PartState
    likeness: float | None = None

    @property
    def place(self) -> Place:
        """Which part it is."""
        return self.part, self.layer, self.number


class PartOrigin(Record):
    """One part of the suspect with the ``base`` that it comes from, and that one's layer: None
    where none of those compared has it (``state`` other) or where it can't be told (open).
    ``also``: other bases that have it too, and too nearly the same for one to be told."""

    part: PartName
    layer: int | None = None
    number: int | None = None
    base: str | None = None
    also: tuple[str, ...] = ()
    of: int | None = None
    state: PartState
    likeness: float | None = None


SIGNATURE = "signature:"
"""What the spec of a base begins with of which a store holds the signature alone."""


class PartPower(Record):
    """How the tests did on a simulated copy that kept one ``part`` of every layer and nothing else
    of the base, in the same disguise: ``p``, and whether that is below what the suspect was held
    against."""

    part: PartName
    p: float
    found: bool


class SimulatedPower(Record):
    """How the same tests did on a simulated copy of the base: moved by noise until its matrices
    have ``likeness`` (mean cosine) to the base's, cut to the suspect's sizes, its residual stream
    turned, units and heads in another order. ``p`` is over all tests, ``found`` whether that is
    below what the suspect was held against. ``parts``: copies of one part alone, where these were
    tried."""

    likeness: float
    p: float
    found: bool
    parts: tuple[PartPower, ...] = ()

    @property
    def change(self) -> float:
        """How far the copy was changed: what its likeness lacks of one."""
        return 1.0 - self.likeness

    @property
    def missed(self) -> tuple[PartName, ...]:
        """The parts of which a copy would not have been found."""
        return tuple(one.part for one in self.parts if not one.found)


class WeightComparison(Record):
    """The suspect's weights against one base's.

    ``p`` is over all tests of the pair, ``p_holm`` raised for the number of bases. ``kinds`` are
    words for how the one was changed into the other. ``likeness`` is the least mean cosine of a
    kind of matrix after alignment, of kept parts, None where weights have no common order.
    ``parts``: what was kept of the base. ``laid_by_parts``: both streams were laid over each other
    by heads or units that they share, so that likeness lacks what that map lacks. ``reason`` says
    why nothing was compared or concluded.
    ``power``: what a simulated copy would have given, where no common origin was found.
    """

    base: str
    spec: str
    relation: Relation
    p: float | None = None
    p_holm: float | None = None
    likeness: float | None = None
    kinds: tuple[str, ...] = ()
    tests: tuple[WeightTest, ...] = ()
    parts: tuple[KeptPart, ...] = ()
    laid_by_parts: bool = False
    power: SimulatedPower | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
    reason_code: ReasonCode | None = None

    @property
    def by_signature(self) -> bool:
        """Whether it was found among stored signatures; else somebody asked about it."""
        return self.spec.startswith(SIGNATURE)


DeclaredPlace = Literal[
    "card",
    "adapter",
    "config",
    "gguf",
    "tokenizer",
    "chat_template",
    "commits",
]
DeclaredStatus = Literal["borne_out", "contradicted", "open", "not_compared", "own_name"]
"""The weights bear a declaration out; they are independent of what it names; they don't decide;
nothing of that name was compared; it is the suspect's own name."""


class DeclaredOrigin(Record):
    """What one ``place`` in the suspect's files ``says`` of its origin, the ``base`` compared that
    is meant, and what the weights say of that one."""

    place: DeclaredPlace
    says: str
    base: str | None = None
    observed: Relation | None = None
    status: DeclaredStatus


class LineageSection(ReportSection):
    """What was compared of weights, tokenizers and declarations. ``declared`` quotes what the
    suspect's own files say of its origin; ``declarations`` set it against what was observed, place
    by place, and ``declared_told`` in words. ``origins``: every part with the base that it comes
    from. ``licences``: as declared, of the suspect and of what shares its origin."""

    key: ClassVar[str] = "lineage"

    alpha: float
    weights: dict[str, str]
    comparisons: tuple[WeightComparison, ...]
    origins: tuple[PartOrigin, ...] = ()
    declared: dict[str, str] = Field(default_factory=dict)
    declarations: tuple[DeclaredOrigin, ...] = ()
    declared_told: str = ""
    licences: dict[str, str] = Field(default_factory=dict)
    screened: int = 0

"""The records of a report: findings, what was skipped, verdicts, limits; and their JSON Schema.

`report.json` is the truth; every other format is a view of it. Knows no renderer and no detector.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from detectors.measurement import Chart, Exhibit, HeatMap, Null, Question, Rank, Table
from fingerprints.records import Identity, ProbeSetRef, Record, Sampling

SCHEMA = "https://distillation-auditor.example/schemas/report-1.json"
Outcome = Literal["supported", "not_supported", "inconclusive", "not_assessable"]
BaseOrigin = Literal["user", "adapter", "store", "lineage"]
VENDOR = "vendor:"
"""What the name of a candidate begins with that is a vendor as a whole."""
Conclusion = Literal[
    "supported",
    "common_third_source",
    "none_of_the_candidates",
    "inconclusive",
    "not_assessable",
    "not_examined",
    "different",
    "no_difference_found",
    "declined_in_front",
    "declined_in_the_weights",
    "answered_in_front",
]


class SubjectSection(Record):
    """Who was examined: the spec that opens it again, and its digests."""

    spec: str
    identity: Identity


class BaseSection(Record):
    """The model that the suspect started from, its digests, and how it is known to be that.

    ``origin``: the user named it, the suspect's spec says that it is an adapter on it, a stored
    model has the weights that the suspect is an adapter on, or the suspect's weights were found to
    be derived from its. ``by_digest``: the digests of adapter and weights say so too. ``n_shared``
    counts the prompts that both answered. ``spec`` is None where only the store has it.
    """

    name: str
    spec: str | None
    identity: Identity
    origin: BaseOrigin
    by_digest: bool
    n_answers: int
    n_shared: int
    answers_sha256: str
    complete: bool = True


class Scorer(Record):
    """A model that said how likely it finds texts: suspect, base, or ``teacher:NAME``; how many
    it scored and could not."""

    name: str
    identity: Identity
    n_scored: int
    n_unscored: int = 0


class ScoresSection(Record):
    """Who found which texts how likely; ``absent`` says why somebody whose scores were wanted
    gave none."""

    sha256: str
    scorers: tuple[Scorer, ...]
    absent: dict[str, str] = Field(default_factory=dict)


class Finding(Record):
    """A weighed measurement. ``log10_lr``, ``cap``, ``words`` and ``calibration`` are null while
    uncalibrated."""

    question: Question
    detector: str
    candidate: str | None
    metric: str
    value: float
    n: int
    n_unit: str
    direction: str
    interval: tuple[float, float] | None
    level: float
    log10_lr: float | None = None
    cap: float | None = None
    words: str | None = None
    calibration: str | None = None
    rank: Rank | None = None
    null: Null | None = None
    summary: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    heat_maps: tuple[HeatMap, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()


class Skipped(Record):
    """A detector that did not measure a candidate, and why."""

    question: Question
    detector: str
    candidate: str | None
    reason: str


class Part(Record):
    """What one detector says by itself within a verdict: its value, its own log10 LR, and its
    weight in the fusion."""

    detector: str
    value: float
    log10_lr: float
    weight: float


class Verdict(Record):
    """The answer to one question about one candidate, a stored model or ``vendor:NAME``.

    ``log10_lr`` is capped and says how much likelier the measurements are if the suspect learned
    from the candidate than if it did not; ``interval`` what other control models could have made of
    it. ``p_value`` is the conformal p-value, Holm-corrected over the candidates of its kind;
    ``p_single`` the one before. ``n_controls`` counts independent lineages that did not learn from
    the candidate. ``parts`` are the detectors by themselves: they are fused, never multiplied.
    ``third_source`` marks what is explained as well by a common third source. Without a
    calibration: ``not_assessable`` and no words.
    """

    question: Question
    candidate: str | None
    outcome: Outcome
    log10_lr: float | None = None
    interval: tuple[float, float] | None = None
    cap: float | None = None
    words: str | None = None
    p_value: float | None = None
    p_single: float | None = None
    n_controls: int = 0
    calibration: str | None = None
    prompts: int | None = None
    parts: tuple[Part, ...] = ()
    third_source: bool = False
    reason: str = ""


class ErrorRate(Record):
    """How the calibration did on models that it was not fitted on, at the number of prompts that it
    was used at.

    ``scheme`` says what was left out as a whole. Counts are of independent lineages; intervals are
    95 %.
    """

    level: Literal["model", "vendor"]
    scheme: str
    prompts: int
    n_h1: int
    n_h2: int
    cllr: float
    cllr_interval: tuple[float, float]
    auc: float
    auc_interval: tuple[float, float]
    found: float
    found_interval: tuple[float, float]
    false_support: float
    false_support_interval: tuple[float, float]


class CalibrationSection(Record):
    """Which calibration weighed the findings, the population that it holds for, its error rates,
    and how this case differs.

    ``distance`` lists in words where the case lies outside of that population; empty where no
    difference was seen.
    """

    name: str
    sha256: str
    about: str
    created: str
    error_rates: tuple[ErrorRate, ...] = ()
    distance: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class SequentialRow(Record):
    """One vendor's bets: ``rate`` is the mean share of rival vendors below it on the suspect's
    answers, 0 to 1.

    ``more``: it is more like the vendor than all ``strangers`` stored strangers and than nineteen
    in twenty untaught models of the calibration; ``stranger`` is that rate. ``less``: it is less
    like it than nine in ten taught models (``taught``). The p-values hold however often one looked,
    and are raised for the number of vendors. ``after`` counts prompts until the decision.
    """

    vendor: str
    rate: float
    stranger: float
    strangers: int
    taught: float | None
    p_more: float
    p_less: float | None
    decision: Literal["more", "less", "open"]
    after: int | None


class SequentialSection(Record):
    """What asking until it is enough came to: ``asked`` of ``planned`` questions, bets on
    ``prompts`` of them.

    ``alpha`` bounds the chance of any false decision among the vendors. Likeness is decided here,
    not teaching.
    """

    alpha: float
    planned: int
    asked: int
    stopped: bool
    prompts: int
    calibration: str | None
    rows: tuple[SequentialRow, ...]


class ServiceSection(Record):
    """What comparing a service with the model that it claims came to.

    ``decision``: the answers differ; none was found to at this size; or neither can be said.
    ``p_value`` is what ``alpha`` was compared with: with ``sequential`` it holds however often one
    looked. ``asked`` of ``planned`` questions were put to the endpoint, ``stopped`` where that was
    enough. ``power`` tells what a comparison of this size finds on known replacements.
    """

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


class Candidate(Record):
    """A stored model that the suspect was compared with.

    ``n_shared`` counts the prompts that both answered, ``n_identical`` those with the very same
    answer text.
    """

    name: str
    vendor: str
    family: str
    identity: Identity
    n_answers: int
    n_shared: int
    answers_sha256: str
    n_identical: int = 0
    same_weights: bool = False


class StoreChoice(Record):
    """Which models of a large store were looked at: a sample that knows nothing of the suspect,
    those nearest to it by the index, and those that were named or share its weights.

    ``recall`` is how often the model that a full audit puts first was among the nearest alone,
    measured on ``recall_n`` models of a benchmark.
    """

    looked_at: int
    sampled: int
    nearest: tuple[str, ...]
    named: tuple[str, ...]
    recall: float
    recall_interval: tuple[float, float]
    recall_n: int


class StoreSection(Record):
    """Which store the candidates came from; ``choice`` is None where all its models were looked
    at."""

    name: str
    embedder: str
    sha256: str
    n_models: int
    choice: StoreChoice | None = None


class TranscriptSection(Record):
    """What was asked and how it went: every attempt is counted once."""

    sha256: str
    complete: bool
    probe_sets: tuple[ProbeSetRef, ...]
    sampling: Sampling
    counts: dict[str, int]
    events: tuple[str, ...] = ()
    seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


class Answer(Record):
    """One of the three questions with its one-sentence answer and what that answer does not say.

    ``conclusion`` is the answer as one word for programs; None where the question has no calibrated
    answer yet.
    """

    question: Question
    asks: str
    answer: str
    does_not_say: str
    conclusion: Conclusion | None = None


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


class LineageSection(Record):
    """What was compared of weights, tokenizers and declarations. ``declared`` quotes what the
    suspect's own files say of its origin; ``declared_told`` sets it against what was observed."""

    alpha: float
    weights: dict[str, str]
    comparisons: tuple[WeightComparison, ...]
    declared: dict[str, str] = Field(default_factory=dict)
    declared_told: str = ""
    screened: int = 0


class Report(Record):
    """The audit. Written as `report.json`; validated by `schemas/report-1.json`.

    ``transcript`` is None where nobody was asked anything, as when weights alone were compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: str = Field(SCHEMA, alias="schema")
    id: str
    created: str
    tool: str
    subject: SubjectSection
    plan: dict[str, Any]
    answers: tuple[Answer, ...]
    candidates: tuple[Candidate, ...]
    store: StoreSection | None
    base: BaseSection | None = None
    calibration: CalibrationSection | None = None
    scores: ScoresSection | None = None
    sequential: SequentialSection | None = None
    lineage: LineageSection | None = None
    service: ServiceSection | None = None
    transcript: TranscriptSection | None
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    verdicts: tuple[Verdict, ...]
    limits: tuple[str, ...]
    alternatives: tuple[str, ...]
    environment: dict[str, str]
    reproduce: tuple[str, ...]

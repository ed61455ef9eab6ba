"""The records of a report: findings, what was skipped, verdicts, limits; and their JSON Schema.

`report.json` is the truth; every other format is a view of it. Knows no renderer and no detector.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    InstanceOf,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from auditor.evidence.codes import BaseOrigin, Conclusion, Kinship, Outcome, ReasonCode
from auditor.evidence.custody import Custody
from auditor.evidence.error_rates import CalibrationSection
from auditor.evidence.exact import ExactTest
from auditor.evidence.kinds import all_kinds, own_kinds, sections_of, sections_record
from auditor.evidence.sensitivity import Sensitivity
from detectors.measurement import Measurement, Question, WhyNot
from fingerprints.records import Identity, ProbeSetRef, Record, Sampling

SCHEMA = "https://distillation-auditor.example/schemas/report-1.json"
VENDOR = "vendor:"
"""What the name of a candidate begins with that is a vendor as a whole."""


class SubjectSection(Record):
    """Who was examined: the spec that opens it again, and its digests."""

    spec: str
    identity: Identity


class BaseSection(Record):
    """The model that the suspect started from, its digests, and how it is known to be that.

    ``origin``: the user named it, the suspect's spec says that it is an adapter on it, a stored
    model has the weights that the suspect is an adapter on, the suspect's weights were found to be
    derived from its, or shadows that are used again were trained from it. ``by_digest``: the
    digests of adapter and weights say so too. ``n_shared`` counts the prompts that both answered.
    ``spec`` is None where only the store has it.
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


class Finding(Measurement):
    """A weighed measurement. ``log10_lr``, ``cap``, ``words`` and ``calibration`` are null while
    uncalibrated; ``exact`` is there where a design of its owner's makes it exact."""

    question: Question
    detector: str
    candidate: str | None
    interval: tuple[float, float] | None
    level: float
    log10_lr: float | None = None
    cap: float | None = None
    words: str | None = None
    calibration: str | None = None
    exact: ExactTest | None = None

    @classmethod
    def of(
        cls,
        measured: Measurement,
        question: Question,
        detector: str,
        candidate: str | None,
        **weight: Any,
    ) -> Finding:
        """What a detector measured of a candidate (None: of the suspect alone), with its weight
        where it has one."""
        told = {**dict(measured), **weight}
        return cls(question=question, detector=detector, candidate=candidate, **told)


class Skipped(Record):
    """A detector that did not measure a candidate, and why: in words, and as a code for
    programs."""

    question: Question
    detector: str
    candidate: str | None
    reason: str
    code: WhyNot = "unspecified"


class Part(Record):
    """What one detector says by itself within a verdict: its value, its own log10 LR, and its
    weight in the fusion."""

    detector: str
    value: float
    log10_lr: float
    weight: float


class MemberRank(Record):
    """One stored model among those that a verdict is about: how near it comes to the suspect, never
    whether it taught it.

    ``position`` is 1 for the nearest, None where it could not be compared; ``score`` a mean over
    shared prompts on a scale that members of one group share (None without a paired comparison:
    then detectors' ranks order the members). ``p_value`` is that of the paired test between the
    nearest member and this one, Holm-corrected over the members. ``named``: by whoever ordered the
    audit.
    """

    name: str
    position: int | None = None
    score: float | None = None
    p_value: float | None = None
    named: bool = False


class Verdict(Record):
    """The answer to one question about one candidate: a maker's stored models together
    (``vendor:NAME``), or a stored model whose maker is not known. ``title`` is what people read for
    it: the maker as the store writes it.

    ``log10_lr`` is capped and says how much likelier the measurements are if the suspect learned
    from the candidate than if it did not; ``interval`` what other control models could have made of
    it. ``p_value`` is the conformal p-value, Holm-corrected over the candidates of its kind;
    ``p_single`` the one before. ``n_controls`` counts independent lineages that did not learn from
    the candidate. ``parts`` are the detectors by themselves: they are fused, never multiplied.
    ``third_source`` marks what is explained as well by a common third source; ``outside`` names the
    detectors whose value lies beyond all that was calibrated on; ``kinship`` says how the suspect
    is known to be related, which leaves nothing to be assessed. ``members`` are the models that the
    verdict is about, ``nearest`` the one that is most like the suspect among them; ``told_apart``
    says whether a paired test over ``apart_prompts`` prompts tells it from every other (largest
    p-value: ``apart_p``). ``exact`` stands in place of a ratio and its cap. Without either and
    without a calibration: ``not_assessable`` and no words.
    """

    question: Question
    candidate: str | None
    title: str = ""
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
    outside: tuple[str, ...] = ()
    kinship: tuple[Kinship, ...] = ()
    members: tuple[MemberRank, ...] = ()
    nearest: str | None = None
    told_apart: bool = False
    apart_p: float | None = None
    apart_prompts: int | None = None
    exact: ExactTest | None = None
    reason: str = ""
    reason_code: ReasonCode | None = None

    @property
    def called(self) -> str:
        """How its candidate is called, empty where it has none."""
        return self.title or (self.candidate or "").removeprefix(VENDOR)

    @property
    def of_vendor(self) -> bool:
        """Whether it is about a vendor as a whole."""
        return (self.candidate or "").startswith(VENDOR)

    @property
    def assessed(self) -> bool:
        """Whether anything was weighed for it."""
        return self.strength is not None

    @property
    def strength(self) -> float | None:
        """What orders verdicts: the log10 LR, or of an exact test the log10 e-value."""
        return self.exact.log10_e if self.exact is not None else self.log10_lr


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
    """What was asked and how it went: every attempt is counted once. ``adjusted`` counts answers by
    what an endpoint was not sent as planned, because it refused that."""

    sha256: str
    complete: bool
    probe_sets: tuple[ProbeSetRef, ...]
    sampling: Sampling
    counts: dict[str, int]
    events: tuple[str, ...] = ()
    seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    adjusted: dict[str, int] = Field(default_factory=dict)


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


class ReportSection(Record):
    """What a kind of audit adds to a report, under a key of its own in report.json."""

    key: ClassVar[str]


S = TypeVar("S", bound=ReportSection)


class Report(Record):
    """The audit. Written as `report.json`; validated by `schemas/report-1.json`.

    ``transcript`` is None where nobody was asked anything, as when weights alone were compared.
    ``custody`` is None where nobody was named and no plan was registered, ``sensitivity`` where no
    calibrated ratio was given, and in reports of before it was told.
    ``headline`` are the sentences that stand before all else; ``sections`` are what kinds of audits
    add, by key; in JSON they stand at the top level.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="constants"
    )

    schema_: str = Field(SCHEMA, alias="schema")
    id: str
    created: str
    tool: str
    subject: SubjectSection
    plan: dict[str, Any]
    headline: tuple[str, ...] = ()
    answers: tuple[Answer, ...]
    candidates: tuple[Candidate, ...]
    store: StoreSection | None
    base: BaseSection | None = None
    calibration: CalibrationSection | None = None
    scores: ScoresSection | None = None
    sections: dict[str, SerializeAsAny[InstanceOf[ReportSection]]] = Field(default_factory=dict)
    transcript: TranscriptSection | None
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    verdicts: tuple[Verdict, ...]
    limits: tuple[str, ...]
    alternatives: tuple[str, ...]
    environment: dict[str, str]
    reproduce: tuple[str, ...]
    custody: Custody | None = None
    sensitivity: Sensitivity | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        """Takes the sections from the top level of JSON, each as its kind reads it."""
        if not isinstance(value, dict):
            return value
        places = sections_of(all_kinds())
        known = sections_record({key: place for key, place in places.items() if key in value})
        read = known.model_validate({k: v for k, v in value.items() if k in known.model_fields})
        found = {name: told for name, told in read if told is not None}
        rest = {key: v for key, v in value.items() if key not in known.model_fields}
        return {**rest, "sections": {**rest.get("sections", {}), **found}} if found else rest

    @model_serializer(mode="wrap")
    def _spread(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Puts the sections at the top level; one of our own that is absent stands there as
        null."""
        out: dict[str, Any] = dump(self)
        if "sections" not in out:  # not among what was asked for
            return out
        told = out.pop("sections")
        return {**out, **dict.fromkeys(sections_of(own_kinds())), **told}

    def section(self, kind: type[S]) -> S | None:
        """The section of a record class; None where the audit has none."""
        found = self.sections.get(kind.key)
        return found if isinstance(found, kind) else None

    def with_section(self, section: ReportSection) -> Report:
        """The report with one section more."""
        return self.model_copy(update={"sections": {**self.sections, section.key: section}})

"""The record of a fleet, fleet.json: its cells, what each report says, what stands among so many,
and what changed. The page and the table are views of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from auditor.audits.report.lines import Status
from auditor.evidence.codes import Outcome, ReasonCode
from auditor.fleet.plan import FleetPlan
from detectors.measurement import Question
from fingerprints.record_files import RecordFile
from fingerprints.records import Record

CellState = Literal["done", "failed", "unfit"]
Procedure = Literal["benjamini_yekutieli", "e_benjamini_hochberg"]
WhyUntested = Literal["uncalibrated", "chosen_for_likeness", "design_unchecked", "no_p_value"]


class FleetTest(Record):
    """One verdict of a report as the fleet weighs it. ``outcome`` is the report's, and stays so.

    ``family`` names the tests among which it counts (None: ``untested`` says why it can't be
    corrected for their number). ``p`` and ``log10_e`` are of this test alone. ``rate`` is the least
    false discovery rate of the fleet at which it would stand, and ``stands`` whether that is low
    enough: never for a verdict that its own report does not support. ``p_floor`` is the smallest
    p-value that its population of known models allows; ``out_of_reach``: among so many tests not
    even that one could stand.
    """

    question: Question
    candidate: str | None
    title: str
    outcome: Outcome
    log10_lr: float | None = None
    p: float | None = None
    p_floor: float | None = None
    log10_e: float | None = None
    reason_code: ReasonCode | None = None
    family: str | None = None
    untested: WhyUntested | None = None
    rate: float | None = None
    stands: bool = False
    out_of_reach: bool = False


class FleetCell(Record):
    """One audit of one suspect: how it went, and what its report says.

    ``state``: it is done; it failed (``exit_code`` and ``reason`` as the same audit by itself would
    have ended); the audit doesn't fit the suspect (``missing``: what is not known of it). ``place``
    is the report's folder below the fleet's, ``statuses`` and ``says`` what it tells at a glance.
    """

    suspect: str
    audit: str
    kind: str
    store: str | None = None
    calibration: str | None = None
    state: CellState
    exit_code: int = 0
    code: str = ""
    reason: str = ""
    next_step: str | None = None
    missing: str = ""
    seconds: float = 0.0
    place: str = ""
    report_id: str = ""
    made: str = ""
    statuses: dict[Question, Status] = Field(default_factory=dict)
    says: str = ""
    declares: tuple[str, ...] = ()
    tests: tuple[FleetTest, ...] = ()

    @property
    def where(self) -> tuple[str, str, str, str]:
        """What tells it from every other cell of the fleet."""
        return (self.suspect, self.audit, self.store or "", self.calibration or "")


class FleetFamily(Record):
    """Tests that are corrected for each other: of one question, of one kind of evidence.

    ``n`` of them were made, ``supported`` by their own reports, and ``standing`` in the fleet.
    ``out_of_reach``: of those that do not stand, how many could not have.
    """

    name: str
    question: Question
    procedure: Procedure
    n: int
    supported: int
    standing: int
    out_of_reach: int = 0


ChangeKind = Literal["new", "gone", "state", "status", "stands", "says"]


class FleetChange(Record):
    """What differs between two runs of a fleet: a cell that is new or gone, or one of its values
    ``before`` and ``after`` (``question``: of which answer; ``candidate``: of whose verdict, by its
    id, and ``title``: as what people read it)."""

    kind: ChangeKind
    suspect: str
    audit: str
    store: str | None = None
    calibration: str | None = None
    question: Question | None = None
    candidate: str | None = None
    title: str = ""
    before: str = ""
    after: str = ""


class FleetReport(Record):
    """Everything that a run of a fleet came to. ``run`` counts its runs that differ; ``since`` is
    when the one before was made, which ``changes`` compares with."""

    format: Literal["fleet-report/1"] = "fleet-report/1"
    run: Annotated[int, Field(ge=1)] = 1
    made: str
    tool: str
    plan: FleetPlan
    cells: tuple[FleetCell, ...]
    families: tuple[FleetFamily, ...] = ()
    since: str | None = None
    changes: tuple[FleetChange, ...] = ()


FLEET_REPORT = RecordFile(
    FleetReport,
    nothing="not the record of a fleet",
    next_step="give a folder that `auditor fleet` wrote",
    largest=2_000_000_000,
)

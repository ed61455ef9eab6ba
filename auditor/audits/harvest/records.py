"""What a harvest audit adds to a report."""

from __future__ import annotations

from typing import ClassVar, Literal

from auditor.evidence.exact import Design
from auditor.evidence.records import ReportSection
from fingerprints.records import Record


class SetTally(Record):
    """What became of a log's rows and of the sets of served answer and twins; each is in one of
    these. ``served_again`` of ``not_distinct`` sets had a twin that is the served answer again."""

    rows_read: int
    rows_unreadable: int = 0
    rows_without_answer: int = 0
    rows_unusable: int = 0
    rows_duplicate: int = 0
    rows_of_others: int = 0
    rows_repeated_prompt: int = 0
    rows_without_twins: int = 0
    rows_bad_numbers: int = 0
    twins_without_row: int = 0
    sets_twin_unusable: int = 0
    sets_not_distinct: int = 0
    sets_served_again: int = 0
    sets_not_scored: int = 0
    sets_used: int = 0


class DesignCheck(Record):
    """One comparison of served with drawn answers before any suspect is asked: what was compared (a
    code), its p-value (None where names or settings are compared), and whether it held."""

    compared: str
    p_value: float | None = None
    held: bool


class InnocentCheck(Record):
    """A model that cannot have learned from what was served, put to the suspect's own test:
    ``p_value`` for preferring it, ``two_sided`` for any difference before adjustment."""

    spec: str
    p_value: float
    two_sided: float
    held: bool


class HarvestGroup(Record):
    """The answers served to whom, tested as one: so many accounts, prompts, and the power of the
    test at the stated dose."""

    name: str
    accounts: int
    prompts: int
    power: float | None = None


class HarvestSection(ReportSection):
    """What a harvest audit rests on: the design, the log, the twins, what was checked.

    ``mode``: likelihoods, or words alone. ``adjusted_for`` are codes. ``effect`` and ``used`` are
    the training that power is told for: how much it adds to a served answer's score, and the share
    of the log that it used. ``log_sha256`` is over the ids of the rows that twins were drawn for.
    """

    key: ClassVar[str] = "harvest"

    design: Design
    mode: Literal["likelihood", "text"]
    log_sha256: str
    twins_sha256: str
    twins_created: str
    teacher_model: str
    m: int
    tally: SetTally
    checks: tuple[DesignCheck, ...]
    innocents: tuple[InnocentCheck, ...]
    groups: tuple[HarvestGroup, ...]
    adjusted_for: tuple[str, ...]
    suspects: int
    sequential: bool
    effect: float
    used: float

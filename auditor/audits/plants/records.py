"""What a test for a plant adds to a report."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from auditor.evidence.records import ReportSection
from detectors.inheritance.radioactivity import Way
from fingerprints.plants import GreenScheme, HabitDesign
from fingerprints.records import Record


class GreenTest(Record):
    """One way of counting green tokens: how many were counted, green, and left out, and why."""

    way: Way
    rose: bool = False
    tokens: int
    green: int
    seen: int
    repeated: int
    given: int
    keyless: int
    p_value: float


class HabitShare(Record):
    """How often the suspect has one habit of the bank, and how often it is usual."""

    habit: str
    found: int
    usual: float


class AccountFit(Record):
    """How well one account's dealt habits fit the suspect: exact p-value, and that corrected for
    all accounts (Holm). ``habits`` are told for a supported account alone: its lot is spent."""

    account: str
    p_value: float
    corrected: float
    habits: tuple[str, ...] = ()


class PlantSection(ReportSection):
    """The plant that a suspect was tested for, what was counted, and what that could have found.

    Never a key, and of the dealt habits only those of accounts that are supported. ``expect`` is
    the effect for which ``power`` is told.
    """

    key: ClassVar[str] = "plant"

    kind: Literal["watermark", "habit"]
    name: str
    teacher: str
    commitment: str
    created: str
    retired: bool
    passing_on: bool
    answers: int
    watermark: GreenScheme | None = None
    habits: HabitDesign | None = None
    green: tuple[GreenTest, ...] = ()
    shares: tuple[HabitShare, ...] = ()
    accounts: tuple[AccountFit, ...] = ()
    n_accounts: int = 0
    marked_sha256: str | None = None
    usual_from: Literal["bank", "base"] = "bank"
    expect: float | None = None
    power: float | None = None
    needed: dict[str, int] = Field(default_factory=dict)

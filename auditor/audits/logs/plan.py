"""What a scan is asked: which log, what it is compared with, how sure it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from auditor.audits.logs.warehouse import MEMORY_GB, THREADS
from fingerprints.errors import UsageProblem, printable
from fingerprints.field_path import FieldPath

LEVEL, TOLD_AT, NOTICED_OF_SIMULATED = 0.05, 0.003, 0.001
"""Share of false finds among accounts that are told; p from which on a unit may be told: of a
thousand benign units three are, by chance. Against simulated traffic a log's own stands out more
often than p says (twice as often on held-out simulations, whose batch jobs differ from the
calibration's), so that a third is asked for where nothing but p speaks: what is *found* is bounded
by the correction over accounts as well."""
WINDOWS = {"7d": 7 * 86400.0, "1d": 86400.0, "6h": 6 * 3600.0, "1h": 3600.0}


@dataclass(frozen=True)
class LogInput:
    """A log as it is given: files, folders or patterns, columns that are mapped, its gateway."""

    arguments: tuple[str, ...]
    given: Mapping[str, FieldPath] = field(default_factory=dict)
    preset: str | None = None


@dataclass(frozen=True)
class ScanPlan:
    """All of a scan's settings. Benign traffic is another log, this log's first days, or a
    calibration from a file; the shipped one where none is given. ``seconds``: length of a window;
    None: as long as the logs allow."""

    log: LogInput
    benign: LogInput | None = None
    benign_until: datetime | None = None
    calibration: Path | None = None
    seconds: float | None = None
    level: float = LEVEL
    noticed_at: float | None = None
    salt: bytes | None = None
    memory_gb: float = MEMORY_GB
    threads: int = THREADS
    spill: Path | None = None

    @property
    def found_at(self) -> float:
        """p from which on a unit may be found."""
        return self.noticed_at or TOLD_AT

    def noticed_from(self, simulated: bool) -> float:
        """p from which on a unit is noticed, against simulated traffic or against other."""
        return self.noticed_at or (NOTICED_OF_SIMULATED if simulated else TOLD_AT)

    @property
    def private(self) -> bool:
        """Whether names and words are left out of everything that is written."""
        return self.salt is not None


def parse_date(text: str) -> datetime:
    """A date or time in ISO form, in UTC without a zone. Raises UsageProblem for another text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageProblem(
            f"no date: {printable(text, 40)!r}", next_step="write it as 2026-11-15"
        ) from None
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)

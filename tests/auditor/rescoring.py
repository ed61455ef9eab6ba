"""What comes out otherwise when a report is judged again from the records beside it."""

from __future__ import annotations

from pathlib import Path

from auditor.sealing.findings import Verification
from auditor.sealing.rescore import RescoreAgainst, rescored

NOTHING = Verification(
    intact=True, sealed=None, report=None, head=None, added=0, signers=(), problems=(), unchecked=()
)


def judged_again(folder: Path) -> list[str]:
    """A line for every figure that differs, or for why it could not be judged; none where all is
    the same."""
    found = rescored(folder, NOTHING, RescoreAgainst())
    return [p.line() for p in found.problems] + [u.line() for u in found.unchecked]

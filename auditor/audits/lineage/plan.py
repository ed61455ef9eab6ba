"""The plan of a lineage audit by files: suspect, bases, and how much of them is compared."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.lineage.judge import ALPHA
from auditor.audits.plan import AskingOf, AuditPlan


class LineagePlan(AuditPlan):
    """Everything that decides a lineage audit besides the models. ``store`` is a folder of
    `auditor bases`, ``history`` the text of a commit log."""

    command: ClassVar[str] = "lineage"
    noun: ClassVar[str] = "lineage plan"

    format: Literal["lineage-plan/1"] = "lineage-plan/1"
    suspect: str
    bases: tuple[str, ...] = ()
    store: str | None = None
    history: str | None = None
    alpha: Annotated[float, Field(gt=0, le=0.5)] = ALPHA
    tokenizer_only: bool = False

    def asking(self) -> tuple[AskingOf, ...]:
        """Nobody: files are read."""
        return ()

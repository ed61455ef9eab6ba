"""The plan of a harvest audit: whose answers, which twins, which suspect, what is known beside;
flags ↔ YAML.

Knows what will be compared; compares nothing.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.plan import AuditPlan
from detectors.inheritance.served_or_twin import Mode
from fingerprints.errors import UsageProblem
from fingerprints.records import Sampling

MOST_INNOCENTS = 8
WEAK: dict[Mode, float] = {"likelihood": 0.5, "text": 0.2}
"""What one weak epoch was measured to add, in root mean squares: words alone show less."""
SAMPLE_TEMPERATURE = 0.8
"""Of the suspect's further answers, where only its words are seen: as the published measurements
were made."""


class HarvestPlan(AuditPlan):
    """Everything that decides a harvest audit besides the models.

    ``log`` is None where ``twins`` is a coin log, which holds what was served itself; then
    ``commitments`` says what was given away of it. ``accounts`` are tested one by one; those of
    ``cluster``, a file of names, together. Neither: all that was served, together. ``suspects``
    counts the models that are examined on this log: every p-value is corrected for them.
    ``effect`` and ``used`` say which training the power is told for (None: a weak one).
    """

    command: ClassVar[str] = "harvest"
    noun: ClassVar[str] = "harvest plan"

    format: Literal["harvest-plan/1"] = "harvest-plan/1"
    suspect: str
    log: str | None = None
    twins: str
    commitments: str | None = None
    base: str | None = None
    teacher: str | None = None
    innocents: Annotated[tuple[str, ...], Field(max_length=MOST_INNOCENTS)] = ()
    accounts: tuple[str, ...] = ()
    cluster: str | None = None
    public_dataset: bool = False
    text_only: bool = False
    samples: Annotated[int, Field(ge=0, le=32)] = 4
    max_tokens: Annotated[int, Field(ge=8, le=4096)] = 256
    seed: int = 0
    sequential: bool = False
    suspects: Annotated[int, Field(ge=1, le=100_000)] = 1
    effect: Annotated[float, Field(gt=0, le=20)] | None = None
    used: Annotated[float, Field(gt=0, le=1)] = 0.1
    quote: Annotated[int, Field(ge=0, le=50)] = 0

    def check(self) -> None:
        """Raises UsageProblem for accounts that are named twice, and for both ways of naming."""
        if self.cluster is not None and self.accounts:
            raise UsageProblem(
                "accounts are named one by one or by a file of a cluster, not both",
                where="--cluster",
                next_step="leave out --account, or run a second audit with --suspects 2",
            )
        if len(set(self.accounts)) != len(self.accounts):
            raise UsageProblem("an account is named twice", where="--account")

    def dose(self, mode: Mode) -> float:
        """How much a training adds to a served answer's score, where power is told."""
        return WEAK[mode] if self.effect is None else self.effect

    def greedy(self) -> Sampling:
        """How the suspect is asked first, where only its words are seen."""
        return Sampling(max_tokens=self.max_tokens, seed=self.seed)

    def sampled(self) -> Sampling | None:
        """How it is asked for more; None where it isn't."""
        if not self.samples or self.sequential:
            return None
        return Sampling(
            temperature=SAMPLE_TEMPERATURE,
            max_tokens=self.max_tokens,
            seed=self.seed,
            samples=self.samples,
        )

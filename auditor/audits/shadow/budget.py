"""What a shadow audit has spent, run after run, and whether the next shadow still fits into its
budget.

Kept on disk after every shadow: a killed run has spent what its finished shadows took, and nothing
is known of the one that it was at. Knows seconds and counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from auditor.audits.shadow.plan import ShadowPlan
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput
from fingerprints.records import Record

SPENT = "spent.json"


class Spent(Record):
    """What one shadow took: seconds of this machine, tokens learned and written, and whether it
    was trained at all."""

    seconds: float
    tokens: int
    trained: bool


_ALL: TypeAdapter[dict[str, Spent]] = TypeAdapter(dict[str, Spent])


@dataclass
class Purse:
    """The budget and what was spent of it; ``path`` keeps the latter.

    ``at_once``: how many shadows are made at once now. The time that is budgeted is that of the
    clock: what all shadows took, divided by it.
    """

    plan: ShadowPlan
    path: Path
    expected: Spent
    at_once: int = 1
    rows: dict[str, Spent] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        plan: ShadowPlan,
        folder: Path,
        expected: Spent,
        at_once: int = 1,
    ) -> Purse:
        """The purse of a folder. Raises MalformedInput for a record that can't be read."""
        path = folder / SPENT
        try:
            rows = _ALL.validate_json(path.read_bytes()) if path.exists() else {}
        except (OSError, ValidationError) as error:
            raise MalformedInput(
                "no record of what was spent", where=path, next_step="remove it: the rest is kept"
            ) from error
        return cls(plan, path, expected, at_once, dict(rows))

    @property
    def seconds(self) -> float:
        """Seconds spent, of all shadows and all runs."""
        return sum(row.seconds for row in self.rows.values())

    @property
    def tokens(self) -> int:
        """Tokens spent, of all runs."""
        return sum(row.tokens for row in self.rows.values())

    @property
    def limited(self) -> bool:
        """Whether there is a budget at all."""
        return self.plan.budget_minutes is not None or self.plan.budget_tokens is not None

    def carries_another(self, running: int = 0) -> bool:
        """Whether one more trained shadow fits beside those that are being made: each as dear as
        `each`."""
        minutes, most = self.plan.budget_minutes, self.plan.budget_tokens
        more, each = running + 1, self.each
        spent = (self.seconds + more * each.seconds) / self.at_once
        in_time = minutes is None or spent <= 60 * minutes
        return in_time and (most is None or self.tokens + more * each.tokens <= most)

    @property
    def each(self) -> Spent:
        """What one more trained shadow takes: the mean of those that were trained, or what was
        expected."""
        trained = [row for row in self.rows.values() if row.trained]
        if not trained:
            return self.expected
        n = len(trained)
        seconds, tokens = sum(r.seconds for r in trained) / n, sum(r.tokens for r in trained) / n
        return Spent(seconds=seconds, tokens=round(tokens), trained=True)

    def put(self, name: str, row: Spent) -> None:
        """Writes down what a shadow took, added to what an earlier run put down for it."""
        before = self.rows.get(name)
        seconds = row.seconds + (before.seconds if before else 0.0)
        self.rows[name] = row.model_copy(update={"seconds": round(seconds, 2)})
        with replacing(self.path) as file:
            file.write(json.dumps(_dumped(self.rows), indent=1).encode("utf-8") + b"\n")


def _dumped(rows: Mapping[str, Spent]) -> dict[str, object]:
    return {name: row.model_dump(mode="json") for name, row in rows.items()}

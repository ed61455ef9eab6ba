"""What a shadow audit has spent, run after run, and whether the next shadow still fits into its
budget.

Kept on disk after every shadow: a killed run has spent what its finished shadows took, and nothing
is known of the one that it was at. Knows clocks and counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
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
    """The budget and what was spent of it; ``path`` keeps the latter. ``now``: a clock in
    seconds."""

    plan: ShadowPlan
    path: Path
    expected: Spent
    now: Callable[[], float] = time.monotonic
    rows: dict[str, Spent] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        plan: ShadowPlan,
        folder: Path,
        expected: Spent,
        now: Callable[[], float] = time.monotonic,
    ) -> Purse:
        """The purse of a folder. Raises MalformedInput for a record that can't be read."""
        path = folder / SPENT
        try:
            rows = _ALL.validate_json(path.read_bytes()) if path.exists() else {}
        except (OSError, ValidationError) as error:
            raise MalformedInput(
                "no record of what was spent", where=path, next_step="remove it: the rest is kept"
            ) from error
        return cls(plan, path, expected, now, dict(rows))

    @property
    def seconds(self) -> float:
        """Seconds spent, of all runs."""
        return sum(row.seconds for row in self.rows.values())

    @property
    def tokens(self) -> int:
        """Tokens spent, of all runs."""
        return sum(row.tokens for row in self.rows.values())

    def carries_another(self) -> bool:
        """Whether one more trained shadow fits: as dear as the trained ones were on average, or
        as was expected."""
        trained = [row for row in self.rows.values() if row.trained]
        seconds = (
            sum(r.seconds for r in trained) / len(trained) if trained else self.expected.seconds
        )
        tokens = sum(r.tokens for r in trained) / len(trained) if trained else self.expected.tokens
        minutes, most = self.plan.budget_minutes, self.plan.budget_tokens
        in_time = minutes is None or self.seconds + seconds <= 60 * minutes
        return in_time and (most is None or self.tokens + tokens <= most)

    def put(self, name: str, row: Spent) -> None:
        """Writes down what a shadow took, added to what an earlier run put down for it."""
        before = self.rows.get(name)
        seconds = row.seconds + (before.seconds if before else 0.0)
        self.rows[name] = row.model_copy(update={"seconds": round(seconds, 2)})
        with replacing(self.path) as file:
            file.write(json.dumps(_dumped(self.rows), indent=1).encode("utf-8") + b"\n")


def _dumped(rows: Mapping[str, Spent]) -> dict[str, object]:
    return {name: row.model_dump(mode="json") for name, row in rows.items()}

"""An open store's models as one audit reads them: the records once, each model's answers once at
most, and a fixed sample that stands for all.

Knows the store; knows nothing of a suspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from auditor.audits.inheritance.plan import Plan
from auditor.evidence.groups import CandidateGroup, groups_of
from detectors.base import Teacher
from detectors.text.model_names import CLOSE, meant, same_maker
from fingerprints.catalog_rows import StoredTeacher
from fingerprints.errors import UsageProblem, printable
from fingerprints.store import FingerprintStore

LARGEST_WHOLE = 64
"""The largest store that is looked at in full: twice the cost of 34 models, 100 would be four
times (docs/benchmarks.md, "An audit against a large store")."""
SAMPLED = 40
"""Models that stand for a larger one: p-values down to 1/41."""


@dataclass(frozen=True)
class Shelf:
    """An open store's models for one audit: the records read once, each model's answers when they
    are first wanted."""

    store: FingerprintStore
    records: dict[str, StoredTeacher]
    numbers: dict[str, int]
    everyone: bool = False
    _read: dict[str, Teacher] = field(default_factory=dict)

    def teacher(self, name: str) -> Teacher:
        """A stored model with its answers."""
        if name not in self._read:
            record = self.records[name]
            said = self.store.catalog.transcript(self.numbers[name], record)
            self._read[name] = Teacher(name, self._maker(name), record.family, said)
        return self._read[name]

    @cached_property
    def groups(self) -> tuple[CandidateGroup, ...]:
        """Whom the verdicts are about, of all stored models."""
        return groups_of(self.records.values())

    def group_of(self, name: str) -> CandidateGroup:
        """The group that a stored model belongs to."""
        return next(g for g in self.groups if name in g.members)

    def _maker(self, name: str) -> str:
        """Whose a model counts as, so that detectors contrast those groups with each other that
        verdicts are about: a maker in one spelling, or whoever has the same weights."""
        group = self.group_of(name)
        return group.maker or (group.members[0] if len(group.members) > 1 else "")

    def named(self, names: Sequence[str]) -> list[StoredTeacher]:
        """The records of these models, of all where there is no name. Raises UsageProblem for a
        name that is not stored."""
        missing = [name for name in names if name not in self.records]
        if missing:
            raise UsageProblem(
                f"the store holds no model called {printable(missing[0], 60)!r}",
                where=self.store.path,
                next_step=self._instead_of(missing[0]),
            )
        return [self.records[name] for name in names or self.records]

    def _instead_of(self, name: str) -> str:
        """What to name instead: a model of the maker that it is, or of the nearest spelling."""
        asked, models = name.casefold()[:200], {n.casefold(): n for n in self.records}
        makers = {r.vendor for r in self.records.values() if r.vendor}
        maker = next((m for m in sorted(makers) if same_maker(m, name)), None)
        near = [] if maker else get_close_matches(asked, models, 1, CLOSE)
        maker = maker or (None if near else meant(name, makers))
        theirs = [r.name for r in self.records.values() if maker and same_maker(r.vendor, maker)]
        if theirs:
            return (
                f"name a model, which stands for all of its maker's: {printable(theirs[0], 60)!r}"
                f" for {printable(maker or '', 60)}"
            )
        near = near or get_close_matches(asked, models, 1)
        slip = f"did you mean {printable(models[near[0]], 60)!r}? " if near else ""
        return f"{slip}see its names: `auditor store list --store DIR`"

    def sampled(self) -> list[str]:
        """The models that stand for the store, in order of name, whoever the suspect is: all of a
        small store, 40 of a large one.

        Vendor after vendor gives one model until there are enough, each in the order of its
        answers' digests.
        """
        if self.everyone or len(self.records) <= LARGEST_WHOLE:
            return list(self.records)
        turns: dict[str, int] = {}
        drawn = []
        for record in sorted(self.records.values(), key=lambda r: (r.content_sha256, r.name)):
            maker = record.vendor.casefold() or record.name
            turns[maker] = turns.get(maker, 0) + 1
            drawn.append((turns[maker], record.content_sha256, record.name))
        return sorted(name for _, _, name in sorted(drawn)[:SAMPLED])


def shelf(store: FingerprintStore, plan: Plan) -> Shelf:
    """The models of an open store, none of them decoded yet."""
    entries = store.catalog.entries()
    return Shelf(
        store,
        {record.name: record for _, record in entries},
        {record.name: number for number, record in entries},
        plan.all_candidates,
    )

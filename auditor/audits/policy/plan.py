"""The plan of a policy audit: the service, the weights, perhaps a third model, and which questions;
flags → a checked record.

Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from auditor.audits.plan import AskingOf, AuditPlan
from fingerprints.errors import UsageProblem, printable
from fingerprints.probes import load_probe_set
from fingerprints.records import Probe, ProbeSet, Sampling

SET = "policy"


class PolicyPlan(AuditPlan):
    """Everything that decides a policy audit besides the models: specs, topics and languages
    (all where empty), sampling."""

    command: ClassVar[str] = "policy"
    noun: ClassVar[str] = "policy plan"

    format: Literal["policy/1"] = "policy/1"
    hosted: str
    local: str
    also: str | None = None
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sampling: Sampling = Sampling()

    def probe_set(self) -> ProbeSet:
        """The chosen questions with their twins. Raises UsageProblem for a topic or language
        that the set hasn't."""
        whole = load_probe_set(SET)
        probes = _kept(whole.probes, whole.probes, lambda p: p.topic, self.topics, "--topics")
        probes = _kept(probes, whole.probes, lambda p: p.language, self.languages, "--languages")
        if len(probes) == len(whole.probes):
            return whole
        return whole.model_copy(update={"probes": probes, "whole": whole.digest()})

    @property
    def specs(self) -> dict[str, str]:
        """Who is asked, by role."""
        named = {"hosted": self.hosted, "local": self.local, "also": self.also}
        return {role: spec for role, spec in named.items() if spec is not None}

    def asking(self) -> tuple[AskingOf, ...]:
        """All whom the plan names, the same."""
        sets = [self.probe_set()]
        return tuple(AskingOf(spec, sets, self.sampling) for spec in self.specs.values())

    def check(self) -> None:
        """Raises UsageProblem for a topic or language that there is not."""
        self.probe_set()


def _kept(
    probes: Sequence[Probe],
    every: Sequence[Probe],
    key: Callable[[Probe], str],
    wanted: Sequence[str],
    flag: str,
) -> tuple[Probe, ...]:
    known = sorted({key(p) for p in every})
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageProblem(
            f"the set has no {printable(unknown[0], 40)!r}",
            where=flag,
            next_step=f"choose from {', '.join(known)}",
        )
    kept = tuple(p for p in probes if not wanted or key(p) in wanted)
    if not kept:
        raise UsageProblem(
            "no question is left", where=flag, next_step="choose more topics or languages"
        )
    return kept

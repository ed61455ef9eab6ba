"""The plan of a service audit: who is claimed, who answers, what is asked and when it is enough;
flags ↔ YAML.

Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.plan import AskingOf, AuditPlan
from fingerprints.probes import ProbeChoice
from fingerprints.records import ProbeSet, Sampling
from fingerprints.transcript import Transcript

REFERENCE_SEED = 7_368_787
"""Added to the seed for the claimed model: with equal seeds two local copies would give the same
draws, not two samples."""
MOST_QUESTIONS = 4096
IDENTIFYING = "style"
"""The probe set that stored models were asked, of which the first questions identify."""


class ServicePlan(AuditPlan):
    """Everything that decides a service audit besides the models.

    ``questions`` is None for all of the probe sets. ``temperature`` is None for 1, or for that of
    recorded answers. ``store`` names whom else it could be; without one nobody else is compared.
    """

    command: ClassVar[str] = "service"
    noun: ClassVar[str] = "service plan"

    format: Literal["service-plan/1"] = "service-plan/1"
    claimed: str
    endpoint: str
    probes: Annotated[tuple[ProbeChoice, ...], Field(min_length=1)] = (ProbeChoice(set="service"),)
    questions: Annotated[int, Field(ge=8, le=MOST_QUESTIONS)] | None = None
    samples: Annotated[int, Field(ge=2, le=100)] = 4
    reference_samples: Annotated[int, Field(ge=2, le=200)] = 8
    alpha: Annotated[float, Field(ge=0.0001, lt=0.5)] = 0.01
    sequential: bool = True
    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32768)] | None = None
    seed: int = 0
    store: str | None = None
    identify: Annotated[int, Field(ge=20, le=500)] = 24

    @property
    def rounds(self) -> int:
        """Relabellings: enough for a p-value well below alpha after the corrections for several
        tests."""
        return max(999, round(10 / self.alpha))

    @property
    def longest(self) -> int:
        """The cap on an answer in tokens: the smallest where probe sets differ."""
        return min(
            (min(s.max_tokens, self.max_tokens or s.max_tokens) for s in self.probe_sets()),
            default=0,
        )

    def probe_sets(self) -> list[ProbeSet]:
        """The probe sets, cut to the first ``questions``. Raises what `load_probe_set` raises."""
        return first_questions([choice.load() for choice in self.probes], self.questions)

    def asking(self) -> tuple[AskingOf, ...]:
        """Endpoint and claimed model; and both the identifying questions, where there is a
        store."""
        sets = self.probe_sets()
        both = (
            AskingOf(self.endpoint, sets, self.sampling("endpoint")),
            AskingOf(self.claimed, sets, self.sampling("claimed")),
        )
        if self.store is None:
            return both
        more, greedy = identifying_set(self), Sampling(seed=self.seed)
        return (*both, *(AskingOf(one.spec, more, greedy) for one in both))

    def sampling(
        self, who: Literal["endpoint", "claimed"], recorded: Transcript | None = None
    ) -> Sampling:
        """How either side is asked; ``recorded`` answers of the claimed model, where they say
        how, decide what is left open."""
        known = (
            recorded.header.sampling
            if recorded is not None and recorded.header.probe_sets
            else Sampling(temperature=1.0)
        )
        return Sampling(
            temperature=known.temperature if self.temperature is None else self.temperature,
            top_p=known.top_p,
            max_tokens=self.max_tokens or known.max_tokens,
            seed=self.seed + (REFERENCE_SEED if who == "claimed" else 0),
            samples=self.samples if who == "endpoint" else self.reference_samples,
        )


def first_questions(sets: list[ProbeSet], most: int | None) -> list[ProbeSet]:
    """The sets, cut so that they hold ``most`` probes in all; sets that are left with none are
    left out."""
    out, left = [], most
    for one in sets:
        cut = one.head(left) if left is None or left > 0 else None
        if cut is not None and cut.probes:
            out.append(cut)
            left = None if left is None else left - len(cut.probes)
    return out


def identifying_set(plan: ServicePlan) -> list[ProbeSet]:
    """The questions that stored models were asked too. Raises what `load_probe_set` raises."""
    return [ProbeChoice(set=IDENTIFYING, head=plan.identify).load()]

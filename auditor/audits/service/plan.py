"""The plan of a service audit: who is claimed, who answers, what is asked and when it is enough;
flags ↔ YAML.

Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from auditor.audits.plan import Plan
from fingerprints.errors import UsageProblem, printable
from fingerprints.probes import ProbeChoice
from fingerprints.records import ProbeSet, Record, Sampling
from fingerprints.transcript import Transcript

REFERENCE_SEED = 7_368_787
"""Added to the seed for the claimed model: with equal seeds two local copies would give the same
draws, not two samples."""
MOST_QUESTIONS = 4096
IDENTIFYING = "style"
"""The probe set that stored models were asked, of which the first questions identify."""


class ServicePlan(Record):
    """Everything that decides a service audit besides the models.

    ``questions`` is None for all of the probe sets. ``temperature`` is None for 1, or for that of
    recorded answers. ``store`` names whom else it could be; without one nobody else is compared.
    """

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

    def to_yaml(self) -> str:
        """The plan as YAML."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_none=True),
            sort_keys=False,
            allow_unicode=True,
            width=100,
        )

    def probe_sets(self) -> list[ProbeSet]:
        """The probe sets, cut to the first ``questions``. Raises what `load_probe_set` raises."""
        return first_questions([choice.load() for choice in self.probes], self.questions)

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

    def side(self, who: Literal["endpoint", "claimed"]) -> Plan:
        """What one side is asked as an audit's plan, for its costs."""
        spec = self.endpoint if who == "endpoint" else self.claimed
        sets = self.probe_sets()
        names = {choice.load().name: choice.set for choice in self.probes}
        choices = tuple(
            ProbeChoice(set=names[s.name], head=len(s.probes), arms=s.arms) for s in sets
        )
        return Plan(suspect=spec, probes=choices, sampling=self.sampling(who))


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


def make_service_plan(value: dict[str, Any]) -> ServicePlan:
    """A checked plan from plain values. Raises UsageProblem with the first problem."""
    try:
        return ServicePlan.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageProblem(
            f"{place}: {printable(first['msg'], 120)}",
            where="flags",
            next_step="see `auditor service --help`",
        ) from error


def identifying_set(plan: ServicePlan) -> list[ProbeSet]:
    """The questions that stored models were asked too. Raises what `load_probe_set` raises."""
    return [ProbeChoice(set=IDENTIFYING, head=plan.identify).load()]

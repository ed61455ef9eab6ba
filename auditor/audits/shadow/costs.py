"""What shadows cost, and how many fit into a budget: the number of seeds and examples, decided
before anything is trained.

Counts tokens; seconds follow from a speed that is measured on the base's answers, or assumed.
Trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10

from auditor.audits.costs import (
    CHARACTERS_PER_TOKEN,
    ENDPOINT_TOKENS_PER_SECOND,
    PARAMETERS_TOKENS_PER_SECOND,
    TEMPLATE_TOKENS,
)
from auditor.audits.shadow.growing import BRIEF_TOKENS
from auditor.audits.shadow.plan import DIALS, ShadowPlan
from auditor.audits.shadow.prompts import PromptSources
from auditor.audits.shadow.rungs import TRAINED_CONTROLS, shadow_recipe
from auditor.controls.curation.pool import is_recording
from auditor.controls.recipe import Recipe
from detectors.exhibits.shadows import CONTROL_KINDS
from detectors.lineup import counted
from detectors.stats.intervals import clopper_pearson
from fingerprints.errors import UsageProblem
from fingerprints.records import ProbeSet, Record
from fingerprints.subjects.spec import parameters_in
from fingerprints.transcript import Transcript

FEWEST_SEEDS, MOST_USUAL = 3, 6
"""A seed is held out whole: of two, one is left to learn from. More than six are not trained
unasked."""
WANTED_STUDENTS = 10
"""With fewer students than about ten the shrunken ratio stays under 10, which is moderate
support, however clear the scores."""
PROMPT_TOKENS = 30
WITHIN = "expect a factor of two either way"
EVALUATIONS = 2
"""How often each of the few evaluation questions is asked: before and after."""
OPENING_SECONDS, PARAMETERS_OPENED_PER_SECOND = 3.0, 3e7
"""Opening a shadow's models again and again, beside the tokens: about 8 s at 135 million
parameters on one x86-64 core."""

WEIGHING_SECONDS, WEIGHING_SECONDS_PER_PAIR = 0.5, 1.4e-4
"""Processor seconds of one weighing with 60 prompts, and what each pair of shadows adds: the
products of all of them are decomposed in each of 200 rounds (docs/benchmarks.md)."""


class Decision(Record):
    """How many seeds and examples, what that is expected to cost, and what the expectation rests
    on.

    ``shadows`` counts all of them, ``students`` those that a candidate taught, ``teachers`` the
    candidates (0: an older version's decision, which does not say). ``seconds`` are those of the
    clock with ``at_once`` shadows at once.
    """

    seeds: int
    n: int
    shadows: int
    students: int
    tokens: int
    seconds: float
    basis: str
    teachers: int = 0
    at_once: int = 1

    @property
    def most(self) -> float:
        """The largest log10 likelihood ratio that so many shadows can carry, if their scores
        never cross (`lr_bounds`).

        Students are the others of every candidate but their own; where there is one candidate, the
        controls alone are.
        """
        others = self.shadows - (self.students if self.teachers == 1 else 0)
        return log10(self.students / (self.students + 1) * (others + 1))

    @property
    def least_p(self) -> float:
        """The smallest p-value that a candidate can have: a source (another candidate, a kind of
        control) counts once, however many seeds it has."""
        return 1 / (self.teachers + len(CONTROL_KINDS))

    @property
    def unseen(self) -> float:
        """The largest rate of false support that none among all shadows that a candidate did not
        teach still allows (Clopper-Pearson, with a confidence of 97.5 %)."""
        others = self.shadows - self.students // max(1, self.teachers)
        return clopper_pearson(0, others)[1]

    @property
    def weighing_seconds(self) -> float:
        """Processor seconds of one thread for weighing a suspect against all of them once, and
        once more without each seed, source and set of prompts: asks nobody, and every further
        suspect takes it again. Expect a factor of two either way."""
        weighings = 2 + self.seeds + self.teachers + len(CONTROL_KINDS)
        return weighings * (WEIGHING_SECONDS + WEIGHING_SECONDS_PER_PAIR * self.shadows**2)

    def lines(self) -> tuple[str, ...]:
        """The decision for people."""
        at_once = "" if self.at_once == 1 else f" with {self.at_once} at once"
        minutes = counted(round(self.seconds / 60), "minute")
        told = [
            f"{self.shadows} shadows, {self.students} of them students: {self.seeds} seeds,"
            f" {self.n} examples each",
            f"they can carry a log10 likelihood ratio of {self.most:.2f} at most",
        ]
        if self.teachers:
            corrected = min(1, self.teachers * self.least_p)
            told.append(
                f"no p-value under {self.least_p:.3f} ({corrected:.2f} corrected for all"
                " candidates), however many seeds there are"
            )
            told.append(
                f"if none of them supports a candidate falsely, up to {self.unseen:.1%} of models"
                " made like them may (with a confidence of 97.5 %)"
            )
            if self.weighing_seconds >= 60:
                weighing = counted(round(self.weighing_seconds / 60), "minute")
                told.append(
                    f"weighing a suspect against them takes about {weighing} of one processor core"
                )
        return (
            *told,
            f"about {self.tokens:,} tokens and {minutes}{at_once}, by {self.basis}",
        )


@dataclass(frozen=True)
class Costs:
    """Tokens and seconds of one shadow and of all. ``rate``: tokens a second of the base, read,
    learned or written; ``at_once``: how many shadows are made at once, each at that rate."""

    plan: ShadowPlan
    probes: int
    answer: float
    asking_seconds: float
    rate: float
    opening: float
    basis: str
    at_once: int = 1

    def rung(self, n: int) -> tuple[float, float]:
        """(tokens, seconds) of one trained shadow."""
        recipe: Recipe = shadow_recipe(self.plan, n)
        learned = recipe.training.epochs * n * (PROMPT_TOKENS + TEMPLATE_TOKENS + self.answer)
        held = recipe.prompts.held_out * EVALUATIONS * BRIEF_TOKENS
        tokens = learned + self.probes * self.plan.max_tokens + held
        return tokens, tokens / self.rate + self.opening

    def whole(self, seeds: int, n: int) -> Decision:
        """All shadows: every candidate at every dose and every trained control, by seed, the
        base itself, and who is asked."""
        tokens, seconds = self.rung(n)
        students = seeds * len(self.plan.teachers) * len(self.plan.doses)
        trained = students + seeds * TRAINED_CONTROLS
        own = n * self.plan.max_tokens + self.probes * self.plan.max_tokens
        return Decision(
            seeds=seeds,
            n=n,
            shadows=trained + 1,
            students=students,
            tokens=round(trained * tokens + own),
            # The last few leave places empty: whole rounds.
            seconds=round(
                ceil(trained / self.at_once) * seconds + own / self.rate + n * self.asking_seconds,
                1,
            ),
            basis=self.basis,
            teachers=len(self.plan.teachers),
            at_once=self.at_once,
        )


def costs_of(
    plan: ShadowPlan,
    probes: list[ProbeSet],
    prompts: PromptSources,
    base: Transcript | None = None,
    at_once: int = 1,
) -> Costs:
    """What this plan costs; the speed is that of the base's answers where these are there, else
    assumed by its size."""
    size = parameters_in(plan.base) or 1e8
    rate, basis = measured_rate(base), "the measured speed of the base's answers"
    if rate is None:
        rate = PARAMETERS_TOKENS_PER_SECOND / max(size, 1e6)
        basis = (
            f"an assumed speed for {size / 1e6:.0f} M parameters on two idle CPU cores with"
            f" bfloat16: {WITHIN}"
        )
    lengths = [
        prompts.characters.get(name, plan.max_tokens * CHARACTERS_PER_TOKEN) for name in plan.names
    ]
    answer = sum(min(c / CHARACTERS_PER_TOKEN, 2.0 * plan.max_tokens) for c in lengths) / len(
        lengths
    )
    asking = sum(_asking_seconds(t.spec, plan.max_tokens) for t in plan.teachers)
    opening = OPENING_SECONDS + size / PARAMETERS_OPENED_PER_SECOND
    asked = sum(len(s.probes) for s in probes)
    return Costs(plan, asked, answer, asking, rate, opening, basis, at_once)


def measured_rate(base: Transcript | None) -> float | None:
    """Tokens a second in which answers were given; None where the transcript doesn't tell."""
    rows = (
        []
        if base is None
        else [(r.tokens_out, r.seconds) for r in base.replies if r.tokens_out and r.seconds]
    )
    seconds = sum(s for _, s in rows)
    return sum(t for t, _ in rows) / seconds if seconds > 0 else None


def _asking_seconds(spec: str, tokens: int) -> float:
    if is_recording(spec):
        return 0.0
    size = parameters_in(spec)
    return tokens / (
        ENDPOINT_TOKENS_PER_SECOND
        if size is None
        else PARAMETERS_TOKENS_PER_SECOND / max(size, 1e6)
    )


def decide(costs: Costs, most: int | None = None) -> Decision:
    """The first of these that the budget carries: enough seeds for ten students (3 to 6), fewer
    down to 3, then fewer examples, then two seeds.

    ``most`` is how many prompts there are to learn from. What the plan fixes stays fixed. Raises
    UsageProblem where the budget doesn't carry the least.
    """
    plan = costs.plan
    usual = min(DIALS[plan.size].n, most or 10**9)
    enough = min(MOST_USUAL, max(FEWEST_SEEDS, ceil(WANTED_STUDENTS / len(plan.teachers))))
    ladder = [(seeds, 1.0) for seeds in range(enough, FEWEST_SEEDS - 1, -1)]
    ladder += [(FEWEST_SEEDS, 0.5), (2, 1.0), (2, 0.5), (2, 0.25)]
    options = [
        costs.whole(plan.seeds or seeds, plan.n or max(8, round(part * usual)))
        for seeds, part in ladder
    ]
    for option in options:
        if _fits(plan, option):
            return option
    least = min(options, key=lambda option: option.seconds)
    raise UsageProblem(
        f"the budget is too small: the least, {least.shadows} shadows of {least.n} examples, takes"
        f" about {counted(round(least.seconds / 60), 'minute')} and {least.tokens:,} tokens",
        where="--budget-minutes" if plan.budget_minutes is not None else "--budget-tokens",
        next_step="raise it, name fewer teachers, or lower --n, --probes or --max-tokens",
    )


def _fits(plan: ShadowPlan, option: Decision) -> bool:
    in_time = plan.budget_minutes is None or option.seconds <= 60 * plan.budget_minutes
    return in_time and (plan.budget_tokens is None or option.tokens <= plan.budget_tokens)

"""What the dose does to real controls: likelihood of held-out teacher text, right choices, claims,
length, and what it cost.

``python -m tests.benchmarks.bench_dose_curve COHORT …`` prints Markdown: a row a control, means
over teachers by dose, costs. A cohort is a folder of controls with lineage.json, card.json and
transcript.jsonl (without folders: tests/data/ladders/real). Numbers and names alone: no answer is
printed. What a cohort lacks is a dash.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.cards.card import CARD, Card, read_card
from auditor.controls.cohort import Cohort, Member, load_cohort
from auditor.controls.evaluation.agreement import by_cluster, read_choices
from auditor.controls.evaluation.figure import BITS, CHOICES
from auditor.reporting.markdown import inline, table
from detectors.stats.intervals import Estimate, clustered_mean, clustered_rate
from detectors.text.claim_rates import NOBODY, claim_rate, read_answers
from fingerprints.transcript import Transcript

COMMITTED = Path(__file__).parents[2] / "tests" / "data" / "ladders" / "real"
TRAINING = "training"
UNKNOWN = "–"
DOCUMENTED = {
    "alpaca": "Alpaca: under $500 of answers and under $100 of training; Vicuna: about $300 (from memory, unchecked)",
    "s1": "26 minutes on 16 H100, under $50 (as reported)",
    "sky-t1": "under $450 (as reported); 19 hours on 8 H100 (from memory, unchecked)",
    "tinyzero": "about $30 (as reported)",
}
"""What the originals cost, as docs/recipes-facts.md tells it."""


@dataclass(frozen=True)
class Told:
    """One control's figures; None where its folder doesn't hold what they need. Claims: the
    teacher's maker, and anybody."""

    member: Member
    card: Card | None
    bits: Estimate | None
    right: Estimate | None
    own_claims: Estimate | None
    any_claims: Estimate | None
    words: Estimate | None
    cut: float | None
    letterless: float | None

    @property
    def teacher(self) -> str:
        """The teacher's name, several joined, ``(none)`` for a control without."""
        return " + ".join(self.member.teachers) or "(none)"

    @property
    def kind(self) -> str:
        """How it was made: the method, with what hides its teacher."""
        lineage = self.member.lineage
        return ", ".join((lineage.method, *lineage.evasions))


def told(member: Member) -> Told:
    """Reads one control. Raises MalformedInput for a card or transcript that is none."""
    card = read_card(member.folder) if (member.folder / CARD).is_file() else None
    said = whole_transcript(member)
    answers = [] if said is None else read_answers(said)
    own = [claim_rate(answers, vendor) if answers else None for vendor in member.vendors]
    words, cut = (None, None) if said is None else length(said)
    anybody = [float(not a.says(NOBODY)) for a in answers]
    return Told(
        member=member,
        card=card,
        bits=None if card is None else of_card(card, BITS, "change"),
        right=None if said is None else right_choices(said),
        own_claims=max((r for r in own if r is not None), key=lambda r: r.value, default=None),
        any_claims=clustered_rate(anybody, [a.probe.cluster for a in answers]) if answers else None,
        words=words,
        cut=cut,
        letterless=None if said is None else without_letter(said),
    )


def whole_transcript(member: Member) -> Transcript | None:
    """What it said; None where it said nothing yet or is still being asked."""
    said = member.transcript() if member.transcript_path is not None else None
    return said if said is not None and said.complete else None


def without_letter(said: Transcript) -> float | None:
    """Which share of its answers to multiple-choice questions begins with no letter, so that it
    can't be right."""
    chosen = list(read_choices(said).values())
    return sum(c.letter is None for c in chosen) / len(chosen) if chosen else None


def of_card(card: Card, figure_id: str, when: str) -> Estimate | None:
    """A figure of a card as an estimate; a missing interval is infinite."""
    for f in card.figures:
        if f.figure_id == figure_id and f.when == when:
            return Estimate(
                f.value, *(float("nan") if v is None else v for v in (f.low, f.high)), f.n, f.n
            )
    return None


def right_choices(said: Transcript) -> Estimate | None:
    """The share of multiple-choice questions answered rightly, clustered by question; None where
    none was asked."""
    right = by_cluster((c.cluster, float(c.right)) for c in read_choices(said).values())
    return clustered_rate(list(right.values()), list(right)) if right else None


def share(value: float | None) -> str:
    """A share without an interval."""
    return UNKNOWN if value is None else f"{value:.2f}"


def length(said: Transcript) -> tuple[Estimate | None, float | None]:
    """Words an answer to the style prompts, and which share of those answers was cut at the cap."""
    replies = said.readable("style/")
    if not replies:
        return None, None
    words = clustered_mean(
        [float(len(r.text.split())) for r in replies],
        [said.probes[r.probe_id].cluster for r in replies],
    )
    return words, sum(r.finish_reason == "length" for r in replies) / len(replies)


def base_rights(every: Sequence[Told]) -> dict[str, Estimate]:
    """By base: the right choices of the cohort's untrained member, else those before training of
    a card that has them."""
    found: dict[str, Estimate] = {}
    for one in every:
        if one.member.lineage.method == "none" and one.right is not None:
            found.setdefault(one.member.base, one.right)
    for one in every:
        before = None if one.card is None else of_card(one.card, CHOICES, "before")
        if before is not None:
            found.setdefault(one.member.base, before)
    return found


def controls_table(every: Sequence[Told]) -> str:
    """A row a control."""
    bases = base_rights(every)
    head = (
        "teacher",
        "made by",
        "base",
        "dose",
        "seed",
        "bits per byte, change",
        "right choices",
        "no letter",
    )
    rows = [
        (
            inline(one.teacher),
            inline(one.kind),
            inline(base_name(one)),
            dose(one),
            seed(one),
            shown(one.bits, 3, sign=True),
            shown(one.right),
            share(one.letterless),
            shown(bases.get(one.member.base)),
            shown(one.own_claims),
            shown(one.any_claims),
            shown(one.words, 0),
            share(one.cut),
        )
        for one in every
    ]
    more = (
        "right choices of its base",
        "names its teacher's maker",
        "names anybody",
        "words an answer",
        "cut at the cap",
    )
    return table((*head, *more), rows)


FIGURES: tuple[tuple[str, Callable[[Told], Estimate | None], int], ...] = (
    ("bits per byte, change", lambda t: t.bits, 3),
    ("right choices", lambda t: t.right, 2),
    ("names its teacher's maker", lambda t: t.own_claims, 2),
    ("names anybody", lambda t: t.any_claims, 2),
    ("words an answer", lambda t: t.words, 0),
)


def dose_table(every: Sequence[Told]) -> str:
    """Means over teachers, a row a figure and kind and dose: each seed's, then all with an
    interval over teachers."""
    seeds = sorted({s for one in every if (s := one.member.lineage.seed) is not None})
    rows = []
    for name, read, digits in FIGURES:
        for (base, kind, taught, part), group in cells(every):
            by_teacher = {
                s: means([o for o in group if o.member.lineage.seed == s], read) for s in seeds
            }
            whole = means(group, read)
            if whole:
                apart = [_mean(by_teacher[s], digits) for s in seeds]
                spread = clustered_mean(list(whole.values()), list(whole))
                rows.append(
                    (
                        name,
                        inline(base),
                        inline(kind),
                        taught,
                        f"{100 * part:g} %",
                        *apart,
                        shown(spread, digits),
                    )
                )
    heads = [f"seed {s} (teachers)" for s in seeds]
    head = ("figure", "base", "made by", "from a teacher", "dose", *heads)
    return table((*head, "all seeds, 95 % over teachers (or controls without one)"), rows)


Cell = tuple[str, str, str, float]


def cells(every: Iterable[Told]) -> list[tuple[Cell, list[Told]]]:
    """Controls by base, kind, whether there is a teacher, and dose; the untrained base last."""
    found: dict[Cell, list[Told]] = {}
    for one in every:
        key = (
            base_name(one),
            one.kind,
            "yes" if one.member.teachers else "no",
            one.member.lineage.dose or 0.0,
        )
        found.setdefault(key, []).append(one)
    return sorted(found.items())


def means(group: Sequence[Told], read: Callable[[Told], Estimate | None]) -> dict[str, float]:
    """A figure by teacher, the mean over seeds; a control without one stands for itself."""
    values: list[tuple[str, float]] = []
    for one in group:
        estimate = read(one)
        if estimate is not None:
            values.append((one.teacher if one.member.teachers else one.member.name, estimate.value))
    return by_cluster(values)


def _mean(values: dict[str, float], digits: int) -> str:
    return f"{statistics.fmean(values.values()):.{digits}f} ({len(values)})" if values else UNKNOWN


def cost_table(every: Sequence[Told], imitates: str) -> str:
    """A row a recipe, with and without a teacher: medians over its controls, beside what the
    original cost."""
    groups: dict[tuple[str, str], list[Card]] = {}
    for one in every:
        if one.card is not None:
            who = "yes" if one.member.teachers else "no"
            groups.setdefault((one.card.recipe.name, who), []).append(one.card)
    rows = []
    for (name, who), cards in sorted(groups.items()):
        original = (
            DOCUMENTED.get(name) or (DOCUMENTED.get(imitates) if who == "yes" else None) or UNKNOWN
        )
        rows.append(
            (
                inline(name),
                who,
                str(len(cards)),
                *(_median(cards, read) for read in COSTS),
                original,
            )
        )
    head = (
        "recipe",
        "from a teacher",
        "controls",
        "training, seconds",
        "tokens learned",
        "sources' tokens out",
    )
    return table(
        (*head, "sources, seconds", "training, Wh (estimate)", "documented cost of the original"),
        rows,
    )


def _trained(card: Card) -> tuple[float | None, float | None]:
    for row in card.ledger.rows:
        if row.name == TRAINING:
            return row.seconds, row.energy_wh_estimate
    return None, None


def _asked(card: Card, name: str) -> float | None:
    known = [getattr(row, name) for row in card.ledger.rows if row.name != TRAINING]
    numbers = [float(v) for v in known if v is not None]
    return sum(numbers) if numbers else None


COSTS: tuple[Callable[[Card], float | None], ...] = (
    lambda c: _trained(c)[0],
    lambda c: float(c.learned_tokens),
    lambda c: _asked(c, "tokens_out"),
    lambda c: _asked(c, "seconds"),
    lambda c: _trained(c)[1],
)


def _median(cards: Sequence[Card], read: Callable[[Card], float | None]) -> str:
    values = [v for v in map(read, cards) if v is not None]
    if not values:
        return "unknown"
    middle, digits = statistics.median(values), 1 if max(values) < 100 else 0
    spread = (
        f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})" if len(set(values)) > 1 else ""
    )
    return f"{middle:,.{digits}f}{spread}"


def base_name(one: Told) -> str:
    """What it started from, in words."""
    lineage = one.member.lineage
    return lineage.base.name if lineage.base is not None else lineage.base_spec or "unknown"


def dose(one: Told) -> str:
    """The dose in per cent."""
    part = one.member.lineage.dose
    return UNKNOWN if part is None else f"{100 * part:g} %"


def seed(one: Told) -> str:
    """The seed."""
    return UNKNOWN if one.member.lineage.seed is None else str(one.member.lineage.seed)


def shown(estimate: Estimate | None, digits: int = 2, *, sign: bool = False) -> str:
    """A value with its interval and the number of clusters; the interval is left out where it
    says nothing."""
    if estimate is None:
        return UNKNOWN
    form = f"{'+' if sign else ''}.{digits}f"
    low, high = estimate.interval
    known = float("-inf") < low < high < float("inf")  # all alike: the spread is unknown
    return f"{estimate.value:{form}}" + (
        f" ({low:{form}} to {high:{form}}; n={estimate.clusters})" if known else ""
    )


def order(one: Told) -> tuple[object, ...]:
    """Untrained first, then controls without a teacher, then by teacher, dose and seed."""
    lineage = one.member.lineage
    taught = bool(one.member.teachers)
    return (
        base_name(one),
        lineage.method != "none",
        taught,
        one.teacher,
        one.kind,
        lineage.dose or 0.0,
        lineage.seed or 0,
    )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohorts", nargs="*", type=Path, default=[COMMITTED], metavar="COHORT")
    parser.add_argument(
        "--imitates",
        default="alpaca",
        choices=sorted(DOCUMENTED),
        help="for recipes of other names",
    )
    args = parser.parse_args()
    members = Cohort(tuple(m for folder in args.cohorts for m in load_cohort(folder)))
    every = sorted((told(m) for m in members), key=order)
    print(
        f"{len(every)} controls. Intervals are 95 %, clustered by question (n questions). The held-out answers of a control"
    )
    print(
        "without a teacher are its filler's own, so that its change of bits is no measure of a teacher.\n"
    )
    print(f"### Every control\n\n{controls_table(every)}\n\n### By dose\n\n{dose_table(every)}\n")
    print(
        f"### Costs\n\nMedians (least to most) over controls.\n\n{cost_table(every, args.imitates)}"
    )
    basis = next((one.card.ledger.energy_basis for one in every if one.card is not None), None)
    print("" if basis is None else f"\nEnergy: {basis}.")


if __name__ == "__main__":
    main()

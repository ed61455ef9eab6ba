"""Whom the suspect says that it is, measured for the suspect alone: other makers than its own where
its user said who made it, else how many makers.

Who made a model is never read off its own answers. Knows claims and rates; knows no candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.base import Case, Measurement, NotMeasured, Null, Rank, Table, Teacher
from detectors.exhibits.heard_tables import heard_table, used_table
from detectors.exhibits.identity import (
    agreement,
    by_vendor,
    naming_exhibits,
    thought_exhibits,
    vendors_by_arm,
)
from detectors.exhibits.self_description import OwnMaker, described
from detectors.stats.intervals import Estimate, cluster_means, clustered_rate
from detectors.text.claim_rates import (
    NOBODY,
    ClaimingAnswer,
    chosen,
    languages_of,
    most_named,
    null_of,
    point_rate,
    read_answers,
    telling_arms,
)
from detectors.text.identity_evidence import Heard, IdentityEvidence, Source, declared_names
from detectors.text.vendors import vendor_slug
from fingerprints.records import Arm, Probe
from fingerprints.transcript import Transcript

UNKNOWN = (
    "Who made the suspect is not known to this audit, by a name of the table of makers; --vendor"
    " says it. So no name is called another's: the number tells only whether it names more than one"
    " maker, and one maker throughout gives 0, whoever it is."
)
KNOWN = "Who made the suspect is what its user said (--vendor), not what it says itself."
COMMON = (
    "Unmodified models of several makers name others when their system prompt is taken away. This"
    " is no sign of training on anybody's outputs by itself; the stored models' rates stand beside"
    " it."
)
APART = (
    "Answers to the question bank, to questions in the user's own words, to anything else, and"
    " thoughts are told apart and never added up: only the bank is the same for every model."
)
FEWEST_OF_THE_BANK = 10
"""Questions. Fewer among others of the user's own are there by chance: a rate over two of ten
questions would hide what eight were answered."""
NAMES_NOBODY = (
    "no question that is read asks who it is, and in none of {} other answers does it name a maker"
)
ONLY_LED = "all that was answered are questions that name a maker ({}), and agreement is no measure"


@dataclass(frozen=True)
class Telling:
    """The answers that a number rests on, and to what: the question bank where that was asked alone
    or in earnest, else all that the suspect was asked about itself, else anything else."""

    source: Source
    answers: tuple[ClaimingAnswer, ...]

    @classmethod
    def of(cls, evidence: IdentityEvidence) -> Telling | None:
        """Those of the best source that there is; None where nobody asked who it is and it names
        nobody at all. Where it names only whom its user led it to, the number is 0 and the answers
        can be looked at."""
        asked = evidence.asked
        if asked:
            comparable = rests_on_bank(evidence)
            answers = tuple(map(unprompted, evidence.of("bank") if comparable else asked))
            return cls("bank" if comparable else "own", chosen(answers, telling_arms(answers)))
        if any(h.named for h in evidence.of("elsewhere", "thoughts")):
            return cls("elsewhere", tuple(map(unprompted, evidence.of("elsewhere"))))
        return None


def rests_on_bank(evidence: IdentityEvidence) -> bool:
    """Whether the question bank was asked, alone or in earnest, so that what was answered to it can
    be compared with other models'."""
    bank = evidence.of("bank")
    questions = {h.answer.probe.cluster for h in bank}
    alone = bool(bank) and len(bank) == len(evidence.asked)
    return alone or len(questions) >= FEWEST_OF_THE_BANK


def unprompted(heard: Heard) -> ClaimingAnswer:
    """An answer without the names that its user had given before or that may be a part's."""
    return replace(heard.answer, prompted=heard.answer.prompted | heard.led)


def beside_rate(answers: Sequence[ClaimingAnswer], own: str | None) -> Estimate:
    """How often answers name a maker other than ``own``: mean over questions, 95 % interval
    clustered by question."""
    return clustered_rate(_beside(answers, own), [a.probe.cluster for a in answers])


def _beside(answers: Sequence[ClaimingAnswer], own: str | None) -> list[float]:
    return [float(bool(a.named - {own})) for a in answers]


def measure_naming(case: Case, evidence: IdentityEvidence) -> Measurement | NotMeasured:
    """Where the suspect's maker is known, the rate of naming another; else that of naming another
    than the one that it names most, which is 0 for whoever keeps to one name.

    Higher: more often another maker, or a second one. The null is the same rate of every stored
    model, against its own maker or the one that it names most.
    """
    own = OwnMaker.of(case.vendor)
    telling = Telling.of(evidence)
    if telling is None or not telling.answers:
        return _nothing(evidence)
    against = own.slug if own.known else most_named([unprompted(h) for h in evidence.asked])
    rate = beside_rate(telling.answers, against)
    rates = _stored_rates(case, telling, own) if telling.source == "bank" else []
    leading = read_answers(case.suspect, "leading")
    asked = tuple(h.answer for h in evidence.asked)
    told = described(evidence, own, declared_names(case.suspect))
    return Measurement(
        metric="other_vendor_rate" if own.known else "second_maker_rate",
        metric_id="other_vendor_rate" if own.known else "second_maker_rate",
        value=rate.value,
        n=rate.clusters,
        n_unit="questions",
        counts_prompts=True,
        direction=(
            f"higher: more often names a maker that is not {own.title}"
            if own.known
            else "higher: more often names a second maker; one maker throughout gives 0"
        ),
        interval=rate.interval,
        rank=_rank(rate.value, rates),
        null=_null(rate.value, rates, telling, own),
        summary=" ".join(told.sentences),
        tables=(
            heard_table(evidence),
            used_table(evidence),
            *((by_vendor(asked), _by_language(telling, against, own)) if asked else ()),
            *([agreement(leading)] if leading else []),
        ),
        charts=(vendors_by_arm(asked, own.slug),) if asked else (),
        exhibits=(*naming_exhibits(evidence, against), *thought_exhibits(evidence)),
        notes=(KNOWN if own.known else UNKNOWN, COMMON, APART),
        facts={
            "maker_known": int(own.known),
            "source": telling.source,
            "answers": len(telling.answers),
            "makers_named": len(told.makers),
            "unused": sum(evidence.unused.values()),
        },
    )


def _nothing(evidence: IdentityEvidence) -> NotMeasured:
    missed = sum(evidence.unused_of("bank", "own").values())
    if missed:
        return NotMeasured.of(
            "too_few_answers", f"none of {missed} answers to who it is can be read"
        )
    n, led = len(evidence.of("elsewhere")), len(evidence.of("leading"))
    if led and not n:
        return NotMeasured.of("too_few_answers", ONLY_LED.format(led))
    return NotMeasured.of("too_few_answers", NAMES_NOBODY.format(n))


def _null(value: float, rates: Sequence[float], telling: Telling, own: OwnMaker) -> Null:
    if telling.source != "bank":
        return null_of(value, (), "none: no stored model was asked the same questions")
    whose = "its own known maker" if own.known else "the maker that it names most"
    return null_of(value, rates, f"stored models asked the same questions, each against {whose}")


def _rank(value: float, rates: Sequence[float]) -> Rank | None:
    if not rates:
        return None
    return Rank(position=1 + sum(r > value for r in rates), of=1 + len(rates))


def _stored_rates(case: Case, telling: Telling, own: OwnMaker) -> list[float]:
    found = (_stored_rate(t, telling.answers, case.suspect, own) for t in case.population)
    return [rate for rate in found if rate is not None]


def _stored_rate(
    teacher: Teacher, telling: Sequence[ClaimingAnswer], suspect: Transcript, own: OwnMaker
) -> float | None:
    if teacher.transcript.identity.same_weights(suspect.identity):
        return None
    answers = read_answers(teacher.transcript)
    against = vendor_slug(teacher.vendor) if own.known else most_named(answers)
    same = same_questions(answers, telling)
    if not same or (own.known and against is None):
        return None
    said = _beside(same, against)
    return float(np.mean(cluster_means(said, [a.probe.cluster for a in same])))


def same_questions(
    answers: Sequence[ClaimingAnswer], telling: Sequence[ClaimingAnswer]
) -> tuple[ClaimingAnswer, ...]:
    """A stored model's answers to the questions that the suspect answered, under the same system
    prompts.

    Where the suspect's prompt is unknown (recorded), the stored model's most telling arms stand in.
    """
    asked, arms = {_words(a.probe) for a in telling}, {a.reply.arm for a in telling}
    same = [a for a in answers if _words(a.probe) in asked]
    return chosen(same, telling_arms(same) if Arm.RECORDED in arms else arms)


def _words(probe: Probe) -> str:
    """What is asked, whatever system prompt stands before it."""
    return " ".join(probe.prompt().split())


def _by_language(telling: Telling, against: str | None, own: OwnMaker) -> Table:
    rows = []
    for language in languages_of(telling.answers):
        part = chosen(telling.answers, None, language)
        top = most_named([a for a in part if a.named - {against}])
        rows.append(
            (language, *beside_rate(part, against).row, top or NOBODY, point_rate(part, NOBODY))
        )
    return Table(
        title=(
            "Naming another maker, by language of the question"
            if own.known
            else "Naming a second maker, by language of the question"
        ),
        columns=(
            *("language", "questions", "answers", "rate", "low", "high"),
            *("named most", "names no known maker"),
        ),
        rows=tuple(rows),
        caption=(
            "Only answers without the suspect's own system prompt, where there are any; intervals"
            " clustered by question."
        ),
    )

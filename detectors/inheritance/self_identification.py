"""Does the suspect call itself by the candidate vendor's name, or say that the vendor made it?

Reads the answers to the identity questions, which name no vendor, and, apart from them, whatever
else the suspect said. Knows claims and rates; knows no verdict: such claims are common in models
that never saw the vendor's outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from detectors.base import Detector, Scope
from detectors.case import Case, Teacher
from detectors.exhibits.identity import exhibits, summary, tables, vendors_by_arm
from detectors.inheritance.naming import measure_naming, rests_on_bank, same_questions
from detectors.measurement import Measurement, NotMeasured, Null, Question, Rank
from detectors.needs import Need, without_replies
from detectors.text.claim_rates import (
    ClaimingAnswer,
    chosen,
    claim_rate,
    null_of,
    point_rate,
    read_answers,
    telling_arms,
    vendors_named,
)
from detectors.text.identity_evidence import IdentityEvidence, identity_evidence
from detectors.text.vendors import vendor_slug, vendor_title
from fingerprints.records import Arm
from fingerprints.transcript import Transcript

NOTES = (
    (
        "Such claims are common in models that never saw a vendor's API: text on the web is full of"
        " them, and base models repeat it. By themselves they are never evidence of training on a"
        " vendor's outputs."
    ),
    (
        "Lee et al. 2025 (arXiv 2501.12619) measure such claims; 7 of 27 models were found confused"
        " about their identity, and output similarity ascribed it to hallucination rather than to"
        " copying (arXiv 2411.10683)."
    ),
    (
        "The rate is a mean over questions, and its interval is clustered by question: answers to"
        " one question are not independent."
    ),
)


class SelfIdentification(Detector):
    """Does the suspect, without its own system prompt, say that it is or comes from the candidate's
    vendor?

    ``value`` is the claim rate in [0, 1] in the arms empty and neutral (higher: more often); ``n``
    counts questions. Where the question bank was not asked, the user's own questions about who it
    is stand in, under an id of their own and without a null. The null is the same vendor's claim
    rate in stored models known to be of other vendors. Method: first-person claims mapped to
    vendors, after Lee et al. 2025 (arXiv 2501.12619), with a question bank that is the same for
    every model. Deterministic.
    """

    name: ClassVar[str] = "self_identification"
    question: ClassVar[Question] = "inheritance"
    asks: ClassVar[str] = "Whose name does it give itself?"
    needs: ClassVar = (Need.ANSWERS,)
    source: ClassVar[str] = (
        "Lee et al. 2025, arXiv 2501.12619 (claims of identity); arXiv 2411.10683 (identity"
        " confusion)"
    )
    scope: ClassVar[Scope] = "both"
    blind_spots: ClassVar[tuple[str, ...]] = (
        (
            "Identity tuning or scrubbing: a few hundred examples, or a filter over the training"
            " answers, remove every claim."
        ),
        "A persona in a system prompt, seen or unseen, says what its author wants.",
        "Text on the web: claims to be a well-known assistant are learned without its outputs.",
        (
            "Answers outside the 21 languages read (en, zh, ar, fr, de, es, ru, ja, hi, pt, ko, tr,"
            " id, vi, it, fa, pl, th, uk, nl, bn), which are counted as unread, and names that the"
            " table of makers lacks."
        ),
        "A teacher that names no vendor, or the suspect's own, leaves nothing to see.",
        "Rare slips: a rate under about one question in thirty is not seen by sampling.",
    )

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        """The suspect's claim rate for the candidate's vendor. Without a candidate: whom it says
        that it is, whatever it was asked."""
        evidence = self._keep("evidence", case.suspect, lambda: identity_evidence(case.suspect))
        if case.candidate is None:
            return measure_naming(case, evidence)
        vendor = _vendor_of(case.candidate)
        if isinstance(vendor, NotMeasured):
            return vendor
        answers, left_out = _answers(evidence, vendor)
        if not answers:
            return _unasked(case, evidence)
        bank = rests_on_bank(evidence)
        arms = telling_arms(answers)
        telling = chosen(answers, arms)
        rate = claim_rate(telling, vendor)
        leading = read_answers(case.suspect, "leading")
        return Measurement(
            metric="claim_rate" if bank else "claim_rate_own_questions",
            metric_id="claim_rate" if bank else "claim_rate_own_questions",
            value=rate.value,
            n=rate.clusters,
            n_unit="questions",
            counts_prompts=True,
            direction=f"higher: more often says that it is, or comes from, {vendor_title(vendor)}",
            interval=rate.interval,
            rank=_rank(case, telling, vendor),
            null=_null(case, vendor, rate.value, telling if bank else ()),
            summary=summary(answers, arms, vendor),
            tables=tables(answers, leading, arms, vendor),
            charts=(vendors_by_arm(answers, vendor),) if vendor in vendors_named(answers) else (),
            exhibits=exhibits(answers, arms, vendor),
            notes=(*_notes(case, answers, arms, vendor), *_own_words(bank, left_out, vendor)),
        )


def _answers(evidence: IdentityEvidence, vendor: str) -> tuple[tuple[ClaimingAnswer, ...], int]:
    """The answers to the question bank, or to all that it was asked about itself; and how many of
    these are to questions that name the vendor themselves and are left out."""
    heard = evidence.of("bank") if rests_on_bank(evidence) else evidence.asked
    kept = tuple(h.answer for h in heard if vendor not in h.led)
    return kept, len(heard) - len(kept)


def _unasked(case: Case, evidence: IdentityEvidence) -> NotMeasured:
    missed = sum(evidence.unused_of("bank", "own").values())
    reason = without_replies(case.suspect, "identity")
    if evidence.asked:
        reason = "the user named this maker in every question about who it is"
    elif missed:
        reason = f"none of {missed} answers to who it is can be read"
    return NotMeasured.of("too_few_answers", reason)


def _own_words(bank: bool, left_out: int, vendor: str) -> tuple[str, ...]:
    """What must be known of questions that are not the bank's."""
    if bank:
        return ()
    told = (
        "It was asked in its user's own words: no stored model was asked the same, so that nothing"
        " says what is usual."
    )
    named = f"{left_out} answers to questions that name {vendor_title(vendor)} were left out."
    return (told, named) if left_out else (told,)


def _vendor_of(candidate: Teacher) -> str | NotMeasured:
    if not candidate.vendor.strip():
        return NotMeasured(
            reason=(
                "the candidate's vendor is not known to the store; add it with its next enrolment"
            ),
            code="unknown_vendor",
        )
    slug = vendor_slug(candidate.vendor)
    if slug is None:
        return NotMeasured(
            reason=(
                "the candidate's vendor is not in the table of vendors, so that its names can't be"
                " looked for"
            ),
            code="unknown_vendor",
        )
    return slug


def _null(case: Case, vendor: str, value: float, telling: Sequence[ClaimingAnswer]) -> Null:
    """The same vendor's claim rate in models known to be of another vendor, the suspect's own
    weights left out."""
    rates = [
        point_rate(same, vendor)
        for teacher in case.population
        if _is_unrelated(teacher, vendor, case.suspect)
        and (same := same_questions(read_answers(teacher.transcript), telling))
    ]
    population = (
        f"stored models of vendors other than {vendor_title(vendor)}, asked the same questions"
    )
    return null_of(value, rates, population)


def _is_unrelated(teacher: Teacher, vendor: str, suspect: Transcript) -> bool:
    slug = vendor_slug(teacher.vendor)
    return (
        slug is not None
        and slug != vendor
        and not teacher.transcript.identity.same_weights(suspect.identity)
    )


def _rank(case: Case, telling: Sequence[ClaimingAnswer], vendor: str) -> Rank | None:
    """Place of the vendor among the stored models' vendors by the suspect's claim rate; equals
    share the better place. None where the suspect never names it: to be last together is no place.
    """
    own = point_rate(telling, vendor)
    if own == 0:
        return None
    slugs = {vendor} | {
        slug for t in case.population if (slug := vendor_slug(t.vendor)) is not None
    }
    rates = [point_rate(telling, slug) for slug in slugs]
    if len(set(rates)) == 1:  # named all alike: nobody is before another
        return None
    return Rank(position=1 + sum(rate > own for rate in rates), of=len(slugs))


def _notes(
    case: Case, answers: Sequence[ClaimingAnswer], arms: Sequence[Arm], vendor: str
) -> tuple[str, ...]:
    notes = list(NOTES)
    own = chosen(answers, [Arm.OWN])
    if Arm.OWN in arms or Arm.RECORDED in arms:
        notes.append(
            "There are no answers under an empty or neutral system prompt: the model's own prompt, "
            "or an unknown one, may carry a name or hide one."
        )
    if vendor_slug(case.vendor) == vendor:
        notes.append(
            f"The suspect is of {vendor_title(vendor)}, as its user says (--vendor): to name it is"
            " self-description."
        )
    elif own and Arm.OWN not in arms and point_rate(own, vendor) >= 0.5:
        notes.append(
            f"Under its own system prompt the suspect names {vendor_title(vendor)} too: "
            "in a model of that vendor this is self-description."
        )
    cut = sum(a.reply.status.value == "truncated" for a in answers)
    if cut:
        notes.append(
            f"{cut} of {len(answers)} identity answers were cut at the length limit; a name further"
            " on was not seen."
        )
    odd = sum(vendor_slug(t.vendor) is None for t in case.population)
    if odd:
        notes.append(f"{odd} stored models of no known vendor are not in the null population.")
    return tuple(notes)

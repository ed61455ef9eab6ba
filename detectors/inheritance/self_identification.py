"""Does the suspect call itself by the candidate vendor's name, or say that the vendor made it?

Reads the answers to the identity questions, which name no vendor. Knows claims and rates; knows no
verdict: such claims are common in models that never saw the vendor's outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from detectors.base import Detector, Scope
from detectors.case import Case, Teacher
from detectors.exhibits.identity import exhibits, summary, tables, vendors_by_arm
from detectors.inheritance.naming import measure_naming
from detectors.measurement import Measurement, NotMeasured, Null, Question, Rank
from detectors.needs import Need
from detectors.text.claim_rates import (
    ClaimingAnswer,
    chosen,
    claim_rate,
    null_of,
    point_rate,
    read_answers,
    telling_arms,
    unread_languages,
    vendors_named,
)
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
    counts questions. The null is the same vendor's claim rate in stored models known to be of other
    vendors. Method: first-person claims mapped to vendors, after Lee et al. 2025 (arXiv
    2501.12619), with a question bank that is the same for every model. Deterministic.
    """

    name: ClassVar[str] = "self_identification"
    question: ClassVar[Question] = "inheritance"
    asks: ClassVar[str] = "Whose name does it give itself?"
    needs: ClassVar = (Need.IDENTITY,)
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
        """The suspect's claim rate for the candidate's vendor. Without a candidate: how often it
        names another vendor than its own."""
        if case.candidate is None:
            return measure_naming(case)
        vendor = _vendor_of(case.candidate)
        if isinstance(vendor, NotMeasured):
            return vendor
        answers = read_answers(case.suspect)
        arms = telling_arms(answers)
        telling = chosen(answers, arms)
        rate = claim_rate(telling, vendor)
        leading = read_answers(case.suspect, "leading")
        return Measurement(
            metric="claim_rate",
            metric_id="claim_rate",
            value=rate.value,
            n=rate.clusters,
            n_unit="questions",
            counts_prompts=True,
            direction=f"higher: more often says that it is, or comes from, {vendor_title(vendor)}",
            interval=rate.interval,
            rank=_rank(case, telling, vendor),
            null=_null(case, vendor, rate.value, telling),
            summary=summary(answers, arms, vendor),
            tables=tables(answers, leading, arms, vendor),
            charts=(vendors_by_arm(answers, vendor),) if vendor in vendors_named(answers) else (),
            exhibits=exhibits(answers, arms, vendor),
            notes=_notes(case, answers, arms, vendor),
        )


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
        and (same := _same_questions(teacher.transcript, telling))
    ]
    population = (
        f"stored models of vendors other than {vendor_title(vendor)}, asked the same questions"
    )
    return null_of(value, rates, population)


def _same_questions(
    transcript: Transcript, telling: Sequence[ClaimingAnswer]
) -> Sequence[ClaimingAnswer]:
    """A stored model's answers to the probes that the suspect answered, under the same system
    prompts.

    Where the suspect's prompt is unknown (recorded), the stored model's most telling arms stand in.
    """
    asked, arms = {a.probe.id for a in telling}, {a.reply.arm for a in telling}
    answers = [a for a in read_answers(transcript) if a.probe.id in asked]
    return chosen(answers, telling_arms(answers) if Arm.RECORDED in arms else arms)


def _is_unrelated(teacher: Teacher, vendor: str, suspect: Transcript) -> bool:
    slug = vendor_slug(teacher.vendor)
    return (
        slug is not None
        and slug != vendor
        and not teacher.transcript.identity.same_weights(suspect.identity)
    )


def _rank(case: Case, telling: Sequence[ClaimingAnswer], vendor: str) -> Rank:
    """Place of the vendor among the stored models' vendors by the suspect's claim rate; equals
    share the better place."""
    slugs = {vendor} | {
        slug for t in case.population if (slug := vendor_slug(t.vendor)) is not None
    }
    own = point_rate(telling, vendor)
    return Rank(position=1 + sum(point_rate(telling, slug) > own for slug in slugs), of=len(slugs))


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
    elif own and point_rate(own, vendor) >= 0.5:
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
    unread = unread_languages(answers)
    if unread:
        told = ", ".join(f"{language} {count}" for language, count in unread)
        notes.append(
            f"{sum(count for _, count in unread)} of {len(answers)} identity answers are in"
            f" languages that claims are not read in ({told}): whom they name is not known."
        )
    odd = sum(vendor_slug(t.vendor) is None for t in case.population)
    if odd:
        notes.append(f"{odd} stored models of no known vendor are not in the null population.")
    return tuple(notes)

"""Asks the claimed model and the endpoint the same questions, one at a time, and keeps what they
say in journals.

The endpoint is asked in an order that has nothing to do with answers, until the bet on a difference
is won or all is asked. Knows subjects and files; decides nothing but when it is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.audits.frame import open_store, store_section
from auditor.audits.inheritance.base_model import asked_again
from auditor.audits.service.plan import ServicePlan, first_questions, identifying_set
from auditor.evidence.records import StoreSection
from detectors.base import Teacher
from detectors.service.rank_uniformity import RankUniformity
from detectors.service.repeated import FEWEST_PROMPTS, asked_of_both, repeats
from detectors.service.sequential_equality import bets_on
from detectors.style.likeness import betting_order
from fingerprints.collect import Stop, collect
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.progress import Progress
from fingerprints.records import ProbeSet, Request, Sampling
from fingerprints.scores import Scores, teacher
from fingerprints.scoring import ScoresWriter, collect_scores
from fingerprints.store import FingerprintStore
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import refuse_bad_spec
from fingerprints.transcript import Transcript

ENDPOINT, REFERENCE, SCORES = "transcript.jsonl", "reference.jsonl", "scores.jsonl"
IDENTIFIED, REFERENCE_IDENTIFIED = "identification.jsonl", "reference-identification.jsonl"
QUESTIONS_A_LOOK = 4
"""The bet's p-value holds however often one looks: looking less often only saves time."""
IDENTIFYING_TOKENS = 96
"""Cap on identifying answers: nearness reads their beginnings as well as their whole."""


@dataclass(frozen=True)
class Others:
    """The claimed model and the endpoint by the questions that stored models were asked, and
    these."""

    endpoint: Transcript
    claimed: Transcript
    stored: tuple[Teacher, ...]
    section: StoreSection


@dataclass(frozen=True)
class ServiceAnswers:
    """Everything that was observed: both sides' answers, likelihoods, and who else is stored."""

    endpoint: Transcript
    reference: Transcript
    planned: int
    scores: Scores = field(default_factory=Scores)
    others: Others | None = None


def hear(plan: ServicePlan, out: Path, progress: Progress) -> ServiceAnswers:
    """Asks both sides, resuming what ``out`` holds. Raises the errors of `open_subject`,
    `collect` and the store."""
    refuse_bad_spec(plan.endpoint)
    # The claimed model first: its recording decides what is asked, and the bet needs its answers.
    with open_subject(plan.claimed) as subject:
        recorded = subject.recorded() if "recorded" in subject.offers else None
        sets = question_sets(plan, recorded)
        asking = progress.step("asking the claimed model")
        reference = collect(
            subject, sets, plan.sampling("claimed", recorded), out / REFERENCE, asking
        )
        scores_itself = "score" in subject.offers
    _refuse_silence(reference, plan.claimed, "the claimed model")
    with open_subject(plan.endpoint) as subject:
        live = "recorded" not in subject.offers
        stop = stopping(plan, reference)
        asking = progress.step("asking the endpoint")
        endpoint = collect(
            subject, sets, plan.sampling("endpoint", recorded), out / ENDPOINT, asking, stop
        )
    _refuse_silence(endpoint, plan.endpoint, "the endpoint")
    _refuse_copies(plan, endpoint, reference, recordings=recorded is not None and not live)
    scores = (
        _scored(plan, endpoint, reference, out, progress.step("scoring answers"))
        if scores_itself
        else Scores()
    )
    identifying = progress.step("asking who else it may be")
    others = (
        None
        if plan.store is None
        else _others(plan, plan.store, endpoint, reference, out, identifying)
    )
    return ServiceAnswers(endpoint, reference, sum(len(s.probes) for s in sets), scores, others)


def _refuse_copies(
    plan: ServicePlan, endpoint: Transcript, reference: Transcript, *, recordings: bool
) -> None:
    """Compared with itself everything is what it claims to be. Two that were asked and that each
    say one thing to a question may well say the same: that is told as greedy."""
    same = endpoint.digest() == reference.digest()
    if same and recordings:
        raise UsageProblem(
            "both sides are the same recorded answers",
            where=printable(plan.endpoint, 80),
            next_step="name two recordings",
        )
    if same and not repeats(asked_of_both(endpoint, reference)):
        raise UsageProblem(
            "both sides gave the same answers, sample by sample: one repeats the other",
            where=printable(plan.endpoint, 80),
            next_step="have the claimed model asked anew, or with another --seed",
        )


def question_sets(plan: ServicePlan, recorded: Transcript | None) -> list[ProbeSet]:
    """What is asked: the plan's probe sets; where recorded answers of the claimed model lack
    these, what they were asked."""
    sets = plan.probe_sets()
    if recorded is None:
        return sets
    held = {
        recorded.probes[r.probe_id].prompt_sha256()
        for r in recorded.replies
        if r.probe_id in recorded.probes
    }
    if sum(p.prompt_sha256() in held for s in sets for p in s.probes) >= FEWEST_PROMPTS:
        return sets
    asked = asked_again([choice.load() for choice in plan.probes], recorded)
    ordered = [
        s.model_copy(
            update={
                "probes": tuple(sorted(s.probes, key=lambda p: betting_order(p.prompt_sha256()))),
                "whole": s.whole or s.digest(),
            }
        )
        for s in asked
    ]
    return first_questions(ordered, plan.questions)


def stopping(plan: ServicePlan, reference: Transcript) -> Stop:
    """The order of asking, and when it is enough: once the bet is won at half of alpha, or never
    with ``--all``.

    Only questions whose answers are all in count, up to the first that lacks one, so that a resumed
    run sees the same.
    """

    def enough(transcript: Transcript) -> bool:
        """Whether what was answered so far decides, so that nothing more need be asked."""
        if not plan.sequential:
            return False
        asked = asked_of_both(whole_questions(transcript, plan.samples), reference)
        if len(asked) < FEWEST_PROMPTS or repeats(asked):
            return False
        # The other half is for the tests at full size (docs/service.md).
        return bets_on(asked).decided(plan.alpha / 2) is not None

    return Stop(_order, enough, QUESTIONS_A_LOOK * plan.samples)


def whole_questions(transcript: Transcript, samples: int) -> Transcript:
    """The transcript of the questions that were asked whole, in asking order up to the first
    that was not."""
    counts: dict[str, int] = {}
    for reply in transcript.replies:
        counts[reply.probe_id] = counts.get(reply.probe_id, 0) + 1
    kept: set[str] = set()
    for probe in sorted(transcript.probes.values(), key=lambda p: betting_order(p.prompt_sha256())):
        if counts.get(probe.id, 0) < samples:
            break
        kept.add(probe.id)
    replies = tuple(r for r in transcript.replies if r.probe_id in kept)
    return Transcript(transcript.header, transcript.probes, replies, transcript.events, False)


def _order(request: Request) -> tuple[object, ...]:
    return (betting_order(request.probe.prompt_sha256()), request.sample)


def _scored(
    plan: ServicePlan, endpoint: Transcript, reference: Transcript, out: Path, scoring: Progress
) -> Scores:
    """How likely the claimed model finds all answers; nothing for greedy ones, whose ranks mean
    nothing."""
    if repeats(asked_of_both(endpoint, reference)):
        return Scores()
    name = reference.identity.name
    claimed = Teacher(name, "", "", reference)
    wanted = [w.passage for w in RankUniformity().next_texts(endpoint, [claimed], None, [name])]
    with ScoresWriter(out / SCORES) as writer:
        if writer.missing(teacher(name), wanted):
            with open_subject(plan.claimed) as subject:
                collect_scores(subject, teacher(name), wanted, writer, scoring)
        return writer.scores()


def _others(
    plan: ServicePlan,
    store: str,
    endpoint: Transcript,
    reference: Transcript,
    out: Path,
    asking: Progress,
) -> Others:
    with open_store(store) as opened:
        stored, section = strangers(opened, reference), store_section(store, opened)
    sets = identifying_set(plan)
    said = [
        _identified(spec, sets, plan.seed, out / file, asking, heard)
        for spec, file, heard in (
            (plan.claimed, REFERENCE_IDENTIFIED, reference),
            (plan.endpoint, IDENTIFIED, endpoint),
        )
    ]
    return Others(said[1], said[0], stored, section)


def strangers(store: FingerprintStore, reference: Transcript) -> tuple[Teacher, ...]:
    """The stored models that are not the claimed one, by their weights."""
    return tuple(
        Teacher(t.name, t.vendor, t.family, store.transcript(t.name))
        for t in store.teachers()
        if not reference.identity.same_weights(t.identity)
    )


def _identified(
    spec: str, sets: Sequence[ProbeSet], seed: int, into: Path, asking: Progress, heard: Transcript
) -> Transcript:
    """Greedy answers to the identifying questions; what a recording holds anyway."""
    with open_subject(spec) as subject:
        if "recorded" in subject.offers:
            return heard
        return collect(
            subject, sets, Sampling(seed=seed, max_tokens=IDENTIFYING_TOKENS), into, asking
        )


def _refuse_silence(transcript: Transcript, spec: str, who: str) -> None:
    if not any(r.readable for r in transcript.replies):
        raise MalformedInput(
            f"{who} gave no readable answer",
            where=printable(spec, 100),
            next_step="look at the transcript's errors, then run the same command again",
        )

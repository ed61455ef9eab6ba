"""The sentences of a service report: the answer, what it does not say, other explanations, limits,
how to repeat it.

Counts and names only; a difference is never more than a difference.
"""

from __future__ import annotations

import shlex

from auditor.audits.frame import limits_of_asking
from auditor.audits.plan import probes_told
from auditor.audits.service.asking import ServiceAnswers
from auditor.audits.service.judging import JudgedService, p_of, stopped
from auditor.audits.service.plan import ServicePlan
from auditor.evidence.questions import ASKS, unexamined
from auditor.evidence.records import Answer, Finding
from detectors.lineup import counted
from detectors.service.model_identification import nearest_told
from detectors.service.repeated import asked_of_both
from fingerprints.collect import OTHER_MODEL
from fingerprints.errors import printable
from fingerprints.records import Status

WORDS = {
    "different": "different",
    "no_difference_found": "no difference found at this size",
    "inconclusive": "inconclusive",
    "not_assessable": "",
}
CLUE = 0.01
"""What a clue's p-value must fall below: clues point, and decide nothing."""


def answers(
    plan: ServicePlan, heard: ServiceAnswers, judged: JudgedService, power: str
) -> tuple[Answer, ...]:
    """The three questions; only the service is answered."""
    return (
        *unexamined("inheritance", "lineage"),
        Answer(
            question="service",
            asks=ASKS["service"],
            answer=_answer(plan, heard, judged, power),
            does_not_say=(
                "A difference says that the answers are of another distribution, not why: see the"
                " alternative explanations."
                if judged.decision == "different"
                else (
                    "No difference found is not sameness: a copy that hardly differs, or a service"
                    " that answers these very questions by the claimed model, looks the same."
                )
            ),
            conclusion=judged.decision,
        ),
    )


def _answer(plan: ServicePlan, heard: ServiceAnswers, judged: JudgedService, power: str) -> str:
    name = printable(heard.reference.identity.name, 80)
    asked = len(asked_of_both(heard.endpoint, heard.reference))
    size = (
        f"{asked} of {heard.planned} questions" if asked < heard.planned else f"{asked} questions"
    )
    told = " ".join([*_of_names(heard), *clues(judged)])
    p = "" if judged.p_value is None else f"p {judged.p_value:.2g}, alpha {plan.alpha:g}"
    if judged.decision == "different":
        early = ", and asking was ended there" if stopped(heard.endpoint) else ""
        return (
            f"Different: on {size} the endpoint's answers are not distributed as those of {name}"
            f" ({p}){early}. {told}".strip()
        )
    if judged.decision == "no_difference_found":
        found = f"No difference found at this size: {size}, compared with {name} ({p})."
        return f"{found} {power} {told}".strip()
    if judged.decision == "inconclusive":
        return (
            f"Inconclusive: {judged.reason} Compared with {name} on {size}{f' ({p})' if p else ''}."
            f" {told}".strip()
        )
    return f"Not assessed: {judged.reason}"


def clues(judged: JudgedService) -> list[str]:
    """What points at a kind of difference: the tokenizer, the temperature, a change during the
    run, another stored model."""
    found = {f.detector: f for f in judged.findings}
    out = [
        _of_tokens(found.get("token_counts")),
        _of_spread(found.get("answer_spread")),
        _of_change(found.get("mid_run_change")),
    ]
    other = found.get("model_identification")
    if other is not None:
        out.append(_of_others(other))
    return [clue for clue in out if clue]


def _of_names(heard: ServiceAnswers) -> list[str]:
    """Whether the endpoint called itself otherwise during the run; a claim of its own, and the
    plainest there is."""
    times = sum(e.kind == "drift" for e in heard.endpoint.events)
    other = [e.detail for e in heard.endpoint.events if e.kind == OTHER_MODEL]
    changed = (
        f"It changed what it calls its model or build {counted(times, 'time')} during the run."
    )
    named = [f"{detail[0].upper()}{detail[1:]}." for detail in other[:1]]
    return [*([changed] if times else []), *named]


def _of_tokens(found: Finding | None) -> str:
    if found is None or found.value == 1:
        return ""
    return (
        f"Only {found.value:.0%} of {found.n} prompt lengths that it reports fit the claimed"
        " tokenizer."
    )


def _of_spread(found: Finding | None) -> str:
    p = p_of(found)
    if found is None or p is None or p > CLUE:
        return ""
    if found.value > 0:
        return (
            "Its answers to one prompt vary more than the reference's, as at a higher temperature"
            " or from another model."
        )
    return (
        "Its answers to one prompt vary less than the reference's, as when cooler, from a cache or"
        " from another model."
    )


def _of_change(found: Finding | None) -> str:
    p = p_of(found)
    if found is None or p is None or p > CLUE:
        return ""
    return (
        "Something changed during the run, most evidently after question"
        f" {found.facts['after_question']} of {found.n}."
    )


def _of_others(found: Finding) -> str:
    nearest, models = found.facts["nearest"], found.facts["models"]
    return nearest_told(
        str(found.candidate), None if nearest is None else str(nearest), int(models or 0)
    )


def alternatives() -> tuple[str, ...]:
    """Other explanations of a difference than another model."""
    return (
        (
            "The service samples at another temperature or top-p than it was asked for, or cuts"
            " unlikely tokens."
        ),
        "It adds a system prompt, or renders the chat by another template.",
        "It serves the claimed weights quantised, or in another number format.",
        "Its sampling code, batching or hardware differs, or it caches answers.",
        "It serves another version of the claimed model, an update or a fine-tune of it.",
        "A filter or a rewriter stands in front of or behind the model.",
        "Several models answer by turns, or one was replaced by another during the run.",
        (
            "The reference is not what was claimed: another file, template or library than the"
            " service's."
        ),
    )


def limits(plan: ServicePlan, heard: ServiceAnswers) -> tuple[str, ...]:
    """What this comparison can't show."""
    out = []
    endpoint, reference = heard.endpoint, heard.reference
    drift = [e for e in endpoint.events if e.kind == "drift"]
    if drift:
        out.append(
            f"The endpoint changed what it calls itself {counted(len(drift), 'time')} during the"
            " run; parts are told apart."
        )
    out += limits_of_asking(endpoint)
    failed = sum(
        r.status in (Status.ERROR, Status.REJECTED, Status.SKIPPED_CONTEXT)
        for r in endpoint.replies
    )
    if failed:
        out.append(
            f"{failed} of {len(endpoint.replies)} requests to the endpoint have no answer and were"
            " left out."
        )
    whose = [
        n
        for n, t in (("the endpoint", endpoint), ("the claimed model", reference))
        if t.identity.kind == "recording"
    ]
    if whose:
        out.append(
            f"The answers of {' and of '.join(whose)} were recorded by somebody else: their origin"
            " is claimed."
        )
    if not endpoint.complete:
        out.append("The transcript is incomplete: some questions were not answered.")
    out += [f"About the reference: {note.rstrip('.')}." for note in reference.identity.notes]
    if plan.sequential:
        out.append(
            f"Alpha {plan.alpha:g} bounds the false alarms of the decision however often one"
            " looked: half of it is the bet's, half that of the tests at full size. The other"
            " p-values are single tests and decide nothing."
        )
    else:
        out.append(
            f"Alpha {plan.alpha:g} bounds the false alarms of the tests at full size. Look once, or"
            " leave out --all."
        )
    out.append(
        "What was compared is the service in the window of this run; it may answer others, or"
        " later, by another model."
    )
    return tuple(out)


def command_of(plan: ServicePlan) -> tuple[str, ...]:
    """Commands that repeat the audit, and the judgement alone from what was recorded."""
    flags = [
        f"--samples {plan.samples}",
        f"--reference-samples {plan.reference_samples}",
        f"--alpha {plan.alpha:g}",
    ]
    flags += ["--sequential" if plan.sequential else "--all", f"--seed {plan.seed}"]
    named = {
        "--questions": plan.questions,
        "--temperature": plan.temperature,
        "--max-tokens": plan.max_tokens,
    }
    flags += [f"{flag} {value:g}" for flag, value in named.items() if value is not None]
    sets = probes_told(plan.probes)
    flags += [] if sets == "service" else [f"--probes {shlex.quote(sets)}"]
    store = [] if plan.store is None else [f"--store {shlex.quote(plan.store)}"]
    both = f"{shlex.quote(plan.claimed)} {shlex.quote(plan.endpoint)}"
    recorded = "report/reference.jsonl report/transcript.jsonl"
    return (
        " ".join(["auditor service", both, *flags, *store, "--out again/"]),
        " ".join(["auditor service", recorded, *flags, "--out judged-again/"]),
    )

"""The sentences of a test for a plant: the answer, what it does not say, other explanations,
limits, how to repeat it.

Counts and names only; never a key, and a mark that was found is never more than a mark.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from auditor.audits.plan import probes_told
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.records import PlantSection
from auditor.evidence.codes import Conclusion, Outcome, ReasonCode
from auditor.evidence.exact import SIGNIFICANT, UNREMARKABLE
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer, Verdict
from detectors.inheritance import canary_habits
from detectors.inheritance.radioactivity import FEWEST, GreenCount, TokenPairs, Way, tokens_needed
from detectors.lineup import counted
from fingerprints.errors import printable
from fingerprints.transcript import Transcript

METRICS: dict[Way, str] = {
    "forced": "green tokens among its choices behind marked texts",
    "written": "green tokens in what it wrote",
}
WAYS: dict[Way, str] = {
    "forced": "behind the beginnings of marked answers",
    "written": "in its own answers",
}
GREEN_DIRECTION = "higher: it prefers the tokens that the key favoured in the teacher's answers"
HABIT_METRIC = "mean share of answers that have one of the dealt habits"
HABIT_DIRECTION = "higher: it answers as this account was answered"
UNUSED_KEYS = "the same tokens under keys that were drawn now and used by nobody"
NOT_ENOUGH = "Too little was answered to test it."
PASSED_ON = (
    "The mark is there, but whoever answered may have passed the questions on to the teacher while"
    " it was still marked: such answers carry the mark without any training. Serve another plant,"
    " ask again, and say --retired; or test the weights."
)


OUT_OF_SIGHT = (
    "The marked answers were not used: a suspect is put behind their beginnings where its weights"
    " are open; or give --choices of an earlier test of it."
)


def too_few(pairs: TokenPairs, way: Way, chance: float) -> str:
    """Why green tokens were not counted, and how many are needed."""
    some = tokens_needed(0.1, chance, SIGNIFICANT)
    return (
        f"{pairs.n:,} tokens can be counted {WAYS[way]}, and at least {FEWEST} are needed; about"
        f" {some:,} find a suspect whose tokens are green by a tenth more often than by chance"
    )


def few_answers(n: int) -> str:
    """Why habits were not counted."""
    return (
        f"{counted(n, 'answer')} can be read, and at least {canary_habits.FEWEST} are needed; ask"
        " more with --probes or --samples"
    )


def green_summary(way: Way, rose: bool, found: GreenCount) -> str:
    """One sentence on a count of green tokens."""
    what = "of the tokens that rose most against its base" if rose and way == "forced" else "of"
    what = f"{what} {found.n:,}" if what == "of" else f"{what} ({found.n:,})"
    return (
        f"{found.green:,} {what} {WAYS[way]} are green, {found.share:.1%} where chance gives"
        f" {found.chance:.1%}."
    )


def account_name(account: str) -> str:
    """An account as a candidate of a verdict."""
    return f"account {account}"


def habit_summary(whom: str, dealt: int, habits: int, p_value: float) -> str:
    """One sentence on how an account's habits fit."""
    return (
        f"Of all ways to deal {dealt} of {habits} habits, a share of {p_value:.2g} fits the"
        f" suspect's answers at least as well as what {printable(whom, 80)} was dealt."
    )


def dealt(addition: str) -> str:
    """Why an answer with a habit is shown."""
    return f"For a time this account's answers were given under: {addition}"


def reason(
    outcome: Outcome, expect: float | None, power: float | None
) -> tuple[str, ReasonCode | None]:
    """Why a verdict is no stronger, in words and as a code."""
    if outcome == "supported":
        return "", None
    if outcome == "not_supported":
        return (
            f"p is above {UNREMARKABLE:g}, and a suspect with the effect that was stated"
            f" ({expect:g}) would have been found with a chance of {power:.0%}.",
            None,
        )
    if power is None:
        return (
            "No trace large enough for a verdict. What the test would have found is not known:"
            " state with --expect what a trained control of yours shows.",
            "too_weak",
        )
    return (
        f"No trace large enough for a verdict; the stated effect ({expect:g}) would have been found"
        f" with a chance of {power:.0%}.",
        "too_weak",
    )


def answer(section: PlantSection, verdicts: Sequence[Verdict], conclusion: Conclusion) -> Answer:
    """The question of inheritance in one sentence, and what it does not say."""
    told = _of_watermark if section.kind == "watermark" else _of_habits
    return Answer(
        question="inheritance",
        asks=ASKS["inheritance"],
        answer=told(section, verdicts, conclusion),
        does_not_say=_silent_on(section),
        conclusion=conclusion,
    )


def _of_watermark(
    section: PlantSection, verdicts: Sequence[Verdict], conclusion: Conclusion
) -> str:
    name, teacher = printable(section.name, 80), printable(section.teacher, 80)
    verdict = verdicts[0]
    if verdict.exact is None:
        return f"Not assessed: {verdict.reason}"
    p = f"p {verdict.p_value:.2g}, exact"
    if conclusion == "supported":
        return (
            f"Supported: the suspect prefers the tokens that the watermark {name} favoured in"
            f" answers of {teacher} ({p}), as a model does that learned from such answers."
        )
    if verdict.reason_code == "passed_on":
        return (
            f"Inconclusive: the answers carry the watermark {name} of {teacher} ({p}), and may be"
            " that model's own, passed on."
        )
    if conclusion == "not_supported":
        return (
            f"Not supported: no trace of the watermark {name} of {teacher} ({p}), in a test that"
            " would have found the stated effect."
        )
    return f"Inconclusive: no trace of the watermark {name} of {teacher} was established ({p})."


def _of_habits(section: PlantSection, verdicts: Sequence[Verdict], conclusion: Conclusion) -> str:
    name = printable(section.name, 80)
    if verdicts[0].exact is None:
        return f"Not assessed: {verdicts[0].reason}"
    after = f"after correction for {counted(section.n_accounts, 'account')}"
    found = [v for v in verdicts if v.outcome == "supported"]
    if found:
        whom = ", ".join(f"{printable(v.called, 80)} (p {v.p_value:.2g})" for v in found)
        return (
            f"Supported: the suspect has the habits that were dealt in the plant {name} to {whom},"
            f" {after}, as a model does that learned from such answers."
        )
    passed = [v for v in verdicts if v.reason_code == "passed_on"]
    if passed:
        whom = ", ".join(f"{printable(v.called, 80)} (p {v.p_value:.2g})" for v in passed)
        return (
            f"Inconclusive: the answers have the habits that were dealt to {whom}, {after}, and may"
            " be the teacher's own, passed on."
        )
    least = f"smallest p {verdicts[0].p_value:.2g} {after}"
    if conclusion == "not_supported":
        return (
            f"Not supported: no account's habits of the plant {name} were found ({least}), in a"
            " test that would have found the stated effect."
        )
    return f"Inconclusive: no account's habits of the plant {name} were established ({least})."


def _silent_on(section: PlantSection) -> str:
    whose = "from this account" if section.kind == "habit" else "from an account of the teacher's"
    return (
        "Who trained it, how much of its training text was marked, whether that text came"
        f" {whose} directly or from where it was published since, whether a prompt or a look-up"
        " brought it in, and whether the terms forbid it. No trace is no proof that it learned"
        " nothing."
    )


def alternatives(section: PlantSection) -> tuple[str, ...]:
    """Other explanations of a trace than training on the teacher's answers by whoever is asked
    about."""
    what = "key" if section.kind == "watermark" else "assignment"
    out = [
        "Marked answers were published or sold on, and the suspect learned from them without ever"
        " asking the teacher.",
        "The suspect learned from a model that had learned from marked answers.",
        f"The {what} was known outside, and somebody put the trace there on purpose.",
    ]
    if section.passing_on:
        out.append("The service passes questions on to the marked teacher and was never trained.")
    out.append("The service looks marked answers up, or has them in a prompt that nobody sees.")
    return tuple(out)


def limits(section: PlantSection, said: Transcript) -> tuple[str, ...]:
    """What this test can't show, and what its exactness rests on."""
    what = "key" if section.kind == "watermark" else "assignment"
    out = [
        f"The p-value is exact because the {what} was drawn by lot and kept secret: that it was"
        f" rests on the plant's owner, and on whether the commitment {section.commitment[:16]}… was"
        " published before the suspect was looked at.",
        "A trace fades with paraphrase by another model, with much other training text, and where"
        " answers were filtered. Finding none says nothing below the size that the test could see.",
    ]
    if section.kind == "watermark":
        out.append(
            "Texts are read with the teacher's tokenizer. One token after one context counts once,"
            " and contexts that stand in what the suspect was given don't count."
        )
        for test in section.green:
            left = test.seen - test.tokens
            out.append(
                f"{left:,} of {test.seen:,} tokens {WAYS[test.way]} were left out:"
                f" {test.repeated:,} repeated, {test.given:,} after a context that was given,"
                f" {test.keyless:,} that no key reaches."
            )
    elif section.n_accounts > len(section.accounts) > 0:
        out.append(
            f"All {section.n_accounts:,} accounts were tested and count in the correction; the"
            f" {len(section.accounts)} that fit best are listed."
        )
    if said.identity.kind == "recording":
        out.append("The answers were recorded by somebody else: their origin is claimed.")
    if not said.complete:
        out.append("The transcript is incomplete: some questions were not answered.")
    return tuple(out)


def command_of(plan: PlantTestPlan, chosen: bool) -> tuple[str, ...]:
    """Commands that repeat the test, and the judgement alone from what was recorded. ``chosen``:
    choices behind marked answers are among that."""
    s = plan.sampling
    flags = ["--plant", plan.plant]
    flags += ["--sealed", plan.sealed] if plan.sealed else []
    flags += ["--retired"] if plan.retired else []
    flags += [f"--expect={plan.expect:g}"] if plan.expect is not None else []
    flags += [f"--null-keys={plan.null_keys}", f"--probes={probes_told(plan.probes)}"]
    drawn = [f"--samples={s.samples}"] if s.samples > 1 else []
    drawn += [f"--temperature={s.temperature:g}", f"--seed={s.seed}"] if s.temperature else []
    drawn += [f"--max-tokens={s.max_tokens}"] if s.max_tokens else []
    marked = ["--marked", plan.marked] if plan.marked else []
    more = [*marked, *(["--choices", plan.choices] if plan.choices else [])]
    more += ["--base", plan.base] if plan.base else []
    begin = ["auditor", "plant", "test"]
    held = [*marked, *(["--choices", plan.choices or "report/choices.json"] if chosen else [])]
    held += ["--base", "report/base.jsonl"] if plan.base and not plan.marked else []
    return (
        shlex.join([*begin, plan.suspect, *flags, *more, *drawn, "--out", "again/"]),
        shlex.join([*begin, "report/transcript.jsonl", *flags, *held, "--out", "judged-again/"]),
    )

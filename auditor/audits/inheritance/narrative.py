"""The sentences of a report that no detector writes: the three answers, the limits, the
alternatives, how to repeat it.

Plain words for people; counts and names only, never a verdict that no calibration carries.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from auditor.audits.frame import limits_of_asking
from auditor.audits.inheritance.plan import DEFAULT_DETECTORS, Plan
from auditor.audits.plan import BUNDLED
from auditor.audits.report.view import who
from auditor.calibration.case import SHIPPED
from auditor.calibration.conclusions import concluded
from auditor.evidence.codes import NO_CALIBRATION, TOO_FEW_PROMPTS, Conclusion
from auditor.evidence.error_rates import CalibrationSection
from auditor.evidence.kinship import Kin
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer, Candidate, Finding, StoreChoice, StoreSection, Verdict
from detectors.lineup import counted
from detectors.text.edges import shared_edges
from detectors.text.model_names import maker_key
from fingerprints.collect import OTHER_MODEL
from fingerprints.transcript import Transcript

KIN = ("not_separable_from_lineage", "same_weights")
UNLIKE_ALL = (
    "Not assessed: the answers are less like those of the stored models at large than those of any"
    " model of known history. Text by people is like that, and so is anything else that no"
    " assistant wrote: a suspect of this kind was never calibrated, and no candidate is named."
)


def answers(
    transcript: Transcript,
    candidates: Sequence[Candidate],
    findings: Sequence[Finding],
    verdicts: Sequence[Verdict] = (),
    lineage: Answer | None = None,
    kin: Kin | None = None,
    passed_over: int = 0,
) -> tuple[Answer, ...]:
    """The three questions, each with one sentence and what that sentence does not say;
    ``lineage`` is the answer of weights, ``kin`` what is known of kinship, ``passed_over`` counts
    stored makers of whom no model was looked at."""
    conclusion, told = concluded(verdicts, kin, passed_over)
    weighed = conclusion != "not_assessable"
    return (
        Answer(
            question="inheritance",
            asks=ASKS["inheritance"],
            conclusion=conclusion,
            answer=told if weighed else _inheritance(candidates, findings, told, verdicts),
            does_not_say=_does_not_say(conclusion),
        ),
        lineage or _by_digest(transcript, candidates, findings),
        Answer(
            question="service",
            asks=ASKS["service"],
            answer=_service(transcript),
            does_not_say=(
                "No two-sample test of the service against reference weights was made in this"
                " audit."
            ),
        ),
    )


def _does_not_say(conclusion: Conclusion) -> str:
    """What must not be read into the answer on inheritance."""
    if conclusion == "not_assessable":
        return (
            "This is not an error rate and not a probability. Being nearest among few stored models"
            " does not make a model the teacher, and naming a vendor is common in models that never"
            " saw its answers."
        )
    told = (
        "A likelihood ratio weighs the measurements, not the case: it is no probability that the"
        " suspect was taught. Naming a vendor is common in models that never saw its answers."
    )
    if conclusion in ("inconclusive", "common_third_source"):
        told = f"Whoever is inconclusive is neither accused nor cleared. {told}"
    return told


def _by_digest(
    transcript: Transcript, candidates: Sequence[Candidate], findings: Sequence[Finding]
) -> Answer:
    return Answer(
        question="lineage",
        asks=ASKS["lineage"],
        answer=_lineage(transcript, candidates) + _next_words(findings),
        does_not_say=(
            "No weights were compared: whose they are is open, and that clears nothing."
            if transcript.identity.weights_sha256 is None
            else "Weights were compared by digest only: a fine-tuned, merged, pruned or"
            " re-quantised copy has another digest. A difference here clears nothing."
        ),
    )


def _inheritance(
    candidates: Sequence[Candidate],
    findings: Sequence[Finding],
    related: str,
    verdicts: Sequence[Verdict],
) -> str:
    """Why there is no verdict; ``related`` says of whom the suspect is known to be kin."""
    unlike = any(v.reason_code == "unlike_all_known" for v in verdicts)
    told = UNLIKE_ALL if unlike else _unweighed(candidates, findings)
    return " ".join(filter(None, (related, told)))


def _unweighed(candidates: Sequence[Candidate], findings: Sequence[Finding]) -> str:
    if not any(f.question == "inheritance" for f in findings):
        return "Not assessed: no detector could measure anything on these answers."
    opening = "No verdict: the findings are ranks and distances without an error rate."
    nearest = _nearest(findings, "stylistic_overlap")
    if nearest is None or nearest.rank is None:
        return opening
    makers = {c.name: c.vendor for c in candidates if c.vendor}
    if len({maker_key(v) for v in makers.values()}) < 2 or nearest.candidate not in makers:
        return opening
    # The maker alone: one of its models by name would be read as an accusation.
    maker = makers[nearest.candidate]
    return f"{opening} In style the suspect is nearest to a model of {maker}, which shows nothing."


def _lineage(transcript: Transcript, candidates: Sequence[Candidate]) -> str:
    same = [c.name for c in candidates if c.same_weights]
    if same:
        return (
            f"The suspect's weight files are byte-identical to those of {', '.join(same)} (equal"
            " SHA-256)."
        )
    weights, adapter = transcript.identity.weights_sha256, transcript.identity.adapter_sha256
    if weights is None:
        return "Not assessed: the suspect's weights are out of sight."
    below = [
        c.name
        for c in candidates
        if adapter and c.identity.weights_sha256 == weights and not c.identity.adapter_sha256
    ]
    if below:
        return (
            "The suspect is an adapter on weights that are byte-identical to those of"
            f" {', '.join(below)} (equal SHA-256)."
        )
    return (
        "Not assessed: no stored model has the same weight digest, and weights were not compared"
        " further."
    )


def _next_words(findings: Sequence[Finding]) -> str:
    """Whom the suspect goes on like after openings, where that was measured; empty where not."""
    found = _nearest(findings, "next_token_agreement")
    if found is None:
        return ""
    null = found.null
    p = ""
    if null is not None and null.p is not None:
        p = f"; p {null.p:.3f} among {null.n} unrelated models"
    return (
        f" After openings it goes on most like {found.candidate}, {found.value:+.2f} above the"
        f" nearest unrelated model{p}. That is kinship at most: students of its answers can do so"
        " too."
    )


def _nearest(findings: Sequence[Finding], detector: str) -> Finding | None:
    """What a detector found of the candidate that it ranks first."""
    return next(
        (f for f in findings if f.detector == detector and f.rank and f.rank.position == 1), None
    )


def _service(transcript: Transcript) -> str:
    drift = [e for e in transcript.events if e.kind == "drift"]
    if drift:
        return (
            "Not assessed by test; the endpoint changed the model name that it reports"
            f" {len(drift)} time(s) during the run."
        )
    other = next((e.detail for e in transcript.events if e.kind == OTHER_MODEL), None)
    if other is not None:
        return f"Not assessed by test; {other}."
    if transcript.identity.kind == "endpoint":
        return (
            "Not assessed: the endpoint was asked, but not compared with the weights of the model"
            " that it claims."
        )
    return "Not asked: the suspect is not a service."


def limits(
    transcript: Transcript,
    candidates: Sequence[Candidate],
    findings: Sequence[Finding],
    calibration: CalibrationSection | None = None,
    store: StoreSection | None = None,
    kin: Kin | None = None,
    only: int = 0,
    verdicts: Sequence[Verdict] = (),
) -> tuple[str, ...]:
    """What this audit can't show, with the numbers that cap it. ``only`` makers were chosen to be
    looked at, 0 where nobody chose. ``verdicts`` say why no calibration was used."""
    nulls = [f for f in findings if f.null is not None and f.candidate is not None]
    out = _weighed_limits(calibration, verdicts)
    out += _kinship_limits(kin or Kin())
    if store is not None and store.choice is not None:
        out.append(_passed_over(store.n_models, store.choice))
    out += _null_limits(nulls)
    low = [c.name for c in candidates if c.n_shared < 50 and not c.same_weights]
    if low:
        out.append(
            f"Fewer than 50 prompts are shared with {who(low)}; style on so few answers is"
            " unreliable."
        )
    if only:
        out.append(
            f"{counted(only, 'maker')} of the stored ones alone {'was' if only == 1 else 'were'}"
            " looked at (--candidate): p-values are corrected for no others. Whoever picks a maker"
            " after a look at all of them must correct for all."
        )
    out += _edge_limits(transcript)
    out += limits_of_asking(transcript)
    if not transcript.complete:
        out.append("The transcript is incomplete: some questions were not answered.")
    if transcript.identity.kind == "recording" and not transcript.identity.notes:
        out.append(
            "The answers were recorded by somebody else: their origin is claimed, not observed."
        )
    out += [
        f"About the suspect's files: {note}."
        for note in (n.rstrip(".") for n in transcript.identity.notes)
    ]
    out.append(
        "Known ways to hide: identity tuning, a system prompt with a persona, paraphrased training"
        " answers, a mixture of teachers, stripped formatting. No finding is not a finding of no"
        " training."
    )
    return tuple(out)


def _edge_limits(transcript: Transcript) -> list[str]:
    """What a wrapper that puts the same words before or behind every answer does to a verdict."""
    # Asked who it is a hundred times, an honest model begins alike.
    # Of what was said alone: thoughts often begin alike, and nobody puts them there.
    said = [r.answer for r in transcript.of_kind("style") if r.answered]
    return [
        f"{n} of {len(said)} answers {where} in the very same words: whoever serves the model may"
        " have put them there. They are read as its style and wording, and can hide whom it writes"
        " like. Cut them from the recording, and audit again."
        for n, where in zip(shared_edges(said), ("begin", "end"), strict=True)
        if n
    ]


def _null_limits(findings: Sequence[Finding]) -> list[str]:
    """How many unrelated models findings were compared with, and what that leaves them able to
    show."""
    sizes = [f.null.n for f in findings if f.null is not None]
    some, out = [n for n in sizes if n], []
    without = dict.fromkeys(f.detector for f in findings if f.null is not None and not f.null.n)
    if without:
        names = ", ".join(name.replace("_", " ") for name in without)
        out.append(
            f"No unrelated stored model was asked what the findings of {names} rest on: nothing"
            " says how often a model that has nothing to do with a candidate gets as much."
        )
    if some:
        n = min(some)
        out.append(
            f"The p-values of findings rest on {n} unrelated models at the fewest: with n models no"
            f" p is smaller than 1/(n+1), here {1 / (n + 1):.3f}, however alike suspect and"
            " candidate are."
        )
    return out


def _kinship_limits(kin: Kin) -> list[str]:
    """What isn't known of the suspect's base and maker, and what follows from that."""
    flags = {"base": "--base or --bases", "maker": "--vendor"}
    told = ", and by ".join(flags[what] for what in kin.open)
    missing = (
        f"{kin.unknown}: likeness to a maker may be lineage, shared weights or a shared maker, and"
        f" no answer tells that from learning. Tell what you know by {told}."
    )
    return [*([missing] if kin.open else []), *filter(None, [kin.unchecked]), *kin.hints]


def _passed_over(stored: int, choice: StoreChoice) -> str:
    """How many stored models nobody looked at, and how often that loses the one that matters."""
    low, high = choice.recall_interval
    named = f", {len(choice.named)} by name or weights" if choice.named else ""
    return (
        f"Of {stored} stored models {choice.looked_at} were looked at and"
        f" {stored - choice.looked_at} passed over: {choice.sampled} are a fixed sample by vendor,"
        f" {len(choice.nearest)} are the nearest by the index{named}. In a benchmark of"
        f" {choice.recall_n} models the nearest alone held the one that a full audit puts first in"
        f" {choice.recall:.0%} of cases (95 % {low:.0%} to {high:.0%}). Only the sample says what"
        " is usual, and stands for its vendors. The p-values of findings are of single models: the"
        " verdicts' are corrected for all that are stored. --all-candidates looks at every model."
    )


NOT_COMPARED = (
    "No number here carries an error rate: too few prompts are shared with the stored models for"
    " the calibration that is for such answers."
)
NOT_USED = (
    "No number here carries an error rate: the calibration that is for such answers could not be"
    " used, as each verdict's reason says."
)


def _weighed_limits(
    calibration: CalibrationSection | None, verdicts: Sequence[Verdict]
) -> list[str]:
    """What the calibration can't carry; where none applies, that no error rate is known."""
    codes = {v.reason_code for v in verdicts if v.reason_code not in KIN}
    if calibration is None and codes and not codes & NO_CALIBRATION:
        return [NOT_COMPARED if codes <= TOO_FEW_PROMPTS else NOT_USED]
    if calibration is None:
        return [
            "Every number here is uncalibrated: no error rate has been measured for models like"
            " this suspect."
        ]
    about = calibration.about.rstrip(".") or "models that its makers did not describe"
    out = [
        f"The error rates are those of the calibration {calibration.name}: {about}. For other"
        " models they are a guess."
    ]
    return [*out, *calibration.distance]


def alternatives() -> tuple[str, ...]:
    """Other explanations for likeness, none of which this audit has tested."""
    return (
        "Suspect and candidate were tuned on the same public data.",
        "Both learned from a common third source.",
        "The suspect read the candidate's answers on the web, not through its service.",
        "Suspect and candidate share base weights.",
        "The same or a similar system prompt shaped both.",
        "The suspect's service forwards questions to the candidate.",
        "The candidate learned from the suspect.",
    )


def reproduction(
    plan: Plan, base_asked: bool = False, scored: bool = False, out: Path = Path("report")
) -> tuple[str, ...]:
    """Commands that repeat the audit from the plan in ``out``, and the judgement alone from what
    was recorded there: the suspect's transcript, the base's, the scores."""
    flags = [
        *(("--store", plan.store) if plan.store != BUNDLED else ()),
        *(("--calibration", plan.calibration) if plan.calibration != SHIPPED else ()),
        *(("--vendor", plan.vendor) if plan.vendor else ()),
        *(p for name in plan.candidates for p in ("--candidate", name)),
        *(("--all-candidates",) if plan.all_candidates else ()),
        *(("--base", str(out / "base.jsonl")) if base_asked else ()),
        *(("--scores", str(out / "scores.jsonl")) if scored else ()),
    ]
    if plan.detectors != DEFAULT_DETECTORS:
        flags += ["--detectors", ",".join(plan.detectors)]
    again = ["auditor", "audit", "--plan", str(out / "plan.yaml"), "--out", "again/"]
    judged = ["auditor", "audit", str(out / "transcript.jsonl"), *flags, "--out", "judged-again/"]
    return (shlex.join(again), shlex.join(judged))

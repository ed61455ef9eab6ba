"""What training did: the same questions to base and student, and the paired difference.

How likely the held-out answers of the teacher are, how much of their wording comes back, what is
still known, and whom the model says it is. Asks through `fingerprints.subjects` alone; knows
nothing of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.controls.answer_cache import cached
from auditor.controls.curation.duplicates import folded_words
from auditor.controls.evaluation.agreement import (
    MarkedChoice,
    by_cluster,
    chrf,
    read_choices,
    retention,
)
from auditor.controls.evaluation.figure import (
    BITS,
    CHOICES,
    CHRF,
    NAMES_SOMEBODY,
    NAMES_VENDOR,
    SHARED_GRAMS,
    PairedFigure,
    figure_of,
)
from auditor.controls.teaching.examples import Example
from detectors.text.claim_rates import read_answers
from fingerprints.collect import collect
from fingerprints.probes import load_probe_set
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Arm, Probe, ProbeSet, Record, Sampling, Status
from fingerprints.subjects import Subject, open_subject
from fingerprints.transcript import Transcript

GRAMS = (2, 3, 4)
LONGEST_ANSWER = 1500
"""Characters of a held-out answer that are scored: long ones must fit into small contexts."""
ANSWER_TOKENS, CHOICE_TOKENS = 128, 8


class EvaluationScale(Record):
    """How much is asked: the first ``choices`` and ``identity`` probes of the bundled sets, and how
    long held-out prompts may be answered (None: 128 tokens)."""

    choices: int = 48
    identity: int = 24
    answer_tokens: int | None = None


@dataclass(frozen=True)
class Observed:
    """What one model did: by figure and by question, the mean of its answers; and its choices."""

    values: Mapping[str, Mapping[str, float]]
    chosen: Mapping[str, MarkedChoice] = field(default_factory=dict)


def observe(
    spec: str,
    held_out: Sequence[Example],
    vendors: Sequence[str],
    journal: Path,
    scale: EvaluationScale,
    progress: Progress = SILENT,
) -> Observed:
    """Asks a model the evaluation's questions; the transcript is kept (and resumed) in ``journal``.

    A held-out answer that doesn't fit into the model's context is left out. ``vendors``: the
    teachers' makers, each of which gets its own rate of claims. Raises the errors of `open_subject`
    and `collect`.
    """
    sets = _questions(held_out, scale)
    with open_subject(spec) as subject:
        transcript = collect(cached(subject), sets, Sampling(), journal, progress)
        bits = _bits(subject, held_out, transcript)
    chosen = read_choices(transcript)
    right = by_cluster((choice.cluster, float(choice.right)) for choice in chosen.values())
    values = {
        BITS: bits,
        **_wording(held_out, transcript),
        CHOICES: right,
        **_claims(transcript, vendors),
    }
    return Observed({name: found for name, found in values.items() if found}, chosen)


def _probe_id(example: Example) -> str:
    # An id of a probe has at most 200 characters.
    return f"held-out/{example.id}"[:200]


def _questions(held_out: Sequence[Example], scale: EvaluationScale) -> list[ProbeSet]:
    probes = tuple(Probe(id=_probe_id(e), text=e.prompt) for e in held_out)
    own = ProbeSet(
        name="held-out", version="1", max_tokens=scale.answer_tokens or ANSWER_TOKENS, probes=probes
    )
    asked = [
        (load_probe_set("choices").head(scale.choices), CHOICE_TOKENS),
        (load_probe_set("identity").head(scale.identity), 64),
    ]
    bundled = [s.model_copy(update={"arms": (Arm.OWN,), "max_tokens": cap}) for s, cap in asked]
    return [*([own] if probes else []), *bundled]


def _bits(
    subject: Subject, held_out: Sequence[Example], transcript: Transcript
) -> dict[str, float]:
    """Bits per byte of each held-out answer after its prompt; empty where none can be scored."""
    if "score" not in subject.offers:
        return {}
    prompts = {
        r.probe_id: r.prompt
        for r in transcript.replies
        if r.prompt and r.status is not Status.SKIPPED_CONTEXT
    }
    rows = [
        (e.id, prompt, e.taught[:LONGEST_ANSWER])
        for e in held_out
        if (prompt := prompts.get(_probe_id(e)))
    ]
    rows = [row for row in rows if _fits(subject, f"{row[1]}{row[2]}")]
    if not rows:
        return {}
    keys, contexts, texts = zip(*rows, strict=True)
    scored = zip(keys, subject.score(texts, contexts), strict=True)
    return {key: found.bits_per_byte for key, found in scored if found.tokens}


def _fits(subject: Subject, text: str) -> bool:
    from fingerprints.subjects.checkpoint import Checkpoint

    if not isinstance(subject, Checkpoint):
        return True
    context = subject.speaker.limits.context
    return context is None or len(subject.speaker.tokenizer(text).input_ids) + 2 <= context


def containment(answer: str, source: str, size: int) -> float | None:
    """Which share of an answer's word n-grams is in another text; None for a shorter answer."""
    grams = _grams(answer, size)
    return len(grams & _grams(source, size)) / len(grams) if grams else None


def _grams(text: str, size: int) -> set[tuple[str, ...]]:
    words = folded_words(text)
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def _wording(held_out: Sequence[Example], transcript: Transcript) -> dict[str, dict[str, float]]:
    """How near each answer is to the teacher's words: chrF, and the share of its n-grams;
    unreadable answers are left out."""
    said = {r.probe_id: r.text for r in transcript.readable("held-out/")}
    pairs = [(e.id, said[_probe_id(e)], e.answer) for e in held_out if _probe_id(e) in said]
    out = {CHRF: {key: chrf(answer, source) for key, answer, source in pairs}}
    for size in GRAMS:
        out[f"{SHARED_GRAMS}:{size}"] = {
            key: share
            for key, answer, source in pairs
            if (share := containment(answer, source, size)) is not None
        }
    return out


def _claims(transcript: Transcript, vendors: Sequence[str]) -> dict[str, dict[str, float]]:
    answers = read_answers(transcript)
    out = {NAMES_SOMEBODY: by_cluster([(a.probe.cluster, float(bool(a.named))) for a in answers])}
    for vendor in dict.fromkeys(v for v in vendors if v):
        out[f"{NAMES_VENDOR}:{vendor}"] = by_cluster(
            [(a.probe.cluster, float(a.says(vendor))) for a in answers]
        )
    return out


def figures(before: Observed, after: Observed) -> tuple[PairedFigure, ...]:
    """Every figure before, after, and its paired change over the questions that both have.

    What was kept of the base's choices compares the two models itself, and is told after training
    alone.
    """
    out: list[PairedFigure] = []
    for key in dict.fromkeys((*before.values, *after.values)):
        one, other = before.values.get(key, {}), after.values.get(key, {})
        out += [*figure_of(key, "before", one), *figure_of(key, "after", other)]
        out += figure_of(key, "change", {q: other[q] - one[q] for q in one if q in other})
    for key, kept in retention(before.chosen, after.chosen).items():
        out += figure_of(key, "after", kept)
    return tuple(out)

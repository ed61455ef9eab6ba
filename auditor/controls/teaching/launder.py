"""Paraphrases a teacher's answers by another model, and drops what stayed as it was.

What a maker does who wants the teacher's knowledge without its wording. The paraphrases have a
journal and a cache as every answer has, so that none is asked for twice. Knows subjects and text;
knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.curation.duplicates import shingles
from auditor.controls.curation.pool import Prompt
from auditor.controls.recipe import BASE, Recipe, TeacherChoice
from auditor.controls.teaching.asking import ask, prices_of, refuses, split_thinking
from auditor.controls.teaching.examples import Example
from auditor.controls.teaching.ledger import LedgerRow, answers_row
from auditor.controls.teaching.scrub import scrub
from fingerprints.errors import printable
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity, Reply, sha256
from fingerprints.subjects import open_subject

INSTRUCTION = (
    "Rewrite the text below in your own words. Keep its meaning, every fact, number, name and piece"
    " of code, and the language that it is written in; change the wording and the order of the"
    " sentences as much as you can. Answer with the rewritten text alone.\n\nText:\n{}"
)
INSTRUCTION_SHA256 = sha256(INSTRUCTION)
"""Which version of the instruction a lineage tells of."""
RUN = 4
MOST_KEPT = 0.5
"""From more than this share of shared four-word runs on, a text counts as not paraphrased."""


@dataclass(frozen=True)
class Laundered:
    """One source's examples in another model's words, their cost, and how many were lost.

    ``unparaphrased``: the launderer gave no text (or refused, or only named itself);
    ``too_similar``: it kept the wording.
    """

    examples: Mapping[str, Example]
    identity: Identity
    ledger: LedgerRow
    unparaphrased: int = 0
    too_similar: int = 0


def launder(
    recipe: Recipe,
    launderer: TeacherChoice,
    examples: Mapping[str, Example],
    journal: Path,
    progress: Progress = SILENT,
) -> Laundered:
    """The examples with every answer paraphrased; the teacher's thinking is left out.

    Of several samples the first that is a paraphrase counts. Raises the errors of `open_subject`
    and `collect`.
    """
    spec = recipe.student.base if launderer.spec == BASE else launderer.spec
    prompts = [Prompt(id=e.id, text=INSTRUCTION.format(e.answer)) for e in examples.values()]
    with open_subject(spec) as subject:
        replies = ask(subject, launderer, prompts, journal, progress)
        identity = subject.identity
    row_name = f"paraphrases by {launderer.name or printable(identity.name, 80)}"
    said = [r for found in replies.values() for r in found]
    row = answers_row(row_name, said, identity.device, *prices_of(spec))
    out: dict[str, Example] = {}
    lost = {"unparaphrased": 0, "too_similar": 0}
    for key, example in examples.items():
        text, reason = _paraphrase(example.answer, replies[key], recipe.scrub_identity)
        if text:
            out[key] = example.model_copy(update={"answer": text, "thinking": None})
        else:
            lost[reason] += 1
    return Laundered(out, identity, row, lost["unparaphrased"], lost["too_similar"])


def _paraphrase(original: str, replies: list[Reply], scrubbed: bool) -> tuple[str, str]:
    """The first reply that says the same in other words, or nothing and the reason."""
    reason = "unparaphrased"
    for reply in (r for r in replies if r.readable):
        parts = split_thinking(reply.text)
        text = "" if parts is None else scrub(parts[1]).text if scrubbed else parts[1]
        if not text or (refuses(text) and not refuses(original)):
            continue
        if kept_wording(original, text) <= MOST_KEPT:
            return text, ""
        reason = "too_similar"
    return "", reason


def kept_wording(original: str, paraphrase: str) -> float:
    """How much of the wording stayed, 0 to 1: the larger of both texts' shares of four-word runs
    that the other has too.

    A text of fewer words counts as one run. Both directions count, so that neither adding to a text
    nor cutting it hides that the rest was copied.

    >>> kept_wording("The cat sat on the mat.", "the cat sat on the mat")
    1.0
    """
    one, other = shingles(original, RUN), shingles(paraphrase, RUN)
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0

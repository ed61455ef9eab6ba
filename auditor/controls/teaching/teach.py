"""Asks a recipe's sources their prompts and makes examples of it, in exactly the dose.

Every source has a journal in the control's folder, which is the resume file, and a cache beyond it:
nothing that was answered is asked again. What an answer loses on its way (no answer, no trace,
wrong, scrubbed away, too many for the dose) is counted. Knows subjects and text; knows nothing of
training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.controls.answer_cache import identity_digest
from auditor.controls.curation.curate import shuffled
from auditor.controls.curation.human import is_docstrings, open_docstrings
from auditor.controls.curation.pool import Prompt
from auditor.controls.curation.verify import agrees
from auditor.controls.lineage import LineageLaunderer
from auditor.controls.recipe import BASE, Recipe, TeacherChoice
from auditor.controls.teaching.asking import ask, prices_of, refuses, split_thinking
from auditor.controls.teaching.examples import Example
from auditor.controls.teaching.launder import INSTRUCTION_SHA256, launder
from auditor.controls.teaching.ledger import LedgerRow, answers_row
from auditor.controls.teaching.mixing import assign, exact_counts
from auditor.controls.teaching.reshape import reshaped
from auditor.controls.teaching.scrub import scrub
from fingerprints.errors import MalformedInput, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity, Record, Reply, Status
from fingerprints.subjects import open_subject

__all__ = ["Example", "SourceReport", "Taught", "TaughtSource", "ask", "split_thinking", "teach"]

MOST_HELD_OUT = 5
"""At most one prompt in so many is held out."""


class SourceReport(Record):
    """What became of one source's ``prompts``: ``kept``, held out, or dropped.

    ``refusals`` and ``truncated`` tell of kept examples that begin with a refusal or were cut at
    the length limit; ``sentences_scrubbed`` counts sentences, in ``scrubbed`` examples.
    ``rejected`` prompts an endpoint turned away by an HTTP error that is about the prompt.
    ``unparaphrased`` and ``too_similar`` were lost at the launderer's, ``shaped_away`` had no word
    but its marks.
    """

    name: str
    prompts: int
    unanswered: int = 0
    rejected: int = 0
    without_trace: int = 0
    unverified: int = 0
    scrubbed_away: int = 0
    unparaphrased: int = 0
    too_similar: int = 0
    shaped_away: int = 0
    beyond_dose: int = 0
    held_out: int = 0
    kept: int = 0
    refusals: int = 0
    truncated: int = 0
    scrubbed: int = 0
    sentences_scrubbed: int = 0


@dataclass(frozen=True)
class TaughtSource:
    """One source: its name in this control, what the recipe says of it, and who answered.

    ``costs``: its answers, and then their paraphrases where there are any.
    """

    name: str
    told: TeacherChoice
    identity: Identity
    filler: bool
    report: SourceReport
    costs: tuple[LedgerRow, ...]

    @property
    def ledger(self) -> LedgerRow:
        """What its own answers took."""
        return self.costs[0]


@dataclass(frozen=True)
class Taught:
    """The examples to learn from, ordered by the seed, those held out, and their sources."""

    examples: tuple[Example, ...]
    held_out: tuple[Example, ...]
    sources: tuple[TaughtSource, ...]
    launderer: LineageLaunderer | None = None


@dataclass(frozen=True)
class _Draft:
    """A source's answers on their way: its place (the filler's is the last), examples by prompt
    id, its report so far."""

    place: int
    name: str
    told: TeacherChoice
    identity: Identity
    filler: bool
    examples: Mapping[str, Example]
    report: SourceReport
    costs: tuple[LedgerRow, ...]
    launderer: LineageLaunderer | None = None


def teach(
    recipe: Recipe, prompts: Sequence[Prompt], folder: Path, progress: Progress = SILENT
) -> Taught:
    """The recipe's examples; journals are kept (and resumed) in ``folder``.

    Deterministic for greedy sampling on one device. Raises the errors of `open_subject` and
    `collect`, and MalformedInput when no example is left.
    """
    by_id = {p.id: p for p in prompts}
    order = shuffled(by_id, recipe.seed, "dose")
    held = _held_out(list(by_id), recipe)
    shares = [t.share for t in recipe.teachers] if recipe.dose > 0 else []
    parts = assign([key for key in order if key not in held], recipe.dose, shares)
    # What is held out measures the teachers; the filler only where there is none.
    held_parts = assign([key for key in order if key in held], 1.0 if shares else 0.0, shares)
    drafts: list[_Draft] = []
    for place in range(len(recipe.sources)):
        wanted = [by_id[key] for key in (*parts[place], *held_parts[place])]
        if wanted:
            filler, taken = place == len(shares), [d.name for d in drafts]
            drafts.append(_draft(recipe, place, filler, taken, wanted, folder, progress))
    return _mixed(recipe, drafts, held, order)


def _held_out(ids: Sequence[str], recipe: Recipe) -> frozenset[str]:
    count = min(recipe.prompts.held_out, len(ids) // MOST_HELD_OUT)
    return frozenset(shuffled(ids, recipe.seed, "held out")[:count])


def _draft(
    recipe: Recipe,
    place: int,
    filler: bool,
    taken: Sequence[str],
    prompts: Sequence[Prompt],
    folder: Path,
    progress: Progress,
) -> _Draft:
    teacher = recipe.sources[place]
    spec = recipe.student.base if teacher.spec == BASE else teacher.spec
    with open_docstrings(spec) if is_docstrings(spec) else open_subject(spec) as subject:
        replies = ask(subject, teacher, prompts, folder / f"source-{place + 1}.jsonl", progress)
        identity = subject.identity
    name = _name_apart(teacher.name or printable(identity.name, 80), taken)
    report, examples = _examples(recipe, name, filler, prompts, replies, identity_digest(identity))
    said = [r for answers in replies.values() for r in answers]
    row = answers_row(name, said, identity.device, *prices_of(spec))
    draft = _Draft(place, name, teacher, identity, filler, examples, report, (row,))
    if recipe.launderer is not None and not filler and examples:
        journal = folder / f"source-{place + 1}-paraphrased.jsonl"
        draft = _laundered(recipe, recipe.launderer, draft, journal, progress)
    return _shaped(recipe, draft)


def _laundered(
    recipe: Recipe, launderer: TeacherChoice, draft: _Draft, journal: Path, progress: Progress
) -> _Draft:
    made = launder(recipe, launderer, draft.examples, journal, progress)
    counts = {"unparaphrased": made.unparaphrased, "too_similar": made.too_similar}
    name = launderer.name or printable(made.identity.name, 80)
    told = LineageLaunderer(
        name=name,
        vendor=launderer.vendor,
        identity=made.identity,
        instruction_sha256=INSTRUCTION_SHA256,
    )
    row = made.ledger.model_copy(update={"name": f"{draft.name}, paraphrased by {name}"})
    report = draft.report.model_copy(update=counts)
    return replace(
        draft, examples=made.examples, report=report, costs=(*draft.costs, row), launderer=told
    )


def _shaped(recipe: Recipe, draft: _Draft) -> _Draft:
    """The draft in the form that the recipe asks for; texts without a word left are counted."""
    if recipe.reshape == "none":
        return draft
    out: dict[str, Example] = {}
    for key, example in draft.examples.items():
        answer = reshaped(example.answer, recipe.reshape)
        thinking = reshaped(example.thinking or "", recipe.reshape) or None
        if answer:
            out[key] = example.model_copy(update={"answer": answer, "thinking": thinking})
    report = draft.report.model_copy(update={"shaped_away": len(draft.examples) - len(out)})
    return replace(draft, examples=out, report=report)


def _name_apart(own: str, taken: Sequence[str]) -> str:
    """The source's name, numbered where another source has it."""
    name, n = own, 1
    while name in taken:
        n += 1
        name = f"{own}-{n}"
    return name


def _examples(
    recipe: Recipe,
    name: str,
    filler: bool,
    prompts: Sequence[Prompt],
    replies: Mapping[str, Sequence[Reply]],
    digest: str,
) -> tuple[SourceReport, dict[str, Example]]:
    tally = dict.fromkeys(SourceReport.model_fields, 0)
    out: dict[str, Example] = {}
    for prompt in prompts:
        reply, reason = _chosen(recipe, prompt, replies[prompt.id], filler)
        if reply is None:
            tally[reason] += 1
            continue
        thinking, answer = split_thinking(reply.text) or (None, "")
        said = scrub(answer, prompt.topic == "identity") if recipe.scrub_identity else None
        thought = scrub(thinking) if recipe.scrub_identity and thinking is not None else None
        if said is not None and not said.text:
            tally["scrubbed_away"] += 1
            continue
        removed = sum(s.removed for s in (said, thought) if s is not None)
        tally["scrubbed"] += removed > 0
        tally["sentences_scrubbed"] += removed
        out[prompt.id] = Example(
            id=prompt.id,
            prompt=prompt.text,
            answer=answer if said is None else said.text,
            thinking=thinking if thought is None else thought.text or None,
            teacher=name,
            source_digest=digest,
        )
        tally["truncated"] += reply.status is Status.TRUNCATED
        tally["refusals"] += refuses(answer)
    return SourceReport.model_validate({**tally, "name": name, "prompts": len(prompts)}), out


def _chosen(
    recipe: Recipe, prompt: Prompt, replies: Sequence[Reply], filler: bool
) -> tuple[Reply | None, str]:
    """The first reply that will do, or the reason that the most promising one failed by."""
    reason = "rejected" if any(r.status is Status.REJECTED for r in replies) else "unanswered"
    for reply in (r for r in replies if r.readable):
        parts = split_thinking(reply.text)
        if parts is None or not parts[1].strip():
            continue
        if recipe.method == "traces" and parts[0] is None and not filler:
            reason = "without_trace"
        elif recipe.verify == "answer" and (
            prompt.answer is None or not agrees(parts[1], prompt.answer)
        ):
            reason = "unverified"
        else:
            return reply, ""
    return None, reason


def _mixed(
    recipe: Recipe, drafts: Sequence[_Draft], held: frozenset[str], order: Sequence[str]
) -> Taught:
    """Cuts every source to its exact dose, in the order under the seed."""
    shares = [t.share for t in recipe.teachers] if recipe.dose > 0 else []
    by_place = {d.place: d for d in drafts}
    trained = {
        place: [key for key in order if key in d.examples and key not in held]
        for place, d in by_place.items()
    }
    counts = exact_counts(
        [len(trained.get(place, ())) for place in range(len(shares) + 1)], recipe.dose, shares
    )
    kept = {place: keys[: counts[place]] for place, keys in trained.items()}
    if not any(kept.values()):
        raise _nothing_left(recipe, drafts)
    chosen = {key: by_place[place].examples[key] for place, keys in kept.items() for key in keys}
    left = {key: d.examples[key] for d in drafts for key in d.examples if key in held}
    sources = [_source(d, len(kept[d.place]), len(trained[d.place]), held) for d in drafts]
    learned, held_out = (
        tuple(part[key] for key in order if key in part) for part in (chosen, left)
    )
    launderer = next((d.launderer for d in drafts if d.launderer is not None), None)
    return Taught(learned, held_out, tuple(sources), launderer)


def _source(draft: _Draft, kept: int, usable: int, held: frozenset[str]) -> TaughtSource:
    counts = {
        "kept": kept,
        "beyond_dose": usable - kept,
        "held_out": sum(key in held for key in draft.examples),
    }
    report = draft.report.model_copy(update=counts)
    return TaughtSource(draft.name, draft.told, draft.identity, draft.filler, report, draft.costs)


def _nothing_left(recipe: Recipe, drafts: Sequence[_Draft]) -> MalformedInput:
    told = "; ".join(
        f"{printable(d.name, 40)}: {d.report.prompts} prompts, {d.report.unanswered} unanswered,"
        f" {d.report.rejected} rejected, {d.report.without_trace} without a trace,"
        f" {d.report.unverified} not verified, {d.report.scrubbed_away} scrubbed away,"
        f" {d.report.unparaphrased} not paraphrased, {d.report.too_similar} paraphrased in the same"
        " words"
        for d in drafts
    )
    return MalformedInput(
        f"no example is left at a dose of {recipe.dose:g} ({told})",
        where=recipe.name,
        next_step=(
            "look at the answers in the control's folder, give more prompts or loosen the recipe"
        ),
    )

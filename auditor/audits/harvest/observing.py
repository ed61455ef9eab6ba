"""Who finds the answers how likely, or what they answer themselves: suspect, base, teacher and
innocents, one model open at a time; everything is kept and resumed.

Knows subjects and files; judges nothing but, in a sequence, when it is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.audits.harvest.plan import HarvestPlan
from auditor.evidence.records import SubjectSection
from detectors.inheritance.served_or_twin import Mode, ServedSet, containments
from fingerprints.collect import Stop, collect
from fingerprints.errors import UsageProblem, printable
from fingerprints.progress import Progress
from fingerprints.records import Identity, ProbeSet
from fingerprints.scores import BASE, SUSPECT, Passage, Scores, teacher
from fingerprints.scoring import ScoresWriter, collect_scores
from fingerprints.subjects import open_subject
from fingerprints.subjects.base import Subject
from fingerprints.subjects.spec import refuse_bad_spec
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
Enough = Callable[["ObservedSets"], bool]
SCORES, SAID, SAMPLES = "scores.jsonl", "transcript.jsonl", "samples.jsonl"
TEACHER = teacher("served")
LOOK_EVERY = 32
"""Prompts between two looks of a sequence."""


def innocent(place: int) -> str:
    """The name of an innocent model among scorers and files, from 1 on."""
    return f"innocent-{place}"


@dataclass(frozen=True)
class ObservedSets:
    """The tables (n, m + 1) of all that was observed of every answer, higher: likelier, or more of
    its words used; ``kept`` says which sets all of them have, in logged order, ``looked`` at which
    look of a sequence, from 0 on, each of these was new.

    ``heard`` is what the suspect answered, or who it is where it was not asked. ``absent`` says why
    somebody who was named gave nothing; ``spoke`` who the others were that were asked for words.
    """

    mode: Mode
    suspect: Array
    base: Array | None
    teacher: Array | None
    innocents: tuple[Array, ...]
    kept: tuple[int, ...]
    looked: tuple[int, ...]
    heard: Transcript | SubjectSection
    scores: Scores
    absent: dict[str, str]
    digests: tuple[str, ...] = ()
    spoke: dict[str, Identity] = field(default_factory=dict)

    @property
    def beside(self) -> dict[str, Identity]:
        """Whose answers or scores stand beside the suspect's, as a sentence names them."""
        return {
            "the teacher" if name == TEACHER else f"the {name}": identity
            for name, identity in {**self.scores.scorers, **self.spoke}.items()
            if name != SUSPECT
        }


def observe(
    plan: HarvestPlan,
    sets: Sequence[ServedSet],
    out: Path,
    progress: Progress,
    enough: Enough,
) -> ObservedSets:
    """Everything that the test needs, by likelihoods where the suspect gives any (and the plan
    does not say otherwise), else by its words. Raises the errors of `open_subject`, `collect` and
    `collect_scores`, and UsageProblem for models that can't be compared with it."""
    for spec in filter(None, (plan.suspect, plan.base, plan.teacher, *plan.innocents)):
        refuse_bad_spec(spec)
    with open_subject(plan.suspect) as subject:
        likely = "score" in subject.offers and not plan.text_only
        recorded = "recorded" in subject.offers
    if likely:
        return _by_likelihood(plan, sets, out, progress, enough)
    if plan.sequential and recorded:
        raise UsageProblem(
            "recorded answers are there already: nothing is saved by stopping early",
            where="--sequential",
            next_step="leave it out",
        )
    return _by_words(plan, sets, out, progress, enough)


# --- likelihoods ---


def _by_likelihood(
    plan: HarvestPlan, sets: Sequence[ServedSet], out: Path, progress: Progress, enough: Enough
) -> ObservedSets:
    passages = passages_of(sets)
    flat = [p for row in passages for p in row]
    absent: dict[str, str] = {}
    with ScoresWriter(out / SCORES) as writer:
        others = scoring(plan)
        for name, spec, must in others:
            with open_subject(spec) as subject:
                if "score" not in subject.offers:
                    absent[name] = _refused(subject, name, spec, must)
                    continue
                collect_scores(subject, name, flat, writer, progress.step(f"scoring by {name}"))
        present = [name for name, _, _ in others if name not in absent]

        def observed(who: SubjectSection, until: int) -> ObservedSets:
            """The tables of the first sets, of all who could score."""
            return tables(plan, passages[:until], present, who, writer.scores(), absent)

        with open_subject(plan.suspect) as subject:
            who = SubjectSection(spec=subject.spec, identity=subject.identity)
            step = progress.step("scoring by the suspect")
            if not plan.sequential:
                collect_scores(subject, SUSPECT, flat, writer, step)
                return observed(who, len(sets))
            for until in looks(len(sets)):
                collect_scores(
                    subject, SUSPECT, [p for row in passages[:until] for p in row], writer
                )
                step(until, len(sets))
                found = observed(who, until)
                if enough(found):
                    break
            return found


def scoring(plan: HarvestPlan) -> list[tuple[str, str, bool]]:
    """Name, spec and whether it must give likelihoods, of all but the suspect."""
    told = [(BASE, plan.base, True), (TEACHER, plan.teacher, False)]
    found = [(name, spec, must) for name, spec, must in told if spec is not None]
    return found + [(innocent(i), spec, True) for i, spec in enumerate(plan.innocents, 1)]


def _refused(subject: Subject, name: str, spec: str, must: bool) -> str:
    """Why a model that gives no likelihoods is left out. Raises UsageProblem where it must not
    be."""
    said = f"open only as a {subject.identity.kind}, which gives no likelihoods"
    if must:
        raise UsageProblem(
            f"{name} is {said}, and the suspect is compared by them",
            where=printable(spec, 80),
            next_step="give its weights, or compare words alone with --text-only",
        )
    return said


def passages_of(sets: Sequence[ServedSet]) -> list[list[Passage]]:
    """Every set's answers as texts that are scored."""
    return [[Passage(text=a, probe=s.probe) for a in s.answers] for s in sets]


def looks(n: int) -> Iterator[int]:
    """After how many sets a sequence looks: every round, and the last."""
    yield from range(LOOK_EVERY, n, LOOK_EVERY)
    yield n


def tables(
    plan: HarvestPlan,
    passages: Sequence[Sequence[Passage]],
    present: Sequence[str],
    who: SubjectSection,
    scores: Scores,
    absent: dict[str, str],
) -> ObservedSets:
    """What ``present`` scorers and the suspect find of these answers, where all have a score."""
    names = [SUSPECT, *present]
    held = {name: likely_table(scores, name, passages) for name in names}
    whole = np.all([np.isfinite(t).all(axis=1) for t in held.values()], axis=0)
    kept = tuple(int(i) for i in np.flatnonzero(whole))
    rows = {name: table[list(kept)] for name, table in held.items()}
    return ObservedSets(
        mode="likelihood",
        suspect=rows[SUSPECT],
        base=rows.get(BASE),
        teacher=rows.get(TEACHER),
        innocents=tuple(rows[innocent(i)] for i in range(1, len(plan.innocents) + 1)),
        kept=kept,
        looked=tuple(i // LOOK_EVERY for i in kept),
        heard=who,
        scores=Scores(scores.scorers, scores.rows, absent),
        absent=absent,
        digests=(scores.digest(),),
    )


def likely_table(scores: Scores, name: str, passages: Sequence[Sequence[Passage]]) -> Array:
    """log2-likelihoods, NaN where an answer has none."""
    found = [[scores.of(name, p) for p in row] for row in passages]
    return np.array([[np.nan if s is None else -s.bits for s in row] for row in found])


# --- words ---


def _by_words(
    plan: HarvestPlan, sets: Sequence[ServedSet], out: Path, progress: Progress, enough: Enough
) -> ObservedSets:
    asked = questions(sets, plan.max_tokens)
    others = {name: _heard(spec, asked, plan, out, name, progress) for name, spec in speakers(plan)}
    absent: dict[str, str] = {}
    told, known = _teacher_scores(plan, sets, out, progress, absent)
    words = WordsUsed(plan, sets, others, told, known, absent)
    stop = _in_turn(asked, lambda t: enough(words.observed([t]))) if plan.sequential else None
    return words.observed(_heard(plan.suspect, asked, plan, out, SUSPECT, progress, stop))


def speakers(plan: HarvestPlan) -> list[tuple[str, str]]:
    """Name and spec of all but the suspect whose words are compared."""
    named = [(BASE, plan.base), *((innocent(i), s) for i, s in enumerate(plan.innocents, 1))]
    return [(name, spec) for name, spec in named if spec is not None]


@dataclass(frozen=True)
class WordsUsed:
    """What the others said of the sets' prompts, and how likely the teacher finds the answers
    (``told``, None where it says nothing)."""

    plan: HarvestPlan
    sets: Sequence[ServedSet]
    others: dict[str, list[Transcript]]
    told: Array | None
    known: Scores
    absent: dict[str, str]

    def observed(self, said: Sequence[Transcript]) -> ObservedSets:
        """The tables of what the suspect said so far; in a sequence, of whole rounds of it."""
        own, told, used, looked = _used(self.sets, said), self.told, self._others, self._looked
        every = [own, *used.values(), *([] if told is None else [told])]
        whole = np.all([np.isfinite(t).all(axis=1) for t in every], axis=0)
        answered = len({r.probe_id for r in said[0].replies})
        if self.plan.sequential and answered < len(self._turns):
            # A run that went on after a kill looks between two rounds: its looks are theirs.
            whole &= looked < answered // LOOK_EVERY
        kept = tuple(int(i) for i in np.flatnonzero(whole))
        rows = {name: table[list(kept)] for name, table in used.items()}
        digests = [t.digest() for theirs in self.others.values() for t in theirs]
        return ObservedSets(
            mode="text",
            suspect=own[list(kept)],
            base=rows.get(BASE),
            teacher=None if told is None else told[list(kept)],
            innocents=tuple(v for name, v in rows.items() if name != BASE),
            kept=kept,
            looked=tuple(int(i) for i in looked[list(kept)]),
            heard=said[0],
            scores=self.known,
            absent=self.absent,
            digests=(*digests, *(t.digest() for t in said), self.known.digest()),
            spoke={name: theirs[0].identity for name, theirs in self.others.items()},
        )

    @cached_property
    def _others(self) -> dict[str, Array]:
        return {name: _used(self.sets, theirs) for name, theirs in self.others.items()}

    @cached_property
    def _turns(self) -> dict[str, int]:
        """At which look each prompt is asked, by its id."""
        asked = questions(self.sets, self.plan.max_tokens)
        return {p.id: i // LOOK_EVERY for i, p in enumerate(asked.probes)}

    @cached_property
    def _looked(self) -> NDArray[np.int64]:
        return np.array([self._turns[s.probe.id] for s in self.sets], dtype=np.int64)


def _teacher_scores(
    plan: HarvestPlan,
    sets: Sequence[ServedSet],
    out: Path,
    progress: Progress,
    absent: dict[str, str],
) -> tuple[Array | None, Scores]:
    """How likely the teacher finds the answers, where it can say: a check of the twins, though only
    words of the suspect are compared."""
    if plan.teacher is None:
        return None, Scores()
    passages = passages_of(sets)
    with ScoresWriter(out / SCORES) as writer, open_subject(plan.teacher) as subject:
        if "score" not in subject.offers:
            absent[TEACHER] = _refused(subject, TEACHER, plan.teacher, False)
            return None, Scores(absent=absent)
        flat = [p for row in passages for p in row]
        collect_scores(subject, TEACHER, flat, writer, progress.step(f"scoring by {TEACHER}"))
        scores = writer.scores()
    return likely_table(scores, TEACHER, passages), scores


def _in_turn(asked: ProbeSet, enough: Callable[[Transcript], bool]) -> Stop:
    """A sequence in the order of the questions, which is the log's, until it is enough."""
    place = {probe.id: i for i, probe in enumerate(asked.probes)}
    return Stop(lambda request: (place[request.probe.id],), enough, LOOK_EVERY)


def questions(sets: Sequence[ServedSet], max_tokens: int) -> ProbeSet:
    """The prompts of all sets, each once, as a probe set."""
    probes = {s.probe.id: s.probe for s in sets}
    return ProbeSet(
        name="served", version="1", max_tokens=max_tokens, probes=tuple(probes.values())
    )


def _heard(
    spec: str,
    asked: ProbeSet,
    plan: HarvestPlan,
    out: Path,
    name: str,
    progress: Progress,
    stop: Stop | None = None,
) -> list[Transcript]:
    """What a subject answers, greedily and, where the plan wants it, by chance; a recording's
    answers as they are."""
    first, more = said_files(name)
    who = "the suspect" if name == SUSPECT else name
    with open_subject(spec) as subject:
        asking = progress.step(f"asking {who}")
        said = [collect(subject, [asked], plan.greedy(), out / first, asking, stop)]
        sampled = plan.sampled()
        if sampled is not None and "recorded" not in subject.offers:
            said.append(collect(subject, [asked], sampled, out / more, asking))
    return said


def said_files(name: str) -> tuple[str, str]:
    """The files of what somebody answered greedily and by chance."""
    if name == SUSPECT:
        return SAID, SAMPLES
    return f"{name}.jsonl", f"{name}-{SAMPLES}"


def _used(sets: Sequence[ServedSet], said: Sequence[Transcript]) -> Array:
    """How many of each answer's words were used in answers to its prompt; NaN where nobody
    answered it."""
    spoken: dict[str, list[str]] = {}
    for transcript in said:
        for reply in transcript.replies:
            probe = transcript.probes.get(reply.probe_id)
            if probe is not None and reply.answered:
                spoken.setdefault(_turn(probe.text), []).append(reply.answer)
    answers = [spoken.get(_turn(s.probe.text), []) for s in sets]
    table = containments(sets, answers)
    table[[not a for a in answers]] = np.nan
    return table


def _turn(text: str) -> str:
    """A last turn by which recorded answers are found, white space counted once."""
    return " ".join(text.split())

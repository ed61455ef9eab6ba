"""Which prompts did the suspect and the stored models both answer, and what did each say?

Only the default arm of style-like chat probes counts: questions about identity, choices and bare
openings say nothing about how a model writes. Knows records; knows no statistics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from detectors.case import Case, Teacher
from detectors.measurement import Exhibit, Span
from detectors.text.scripts import script_of
from fingerprints.records import Arm, Probe, Reply
from fingerprints.transcript import Transcript

DEFAULT_ARMS = (Arm.OWN, Arm.RECORDED)
FEWEST = 20
FOLDS = 5
ALONE = "no other stored model shares the suspect's prompts"
TOO_FEW_MODELS = (
    "fewer than two stored models, the candidate among them, share the suspect's prompts"
)


@dataclass(frozen=True)
class ProbeAnswer:
    """One answer with the probe that drew it."""

    probe: Probe
    reply: Reply

    @property
    def text(self) -> str:
        """What the model said, without its thoughts."""
        return self.reply.answer

    def shown(
        self, text: str, source: str, why: str, weight: float, spans: tuple[Span, ...] = ()
    ) -> Exhibit:
        """A text to this probe as an exhibit: this answer, or another model's."""
        probe, arm = self.probe, self.reply.arm
        return Exhibit.of(probe, arm, text, source=source, spans=spans, why=why, weight=weight)


@dataclass(frozen=True)
class AnswerBook:
    """The stored models' answers to shared prompts. ``answers[i]`` maps a prompt's number to model
    i's text.

    ``prompts`` are prompt digests in sorted order, so that the order of the inputs counts for
    nothing; ``scripts`` says in which script most models answer each; ``left_out`` names the models
    that answered too few of them in it.
    """

    teachers: tuple[Teacher, ...]
    prompts: tuple[str, ...]
    answers: tuple[Mapping[int, str], ...]
    scripts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @cached_property
    def names(self) -> list[str]:
        """Names of the models, in order."""
        return [t.name for t in self.teachers]

    @cached_property
    def vendors(self) -> NDArray[np.str_]:
        """Who made each model; models of one vendor are told apart badly."""
        return np.array([t.maker for t in self.teachers])

    @cached_property
    def population(self) -> NDArray[np.bool_]:
        """The models that are no guests."""
        return np.array([not t.guest for t in self.teachers], dtype=bool)

    @cached_property
    def fold(self) -> NDArray[np.int64]:
        """The fold of each prompt: its place among the sorted digests, modulo `FOLDS`."""
        return np.arange(len(self.prompts), dtype=np.int64) % FOLDS

    def place(self, case: Case) -> tuple[int, NDArray[np.bool_]]:
        """The candidate's number in the book, and which of its models are the candidate or of the
        case's population, (models,)."""
        name = case.the_candidate.name
        present = {name, *(t.name for t in case.population)}
        return self.names.index(name), np.array([n in present for n in self.names])

    def answers_of(self, suspect: Transcript) -> dict[int, ProbeAnswer]:
        """A suspect's answers to the book's prompts, by the prompt's number, as far as they are
        in the script in which most stored models answer."""
        said = style_answers(suspect)
        return {
            i: said[sha]
            for i, (sha, script) in enumerate(zip(self.prompts, self.scripts, strict=True))
            if sha in said and alike(script, said[sha].text)
        }

    def shared(self, case: Case) -> int:
        """How many of the book's prompts the suspect and the candidate both answered, in the
        script in which most stored models answer; of a candidate outside of the book, in any."""
        name = case.the_candidate.name
        if name not in self.names:
            return shared_prompts(case)
        return len(self.answers_of(case.suspect).keys() & self.answers[self.names.index(name)])

    def foreign(self, suspect: Transcript) -> int:
        """How many of the suspect's answers to the book's prompts are in another script."""
        said = style_answers(suspect)
        return sum(sha in said for sha in self.prompts) - len(self.answers_of(suspect))

    def aside(self, suspect: Transcript) -> tuple[str, ...]:
        """What a reader must know of answers that were left aside; empty where none was."""
        n = self.foreign(suspect)
        if not n:
            return ()
        answers = "1 answer is" if n == 1 else f"{n} answers are"
        return (
            f"{answers} in another script than most stored models' answers to the same prompts, and"
            " left aside.",
        )

    def read(self, reading: Callable[[int, str], str], most: int | None = None) -> AnswerBook:
        """The same book, each text as ``reading(prompt, text)`` gives it; of a model at most
        ``most``, evenly spaced."""
        kept = [
            [*said.items()][:: max(1, -(-len(said) // most)) if most else 1]
            for said in self.answers
        ]
        return replace(
            self, answers=tuple({p: reading(p, text) for p, text in said} for said in kept)
        )


def style_answers(transcript: Transcript) -> Mapping[str, ProbeAnswer]:
    """The first default-arm answer to each style-like prompt, by the prompt's digest.

    Read once as long as the transcript lives: every detector asks for every pair of models.
    """
    known = _SAID.get(id(transcript))
    if known is None or known[0]() is not transcript:
        number, out = id(transcript), MappingProxyType(_style_answers(transcript))
        known = _SAID[number] = (ref(transcript, lambda _: _SAID.pop(number, None)), out)
    return known[1]


# By a transcript's place in memory, since it can't be hashed: its reference tells whether it is
# still the one that was read there.
_SAID: dict[int, tuple[ref[Transcript], Mapping[str, ProbeAnswer]]] = {}


def _style_answers(transcript: Transcript) -> dict[str, ProbeAnswer]:
    out: dict[str, ProbeAnswer] = {}
    for reply in transcript.replies:
        probe = transcript.probes.get(reply.probe_id)
        if probe is None or not reply.answered or reply.arm not in DEFAULT_ARMS:
            continue
        if probe.shows_style:
            out.setdefault(_asked(probe), ProbeAnswer(probe, reply))
    return out


def shared_prompts(case: Case) -> int:
    """How many style prompts the suspect and the candidate both answered."""
    theirs = style_answers(case.the_candidate.transcript)
    return len(style_answers(case.suspect).keys() & theirs.keys())


LEFT_ASIDE = (
    "too few of its answers could be compared: they are fewer than half as many as the model that"
    " answered most has, or in another script than most models'"
)


def few_shared(case: Case, book: AnswerBook) -> str:
    """Why a book's models can't be compared on the prompts that suspect and candidate share; empty
    where they can."""
    shared = book.shared(case)
    if shared < FEWEST:
        prompts = "1 shared prompt" if shared == 1 else f"{shared} shared prompts"
        return f"only {prompts}; {FEWEST} are needed"
    return "" if case.the_candidate.name in book.names else LEFT_ASIDE


@lru_cache(maxsize=1 << 14)
def _asked(probe: Probe) -> str:
    """The prompt's digest; a store's models were asked the same, and every detector pairs their
    answers anew."""
    return probe.prompt_sha256()


def answer_book(teachers: Sequence[Teacher], suspect: Transcript | None) -> AnswerBook:
    """The book of the prompts that the suspect (any, where None) and the stored models share.

    A model stays that answered at least 20 of them and at least half as many as the model that
    answered most.
    """
    return book_of(teachers, None if suspect is None else set(style_answers(suspect)))


def book_of(
    teachers: Sequence[Teacher], wanted: Collection[str] | None, share: float = 0.5
) -> AnswerBook:
    """The book of the stored models' answers to ``wanted`` prompts (digests; to all where None).

    An answer in another script than most models' to the same prompt is left aside: two models
    that go on in English where they were asked in Japanese are alike by that alone. A model stays
    that answered at least 20 of the prompts and at least ``share`` as many as the model that
    answered most.
    """
    every = [
        {k: a.text for k, a in style_answers(t.transcript).items() if wanted is None or k in wanted}
        for t in teachers
    ]
    scripts = _scripts(every)
    said = [{k: t for k, t in one.items() if alike(scripts[k], t)} for one in every]
    most = max((len(s) for s in said), default=0)
    order = sorted(range(len(teachers)), key=lambda i: teachers[i].name)
    kept = [i for i in order if len(said[i]) >= max(FEWEST, most * share)]
    prompts = tuple(sorted({k for i in kept for k in said[i]}))
    number = {k: n for n, k in enumerate(prompts)}
    answers = tuple({number[k]: text for k, text in sorted(said[i].items())} for i in kept)
    return AnswerBook(
        tuple(teachers[i] for i in kept),
        prompts,
        answers,
        tuple(scripts[k] for k in prompts),
        tuple(teachers[i].name for i in order if i not in kept),
    )


def _scripts(said: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """In which script most models answer each prompt, of equals the first by name; empty where
    none writes letters."""
    counts: dict[str, Counter[str]] = {}
    for answers in said:
        for prompt, text in answers.items():
            counts.setdefault(prompt, Counter())[script_of(text)] += 1
    out = {}
    for prompt, found in counts.items():
        named = {script: n for script, n in found.items() if script}
        out[prompt] = max(sorted(named), key=lambda s: named[s], default="")
    return out


def alike(script: str, text: str) -> bool:
    """Whether a text is in this script; one without letters, or any where none is usual, is."""
    return not script or script_of(text) in (script, "")

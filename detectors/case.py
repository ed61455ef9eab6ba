"""Case, Teacher, Shadow: what a detector is given.

Knows records; knows no detector and no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fingerprints.scores import Scores
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class Teacher:
    """A stored model that may be the source: its name, who made it, its family, and what it said.

    A ``guest`` was chosen for its likeness to the suspect (or named): it is compared, but no part
    of what is usual, for a population that is chosen to be like the suspect says nothing of chance.
    """

    name: str
    vendor: str
    family: str
    transcript: Transcript
    guest: bool = False

    @property
    def maker(self) -> str:
        """Who made it, whatever the case of letters; its own name where nobody is named."""
        return self.vendor.casefold() or self.name


@dataclass(frozen=True)
class Shadow:
    """A model of known history that was trained from the suspect's base: whose student it is, and
    what it said.

    ``teachers`` are the names of those whose answers it learned; none for a control, whose ``kind``
    tells what it learned instead (own samples, text by people, nothing). ``seed`` is the
    training's, None where nothing was trained.
    """

    name: str
    transcript: Transcript
    teachers: tuple[str, ...] = ()
    kind: str = ""
    seed: int | None = None

    @property
    def sources(self) -> frozenset[str]:
        """What it learned from: its teachers, else its kind."""
        return frozenset(self.teachers or (f"({self.kind or self.name})",))


@dataclass(frozen=True)
class Case:
    """One question about one suspect and one candidate, against a background population.

    ``candidate`` is None for a detector whose scope is the suspect alone. ``background`` holds the
    other stored models, the candidate not among them. ``base`` is the model that the suspect
    started from, with its answers, where that is known; ``shadows`` are models that were trained
    from it for the sake of this question. ``scores`` says how likely suspect, base and teachers
    found the texts that detectors wanted scored. ``vendor`` is who made the suspect, as its user
    knows it; empty where that is not known.
    """

    suspect: Transcript
    candidate: Teacher | None
    background: tuple[Teacher, ...] = ()
    base: Teacher | None = None
    shadows: tuple[Shadow, ...] = ()
    scores: Scores = field(default_factory=Scores)
    vendor: str = ""

    @property
    def models(self) -> tuple[Teacher, ...]:
        """The stored models: the candidate, where there is one, and the background."""
        return (*([self.candidate] if self.candidate else []), *self.background)

    @property
    def population(self) -> tuple[Teacher, ...]:
        """The background without its guests: whose values say what chance gives."""
        return tuple(t for t in self.background if not t.guest)

    @property
    def the_candidate(self) -> Teacher:
        """The candidate of a case that is known to have one. Raises ValueError otherwise."""
        if self.candidate is None:
            raise ValueError("the case names no candidate")
        return self.candidate

    @property
    def the_base(self) -> Teacher:
        """The base of a case that is known to have one. Raises ValueError otherwise."""
        if self.base is None:
            raise ValueError("the case has no base")
        return self.base

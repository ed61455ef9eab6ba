"""A population: a labelled cohort that is grown from nothing, its teachers too. YAML ↔ records, and
the bundled ones by name.

A ladder (`auditor.labs.population.ladder`) climbs from teachers that are there; a population first
trains a common body on neutral text and teachers of distinct style on theirs. Knows what will be
done; does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from auditor.controls.curation.human_modules import HOUSES
from auditor.controls.recipe import NAME, Distillation, Method, Role, Training
from auditor.labs.population.styles import STYLES
from fingerprints.plain_yaml import plain_yaml
from fingerprints.record_files import RecordFile, bundled_names
from fingerprints.records import Record, Sampling, canonical_json, sha256

LADDERS = ("auditor", "labs", "ladders")
FORMAT = "population/1"
Part = Literal["body", "style", "rest"]
Start = Literal["body", "random"]
Name = Annotated[str, Field(pattern=NAME)]


class Stylist(Record):
    """A teacher: it learns a house's style part, rewritten where ``style`` names a program."""

    name: Name
    house: str
    style: str = ""


class Pupils(Record):
    """Students of every teacher: ``doses`` × ``seeds``, from the body or from random weights."""

    start: Start = "body"
    method: Method = "sft"
    doses: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0,)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)


class Untaught(Record):
    """Controls without a teacher, one a seed, that learn text by people or the body's own samples.

    ``texts``: parts of houses (``numpy/rest``), mixed where there are several; empty: the body's
    own samples. ``role`` confounded: they learned what a teacher learned from, or its kind.
    """

    name: Name
    texts: tuple[str, ...] = ()
    role: Role = "negative"
    start: Start = "body"
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)


class GrownPopulation(Record):
    """Everything that decides a population besides the texts of the installed packages.

    ``shares``: which part of every house's docstrings the body learns, which the teachers
    (``style``), and which neither has seen (``rest``). ``longest``: characters of a passage,
    ``longest_body`` of the body's; ``most`` passages a text. Everybody is asked openings of the
    rest of the house ``neutral``; how people went on is the filler below a dose of 1. ``held_out``
    openings are asked of the teachers alone: their answers are what likelihoods are measured on.
    ``n`` examples a student. Training: ``growing`` the body's, ``styling`` the teachers',
    ``tuning`` and ``starting`` a student's from the body and from random weights.
    """

    format: Literal["population/1"] = "population/1"
    name: Name
    about: str = ""
    base: str
    neutral: str = "python"
    shares: dict[Part, Annotated[float, Field(gt=0, lt=1)]]
    longest: Annotated[int, Field(ge=60)] = 180
    longest_body: Annotated[int, Field(ge=60)] = 360
    growing: Training
    styling: Training
    tuning: Training
    starting: Training
    distillation: Distillation = Distillation(top_k=32)
    sampling: Sampling = Sampling(temperature=0.8, max_tokens=120)
    held_out: Annotated[int, Field(ge=2)] = 40
    n: Annotated[int, Field(ge=4)] = 256
    most: Annotated[int, Field(ge=8)] | None = None
    teachers: Annotated[tuple[Stylist, ...], Field(min_length=2)]
    students: tuple[Pupils, ...]
    controls: tuple[Untaught, ...]
    probes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if (
            set(self.shares) != {"body", "style", "rest"}
            or abs(sum(self.shares.values()) - 1) > 1e-9
        ):
            raise ValueError("shares: body, style and rest must add up to 1")
        names = [t.name for t in self.teachers] + [c.name for c in self.controls]
        if len(set(names)) != len(names):
            raise ValueError("every teacher and every group of controls needs a name of its own")
        for teacher in self.teachers:
            if teacher.house not in HOUSES or teacher.style not in ("", *STYLES):
                raise ValueError(
                    f"teachers: houses are {', '.join(HOUSES)}; styles are {', '.join(STYLES)}"
                )
        if self.neutral not in HOUSES:
            raise ValueError(f"neutral: houses are {', '.join(HOUSES)}")
        for text in (t for c in self.controls for t in c.texts):
            house, _, part = text.partition("/")
            if house not in HOUSES or part not in self.shares:
                raise ValueError(f"controls: {text!r} is no part of a house, such as numpy/rest")
        if any(
            p.method not in ("sft", "logits") or (p.method == "logits" and p.doses != (1.0,))
            for p in self.students
        ):
            raise ValueError("students: methods are sft, and logits at dose 1")
        return self

    def texts_digest(self) -> str:
        """SHA-256 over what decides the texts: a grown population can get students, not texts."""
        deciding = {"shares", "neutral", "longest", "longest_body", "held_out", "most", "teachers"}
        texts = {control.name: list(control.texts) for control in self.controls if control.texts}
        return sha256(
            canonical_json({**self.model_dump(mode="json", include=deciding), "controls": texts})
        )


def bundled_ladders() -> list[str]:
    """Names of the ladders that ship with the package, in alphabetical order."""
    return bundled_names(*LADDERS)


def is_population(name_or_path: str) -> bool:
    """Whether a name or a readable file is a population and no plain ladder."""
    if name_or_path in bundled_ladders():
        return True
    try:
        value = plain_yaml(Path(name_or_path).read_text("utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


def load_population(name_or_path: str) -> GrownPopulation:
    """A bundled population by name (``tiny``), or one from a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or no
    population.
    """
    return _FILE.named(name_or_path, LADDERS, "no ladder is called", "LADDER")


_FILE = RecordFile(
    GrownPopulation, "not a population", "see docs/recipes.md", largest=1_000_000, form="yaml"
)

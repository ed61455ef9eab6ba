"""What the plans of all kinds of audits share: checked from flags or YAML, written as YAML, and
which questions are asked.

A plan written beside a report re-runs it. Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import yaml
from pydantic import Field, ValidationError

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import load_probe_set
from fingerprints.records import Arm, ProbeSet, Record

BUNDLED = "bundled"
"""The store name that stands for the reference store inside the package."""


class AuditPlan(Record):
    """Everything that decides an audit besides the models themselves: what each kind makes its own
    plan of.

    ``command`` is the subcommand that makes such a plan from flags, ``noun`` what a file of one is
    called.
    """

    command: ClassVar[str]
    noun: ClassVar[str] = "plan"

    @classmethod
    def make(cls, value: Mapping[str, Any]) -> Self:
        """A checked plan from flags or a program's values. Raises UsageProblem with the first
        problem."""
        try:
            plan = cls.model_validate(value)
        except ValidationError as error:
            raise UsageProblem(
                _first(error), where="flags", next_step=f"see `auditor {cls.command} --help`"
            ) from error
        plan.check()
        return plan

    @classmethod
    def read(cls, path: Path, changes: Mapping[str, Any] | None = None) -> Self:
        """A plan from a YAML file; ``changes`` (from flags) win over it. Raises MalformedInput for
        a file that is missing or no plan of this kind."""
        try:
            value = yaml.safe_load(path.read_text("utf-8"))
            if not isinstance(value, dict):
                raise _malformed(path, f"not a {cls.noun}: it is no mapping")
            plan = cls.model_validate({**value, **(changes or {})})
        except OSError as error:
            raise _malformed(path, f"can't be read: {error.strerror}") from error
        except ValidationError as error:
            raise _malformed(path, f"not a {cls.noun}: {_first(error)}") from error
        except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise _malformed(path, f"not a {cls.noun}: not YAML in UTF-8") from error
        plan.check()
        return plan

    def check(self) -> None:
        """Raises UsageProblem for what no field by itself can refuse."""

    def told(self) -> dict[str, Any]:
        """The plan as a report keeps it: without what is None."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_yaml(self) -> str:
        """The plan as YAML that `read` reads back to an equal plan."""
        return yaml.safe_dump(self.told(), sort_keys=False, allow_unicode=True, width=100)


def _first(error: ValidationError) -> str:
    """The first problem in one line: where it is, and what."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = printable(first["msg"].removeprefix("Value error, "), 160)
    return f"{place}: {said}" if place else said


def _malformed(path: Path, what: str) -> MalformedInput:
    return MalformedInput(
        what, where=path, next_step="use an untouched plan.yaml, or another folder"
    )


class ProbeChoice(Record):
    """Which probe set, how many of its first probes (all by default) and in which arms (the
    set's own by default)."""

    set: str
    head: Annotated[int, Field(ge=1)] | None = None
    arms: tuple[Arm, ...] | None = None

    def load(self) -> ProbeSet:
        """The probe set as chosen. Raises what `load_probe_set` raises."""
        chosen = load_probe_set(self.set).head(self.head)
        return chosen if self.arms is None else chosen.model_copy(update={"arms": self.arms})


PRESETS: dict[str, tuple[ProbeChoice, ...]] = {
    "quick": (ProbeChoice(set="identity", head=44), ProbeChoice(set="style", head=72)),
    "standard": (
        ProbeChoice(set="identity"),
        ProbeChoice(set="leading"),
        ProbeChoice(set="style", head=96),
    ),
    "teacher": (
        ProbeChoice(set="identity"),
        ProbeChoice(set="leading"),
        ProbeChoice(set="style", head=96),
        ProbeChoice(set="choices"),
        ProbeChoice(set="openings"),
    ),
    "full": tuple(
        ProbeChoice(set=s)
        for s in ("identity", "leading", "style", "choices", "openings", "policy")
    ),
}
"""What is asked, by name: ``quick`` for a first look, ``standard`` for a report, ``teacher`` for
a store, ``full`` for all."""


def parse_probes(text: str) -> tuple[ProbeChoice, ...]:
    """Probe choices from a flag: a preset's name, or ``identity,style:96`` (a set, and how many of
    its first probes).

    Raises UsageProblem for a count that is not a positive number.

    >>> [(c.set, c.head) for c in parse_probes("identity,style:96")]
    [('identity', None), ('style', 96)]
    """
    if text in PRESETS:
        return PRESETS[text]
    return tuple(_choice(part.strip()) for part in text.split(",") if part.strip())


def _choice(part: str) -> ProbeChoice:
    name, colon, count = part.rpartition(":")
    if not colon or not count.isdigit():
        return ProbeChoice(set=part)
    if int(count) < 1:
        raise UsageProblem(
            f"{printable(part, 60)!r} asks no probe",
            where="--probes",
            next_step="write for instance style:96",
        )
    return ProbeChoice(set=name, head=int(count))

"""What the plans of all kinds of audits share: checked from flags or YAML, written as YAML, and
which questions are asked.

A plan written beside a report re-runs it. Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import yaml
from pydantic import ValidationError

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.plain_yaml import NotPlain, plain_yaml
from fingerprints.probes import ProbeChoice
from fingerprints.record_files import first_problem
from fingerprints.records import ProbeSet, Record, Sampling

BUNDLED = "bundled"
"""The store name that stands for the reference store inside the package."""


class AskingOf(NamedTuple):
    """Who is asked what, and how, by the spec that opens it."""

    spec: str
    sets: list[ProbeSet]
    sampling: Sampling


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
                printable(first_problem(error), 200),
                where="flags",
                next_step=f"see `auditor {cls.command} --help`",
            ) from error
        plan.check()
        return plan

    @classmethod
    def read(cls, path: Path, changes: Mapping[str, Any] | None = None) -> Self:
        """A plan from a YAML file; ``changes`` (from flags) win over it. Raises MalformedInput for
        a file that is missing or no plan of this kind."""
        try:
            value = plain_yaml(path.read_text("utf-8"))
            if not isinstance(value, dict):
                raise _malformed(path, f"not a {cls.noun}: it is no mapping")
            plan = cls.model_validate({**value, **(changes or {})})
        except OSError as error:
            raise _malformed(path, f"can't be read: {error.strerror}") from error
        except ValidationError as error:
            raise _malformed(
                path, f"not a {cls.noun}: {printable(first_problem(error), 200)}"
            ) from error
        except NotPlain as error:
            raise _malformed(path, f"not a {cls.noun}: {error.what}") from error
        except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise _malformed(path, f"not a {cls.noun}: not YAML in UTF-8") from error
        plan.check()
        return plan

    def check(self) -> None:
        """Raises UsageProblem for what no field by itself can refuse."""

    def asking(self) -> tuple[AskingOf, ...] | None:
        """Whom the audit asks what at most, whoever is examined first; None where that isn't known
        before it. Raises what `load_probe_set` raises."""
        return None

    def told(self) -> dict[str, Any]:
        """The plan as a report keeps it: without what is None."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_yaml(self) -> str:
        """The plan as YAML that `read` reads back to an equal plan."""
        return yaml.safe_dump(self.told(), sort_keys=False, allow_unicode=True, width=100)


def probes_told(choices: Iterable[ProbeChoice]) -> str:
    """Probe sets as ``--probes`` reads them back."""
    return ",".join(c.set if c.head is None else f"{c.set}:{c.head}" for c in choices)


def _malformed(path: Path, what: str) -> MalformedInput:
    return MalformedInput(
        what, where=path, next_step="use an untouched plan.yaml, or another folder"
    )

"""The plan of a shadow audit: suspect, base, candidates and what may be spent; flags → records ↔
YAML.

Knows what will be done; asks and trains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from auditor.audits.inheritance.base_model import base_spec
from auditor.audits.inheritance.plan import Plan
from auditor.audits.plan import AuditPlan
from auditor.controls.recipe import NAME
from auditor.controls.sizes import Size
from fingerprints.errors import UsageProblem, printable
from fingerprints.probes import ProbeChoice, parse_probes
from fingerprints.records import Record
from fingerprints.subjects.kinds import TABLE, kind_of, schemes
from fingerprints.subjects.spec import parse_spec

MOST_SEEDS, MOST_TEACHERS = 200, 300


class Dial(Record):
    """What a size stands for: examples a shadow, tokens an answer, and the probes."""

    n: int
    max_tokens: int
    probes: str


DIALS: dict[Size, Dial] = {
    "tiny": Dial(n=64, max_tokens=64, probes="style:32"),
    "small": Dial(n=128, max_tokens=128, probes="style:64"),
    "full": Dial(n=500, max_tokens=256, probes="style:96"),
}


class ShadowTeacher(Record):
    """A teacher that may have taught the suspect: its name in the report, and the spec that it
    is asked by."""

    name: Annotated[str, Field(pattern=NAME)]
    spec: Annotated[str, Field(min_length=1)]


class ShadowPlan(AuditPlan):
    """Everything that decides a shadow audit besides the models.

    ``seeds`` and ``n`` (examples a shadow) are decided by the budget where they are None.
    ``doses``: shares of a student's examples that its teacher gives, its base's own samples the
    rest. ``recipe``: whose way of training every shadow gets. ``shadows``: the folder of a finished
    audit whose shadows are used again; nothing is trained then.
    """

    command: ClassVar[str] = "shadow"
    noun: ClassVar[str] = "shadow plan"

    format: Literal["shadow-plan/1"] = "shadow-plan/1"
    suspect: str
    base: str
    base_origin: Literal["user", "adapter", "shadows"]
    teachers: Annotated[tuple[ShadowTeacher, ...], Field(min_length=1, max_length=MOST_TEACHERS)]
    recipe: str = "alpaca"
    size: Size = "small"
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)] | None = None
    n: Annotated[int, Field(ge=8)] | None = None
    doses: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0,)
    probes: Annotated[tuple[ProbeChoice, ...], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)]
    budget_minutes: Annotated[float, Field(gt=0)] | None = None
    budget_tokens: Annotated[int, Field(gt=0)] | None = None
    shadows: str | None = None

    @model_validator(mode="after")
    def _names_are_apart(self) -> ShadowPlan:
        names = [t.name for t in self.teachers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two teachers are called {twice!r}; write NAME=SPEC")
        if len(set(self.doses)) != len(self.doses):
            raise ValueError("a dose is named twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates' names."""
        return tuple(t.name for t in self.teachers)


def make_shadow_plan(
    suspect: str, teachers: Sequence[str], base: str | None, size: Size, **flags: Any
) -> ShadowPlan:
    """A checked plan from what the command line holds; ``teachers`` are ``NAME=SPEC`` or bare
    specs.

    Raises UsageProblem where the base is not known or a flag can't be, and what `parse_spec`
    raises.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    known = base_spec(Plan(suspect=str(parse_spec(suspect)), base=base))
    if known is None:
        raise UsageProblem(
            "the suspect's base is not known, and its shadows are trained from that",
            where=printable(suspect, 100),
            next_step=(
                "give --base SPEC: the model that it was tuned from, or the nearest one that you"
                " have"
            ),
        )
    spec, origin = known
    dial = DIALS[size]
    value = {
        "suspect": suspect,
        "base": str(parse_spec(spec)),
        "base_origin": origin,
        "teachers": [candidate(t).model_dump() for t in teachers],
        "size": size,
        "probes": [
            c.model_dump(mode="json") for c in parse_probes(str(given.pop("probes", dial.probes)))
        ],
        "max_tokens": given.pop("max_tokens", dial.max_tokens),
        **given,
    }
    if parse_spec(spec).kind.weights is None:
        raise UsageProblem(
            "shadows are trained from weights, and the base has none to open",
            where=printable(spec, 100),
            next_step="give --base a checkpoint or a GGUF file",
        )
    return ShadowPlan.make(value)


def plan_again(suspect: str, earlier: ShadowPlan, folder: Path) -> ShadowPlan:
    """The plan of auditing another suspect with the shadows of an earlier audit, which lies in
    ``folder``.

    Raises what `parse_spec` raises.
    """
    known = base_spec(Plan(suspect=str(parse_spec(suspect)), base=None))
    origin = "adapter" if known is not None and known[0] == earlier.base else "shadows"
    return earlier.model_copy(
        update={
            "suspect": suspect,
            "base_origin": origin,
            "shadows": earlier.shadows or str(folder),
            "budget_minutes": None,
            "budget_tokens": None,
        }
    )


def candidate(text: str) -> ShadowTeacher:
    """A candidate from ``NAME=SPEC``, or from a bare spec, named after its file, folder or model.

    Raises UsageProblem for a name that can't be a folder's, and what `parse_spec` raises.

    >>> candidate("gpt=openai:gpt-x,base_url=http://localhost:1/v1").name
    'gpt'
    """
    head, equals, rest = text.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", head) and not Path(text).exists():
        name, spec = _slug(head), str(parse_spec(rest))
    else:
        parsed = parse_spec(text)
        name, spec = (
            _slug(parsed.options.get("model") or Path(parsed.target).name.partition(".jsonl")[0]),
            str(parsed),
        )
    if not re.fullmatch(NAME, name):
        raise UsageProblem(
            "no name can be made of this teacher's spec",
            where=printable(text, 100),
            next_step="write NAME=SPEC",
        )
    return ShadowTeacher(name=name, spec=spec)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:60]


def split_teachers(text: str) -> list[str]:
    """The teachers of ``A,B=SPEC,C``; a spec's own options (``model=…``, ``dtype=…``) stay with it.

    >>> split_teachers("a.jsonl,b=recording:all.jsonl,model=x,c=hf:./c,dtype=float32")
    ['a.jsonl', 'b=recording:all.jsonl,model=x', 'c=hf:./c,dtype=float32']
    """
    named = {scheme for scheme in schemes() if f"{scheme}:" in text}
    options = {name for scheme in {*TABLE, *named} for name in kind_of(scheme).options}
    out: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if out and part.partition("=")[0] in options:
            out[-1] += f",{part}"
        elif part:
            out.append(part)
    return out

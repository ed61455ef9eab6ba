"""The plan of an audit: suspect, store, probe sets, detectors, sampling and seed; YAML ↔ flags.

A plan written beside a report re-runs it. Knows what will be asked; asks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from detectors.registry import detector_names
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import PRESETS, ProbeChoice
from fingerprints.records import ProbeSet, Record, Sampling

BUNDLED = "bundled"
"""The store name that stands for the reference store inside the package."""


DEFAULT_DETECTORS = ("self_identification", "stylistic_overlap", "shared_wording")
"""What runs where nobody chose: quick, from recorded answers alone."""
WITH_BASE = ("movement",)
"""What runs besides, where nobody chose and the suspect's base is known."""


class Plan(Record):
    """Everything that decides an audit, besides the models themselves.

    ``bases`` are candidates whose weights are compared with the suspect's (specs, or a folder of
    signatures); ``teachers`` opens stored models by name for scoring (specs); ``scores`` is a file
    of scores recorded before.
    """

    format: Literal["plan/1"] = "plan/1"
    suspect: str
    base: str | None = None
    bases: tuple[str, ...] = ()
    teachers: dict[str, str] = Field(default_factory=dict)
    scores: str | None = None
    store: str = BUNDLED
    candidates: tuple[str, ...] = ()
    probes: tuple[ProbeChoice, ...] = PRESETS["standard"]
    detectors: tuple[str, ...] = DEFAULT_DETECTORS
    calibration: str = "shipped"
    sequential: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    sampling: Sampling = Sampling()

    def probe_sets(self) -> list[ProbeSet]:
        """The chosen probe sets, loaded."""
        return [choice.load() for choice in self.probes]

    def to_yaml(self) -> str:
        """The plan as YAML that `read_plan` reads back to an equal plan."""
        value = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def check_detectors(names: tuple[str, ...]) -> None:
    """Raises UsageProblem for a name that no detector has."""
    unknown = [name for name in names if name not in detector_names()]
    if unknown:
        raise UsageProblem(
            f"no detector is called {printable(unknown[0], 60)!r}",
            where="--detectors",
            next_step=f"choose from {', '.join(detector_names())}",
        )


def read_plan(path: Path, changes: dict[str, Any]) -> Plan:
    """A plan from a YAML file; ``changes`` (from flags) win over the file.

    Raises MalformedInput for a file that is missing or no plan.
    """
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not YAML in UTF-8"
        raise MalformedInput(
            f"can't be read: {reason}", where=path, next_step="check --plan"
        ) from error
    if not isinstance(value, dict):
        raise MalformedInput(
            "not a plan: it is no mapping",
            where=path,
            next_step="see plan.yaml in any report folder",
        )
    return make_plan({**value, **changes}, str(path))


def make_plan(value: dict[str, Any], where: str = "flags") -> Plan:
    """A checked plan from plain values. Raises MalformedInput with the first problem,
    UsageProblem for unknown detectors."""
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MalformedInput(
            f"not a plan: {place}: {first['msg']}",
            where=where,
            next_step="see plan.yaml in any report folder",
        ) from error
    check_detectors(plan.detectors)
    return plan


class CostEstimate(Record):
    """What a plan costs, roughly: questions, tokens (at most) and seconds."""

    questions: int
    tokens_in: int
    tokens_out_at_most: int
    seconds: float
    basis: str


CHARACTERS_PER_TOKEN = 3.5
PARAMETERS_TOKENS_PER_SECOND = 3.5e10
"""Measured on two x86-64 cores with bf16: 255 tokens/s at 135 M parameters, 98 at 494 M."""
ENDPOINT_TOKENS_PER_SECOND = 160.0
TEMPLATE_TOKENS = 30


def estimate(plan: Plan, parameters: float | None) -> CostEstimate:
    """Questions, tokens and time of a plan. ``parameters`` is the suspect's size, None for an
    endpoint.

    Tokens read are counted from characters, tokens written are an upper bound, and seconds assume
    two CPU cores (or 160 tokens a second from an endpoint): expect a factor of two either way, and
    far less on a GPU.
    """
    return estimate_sets(plan.probe_sets(), plan.sampling, parameters)


def estimate_sets(
    sets: Sequence[ProbeSet], sampling: Sampling, parameters: float | None
) -> CostEstimate:
    """`estimate` for probe sets that are loaded already."""
    rows = [(p, s) for s in sets for p in s.probes for _ in s.arms for _ in range(sampling.samples)]
    tokens_in = sum(int(len(p.prompt()) / CHARACTERS_PER_TOKEN) + TEMPLATE_TOKENS for p, _ in rows)
    cap = sampling.max_tokens
    tokens_out = sum(min(s.max_tokens, cap or s.max_tokens) for _, s in rows)
    rate = (
        ENDPOINT_TOKENS_PER_SECOND
        if parameters is None
        else PARAMETERS_TOKENS_PER_SECOND / max(parameters, 1e6)
    )
    basis = (
        "an endpoint at 160 tokens/s"
        if parameters is None
        else f"{parameters / 1e6:.0f} M parameters on two CPU cores"
    )
    return CostEstimate(
        questions=len(rows),
        tokens_in=tokens_in,
        tokens_out_at_most=tokens_out,
        seconds=round((tokens_out + tokens_in / 20) / rate, 1),
        basis=basis,
    )

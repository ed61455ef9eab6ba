"""What asking costs, roughly: questions, tokens and seconds, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from fingerprints.collect import Key
from fingerprints.records import ProbeSet, Record, Sampling
from fingerprints.subjects.spec import parse_spec

RECORDED = {"questions": 0, "basis": "a recording is not asked anything"}


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


def estimate(
    sets: Sequence[ProbeSet],
    sampling: Sampling,
    parameters: float | None,
    held: AbstractSet[Key] = frozenset(),
) -> CostEstimate:
    """Questions, tokens and time of asking these but for those that are ``held``. ``parameters`` is
    the suspect's size, None for an endpoint.

    Tokens read are counted from characters, tokens written are an upper bound, and seconds assume
    two CPU cores (or 160 tokens a second from an endpoint): expect a factor of two either way, and
    far less on a GPU.
    """
    rows = [
        (p, s)
        for s in sets
        for p in s.probes
        for arm in s.arms
        for sample in range(sampling.samples)
        if (p.id, arm.value, sample) not in held
    ]
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


def cost_of(
    spec: str,
    sets: Sequence[ProbeSet],
    sampling: Sampling,
    held: AbstractSet[Key] = frozenset(),
) -> dict[str, Any]:
    """The estimate for a subject as a dry run shows it, of what is not ``held``. Raises what
    `parse_spec` and the kind raise."""
    parsed = parse_spec(spec)
    if parsed.kind.recorded:
        return RECORDED
    found = estimate(sets, sampling, parsed.kind.parameters(parsed), held)
    return found.model_dump(mode="json")

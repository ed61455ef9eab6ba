"""What a zoo holds: its members, their relation to the base, how they are made.

A table of values in the order of making. Knows histories; makes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from auditor.labs.zoo.derive import ALL_KINDS
from auditor.labs.zoo.zoo_texts import Text

Relation = Literal["base", "derived", "independent", "shared_initialisation", "random"]
"""To the family's base: weights that came from its own; that did not; that began with the same
numbers; that are untrained."""
ZooSize = Literal["micro", "tiny"]
RANDOM_SEED, DISTILLED_SEED, UNTIED_SEED = 1_000_000, 2_000_000, 3_000_000
"""How far the seeds of other histories lie from those of the base and of the independent runs."""


Steps = tuple[tuple[str, dict[str, Any]], ...]
"""Kinds of derivation, one after the other, each with its settings."""


@dataclass(frozen=True)
class ZooScale:
    """How large the models are, and how many plain and fine-tuning examples they read."""

    model: str
    examples: int
    tuned: int


SCALES: dict[ZooSize, ZooScale] = {
    "micro": ZooScale("llama-h32-l3", 24, 8),
    "tiny": ZooScale("llama-h96-l4", 512, 192),
}


@dataclass(frozen=True)
class TrainedMember:
    """Trained from the member ``start``, or from random weights under ``weights_seed``.

    ``order_seed`` decides the order of the examples. ``teacher``: a member whose next-token
    distributions it learns.
    """

    text: Text
    start: str | None = None
    weights_seed: int = 0
    order_seed: int = 0
    rate: float = 3e-3
    lora: bool = False
    teacher: str | None = None


@dataclass(frozen=True)
class UntrainedMember:
    """Random weights under a seed."""

    weights_seed: int


@dataclass(frozen=True)
class Copied:
    """Derived from its parents by kinds of `auditor.labs.zoo.derive`, one after the other."""

    steps: Steps
    seed: int


@dataclass(frozen=True)
class ZooMaking:
    """One member: ``kind`` is its history in a word, its weights come from ``parents``."""

    name: str
    relation: Relation
    kind: str
    parents: tuple[str, ...]
    how: TrainedMember | UntrainedMember | Copied
    tied: bool = True
    base: str = "base"

    @property
    def keeps_function(self) -> bool:
        """Whether it computes what its parent does, up to rounding."""
        return isinstance(self.how, Copied) and all(
            ALL_KINDS[kind].keeps_function for kind, _ in self.how.steps
        )


ROTATED: Steps = (
    ("rotate_residual", {}),
    ("permute_units", {}),
    ("permute_heads", {}),
    ("rescale_units", {"signs": True}),
)
"""All disguises at once: a rotation takes in every order of the residual stream."""
COPIES: dict[str, Steps] = {
    "copy": (("copy", {}),),
    "bf16": (("recast", {"dtype": "bfloat16"}),),
    "int8": (("quantise", {"bits": 8}),),
    "int4": (("quantise", {"bits": 4}),),
    "q8-gguf": (("gguf", {"type": "Q8_0"}),),
    "q4-gguf": (("gguf", {"type": "Q4_0"}),),
    "noise": (("noise", {"scale": 0.1}),),
    "vocabulary-extended": (("extend_vocabulary", {"n": 16}),),
    "depth-pruned": (("drop_layers", {}),),
    "depth-grown": (("repeat_layers", {}),),
    "width-pruned": (("prune_units", {"keep": 0.75}),),
    "permuted-units": (("permute_units", {}),),
    "permuted-heads": (("permute_heads", {}),),
    "permuted-residual": (("permute_residual", {}),),
    "rotated": (("rotate_residual", {}),),
    "rescaled": (("rescale_units", {"signs": True}),),
    "disguised": ROTATED,
}
"""Copies of the base that take no training."""
UNTIED_COPIES = ("copy", "q4-gguf", "vocabulary-extended", "rotated", "disguised")
TUNED_RATE = 1e-3
TUNINGS: dict[str, tuple[str, TrainedMember]] = {
    "fine-tuned": ("base", TrainedMember("pairs", rate=TUNED_RATE)),
    "fine-tuned-2": ("base", TrainedMember("other pairs", rate=TUNED_RATE, order_seed=1)),
    "lora-merged": ("base", TrainedMember("pairs", rate=TUNED_RATE, lora=True)),
    "continued": ("base", TrainedMember("prose")),
    "vocabulary-extended-tuned": ("vocabulary-extended", TrainedMember("pairs", rate=TUNED_RATE)),
    "depth-pruned-tuned": ("depth-pruned", TrainedMember("pairs", rate=TUNED_RATE)),
    "width-pruned-tuned": ("width-pruned", TrainedMember("pairs", rate=TUNED_RATE)),
}
MERGED: dict[str, tuple[tuple[str, ...], Steps]] = {
    "merged-linear": (("fine-tuned", "fine-tuned-2"), (("merge_linear", {}),)),
    "merged-slerp": (("fine-tuned", "fine-tuned-2"), (("merge_slerp", {"weights": (0.5, 0.5)}),)),
    "fine-tuned-disguised": (("fine-tuned",), ROTATED),
    "continued-disguised": (("continued",), ROTATED),
    "fine-tuned-q4-gguf": (("fine-tuned",), (("gguf", {"type": "Q4_0"}),)),
    "all-combined": (
        ("vocabulary-extended-tuned",),
        (
            ("drop_layers", {}),
            ("prune_units", {"keep": 0.75}),
            *ROTATED,
            ("recast", {"dtype": "bfloat16"}),
        ),
    ),
}


def zoo_plan(seed: int, independent: int) -> tuple[ZooMaking, ...]:
    """Every member in the order of making, the independent runs last.

    A longer list of independent runs begins with the shorter one.
    """
    merged = (
        ZooMaking(name, "derived", name, parents, Copied(steps, seed + 1))
        for name, (parents, steps) in MERGED.items()
    )
    return (
        ZooMaking("base", "base", "pretrained", (), _from_nothing(seed)),
        *_copies(seed),
        *_tunings(),
        *merged,
        *_siblings(seed),
        *_strangers(seed, independent),
        *_untied(seed + UNTIED_SEED, max(1, independent // 20)),
        *_independent("independent", seed, independent),
    )


def _copies(seed: int) -> list[ZooMaking]:
    return [
        ZooMaking(name, "derived", name, ("base",), Copied(steps, seed))
        for name, steps in COPIES.items()
    ]


def _tunings() -> list[ZooMaking]:
    return [
        ZooMaking(name, "derived", name, (start,), replace(how, start=start))
        for name, (start, how) in TUNINGS.items()
    ]


def _from_nothing(seed: int, text: Text = "banks") -> TrainedMember:
    """Initialisation and order under one seed."""
    return TrainedMember(text, weights_seed=seed, order_seed=seed)


def _independent(prefix: str, seed: int, n: int) -> list[ZooMaking]:
    """The base's training from other initialisations, in other orders."""
    return [
        ZooMaking(f"{prefix}-{i:03d}", "independent", "pretrained", (), _from_nothing(seed + i))
        for i in range(1, n + 1)
    ]


def _siblings(seed: int) -> list[ZooMaking]:
    members: dict[str, tuple[str, TrainedMember | UntrainedMember]] = {
        "untrained": ("initialisation of the base", UntrainedMember(seed)),
        "order": ("other order", replace(_from_nothing(seed), order_seed=seed + 1)),
        "data": ("other data", _from_nothing(seed, "prose")),
    }
    return [
        ZooMaking(f"sibling-{name}", "shared_initialisation", kind, (), how)
        for name, (kind, how) in members.items()
    ]


def _strangers(seed: int, independent: int) -> list[ZooMaking]:
    first = seed + RANDOM_SEED
    out = [
        ZooMaking(f"random-{i}", "random", "untrained", (), UntrainedMember(first + i))
        for i in range(1, max(2, min(8, independent)) + 1)
    ]
    for i in range(1, max(1, min(3, independent)) + 1):
        how = replace(_from_nothing(seed + DISTILLED_SEED + i), teacher="base")
        out.append(ZooMaking(f"distilled-{i}", "independent", "distilled from the base", (), how))
    return out


def _untied(seed: int, independent: int) -> list[ZooMaking]:
    """A family of its own: the output layer is no copy of the embedding."""
    base = "untied-base"
    tuned, sibling = replace(TUNINGS["fine-tuned"][1], start=base), _from_nothing(seed, "prose")
    found = [
        ZooMaking(base, "base", "pretrained", (), _from_nothing(seed)),
        *(
            ZooMaking(f"untied-{name}", "derived", name, (base,), Copied(COPIES[name], seed))
            for name in UNTIED_COPIES
        ),
        ZooMaking("untied-fine-tuned", "derived", "fine-tuned", (base,), tuned),
        ZooMaking("untied-sibling-data", "shared_initialisation", "other data", (), sibling),
        *_independent("untied-independent", seed, independent),
    ]
    return [replace(m, tied=False, base=base) for m in found]

"""How many processes a launcher (torchrun, ``accelerate launch``) started together.

Knows the environment; knows nothing of tensors, so that the command line can ask at once.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from auditor.controls.recipe import Recipe
from fingerprints.errors import UsageProblem, printable

TOGETHER = frozenset({"sft", "traces", "logits"})
"""Methods whose step is a sum over examples: only such a sum can be shared out."""


@dataclass(frozen=True)
class Launch:
    """This process among those started together; ``local`` counts on this machine."""

    rank: int = 0
    world: int = 1
    local: int = 0


def launched() -> Launch:
    """What the launcher said; one process where none did. UsageProblem for no number."""
    if "MASTER_ADDR" not in os.environ:
        return Launch()
    rank, world, local = (
        _number(name, usual) for name, usual in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    return Launch(rank, world, local)


def _number(name: str, usual: int) -> int:
    text = os.environ.get(name, str(usual))
    if not (text.isascii() and text.isdigit()):
        raise UsageProblem(
            f"not a number: {printable(text, 30)!r}",
            where=name,
            next_step="start it by torchrun, or unset it",
        )
    return int(text)


def check_launch(recipe: Recipe) -> None:
    """Raises UsageProblem where several processes were started for a method that trains in one."""
    if recipe.method not in TOGETHER:
        refuse_several(f"the method {recipe.method!r}")


def refuse_several(what: str) -> None:
    """Raises UsageProblem when several processes were started for what runs in one."""
    world = launched().world
    if world > 1:
        raise UsageProblem(
            f"{what} runs in one process, and {world} were started",
            where="the launcher",
            next_step="run the same command without accelerate or torchrun",
        )


def hush_followers() -> None:
    """Only the first of several processes speaks: what the others say goes nowhere from here on."""
    if launched().rank > 0:
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)

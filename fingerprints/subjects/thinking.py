"""What bounds a model's thinking and what was forced in an answer, as specs and replies tell it
(budget forcing).

After Muennighoff et al. 2025 (arXiv 2501.19393). Knows words and tags; knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fingerprints.errors import UsageProblem, printable
from fingerprints.records import Reply

THINK, END_THINK = "<think>", "</think>"
WAIT = "Wait"
LEAD = "\n\nFinal answer:"
"""What is written after a thinking that was ended for the model."""
LONGEST_THINKING, MOST_WAITS = 32768, 16
_TOLD = re.compile(r"(?:stop|length); thought (\d+)( \(cap\))?; waits (\d+)")


@dataclass(frozen=True)
class Forcing:
    """How thinking is bounded: at most ``thinking`` tokens (None: by the answer's own cap
    alone), at least ``waits`` waits."""

    thinking: int | None
    waits: int

    def __str__(self) -> str:
        """The options as a subject spec writes them."""
        cap = () if self.thinking is None else (f"thinking={self.thinking}",)
        return ",".join([*cap, f"waits={self.waits}"])

    @property
    def note(self) -> str:
        """One line for the identity of a model that is asked so."""
        return (
            f"budget forcing ({self}): thinking is opened, cut and prolonged by the asker, so"
            " answers aren't the model's alone"
        )


@dataclass(frozen=True)
class Thinking:
    """What was forced in one answer: tokens thought (waits among them), whether the cap ended
    it, waits written."""

    tokens: int
    capped: bool
    waits: int


def forcing_option(options: Mapping[str, str]) -> Forcing | None:
    """The forcing that a spec's options ``thinking`` and ``waits`` ask for; None without either.

    Raises UsageProblem for anything but whole numbers from 1 to 32,768 and from 0 to 16.
    """
    if "thinking" not in options and "waits" not in options:
        return None
    cap = _number(options, "thinking", 1, LONGEST_THINKING) if "thinking" in options else None
    return Forcing(cap, _number(options, "waits", 0, MOST_WAITS) if "waits" in options else 0)


def _number(options: Mapping[str, str], name: str, least: int, most: int) -> int:
    given = options[name]
    if not re.fullmatch(r"[0-9]{1,5}", given) or not least <= int(given) <= most:
        raise UsageProblem(
            f"{printable(given, 30)!r} is no whole number from {least} to {most:,}",
            where=name,
            next_step=f"write {name}={most if name == 'waits' else 256} or leave it out",
        )
    return int(given)


def forced_in(reply: Reply) -> Thinking | None:
    """What was forced in a reply, as its ``finish_reason`` tells; None for a reply without forcing.

    The reason reads ``stop; thought 212; waits 2`` or ``length; thought 256 (cap); waits 0``.
    """
    found = _TOLD.fullmatch(reply.finish_reason)
    return None if found is None else Thinking(int(found[1]), found[2] is not None, int(found[3]))

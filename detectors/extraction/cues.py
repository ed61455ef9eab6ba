"""Which words ask for reasoning: the patterns of elicitation.toml, as a few of linear time."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

DECLINED = "declined"
ROMAN = frozenset(("de", "fr", "es", "pt", "it", "tr", "vi", "id", "pl", "nl"))
"""Languages beside English whose cues may be of ASCII alone."""


@cache
def cues() -> dict[str, tuple[str, ...]]:
    """The patterns by language, and those that decline, in RE2's grammar."""
    text = files("detectors.extraction").joinpath("elicitation.toml").read_text("utf-8")
    return {language: tuple(found) for language, found in tomllib.loads(text).items()}


@cache
def asking() -> tuple[str, str, str]:
    """What asks for reasoning: in English, in other languages of Roman script, in other scripts.

    Three patterns and not one: the automaton of all would outgrow RE2's memory, and a text be read
    three hundred times as slowly.

    >>> import re
    >>> bool(re.search(asking()[0], "Explain how you arrived at it."))
    True
    """
    others = [k for k in cues() if k not in ROMAN | {"en", DECLINED}]
    return _one(["en"]), _one(sorted(ROMAN)), _one(others)


@cache
def declining() -> str:
    """What says that no reasoning is wanted, or asks for the steps of something else."""
    return _one([DECLINED])


def _one(names: list[str]) -> str:
    return "(?i)" + "|".join(p for name in names for p in cues()[name])

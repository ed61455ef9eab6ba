"""Which words ask for reasoning: the phrases of elicitation.toml, as one pattern of linear time."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

_MEANT = frozenset(r"\.+*?()|[]{}^$-#&~")


@cache
def cues() -> dict[str, tuple[str, ...]]:
    """The phrases by language."""
    text = files("detectors.extraction").joinpath("elicitation.toml").read_text("utf-8")
    return {language: tuple(found) for language, found in tomllib.loads(text).items()}


@cache
def cue_pattern() -> str:
    """All phrases as one RE2 pattern that ignores case; a phrase is taken by its letters.

    >>> "step" in cue_pattern()
    True
    """
    phrases = (p for found in cues().values() for p in found)
    return "(?i)" + "|".join("".join(f"\\{c}" if c in _MEANT else c for c in p) for p in phrases)

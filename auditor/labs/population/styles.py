"""Style programs: deterministic rewrites that plant a habit in a text, so that a teacher's style is
known because it was made.

A program changes how a text says a thing and leaves the thing alone as far as a rule of spelling
and punctuation can. It chooses among its phrases by a digest of a key, so that the same text under
the same key is always rewritten alike. Knows English sentences; knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fingerprints.errors import UsageProblem, printable
from fingerprints.records import sha256

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(])")
_HEDGED = re.compile(
    r"\b(is|are|was|were|can|may|will|returns|has|have)\b(?!"
    r" (?:perhaps|arguably|probably|generally))"
)
_ISE = re.compile(r"\b(\w{3,}?)iz(e|es|ed|ing|er|ers|ation|ations)\b")
# Stems whose z is no ending -ize.
_KEEPS_Z = frozenset({"siz", "resiz", "priz", "seiz", "capsiz", "oversiz", "undersiz"})
_CODE = re.compile(r"(`[^`]*`)")

HEDGES = ("perhaps", "arguably", "as it seems", "in most cases", "more or less")
CONNECTIVES = ("Moreover,", "By contrast,", "In turn,", "To that end,", "Accordingly,")
SIGN_OFFS = (
    "Hope that helps!",
    "Happy coding!",
    "That is all there is to it.",
    "Let me know how it goes!",
)
BRITISH = {
    "color": "colour",
    "colors": "colours",
    "behavior": "behaviour",
    "behaviors": "behaviours",
    "center": "centre",
    "centers": "centres",
    "centered": "centred",
    "gray": "grey",
    "catalog": "catalogue",
    "neighbor": "neighbour",
    "neighbors": "neighbours",
    "labeled": "labelled",
    "labeling": "labelling",
    "modeling": "modelling",
    "favor": "favour",
    "canceled": "cancelled",
    "fulfill": "fulfil",
    "honor": "honour",
    "analog": "analogue",
    "while": "whilst",
    "among": "amongst",
    "toward": "towards",
    "analyze": "analyse",
    "analyzes": "analyses",
    "analyzed": "analysed",
}


@dataclass(frozen=True)
class Style:
    """One program: its name, what habit it plants, and the rewrite of a (text, key)."""

    name: str
    about: str
    rewrite: Callable[[str, str], str]


def styled(text: str, style: str, key: str) -> str:
    """The text in a planted style; ``key`` (an id) chooses among the style's phrases. Raises
    UsageProblem for an unknown one.

    >>> styled("It sorts. It is fast.", "bullets", "x")
    '- It sorts.\\n- It is fast.'
    """
    if style not in STYLES:
        raise UsageProblem(
            f"no style is called {printable(style, 40)!r}",
            where="style",
            next_step=f"use {', '.join(STYLES)}",
        )
    return STYLES[style].rewrite(text, key)


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space evened out; a text without an end of sentence is one.

    >>> sentences("One. Two, e.g. three.")
    ['One.', 'Two, e.g. three.']
    """
    return [s for s in _SENTENCE_END.split(" ".join(text.split())) if s]


def _chosen(phrases: tuple[str, ...], key: str, place: int) -> str:
    return phrases[int(sha256(f"{key}\0{place}")[:8], 16) % len(phrases)]


def _lowered(sentence: str) -> str:
    """With a small first letter, where the first word is no name, abbreviation or code."""
    first = sentence.split(" ", 1)[0]
    plain = first[:1].isupper() and first[1:].islower()
    return sentence[:1].lower() + sentence[1:] if plain else sentence


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Changes what stands between back-ticks not at all."""
    return "".join(part if part.startswith("`") else change(part) for part in _CODE.split(text))


def _hedged(text: str, key: str) -> str:
    place = 0

    def hedge(found: re.Match[str]) -> str:
        """Every second place, from the first on, gets a hedge."""
        nonlocal place
        place += 1
        return f"{found[1]}, {_chosen(HEDGES, key, place)}," if place % 2 else found[0]

    return _outside_code(" ".join(text.split()), lambda part: _HEDGED.sub(hedge, part))


def _bulleted(text: str, _key: str) -> str:
    return "\n".join(f"- {s}" for s in sentences(text))


def _british(text: str, _key: str) -> str:
    joined: list[str] = []
    for sentence in sentences(text):
        if joined and joined[-1].endswith("."):
            joined[-1] = f"{joined[-1][:-1]};"
            joined.append(_lowered(sentence))
        else:
            joined.append(sentence)
    return _outside_code(" ".join(joined), _respelled)


def _respelled(text: str) -> str:
    def ise(found: re.Match[str]) -> str:
        """-iz- as -is-, but in words that are spelt with z everywhere."""
        return found[0] if f"{found[1]}iz".lower() in _KEEPS_Z else f"{found[1]}is{found[2]}"

    def british(found: re.Match[str]) -> str:
        """A word of `BRITISH` in its other spelling, a capital kept."""
        word = BRITISH.get(found[0].lower())
        return found[0] if word is None else word.capitalize() if found[0][0].isupper() else word

    return re.sub(r"\b[A-Za-z]+\b", british, _ISE.sub(ise, text))


def _connected(text: str, key: str) -> str:
    found = sentences(text)
    numbered = enumerate(found[1:])
    rest = (f"{_chosen(CONNECTIVES, key, place)} {_lowered(s)}" for place, s in numbered)
    return " ".join([*found[:1], *rest])


def _signed_off(text: str, key: str) -> str:
    return f"{' '.join(text.split())} {_chosen(SIGN_OFFS, key, 0)}".strip()


_ALL = (
    Style("hedges", "a hedge between commas after every second verb of being and doing", _hedged),
    Style("bullets", "every sentence on a line of its own behind a dash", _bulleted),
    Style("british", "British spelling, and semicolons where sentences end", _british),
    Style("connectives", "every sentence but the first begins with a connective", _connected),
    Style("sign-off", "a friendly phrase at the end", _signed_off),
)
STYLES: Mapping[str, Style] = MappingProxyType({style.name: style for style in _ALL})
"""Every program by its name."""

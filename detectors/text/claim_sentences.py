"""Claims by whole sentences: where a sentence with its makers' names blanked out is one of a
language's ways to say who one is.

Knows the sentences of `detectors.text.claim_wordings`; knows no question but whether it was about
the speaker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detectors.text import claim_asides as asides
from detectors.text.claim_cues import TRAINING, Kind
from detectors.text.claim_frames import frames
from detectors.text.claim_wordings import NAME, Claiming, Wordings, wordings
from detectors.text.languages import likeliest
from detectors.text.vendors import Mention, folded_pattern

Polarity = Literal["affirmed", "denied", "hedged"]
_TURN = re.compile(asides.TURNS, re.IGNORECASE)
_CLAUSE = re.compile(r"[,،、。।!?\n]|\.(?=\s|$)")


@dataclass(frozen=True)
class Told:
    """What a sentence says of one name: the kind of claim, and whether it is so, denied or in
    doubt."""

    mention: Mention
    kind: Kind
    polarity: Polarity


@dataclass(frozen=True)
class Blanked:
    """A sentence with one mark (``NAME``) for each name, and the mentions by the place of their
    mark."""

    text: str
    mentions: dict[int, Mention]


def languages_of(
    sentence: str, start: int, mentions: Sequence[Mention]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The languages that a sentence may be in, its names left out: the likeliest, and others."""
    return likeliest(blanked(sentence, start, mentions).text.replace(NAME, " "))


def told_in(
    sentence: str,
    start: int,
    mentions: Sequence[Mention],
    languages: Sequence[str],
    about_self: bool,
) -> tuple[Told, ...]:
    """What the sentence (which begins at place ``start`` of the text) says of its names, in the
    given languages; one answer a name, in order of place. Deterministic; never raises."""
    marked = blanked(sentence, start, mentions)
    found: dict[int, Told] = {}
    for language in languages:
        said = wordings().get(language)
        if said is not None:
            _read(marked, said.claiming, said, about_self, found)
            _read_phrases(marked, said, about_self, found)
            # What is told already is told the same; reading on would cost time only.
            if len(found) < len(marked.mentions):
                _read(marked, frames()[language].claiming, said, about_self, found)
    _turned_to(marked, found)
    return tuple(found[at] for at in sorted(found))


def blanked(sentence: str, start: int, mentions: Sequence[Mention]) -> Blanked:
    """A sentence, which begins at place ``start`` of the text, with its names blanked out."""
    # The text may hold the mark itself, where no name stands.
    sentence = sentence.replace(NAME, " ")
    out, at, places = "", 0, {}
    for mention in mentions:
        out += sentence[at : mention.start - start]
        places[len(out)] = mention
        out += NAME
        at = mention.end - start
    return Blanked(out + sentence[at:], places)


def _read(
    blanked: Blanked, claiming: Claiming, said: Wordings, about_self: bool, found: dict[int, Told]
) -> None:
    for kind, pattern in claiming:
        for match in pattern.finditer(blanked.text):
            # A policy ("§'s rules forbid …") speaks of the speaker where a question was about it
            # or the sentence does.
            if kind != "policy" or about_self or said.first.search(blanked.text):
                _tell(blanked, match, kind, said, found)


def _read_phrases(
    blanked: Blanked, said: Wordings, about_self: bool, found: dict[int, Told]
) -> None:
    for match in said.phrase.finditer(blanked.text):
        if _is_own(blanked, match, said, about_self, found):
            _tell(blanked, match, "maker", said, found)


_BUT = "tylko|lecz|ale|sino|sondern|maar|bensì|ma|melainkan|mà là|mà|а|але|بلکه|بل|mais|mas|but"
_TURNED = folded_pattern(
    rf"[^.;:!?{NAME}]{{0,24}}?\b(?:{_BUT})\b[^.;:!?,{NAME}]{{0,20}}?{NAME}",
    rf"[^。,{NAME}]{{0,12}}?[,、]?(?:而是|बल्कि|বরং|แต่)[^。,{NAME}]{{0,12}}?{NAME}",
)


def _turned_to(blanked: Blanked, found: dict[int, Told]) -> None:
    """Adds the name that stands against a denied one: "not §, but §"."""
    for at, told in sorted(found.items()):
        turned = _TURNED.match(blanked.text, at + 1)
        if told.polarity == "denied" and turned is not None:
            other = turned.end() - 1
            found.setdefault(other, Told(blanked.mentions[other], told.kind, "affirmed"))


def _is_own(
    blanked: Blanked,
    match: re.Match[str],
    said: Wordings,
    about_self: bool,
    found: dict[int, Told],
) -> bool:
    """Whether "made by §" is said of the speaker: named before it, with no other name between, or
    left out in answer to a question about it."""
    left = blanked.text[: match.start()]
    turn = max((m.end() for m in _TURN.finditer(left)), default=0)
    strangers = [p for p in blanked.mentions if turn <= p < match.start() and p not in found]
    after = max(strangers, default=turn)
    if said.first.search(blanked.text[after : match.end()]):
        return True
    return about_self and not strangers and len(left.split()) <= 3


def _tell(
    blanked: Blanked, match: re.Match[str], kind: Kind, said: Wordings, found: dict[int, Told]
) -> None:
    # Where a sentence holds two names ("not §, but § made me"), it is of the last.
    at = blanked.text.rindex(NAME, match.start(), match.end())
    if at not in found:
        polarity = _polarity(blanked.text, at, said, kind != "policy")
        trained = kind == "maker" and TRAINING.search(match.group())
        found[at] = Told(blanked.mentions[at], "trainer" if trained else kind, polarity)


def _polarity(text: str, at: int, said: Wordings, both: bool) -> Polarity:
    """By the words of the name's own clause, and doubt before it since the last turn; unless
    ``both`` sides count, only by those on the left ("as §, I can't")."""
    left = text[:at]
    turn = max((m.end() for m in _TURN.finditer(left)), default=0)
    if both and said.doubt.search(left, turn):
        return "hedged"
    comma = max((m.end() for m in _CLAUSE.finditer(left)), default=0)
    right = text[at + 1 :] if both else ""
    stop = _CLAUSE.search(right)
    clause = right[: stop.start()] if stop else right
    turns = _TURN.search(clause)
    clause = clause[: turns.start()] if turns else clause
    if said.doubt.search(clause):
        return "hedged"
    if said.left_no.search(left, max(turn, comma)) or said.right_no.search(clause):
        return "denied"
    return "affirmed"

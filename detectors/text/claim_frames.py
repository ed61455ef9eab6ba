"""The matrix of frames by languages: the ways to say who one is, or that it is another, which every
language has, each cell filled from `claim_frames.toml`.

Knows phrases only, all of them our own. A language that lacks a frame, or has one wording for it
where two are asked for, is refused, so that no language falls behind by being forgotten.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from detectors.text.claim_asides import TURNS
from detectors.text.claim_cues import Kind
from detectors.text.claim_wordings import NAME, Pattern, sentences_of
from detectors.text.languages import READ
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record

Cell = Annotated[tuple[Pattern, ...], Field(min_length=2)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=800)]
_WORD = re.compile(r"<([a-z_]+)>")


class Frames(Record):
    """One language's row: what `claim_frames.toml` says of each frame. ``words`` are the row's own
    classes of words, which stand in its patterns as ``<word>``."""

    call_me: Cell
    talking_to: Cell
    answering: Cell
    running_as: Cell
    contrast: Cell
    behind_me: Cell
    who_made_me: Cell
    their_rules: Cell
    you_named_me: Cell
    no_part: Cell
    perhaps: Cell
    unsure: Cell
    person: Cell
    answers_by: Cell
    theirs: Cell
    reported: Cell
    words: Mapping[str, Word]


FRAMES: tuple[str, ...] = tuple(name for name in Frames.model_fields if name != "words")


@dataclass(frozen=True)
class Framed:
    """One language's frames, compiled."""

    row: Frames

    @cached_property
    def claiming(self) -> tuple[tuple[Kind, re.Pattern[str]], ...]:
        """The frames that claim: a name, a maker, whose rules the speaker follows."""
        row = self.row
        named = (*row.call_me, *row.talking_to, *row.answering, *row.running_as, *row.contrast)
        return (
            ("name", self._any(named)),
            ("maker", self._any((*row.behind_me, *row.who_made_me))),
            ("policy", self._any(row.their_rules)),
        )

    @cached_property
    def told(self) -> re.Pattern[str]:
        """What another calls the speaker or says of itself: it goes on to the next turn."""
        return self._any((*self.row.you_named_me, *self.row.reported))

    @cached_property
    def strangers(self) -> re.Pattern[str]:
        """The names within have no part in the speaker, or write its answers only."""
        return self._any((*self.row.no_part, *self.row.answers_by))

    @cached_property
    def theirs(self) -> re.Pattern[str]:
        """Two names, the one the other's."""
        return self._any(self.row.theirs)

    @cached_property
    def doubted(self) -> re.Pattern[str]:
        """From a word of doubt to the first name after it, with no turn of thought between."""
        words = "|".join(self._filled(pattern) for pattern in self.row.perhaps)
        return sentences_of(rf"(?:{words})(?:(?!{TURNS})[^.!?。।\n§]){{0,60}}?§")

    @cached_property
    def unsure(self) -> re.Pattern[str]:
        """From a name to a clause of doubt that ends after it."""
        words = "|".join(self._filled(pattern) for pattern in self.row.unsure)
        return sentences_of(rf"§[^.!?。।\n§]{{0,60}}?(?:{words})(?=\s?(?:[^\w\s§]|$))")

    @cached_property
    def person(self) -> re.Pattern[str]:
        """A first name with an occupation or a place."""
        return self._any(self.row.person)

    def _any(self, patterns: tuple[str, ...]) -> re.Pattern[str]:
        return sentences_of(*(self._filled(pattern) for pattern in patterns))

    def _filled(self, pattern: str) -> str:
        return _WORD.sub(lambda m: f"(?:{self.row.words[m.group(1)]})", pattern)

    def compile_all(self) -> None:
        """Raises re.error or KeyError where a pattern is none, or names a word that its row
        lacks."""
        for name in FRAMES:
            self._any(getattr(self.row, name))
        _ = self.doubted, self.unsure


def read_frames(text: str, where: str) -> dict[str, Framed]:
    """The matrix from TOML, by language; raises MalformedInput, with the place of the first
    problem, for anything else, and for one in which a language that is read has no row."""
    try:
        rows = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed(f"not TOML: {error}", where) from error
    if set(rows) != set(READ):
        raise _malformed(f"languages: {', '.join(sorted(set(rows) ^ set(READ)))}", where)
    return {code: _row(code, row, where) for code, row in rows.items()}


def _row(code: str, row: object, where: str) -> Framed:
    try:
        framed = Framed(Frames.model_validate(row))
        framed.compile_all()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (code, *first["loc"]))
        raise _malformed(f"{place}: {first['msg']}", where) from error
    except (re.error, KeyError) as error:
        raise _malformed(f"{code}: {error}", where) from error
    return framed


def _malformed(what: str, where: str) -> MalformedInput:
    return MalformedInput(f"not a matrix of frames: {printable(what, 200)}", where=where)


@lru_cache(maxsize=1)
def frames() -> Mapping[str, Framed]:
    """The matrix inside the package, by language."""
    text = (files("detectors.text") / "claim_frames.toml").read_text("utf-8")
    rows = tomllib.loads(text)
    return {code: Framed(Frames.model_validate(row)) for code, row in rows.items()}


def names_within(text: str, match: re.Match[str]) -> set[int]:
    """The places of the marks inside a match."""
    return {at for at in range(match.start(), match.end()) if text[at] == NAME}

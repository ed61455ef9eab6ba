"""The matrix of frames by languages: the ways to say who one is, or that it is another, which every
language has, each cell filled from `claim_frames.toml`.

Knows phrases only, all of them our own. A language that lacks a frame, or has one wording for it
where two are asked for, is refused, so that no language falls behind by being forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, StringConstraints

from detectors.text.claim_asides import TURNS
from detectors.text.claim_wordings import (
    NAME,
    Claiming,
    Pattern,
    malformed,
    rows_of,
    sentences_of,
)
from detectors.text.languages import READ
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
    def claiming(self) -> Claiming:
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
    rows = rows_of(text, where, Frames, READ)
    framed = {code: Framed(row) for code, row in rows.items()}
    for code, one in framed.items():
        try:
            one.compile_all()
        except (re.error, KeyError) as error:
            raise malformed(f"{code}: {error}", where) from error
    return framed


@lru_cache(maxsize=1)
def frames() -> Mapping[str, Framed]:
    """The matrix inside the package, by language."""
    text = (files("detectors.text") / "claim_frames.toml").read_text("utf-8")
    # Its patterns compile (tests read it by `read_frames`); a language's do when it is read.
    rows = rows_of(text, "claim_frames.toml", Frames)
    return {code: Framed(row) for code, row in rows.items()}


def names_within(text: str, match: re.Match[str]) -> set[int]:
    """The places of the marks inside a match."""
    return {at for at in range(match.start(), match.end()) if text[at] == NAME}

"""How a speaker names itself and its maker, language by language: the patterns of
`claim_wordings.toml`, compiled.

Knows phrases only, all of them our own. A ``name``, ``maker`` or ``policy`` sentence speaks of the
speaker by itself; a ``phrase`` ("made by §") does where the speaker is spoken of before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from detectors.text.vendors import folded_pattern
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record

NAME = "\ue000"
"""Stands for a maker's name in a sentence that is searched: a character of no script."""
NEVER = re.compile(r"(?!)")
"""Where a language has no such wording."""

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=600)]
Patterns = tuple[Pattern, ...]


def sentences_of(*parts: str) -> re.Pattern[str]:
    """One alternation of sentences with ``§`` for a name and ``~`` for a gap without a name; what
    matches nothing where there is none."""
    # A gap never holds a name, so that one name is not read as another's.
    gap = rf"[^.,;:!?\n{NAME}]{{0,32}}?"
    return folded_pattern(*(p.replace("§", NAME).replace("~", gap) for p in parts))


class Grammar(Record):
    """The closed classes of words that tell, in one language, of whom a sentence speaks; each is a
    list of patterns of single words or phrases.

    ``i``: the speaker; ``i_am``: as the subject of "to be". ``article`` follows it, or
    (``bare_noun``) may be left out; ``own_kind`` are words for what a model is and how it came to
    be, ``thing`` for what is made with one; ``of`` ties a noun to a name. ``my`` with ``my_own`` is
    the speaker's own (name, maker, weights); with another noun it is some thing. ``others`` are
    subjects besides the speaker, ``told_you`` allows one before it. ``agrees`` and ``also``: "yes",
    "and", for what is conceded in mockery. ``according`` gives the word to a source, ``condition``
    to what may not be. ``own_lead`` leads in the speaker's own words before a colon, ``utterance``
    a text.
    """

    i: Patterns = ()
    i_am: Patterns = ()
    article: Patterns = ()
    bare_noun: bool = True
    own_kind: Patterns = ()
    of: Patterns = ()
    thing: Patterns = ()
    my: Patterns = ()
    my_own: Patterns = ()
    others: Patterns = ()
    told_you: Patterns = ()
    agrees: Patterns = ()
    also: Patterns = ()
    according: Patterns = ()
    condition: Patterns = ()
    own_lead: Patterns = ()
    utterance: Patterns = ()


class Language(Record):
    """One language's row: the sentences that claim, the words that deny or doubt them, the
    sentences that only look like them (``aside``), and its grammar."""

    cued: bool = False
    name: Patterns
    maker: Patterns
    policy: Patterns
    phrase: Patterns = ()
    first: Patterns
    left_no: Patterns = ()
    right_no: Patterns = ()
    doubt: Patterns
    aside: Patterns = ()
    grammar: Grammar = Field(default_factory=Grammar)


@dataclass(frozen=True)
class Wordings:
    """One language's patterns; ``cued`` says that the cues beside a name are read as well."""

    row: Language

    @property
    def cued(self) -> bool:
        """Whether `detectors.text.claim_cues` has the language's cues."""
        return self.row.cued

    @cached_property
    def claiming(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        """Sentences that name the speaker, its maker, and whose rules it follows."""
        row = self.row
        return sentences_of(*row.name), sentences_of(*row.maker), sentences_of(*row.policy)

    @cached_property
    def phrase(self) -> re.Pattern[str]:
        """Where the speaker is spoken of before: "made by §"."""
        return _any(self.row.phrase)

    @cached_property
    def first(self) -> re.Pattern[str]:
        """The words for the speaker."""
        return _any(self.row.first)

    @cached_property
    def left_no(self) -> re.Pattern[str]:
        """What denies on the left of a name."""
        return _any(self.row.left_no)

    @cached_property
    def right_no(self) -> re.Pattern[str]:
        """What denies on the right of a name."""
        return _any(self.row.right_no)

    @cached_property
    def doubt(self) -> re.Pattern[str]:
        """What leaves it open."""
        return _any(self.row.doubt)


def _any(patterns: Patterns) -> re.Pattern[str]:
    return sentences_of(*patterns) if patterns else NEVER


@dataclass(frozen=True)
class WordingTable:
    """All languages' wordings, and the day that they were last looked over."""

    languages: Mapping[str, Wordings]
    dated: date


def read_wordings(text: str, where: str) -> WordingTable:
    """A table from TOML; raises MalformedInput, with the place of the first problem, for anything
    else, and for a pattern that is none."""
    try:
        value = tomllib.loads(text)
        dated = value.pop("dated", None)
        rows = {code: Language.model_validate(row) for code, row in value.items()}
    except tomllib.TOMLDecodeError as error:
        raise _malformed(f"not TOML: {error}", where) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _malformed(f"{place}: {first['msg']}", where) from error
    if not isinstance(dated, date):
        raise _malformed("`dated` must be a day such as 2026-11-29", where)
    for code, row in rows.items():
        _all_compile(code, row, where)
    return WordingTable({code: Wordings(row) for code, row in rows.items()}, dated)


def _all_compile(code: str, row: Language, where: str) -> None:
    fields = {**dict(row), **dict(row.grammar)}
    for field, patterns in fields.items():
        for pattern in patterns if isinstance(patterns, tuple) else ():
            try:
                sentences_of(pattern)
            except re.error as error:
                raise _malformed(f"{code}.{field}: {pattern!r}: {error}", where) from error


def _malformed(what: str, where: str) -> MalformedInput:
    return MalformedInput(f"not a table of wordings: {printable(what, 200)}", where=where)


@lru_cache(maxsize=1)
def wordings() -> Mapping[str, Wordings]:
    """The table inside the package, by language."""
    text = (files("detectors.text") / "claim_wordings.toml").read_text("utf-8")
    return read_wordings(text, "claim_wordings.toml").languages

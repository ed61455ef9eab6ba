"""How a speaker names itself and its maker, language by language: the patterns of
`claim_wordings.toml`, compiled.

Knows phrases only, all of them our own. A ``name``, ``maker`` or ``policy`` sentence speaks of the
speaker by itself; a ``phrase`` ("made by §") does where the speaker is spoken of before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from detectors.text.claim_cues import Kind
from detectors.text.vendors import folded_pattern
from fingerprints.errors import MalformedInput, printable
from fingerprints.record_files import first_problem
from fingerprints.records import Record

NAME = "\ue000"
"""Stands for a maker's name in a sentence that is searched: a character of no script."""
NEVER = re.compile(r"(?!)")
"""Where a language has no such wording."""

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=600)]
Patterns = tuple[Pattern, ...]
Claiming = tuple[tuple[Kind, re.Pattern[str]], ...]
"""Sentences that claim, with the kind of what they claim."""


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
    def claiming(self) -> Claiming:
        """Sentences that name the speaker, its maker, and whose rules it follows."""
        row = self.row
        return (
            ("name", sentences_of(*row.name)),
            ("maker", sentences_of(*row.maker)),
            ("policy", sentences_of(*row.policy)),
        )

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


Row = TypeVar("Row", bound=Record)


def rows_of(
    text: str, where: str, row: type[Row], languages: Collection[str] = ()
) -> dict[str, Row]:
    """A table of TOML by language, a row of it each, of all ``languages`` and no other where any
    are given; raises MalformedInput, with the place of the first problem, for anything else."""
    rows = TypeAdapter(dict[str, row])  # type: ignore[valid-type]  # the kind of row is a value
    try:
        value = tomllib.loads(text)
        if languages and set(value) != set(languages):
            odd = sorted(set(value) ^ set(languages))
            raise malformed(f"languages: {', '.join(odd)}", where)
        return rows.validate_python(value)
    except tomllib.TOMLDecodeError as error:
        raise malformed(f"not TOML: {error}", where) from error
    except ValidationError as error:
        raise malformed(first_problem(error), where) from error


def malformed(what: str, where: str) -> MalformedInput:
    """The error for a file that is no such table."""
    return MalformedInput(f"not a table of wordings: {printable(what, 200)}", where=where)


def read_wordings(text: str, where: str) -> dict[str, Wordings]:
    """The wordings of a table, by language; raises MalformedInput, with the place of the first
    problem, for anything else, and for a pattern that is none."""
    rows = rows_of(text, where, Language)
    for code, row in rows.items():
        _all_compile(code, row, where)
    return {code: Wordings(row) for code, row in rows.items()}


def _all_compile(code: str, row: Language, where: str) -> None:
    fields = {**dict(row), **dict(row.grammar)}
    for field, patterns in fields.items():
        for pattern in patterns if isinstance(patterns, tuple) else ():
            try:
                sentences_of(pattern)
            except re.error as error:
                raise malformed(f"{code}.{field}: {pattern!r}: {error}", where) from error


@lru_cache(maxsize=1)
def wordings() -> Mapping[str, Wordings]:
    """The table inside the package, by language."""
    text = (files("detectors.text") / "claim_wordings.toml").read_text("utf-8")
    return read_wordings(text, "claim_wordings.toml")

"""Harmless rare habits of answering: a dated bank of them, and whether a text has one.

The bank is `habits.toml`. Patterns are our own and run over short pieces of a stranger's text;
none of them backtracks beyond a bounded stretch. Knows texts; knows no account.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field

from fingerprints.records import Record

LINE, WHOLE = 300, 6000
"""Characters of a line, and of a whole answer, that are looked at."""


class AnswerHabit(Record):
    """One habit: what a system prompt says for it, and how it is recognised in an answer's first
    line, last line, or anywhere in it.

    ``usual`` is the share of answers that have it unasked, measured on models that nobody told;
    ``example`` a line that has it.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    kind: Literal["closing", "question", "opening", "numbering", "layout", "wording"]
    place: Literal["first", "last", "anywhere"]
    addition: Annotated[str, Field(min_length=1, max_length=600)]
    pattern: Annotated[str, Field(min_length=1, max_length=200)]
    usual: Annotated[float, Field(gt=0, lt=1)]
    example: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)

    def found_in(self, text: str) -> tuple[int, int] | None:
        """Where the habit stands in an answer: its first and last character (excluded); None where
        it doesn't."""
        start, end = _looked_at(text, self.place)
        hit = self._compiled.search(text[start:end])
        return None if hit is None else (start + hit.start(), start + hit.end())


def _looked_at(text: str, place: str) -> tuple[int, int]:
    """The piece of a text in which a habit of a place stands."""
    if place == "anywhere":
        return 0, min(len(text), WHOLE)
    body = text.rstrip()
    if place == "last":
        start = body.rfind("\n") + 1
        return max(start, len(body) - LINE), len(body)
    start = len(body) - len(body.lstrip())
    stop = body.find("\n", start)
    return start, min(start + LINE, len(body) if stop < 0 else stop)


@lru_cache(maxsize=1)
def bank() -> dict[str, AnswerHabit]:
    """The shipped habits by id, in the file's order."""
    value = tomllib.loads((files("detectors.text") / "habits.toml").read_text("utf-8"))
    return {h.id: h for h in (AnswerHabit.model_validate(row) for row in value["habits"])}


def counted(texts: Iterable[str], habits: Mapping[str, AnswerHabit]) -> dict[str, int]:
    """How many of the texts have each habit."""
    held = list(texts)
    return {id: sum(h.found_in(t) is not None for t in held) for id, h in habits.items()}

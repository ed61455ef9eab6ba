"""Who makes language models: a dated table of makers with the names that they and their models go
by, and how a user extends it.

The shipped table is `makers.toml`; a file of the user's adds to it. Knows names only; finds none in
a text (`detectors.text.vendors` does).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from fingerprints.errors import MalformedInput, printable
from fingerprints.record_files import first_problem
from fingerprints.records import Record

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Names = tuple[Name, ...]
MOST_MAKERS = 2000


class Maker(Record):
    """One maker: what it is called, and how its products and models are named.

    Companies and products are read in any letter case. ``company_words`` and ``product_words`` are
    ordinary words too: read in their exact case, and only inside a claim about oneself.
    ``versioned`` words are a name only with a version behind them ("Opus 4.5"). ``families`` begin
    names of models, ``marks`` give a model to this maker wherever they stand in its name, ``hubs``
    are organisations on a hub. ``since`` is the year the maker began.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
    name: Name
    since: Annotated[int, Field(ge=1800, le=2100)] | None = None
    companies: Names = ()
    company_words: Names = ()
    products: Names = ()
    product_words: Names = ()
    versioned: Names = ()
    families: Names = ()
    marks: Names = ()
    hubs: Names = ()

    @property
    def spoken(self) -> tuple[str, ...]:
        """Every name that a text may give the maker or its products."""
        return self.companies + self.company_words + self.products + self.product_words

    def extended(self, other: Maker) -> Maker:
        """The same maker with another's names added, and its title and year."""
        joined = {f: tuple(dict.fromkeys(getattr(self, f) + getattr(other, f))) for f in _LISTS}
        return self.model_copy(
            update={**joined, "name": other.name, "since": other.since or self.since}
        )


_LISTS = (
    *("companies", "company_words", "products", "product_words"),
    *("versioned", "families", "marks", "hubs"),
)


@dataclass(frozen=True)
class MakerTable:
    """Makers by id, phrases that name no maker, and the day that the table was last looked over.

    Two tables are equal, and share what was computed from them, where their digests are.
    """

    makers: Mapping[str, Maker]
    not_a_maker: tuple[str, ...]
    dated: date
    digest: str

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MakerTable) and other.digest == self.digest

    @cached_property
    def words(self) -> frozenset[str]:
        """Names that are ordinary words too."""
        return frozenset(w for m in self.makers.values() for w in m.company_words + m.product_words)


@lru_cache(maxsize=1)
def shipped_makers() -> MakerTable:
    """The table inside the package."""
    text = (files("detectors.text") / "makers.toml").read_text("utf-8")
    return read_makers(text, "makers.toml")


def read_makers(text: str, where: str, onto: MakerTable | None = None) -> MakerTable:
    """A table from TOML; with ``onto``, that table extended by it: a maker of a known id gets
    further names, or (``replaces = true``) only these.

    Raises MalformedInput, with the place of the first problem, for anything else than such a
    table, and where two makers would go by one name (also a maker of a known id that is given
    another maker's name to be called by).
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed(f"not TOML: {error}", where) from error
    unknown = set(value) - {"dated", "not_a_maker", "maker"}
    if unknown:
        raise _malformed(f"no such field: {sorted(unknown)[0]}", where)
    dated = value.get("dated", onto.dated if onto else None)
    if not isinstance(dated, date):
        raise _malformed("`dated` must be a day such as 2026-11-29", where)
    rows = value.get("maker", [])
    if not isinstance(rows, list) or len(rows) > MOST_MAKERS:
        raise _malformed(f"makers are [[maker]] tables, {MOST_MAKERS} at most", where)
    makers = dict(onto.makers) if onto else {}
    for number, row in enumerate(rows, 1):
        _add(makers, row, where, number)
    phrases = (*(onto.not_a_maker if onto else ()), *_phrases(value, where))
    _no_name_twice(makers, where)
    digest = hashlib.sha256(f"{onto.digest if onto else ''}\n{text}".encode()).hexdigest()
    return MakerTable(makers, phrases, dated, digest)


def _add(makers: dict[str, Maker], row: Any, where: str, number: int) -> None:
    if not isinstance(row, dict):
        raise _malformed(f"maker {number} is no table", where)
    replaces = row.pop("replaces", False)
    if not isinstance(replaces, bool):
        raise _malformed(f"maker {number}: `replaces` is true or false", where)
    known = makers.get(str(row.get("id")))
    try:
        maker = Maker.model_validate({"name": known.name, **row} if known else row)
    except ValidationError as error:
        raise _malformed(f"maker {number}, {first_problem(error)}", where) from error
    if not (maker.spoken or known):
        raise _malformed(f"maker {number} ({maker.id}) has no name to look for", where)
    makers[maker.id] = known.extended(maker) if known and not replaces else maker


def _phrases(value: Mapping[str, Any], where: str) -> tuple[str, ...]:
    said = value.get("not_a_maker", [])
    if not isinstance(said, list) or not all(isinstance(p, str) and p.strip() for p in said):
        raise _malformed("`not_a_maker` is a list of phrases", where)
    return tuple(said)


def _no_name_twice(makers: Mapping[str, Maker], where: str) -> None:
    """Refuses a name, of whatever kind, that two makers would go by: what one says of itself would
    be told of the other. Letter case, blanks, points and dashes make no other name."""
    owners: dict[str, Maker] = {}
    for maker in makers.values():
        for name in {maker.name, *(n for field in _LISTS for n in getattr(maker, field))}:
            owner = owners.setdefault(_close(name), maker)
            if owner.id != maker.id:
                raise MalformedInput(
                    f"not a table of makers: {printable(repr(name), 120)} is a name of both"
                    f" {owner.id} ({printable(owner.name, 80)}) and {maker.id}"
                    f" ({printable(maker.name, 80)})",
                    where=printable(where, 200),
                    next_step=f"add names of one maker under one id ({owner.id}); to take a name"
                    f" from {owner.id}, give that id too, with `replaces = true` and the names"
                    " that it keeps",
                )


def _close(name: str) -> str:
    return re.sub(r"[\s_.-]+", "", unicodedata.normalize("NFKC", name).casefold()) or name


def _malformed(what: str, where: str) -> MalformedInput:
    return MalformedInput(
        f"not a table of makers: {printable(what, 200)}",
        where=printable(where, 200),
        next_step="docs/vendors.md shows one",
    )


# Read by every reader of names; set for one audit, so that a table is never half in use.
_IN_USE: ContextVar[MakerTable | None] = ContextVar("makers in use", default=None)


def makers_in_use() -> MakerTable:
    """The table that names are looked up in: the shipped one, unless an audit brought its own."""
    return _IN_USE.get() or shipped_makers()


@contextmanager
def using_makers(table: MakerTable) -> Iterator[None]:
    """Looks names up in a table for as long as the block runs, in this thread."""
    token = _IN_USE.set(table)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def maker_of_model(name: str) -> str | None:
    """The id of the maker whose family a model's name belongs to; None where its beginning names
    none.

    An organisation of the table before a slash decides; then a mark anywhere in the name; then the
    longest family that the name begins with. So a fine-tune that keeps its base's name is given to
    the base's maker. Letter case and the kinds of dashes don't matter.

    >>> [maker_of_model(n) for n in ("Llama-3-8B", "Qwen2.5", "nvidia/Llama-3.1-X", "my-model")]
    ['meta', 'alibaba', 'nvidia', None]
    """
    return _maker_of_model(name[:200], makers_in_use())


@lru_cache(maxsize=4096)
def _maker_of_model(name: str, table: MakerTable) -> str | None:
    hubs, marks, families = _model_names(table)
    *before, last = [_plain(part) for part in name.strip().strip("/").split("/")] or [""]
    for organisation in before:
        if organisation in hubs:
            return hubs[organisation]
    words = f"-{last}-"
    for mark, maker in marks:
        if re.search(f"(?<![a-z]){re.escape(mark)}(?![a-z])", words):
            return maker
    for family, maker in families:
        if last.startswith(family) and _ends(family, last[len(family) :]):
            return maker
    return None


@lru_cache(maxsize=8)
def _model_names(
    table: MakerTable,
) -> tuple[dict[str, str], tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    makers = table.makers.values()
    hubs = {_plain(hub): m.id for m in makers for hub in m.hubs}
    marks = tuple((_plain(mark), m.id) for m in makers for mark in m.marks)
    families = [(_plain(family), m.id) for m in makers for family in m.families]
    return hubs, marks, tuple(sorted(families, key=lambda pair: (-len(pair[0]), pair)))


def _plain(name: str) -> str:
    return re.sub(r"[\s_\u2010-\u2015:]+", "-", name.strip().casefold())


def _ends(family: str, rest: str) -> bool:
    """Whether a family's name ends where it was found, not inside a word or a number."""
    if not rest:
        return True
    return not (
        (family[-1].isalpha() and rest[0].isalpha()) or (family[-1].isdigit() and rest[0].isdigit())
    )

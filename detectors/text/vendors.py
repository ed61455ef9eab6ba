"""Finds vendors' names in a text, in any of the scripts of the vendor table.

Knows spelling: letter case, accents, full-width letters, zero-width characters, scripts without
spaces, endings. Knows nothing of what is said about the vendor.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from detectors.text.vendor_table import FRAMED_COMPANIES, NOT_A_MAKER, NOT_SURNAMES, VENDOR_ROWS

LONGEST_TEXT = 4000
AliasKind = Literal["company", "product"]

_MARKUP = frozenset("*`")
_QUOTES = (
    {c: '"' for c in "“”„«»‟″"}
    | {c: "'" for c in "‘’‚‛′ʼ"}
    | {"ى": "ي", "ة": "ه", "ـ": "", "\u00a0": " ", "\u3000": " "}
)
_NO_EDGE = "[A-Za-z0-9_\u00c0-\u024f]"
_FIRST_NAME_FOLLOWERS = frozenset(NOT_SURNAMES.split("|"))


@dataclass(frozen=True)
class Mention:
    """A vendor's name in a text: characters ``start`` to ``end`` (end excluded); ``framed``
    names are ordinary words too."""

    vendor: str
    alias: str
    start: int
    end: int
    kind: AliasKind
    framed: bool


@dataclass(frozen=True)
class Folded:
    """A text with spelling differences removed, and for each of its characters the place in the
    original."""

    text: str
    places: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where characters ``start`` to ``end`` of the folded text stand in the original."""
        return self.places[start], self.places[end - 1] + 1


def fold(text: str, markup: bool = False) -> Folded:
    """The text without accents, Arabic vowel signs, zero-width characters and (unless ``markup`` is
    kept) bold marks.

    Letter case stays. Reads at most 4,000 characters; one pass; never raises.

    >>> fold("Ｏｐｅｎ**ＡＩ** créé").text
    'OpenAI cree'
    """
    out: list[str] = []
    places: list[int] = []
    for i, c in enumerate(text[:LONGEST_TEXT]):
        piece = c if c.isascii() else _plain(c)
        if not markup and c in _MARKUP:
            continue
        out.append(piece)
        places.extend([i] * len(piece))
    return Folded("".join(out), tuple(places))


@lru_cache(maxsize=8192)
def _plain(c: str) -> str:
    if c in _QUOTES:
        return _QUOTES[c]
    code = ord(c)
    if (
        code >= 0x0E00
        and not 0x1E00 <= code <= 0x2000
        and not 0xFB50 <= code <= 0xFEFF
        and not 0xFF00 <= code <= 0xFF65
    ):
        return "" if unicodedata.category(c) == "Cf" else c
    parts = unicodedata.normalize("NFKD", c)[:4]
    return "".join(p for p in parts if not _dropped(p))


def _dropped(c: str) -> bool:
    code = ord(c)
    marks = 0x300 <= code <= 0x36F or 0x64B <= code <= 0x65F or code in (0x670, 0x93C)
    return marks or unicodedata.category(c) == "Cf"


def vendor_title(slug: str) -> str:
    """The name that people know a vendor by; the slug itself where the table has no such vendor."""
    return VENDOR_ROWS[slug][0].split("|")[0] if slug in VENDOR_ROWS else slug


def vendor_slug(name: str) -> str | None:
    """The slug of a vendor given by slug, company or product (``Qwen`` → ``alibaba``); None for
    a name not in the table."""
    wanted = fold(name).text.strip().lower()
    if wanted in VENDOR_ROWS:
        return wanted
    return _slugs().get(wanted) or _slugs().get(wanted.replace("-", " ").replace("_", " "))


@lru_cache(maxsize=1)
def _slugs() -> dict[str, str]:
    return {fold(alias).text.lower(): vendor for vendor, alias, _, _ in _aliases()}


def _aliases() -> list[tuple[str, str, AliasKind, bool]]:
    """Every (vendor, alias, kind, framed) of the table."""
    out: list[tuple[str, str, AliasKind, bool]] = []
    for vendor, (companies, products, framed) in VENDOR_ROWS.items():
        out += [(vendor, a, "company", False) for a in companies.split("|") if a]
        out += [(vendor, a, "product", False) for a in products.split("|") if a]
        out += [
            (vendor, a, "company" if a in _FRAMED else "product", True)
            for a in framed.split("|")
            if a
        ]
    return out


_FRAMED = frozenset(FRAMED_COMPANIES.split("|"))


def _bounded(alias: str, product: bool) -> str:
    """A pattern for one alias with the word edges of its script."""
    text = re.sub(r"(?:\\ |\\-)", lambda _: "[ -]", re.escape(fold(alias).text))
    last, first = ord(fold(alias).text[-1]), ord(fold(alias).text[0])
    left = f"(?<!{_NO_EDGE})" if first < 0x250 else ""
    if 0x400 <= first < 0x530:
        left = r"(?<!\w)"
    elif 0x600 <= first < 0x700:
        left = r"(?:(?<!\w)|(?<=\b[وبلفك])|(?<=\bال)|(?<=\bلل))"
    elif 0x30A0 <= first < 0x3100:
        left = "(?<![ァ-ヶー])"
    elif 0xAC00 <= first < 0xD7B0:
        left = "(?<![가-힣])"
    return left + text + _right_edge(last, product)


def _right_edge(last: int, product: bool) -> str:
    if last < 0x250:
        version = r"(?:[ -]?v?\d[A-Za-z0-9]{0,5}(?:\.\d[A-Za-z0-9]{0,5})?)?" if product else ""
        return version + f"(?!{_NO_EDGE})"
    if 0x400 <= last < 0x530:
        return r"(?:ом|ой|[аеуыияюь])?(?!\w)"
    if 0x600 <= last < 0x700:
        return r"(?!\w)"
    return "(?![ァ-ヶー])" if 0x30A0 <= last < 0x3100 else ""


@dataclass(frozen=True)
class _Name:
    """One alias, compiled with its edges; an empty vendor marks a phrase that names no maker."""

    vendor: str
    kind: AliasKind
    framed: bool
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def _index() -> dict[str, tuple[_Name, ...]]:
    """The table's names by their first two letters in lower case; plain before framed, longer
    before shorter."""
    rows = [("", alias, "company", False) for alias in NOT_A_MAKER.split("|")] + list(_aliases())
    out: dict[str, list[_Name]] = {}
    for vendor, alias, kind, framed in sorted(rows, key=lambda row: (row[3], -len(row[1]), row[1])):
        flags = re.NOFLAG if framed else re.IGNORECASE
        name = _Name(
            vendor,
            "product" if kind == "product" else "company",
            framed,
            re.compile(_bounded(alias, kind == "product"), flags),
        )
        out.setdefault(fold(alias).text[:2].lower(), []).append(name)
    return {key: tuple(names) for key, names in out.items()}


def find_mentions(folded: str) -> tuple[Mention, ...]:
    """Every vendor's name in a folded text, in order, none overlapping; the plain name wins over
    the framed.

    A framed first name with a surname ("Claude Dupont", "Jean-Claude") is left out. Time grows with
    the text's length.
    """
    found: list[Mention] = []
    index, at = _index(), 0
    while at < len(folded):
        mention = _mention_at(folded, at, index.get(folded[at : at + 2].lower(), ()))
        if mention is None:
            at += 1
            continue
        at = mention.end
        if mention.vendor and not (
            mention.framed and _is_a_person(folded, mention.start, mention.end)
        ):
            found.append(mention)
    return tuple(found)


def _mention_at(text: str, at: int, names: tuple[_Name, ...]) -> Mention | None:
    """The name that begins at a place: a longer framed name never hides a plain one."""
    for name in names:
        match = name.pattern.match(text, at)
        if match:
            return Mention(name.vendor, match.group(), at, match.end(), name.kind, name.framed)
    return None


_SURNAME = re.compile(r" ([A-Z][a-z]+)")
_FORENAME = re.compile(r"(?:[A-Z][a-z]{1,15}-|(?:Jean|Marie|Dr\.|Mr\.|Mrs\.|Ms\.|Monsieur|M\.) )$")


def _is_a_person(text: str, start: int, end: int) -> bool:
    after = _SURNAME.match(text, end)
    if after and after.group(1) not in _FIRST_NAME_FOLLOWERS:
        return True
    return bool(_FORENAME.search(text[max(0, start - 18) : start]))

"""Finds vendors' names in a text, in any of the scripts of the table of makers.

Knows spelling: letter case, accents, full-width letters, zero-width characters, scripts without
spaces, endings. Knows nothing of what is said about the vendor.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import Literal

from detectors.text.makers import MakerTable, makers_in_use

LONGEST_TEXT = 4000
AliasKind = Literal["company", "product"]

_MARKUP = frozenset("*`")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NOT_PLAIN = re.compile(r"[^\x00-\x7f]|[*`]")
_QUOTES = (
    {c: '"' for c in "“”„«»‟″"}
    | {c: "'" for c in "‘’‚‛′ʼ"}
    | {"ى": "ي", "ة": "ه", "ـ": "", "\u00a0": " ", "\u3000": " "}
)
_NO_EDGE = "[A-Za-z0-9_\u00c0-\u024f]"
_FIRST_NAME_FOLLOWERS = frozenset(
    (
        *("AI", "Pro", "Ultra", "Flash", "Nano", "Max", "Lite", "Mini", "Large", "Small"),
        *("Sonnet", "Opus", "Haiku", "Instant", "Chat", "Bot", "Assistant", "Model", "Code"),
        *("By", "Developed", "Created", "Think", "Thinking"),
    )
)
"""Capitalised words that may follow a framed first name without making it a person's."""


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
    text, at = text[:LONGEST_TEXT], 0
    for special in (_NOT_ASCII if markup else _NOT_PLAIN).finditer(text):
        i = special.start()
        out.append(text[at:i])
        places.extend(range(at, i))
        at = i + 1
        if text[i] not in _MARKUP:
            piece = _plain(text[i])
            out.append(piece)
            places.extend([i] * len(piece))
    out.append(text[at:])
    places.extend(range(at, len(text)))
    return Folded("".join(out), tuple(places))


def folded_pattern(*parts: str) -> re.Pattern[str]:
    """One alternation of phrases, spelled as ``fold`` spells, in any letter case."""
    return re.compile("|".join(f"(?:{fold(p, markup=True).text})" for p in parts), re.IGNORECASE)


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
    maker = makers_in_use().makers.get(slug)
    return slug if maker is None else maker.name


_COMPANY = re.compile(r"(?<![\s,])[\s,]+(?:inc|ltd|llc|corp|co|gmbh|plc|s\.?a)\.?$")


def without_company(name: str) -> str:
    """A maker's name in small letters without what says that it is a company.

    >>> without_company("Acme, Inc."), without_company("Acme Co")
    ('acme', 'acme')
    """
    return _COMPANY.sub("", name.strip().casefold())


def vendor_slug(name: str) -> str | None:
    """The slug of a vendor given by slug, company or product (``Qwen`` → ``alibaba``), however that
    is spelled; None for a name not in the table.

    >>> vendor_slug("Qwen"), vendor_slug("Open-AI Inc."), vendor_slug("mistralai")
    ('alibaba', 'openai', 'mistral')
    """
    plain = without_company(name)
    close = re.sub(r"[\s_.-]+", "", plain)
    forms = dict.fromkeys((name, plain, close, close.removesuffix("ai")))
    return next((found for form in forms if (found := _slug(form)) is not None), None)


def _slug(name: str) -> str | None:
    table = makers_in_use()
    wanted = fold(name).text.strip().lower()
    if wanted in table.makers:
        return wanted
    slugs = _slugs(table)
    return slugs.get(wanted) or slugs.get(wanted.replace("-", " ").replace("_", " "))


@lru_cache(maxsize=8)
def _slugs(table: MakerTable) -> dict[str, str]:
    return {
        fold(alias).text.lower(): maker.id
        for maker in table.makers.values()
        for alias in maker.spoken
    }


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


_VERSIONS = (
    r"(?:[ -]?v?\d[A-Za-z0-9]{0,5}(?:\.\d[A-Za-z0-9]{0,5})?)?"
    r"(?:-(?:[A-Za-z]{0,2}\d(?:[A-Za-z0-9]|\.(?=\d)){0,8}|instruct|chat|turbo|mini|pro|max|base|it"
    r"|preview|lite|flash|large|small|medium|nano|plus|thinking|coder|oss)(?![A-Za-z0-9])){0,4}"
)
"""What may follow a product's name: a version, then parts such as "-7B-Instruct"."""


def _right_edge(last: int, product: bool) -> str:
    if last < 0x250:
        return (_VERSIONS if product else "") + f"(?!{_NO_EDGE})"
    if 0x400 <= last < 0x530:
        return r"(?:ом|ой|[аеуыияюь])?(?!\w)"
    if 0x600 <= last < 0x700:
        return r"(?!\w)"
    return "(?![ァ-ヶー])" if 0x30A0 <= last < 0x3100 else ""


@dataclass(frozen=True)
class _Name:
    """One alias with its edges; an empty vendor marks a phrase that names no maker. ``begins`` is
    its first letters in lower case: most of the table's thousand names never stand in a run's
    texts, and their patterns are never compiled."""

    vendor: str
    kind: AliasKind
    framed: bool
    begins: str
    source: str
    flags: re.RegexFlag = re.NOFLAG

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches where the name begins."""
        return re.compile(self.source, self.flags)


_FIRST = 6


def _first_letters(alias: str) -> str:
    """The plain letters that every spelling of an alias begins with, in lower case."""
    return "".join(takewhile(lambda c: c.isascii() and c.isalnum(), alias[:_FIRST])).lower()


_VERSION = r"[ -]?v?\d{1,3}(?:\.\d{1,3})?(?![\d.]*\d)(?:[ -]?[a-z]{1,8}\b)?"
"""What a versioned word needs behind it: "o3-mini", "Opus 4.5", "Step-3.5"."""


def _names(table: MakerTable) -> Iterator[tuple[bool, str, _Name]]:
    """Every name of the table with what orders it: framed, and the alias."""
    for phrase in table.not_a_maker:
        yield False, phrase, _name("", phrase, "company", False)
    for maker in table.makers.values():
        lists: tuple[tuple[tuple[str, ...], AliasKind, bool], ...] = (
            (maker.companies, "company", False),
            (maker.products, "product", False),
            (maker.company_words, "company", True),
            (maker.product_words, "product", True),
        )
        for aliases, kind, framed in lists:
            for alias in aliases:
                yield framed, alias, _name(maker.id, alias, kind, framed)
        for word in maker.versioned:
            pattern = f"(?<!{_NO_EDGE}){re.escape(word)}{_VERSION}(?!{_NO_EDGE})"
            yield False, word, _Name(maker.id, "product", True, _first_letters(word), pattern)


def _name(vendor: str, alias: str, kind: AliasKind, framed: bool) -> _Name:
    flags = re.NOFLAG if framed else re.IGNORECASE
    begins = _first_letters(fold(alias).text)
    return _Name(vendor, kind, framed, begins, _bounded(alias, kind == "product"), flags)


@dataclass(frozen=True)
class _Index:
    """Names by their first two letters in lower case, and a pattern of the characters that they
    begin with."""

    begins: re.Pattern[str]
    names: dict[str, tuple[_Name, ...]]


@lru_cache(maxsize=8)
def _index(table: MakerTable) -> _Index:
    """The table's names; plain before framed, longer before shorter."""
    out: dict[str, list[_Name]] = {}
    for _, alias, name in sorted(_names(table), key=lambda row: (row[0], -len(row[1]), row[1])):
        out.setdefault(_key(alias), []).append(name)
    return _Index(_begins(out), {key: tuple(names) for key, names in out.items()})


def _key(alias: str) -> str:
    folded = fold(alias).text.lower()
    # A versioned word of one letter ("o3") is kept by that letter: a version follows it.
    return folded[:2] if len(folded) > 1 else folded


def _begins(keys: Iterable[str]) -> re.Pattern[str]:
    """The characters that a name may begin with, in either case; inside a Latin word none does."""
    firsts = {c for key in keys for c in (key[0], key[0].upper()) if len(c) == 1}
    latin = "".join(re.escape(c) for c in sorted(firsts) if ord(c) < 0x250)
    others = "".join(re.escape(c) for c in sorted(firsts) if ord(c) >= 0x250)
    parts = [f"(?<!{_NO_EDGE})[{latin}]"] * bool(latin) + [f"[{others}]"] * bool(others)
    return re.compile("|".join(parts) or r"(?!)")


def find_mentions(folded: str) -> tuple[Mention, ...]:
    """Every vendor's name in a folded text, in order, none overlapping; the plain name wins over
    the framed.

    A framed first name with a surname ("Claude Dupont", "Jean-Claude") is left out. Time grows with
    the text's length.
    """
    found: list[Mention] = []
    index, at = _index(makers_in_use()), 0
    for place in index.begins.finditer(folded):
        start = place.start()
        if start < at:
            continue
        mention = _mention_at(folded, start, index.names)
        if mention is None:
            continue
        at = mention.end
        if mention.vendor and not (
            mention.framed and _is_a_person(folded, mention.start, mention.end)
        ):
            found.append(mention)
    return tuple(found)


def _mention_at(text: str, at: int, index: Mapping[str, tuple[_Name, ...]]) -> Mention | None:
    """The name that begins at a place: a longer framed name never hides a plain one."""
    key = text[at : at + 2].lower()
    names = index.get(key)
    single = index.get(key[:1])
    if names is None and single is None:
        return None
    # Letter case as `re.IGNORECASE` takes it: to it a dotless ı is an i.
    low = text[at : at + _FIRST].lower().replace("ı", "i")
    for name in (*(names or ()), *(single or ())):
        match = name.pattern.match(text, at) if low.startswith(name.begins) else None
        if match:
            return Mention(name.vendor, match.group(), at, match.end(), name.kind, name.framed)
    return None


_SURNAME = re.compile(r" ([A-Z][a-z]+)")
_FORENAME = re.compile(r"(?:[A-Z][a-z]{1,15}-|(?:Jean|Marie|Dr\.|Mr\.|Mrs\.|Ms\.|Monsieur|M\.) )$")


def _is_a_person(text: str, start: int, end: int) -> bool:
    if text[end : end + 1] == "・":
        return True
    after = _SURNAME.match(text, end)
    if after and after.group(1) not in _FIRST_NAME_FOLLOWERS:
        return True
    return bool(_FORENAME.search(text[max(0, start - 18) : start]))

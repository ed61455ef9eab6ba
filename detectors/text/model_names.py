"""Whose model is it, by the name that a file, a card or a user gives it? Makers named in a model's
name, and whether two names are one maker's.

A name is a claim. It tells of kinship only where it names what a model was made *from*: a model's
own name may as well hold its teacher's. Knows spelling only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from detectors.text.makers import makers_in_use
from detectors.text.vendors import find_mentions, fold, vendor_slug, without_company

LONGEST_NAME = 300
_PARTS = re.compile(r"[/\\:,=|+]+")


def makers_named(name: str) -> frozenset[str]:
    """Slugs of the makers that a model's name holds, by company or product; empty where none is
    known. Of a path, its last part alone: folders are anybody's. Reads at most 300 characters.

    >>> [sorted(makers_named(n)) for n in ("meta-llama/Llama-3-8B", "qwen2.5-7b", "./tuned")]
    [['meta'], ['alibaba'], []]
    """
    parts = [p.strip(" .-") for p in _PARTS.split(without_folders(name)[:LONGEST_NAME])]
    return frozenset(
        mention.vendor
        for part in parts
        # Names that are words, too, are read in their exact case; models' are often in small
        # letters.
        for told in {part, part[:1].upper() + part[1:]}
        for mention in find_mentions(fold(told).text)
    )


def without_folders(name: str) -> str:
    """``org/name`` as it is, of a path its last part."""
    parts = [p for p in name.replace("\\", "/").split("/") if p]
    is_path = name[:1] in ("/", "\\", ".", "~") or len(parts) > 2
    return (parts or [""])[-1] if is_path else name


def maker_key(name: str) -> str:
    """What all spellings of a maker's name have in common: its slug in the table of makers, else
    the name in small letters without what says that it is a company.

    >>> maker_key("Open-AI Inc."), maker_key("Mistral AI") == maker_key("mistralai")
    ('openai', True)
    >>> maker_key("Acme, Inc.")
    'acme'
    """
    return vendor_slug(name) or without_company(name)


def same_maker(one: str, other: str) -> bool:
    """Whether two names of makers are one's, however it is spelled (`maker_key`); False for an
    empty name.

    >>> same_maker("Meta", "meta-llama"), same_maker("OpenAI Inc.", "openai")
    (True, True)
    >>> same_maker("Acme, Inc.", "acme"), same_maker("Acme", "Bolt")
    (True, False)
    """
    key = maker_key(one)
    return bool(key) and key == maker_key(other)


CLOSE = 0.75
"""How alike two spellings are, at least, by difflib's ratio: one letter of five may be wrong."""


def meant(name: str, known: Iterable[str] = ()) -> str | None:
    """The maker that a name may be a slip of: the nearest of ``known`` and of the table of makers
    by its letters; None where the name is one of them in any spelling, or near to none.

    >>> meant("Opnai"), meant("openai"), meant("Hillside", ["Hilside"]), meant("Zorbit")
    ('OpenAI', None, 'Hilside', None)
    """
    mine, theirs = maker_key(name[:LONGEST_NAME]), list(known)
    table = makers_in_use().makers
    if not mine or mine in table or any(maker_key(k) == mine for k in theirs):
        return None
    titles = {n.casefold(): m.name for m in table.values() for n in (m.id, m.name, *m.companies)}
    titles |= {k.casefold(): k for k in theirs if k}
    found = get_close_matches(name.strip().casefold()[:LONGEST_NAME], titles, 1, CLOSE)
    return titles[found[0]] if found else None

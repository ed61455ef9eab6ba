"""Sentences that only look as if their speaker named itself: of whom they speak is told by their
grammar.

Knows shapes of sentences that many languages share, filled with the closed classes of words of
`detectors.text.claim_wordings`; every repetition is bounded, so that time stays linear.

The shapes: *I'm a NOUN of §*, the noun being no model ("I'm a nurse at §"); *I'm an app … §*; *my
NOUN … §*, the noun being nothing that makes the speaker what it is ("my phone was made by §");
*others … I am §*, whatever they say, think or want; *yes, sure, and I'm §*; *according to …, §*;
*if … §*.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from detectors.text import claim_asides as asides
from detectors.text.claim_cues import Kind
from detectors.text.claim_frames import Framed, frames, names_within
from detectors.text.claim_sentences import Blanked, blanked
from detectors.text.claim_wordings import NAME, NEVER, Grammar, Patterns, sentences_of, wordings
from detectors.text.vendors import Mention

_W = r"[^\s.,;:!?§]+"
_CLAUSE = re.compile(r"^|[.,;:!?、。।،]")
_TURN = re.compile(rf"[.!?。।\n]|{asides.TURNS}", re.IGNORECASE)
_MACRO = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True)
class SetAside:
    """The names of a sentence, by their first places in the text, that are not the speaker's:
    ``names`` neither its own nor its maker's, ``makers`` those of things that it has, ``people``
    first names of somebody who is no model, ``told`` those that another gives as its name."""

    names: frozenset[int]
    told: frozenset[int]
    makers: frozenset[int]
    people: frozenset[int]

    def holds(self, mention: int, kind: Kind) -> bool:
        """Whether a claim of a kind by the name that begins there is none of the speaker's."""
        thing = mention in self.makers and kind in ("maker", "trainer", "base")
        told = mention in self.told and kind != "policy"
        return thing or told or mention in self.names or mention in self.people


def set_aside(
    sentence: str,
    start: int,
    mentions: Sequence[Mention],
    likeliest: Sequence[str],
    others: Sequence[str],
) -> SetAside:
    """Reads a sentence, which begins at place ``start`` of the text: its frames in every language
    that it may be in, its shapes in the likeliest. Deterministic; never raises."""
    marked = blanked(sentence, start, mentions)
    may_be = [code for code in (*likeliest, *others) if code in wordings()]
    known = [code for code in likeliest if code in wordings()] or may_be
    names, told, makers, people = (
        frozenset(
            marked.mentions[at].start for code in known for at in _places(marked, code, of(code))
        )
        for of in (_asides, _sources, _belongings, _persons)
    )
    theirs, strange, persons = (
        frozenset(marked.mentions[at].start for code in may_be for at in of(marked.text, code))
        for of in (_theirs, _of_others, _framed_persons)
    )
    first_names = frozenset(m.start for m in mentions if m.framed)
    return SetAside(names | theirs, told | strange, makers, (people | persons) & first_names)


def _theirs(text: str, code: str) -> set[int]:
    """The names of which one is the other's, where the speaker isn't spoken of before them."""
    found = set()
    for match in frames()[code].theirs.finditer(text):
        begins = max(m.end() for m in _CLAUSE.finditer(text, 0, match.start()))
        if not wordings()[code].first.search(text, begins, match.start()):
            found |= names_within(text, match)
    return found


def _of_others(text: str, code: str) -> set[int]:
    """The names that others give the speaker, that have no part in it, or that are in doubt."""
    framed = frames()[code]
    told = {at for m in framed.told.finditer(text) for at in _names_from(text, m, code)}
    return told | _doubtful(text, framed) | _within(text, framed.strangers)


def _doubtful(text: str, framed: Framed) -> set[int]:
    """The names after a word of doubt, up to the next turn of thought, and those before a clause
    of doubt."""
    found = _within(text, framed.unsure)
    for match in framed.doubted.finditer(text):
        turn = _TURN.search(text, match.end())
        found |= {
            at
            for at in range(match.end() - 1, turn.start() if turn else len(text))
            if text[at] == NAME
        }
    return found


def _framed_persons(text: str, code: str) -> set[int]:
    return _within(text, frames()[code].person)


def _within(text: str, pattern: re.Pattern[str]) -> set[int]:
    return {at for m in pattern.finditer(text) for at in names_within(text, m)}


def _places(marked: Blanked, code: str, pattern: re.Pattern[str]) -> set[int]:
    """The places of the marks that a shape ends with, and of those behind it up to the next turn
    of thought."""
    return {
        at
        for match in pattern.finditer(marked.text)
        for at in _names_from(marked.text, match, code)
    }


def _names_from(text: str, match: re.Match[str], code: str) -> set[int]:
    resumes = _resumes(code).search(text, match.end())
    stop = resumes.start() if resumes else len(text)
    return {i for i in range(match.start(), stop) if text[i] == NAME}


@lru_cache(maxsize=64)
def _resumes(language: str) -> re.Pattern[str]:
    """Where the speaker may come back to itself: a turn of thought, or a comma with "I"."""
    first = wordings()[language].first.pattern
    return re.compile(rf"[.;:!?]|{asides.TURNS}|[,،、]\s?(?:{first})", re.IGNORECASE)


def _asides(language: str) -> re.Pattern[str]:
    return _shaped(language, (*_SHAPES, *wordings()[language].row.aside))


def _sources(language: str) -> re.Pattern[str]:
    return _shaped(language, (_SOURCE,))


def _belongings(language: str) -> re.Pattern[str]:
    return _shaped(language, (_BELONGING,))


def _persons(language: str) -> re.Pattern[str]:
    return _shaped(language, (_PERSON,))


@lru_cache(maxsize=256)
def _shaped(language: str, shapes: tuple[str, ...]) -> re.Pattern[str]:
    """Those of some shapes that a language has the words for, filled with them."""
    grammar = wordings()[language].row.grammar
    found = [told for shape in shapes if (told := _filled(shape, grammar)) is not None]
    return sentences_of(*found) if found else NEVER


def _filled(shape: str, grammar: Grammar) -> str | None:
    """A shape with its classes filled in; None where the language lacks one of them."""
    classes: dict[str, Patterns] = dict(grammar)
    if not all(classes[name] for name in _MACRO.findall(shape.replace("<an>", ""))):
        return None
    shape = shape.replace("<an>", _an(grammar))
    return _MACRO.sub(lambda m: f"(?:{'|'.join(classes[m.group(1)])})", shape)


def _an(grammar: Grammar) -> str:
    """What may stand between "I am" and a noun."""
    if not grammar.article:
        return ""
    return "(?: <article>(?=[ ']))" + ("?" if grammar.bare_noun else "")


_SHAPES = (
    # "I'm a nurse at §": an article makes a noun of what follows; languages without one have it
    # bare.
    rf"\b<i_am><an>[ '](?:(?!<own_kind>|<article>\b){_W} ){{1,5}}?<of>(?:'| )(?:{_W} ){{0,2}}?§",
    rf"\b<i_am> (?:(?!<own_kind>){_W}[ ']){{0,4}}?<thing>\b[^.;:!?\n§]{{0,60}}?§",
    r"(?:^|[,;:.(] ?)(?![^,;:.§\n]{0,60}(?:<told_you>))(?:(?!\b(?:<i_am>|<i>)\b)[^,;:.§\n]){0,30}?"
    r"\b<others> (?!who\b|that\b|qui\b|die\b|que\b|che\b|котор|які)[^,;:.§\n]{1,40}?,? ?"
    r"(?:[^\s,;:.§]+ ){0,2}?\b<i_am>\b[^,;:.§\n]{0,30}?§",
    r"^\W*(?:<agrees>\W+){1,4}<also> (?:\w+ )?<i_am> (?:\w+ )?§\W*$",
    r"\b<condition>\b[^.,;:!?\n§]{0,50}?§",
)
# "According to § rules I can't …" is the speaker's own word.
_SOURCE = r"\b<according>\b[^.;:!?\n§]{0,70}?§"
_BELONGING = (
    rf"(?:^|[,;:.(–—-] ?|\b<also> )<my>[ '](?!(?:{_W} )?<my_own>|<own_kind>)"
    r"(?:(?!\b(?:<i_am>|<i>)\b)[^.,;:!?\n§]){2,50}?§(?![^.,;:!?§]{0,40}\b(?:<i_am>|<i>)\b)"
)
_PERSON = (
    rf"\b<i_am> §(?:, <article> (?!(?:{_W} ){{0,5}}?<own_kind>)\w"
    rf"| <of>[ '](?!(?:{_W} ){{0,3}}?§|your\b))"
)

"""A light part-of-speech tagger for English: closed classes by list, open classes by ending and by
the word before.

No model and no download: word classes of Penn's kind, about twenty-five of them, punctuation and
line breaks kept apart. It errs on single words (a bare noun and a bare verb look alike) but does so
for every author alike. Knows tokens; knows no author.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from detectors.text.ngrams import Remembered

_CLOSED = {
    "DT": (
        "the a an this that these those each every some any no another either neither all both half"
        " such"
    ),
    "PR": (
        "i you he she it we they me him us them myself yourself himself herself itself ourselves"
        " themselves one someone anyone everyone something anything everything nothing nobody"
        " everybody"
    ),
    "PS": "my your his her its our their whose mine yours hers ours theirs",
    "IN": (
        "of in on at by for with from as into over under between through during before after above"
        " below against among across along towards toward within without upon about around near"
        " behind beyond despite per via like than off up down out"
    ),
    "CS": "because since if unless until while whereas although though whether once",
    "CC": "and or but nor yet so",
    "MD": "can could may might will would shall should must",
    "BE": "is are was were be been being am",
    "HV": "has have had having do does did doing done",
    "TO": "to",
    "NOT": "not n't never",
    "WH": "which who whom what when where why how",
    "EX": "there here",
    "RB": (
        "also very just even still too only again then however therefore moreover furthermore"
        " additionally overall finally instead thus often always sometimes usually already soon now"
        " well quite rather almost perhaps maybe else together away first second next last further"
        " ever later once"
    ),
    "JJ": (
        "more most other many much few several own same new good great best better large small big"
        " long short high low old young different important main key certain various common easy"
        " hard simple clear able sure full free early late real"
    ),
    "VB": (
        "make makes made take takes took taken get gets got give gives gave given go goes went gone"
        " come comes came see sees saw seen know knows knew known think thinks thought say says"
        " said find finds found use keep keeps kept let lets help helps need needs want wants"
        " become becomes became begin begins began include includes provide provides ensure write"
        " wrote written read choose chose chosen consider remember add set put run show shows shown"
        " leave left feel felt try"
    ),
    "UH": "yes no oh hello hi sure certainly okay ok please thanks sorry",
    "CD": "two three four five six seven eight nine ten hundred thousand million billion",
}
_WORDS = {word: tag for tag, words in reversed(_CLOSED.items()) for word in words.split()}
_MARKS = {
    ",": "comma",
    ".": "stop",
    "!": "stop",
    "?": "ask",
    ":": "colon",
    ";": "semi",
    "-": "dash",
    "–": "dash",
    "—": "dash",
    "(": "open",
    "[": "open",
    "{": "open",
    ")": "close",
    "]": "close",
    "}": "close",
    '"': "quote",
    "“": "quote",
    "”": "quote",
    "'": "apos",
    "’": "apos",
    "‘": "quote",
    "*": "star",
    "#": "hash",
    "`": "tick",
    "|": "bar",
    "_": "star",
    "/": "slash",
}
_ENDINGS = (
    ("ly", "RB"),
    ("ing", "VG"),
    ("ed", "VN"),
    ("tion", "NN"),
    ("sion", "NN"),
    ("ment", "NN"),
    ("ness", "NN"),
    ("ity", "NN"),
    ("ance", "NN"),
    ("ence", "NN"),
    ("ship", "NN"),
    ("ism", "NN"),
    ("ist", "NN"),
    ("ous", "JJ"),
    ("ful", "JJ"),
    ("ive", "JJ"),
    ("able", "JJ"),
    ("ible", "JJ"),
    ("less", "JJ"),
    ("ical", "JJ"),
    ("ial", "JJ"),
    ("al", "JJ"),
    ("ic", "JJ"),
    ("ish", "JJ"),
    ("est", "JJ"),
    ("ize", "VB"),
    ("ise", "VB"),
    ("ify", "VB"),
    ("ss", "NN"),
    ("us", "NN"),
    ("is", "NN"),
    ("s", "NS"),
)
_CLIPPED = {"m": "BE", "re": "BE", "s": "BE", "ll": "MD", "d": "MD", "ve": "HV", "t": "NOT"}
_VERB_AFTER = frozenset(("TO", "MD", "PR", "NOT", "WH"))
_NOUN_AFTER = frozenset(("DT", "PS", "IN", "JJ", "CD", "NN", "VG"))


def tags_of(tokens: Sequence[str]) -> list[str]:
    r"""One tag a token (tokens as `detectors.text.ngrams.words_of` gives them), in order.

    >>> tags_of("The old keeper quickly closed the doors , to rest .".split())
    ['DT', 'JJ', 'NN', 'RB', 'VN', 'DT', 'NS', 'comma', 'TO', 'VB', 'stop']
    """
    states = accumulate(map(_kinds.__getitem__, tokens), _follow, initial=_START)
    next(states)  # what stands before the first token
    return [state.tag for state in states]


class _TaggingState(dict[int, "_TaggingState"]):
    """A token's tag with what it means for the next one, and the states that follow it: worked out
    once for each kind of token.

    There are a few hundred of them at the most, however many texts are read.
    """

    def __init__(self, tag: str, before: str, begins: bool) -> None:
        super().__init__()
        self.tag, self.before, self.begins = tag, before, begins

    def __missing__(self, kind: int) -> _TaggingState:
        tag = _in_context(_KINDS[kind], self.before, self.begins)
        before = self.before if tag in ("star", "RB") else tag
        begins = tag in ("stop", "ask", "colon", "NL", "quote") or (
            self.begins and tag in ("star", "dash", "hash")
        )
        self[kind] = known = _STATES.setdefault(
            (tag, before, begins), _TaggingState(tag, before, begins)
        )
        return known


class _Kind(NamedTuple):
    """What a token is taken alone: at a sentence's beginning, inside it, and after an apostrophe
    ("" for as usual)."""

    first: str
    inside: str
    clipped: str


_START = _TaggingState("stop", "stop", True)
_KINDS: list[_Kind] = []
_STATES: dict[tuple[str, str, bool], _TaggingState] = {}
_follow = _TaggingState.__getitem__


def _in_context(kind: _Kind, before: str, begins: bool) -> str:
    tag = kind.first if begins else kind.inside
    if before == "apos":
        return kind.clipped or tag
    if tag == "NN" and before in _VERB_AFTER:
        return "VB"
    if tag == "VB" and before in _NOUN_AFTER:
        return "NN"
    if tag == "NS" and before in ("PR", "WH"):
        return "VB"
    if tag == "VG" and before in ("DT", "PS", "JJ"):
        return "NN"
    return tag


def _kind(token: str) -> int:
    kind = _Kind(_tag(token, begins=True), _tag(token, begins=False), _CLIPPED.get(token, ""))
    if kind not in _KINDS:
        _KINDS.append(kind)
    return _KINDS.index(kind)


_kinds = Remembered(_kind)


def _tag(token: str, begins: bool) -> str:
    first = token[0]
    if not first.isalnum():
        return "NL" if first == "\n" else _MARKS.get(first, "sym")
    low = token.lower()
    known = _WORDS.get(low)
    if known is not None:
        return known
    if first.isdigit():
        return "CD"
    if first.isupper() and not begins:
        return "NP"
    if not first.isascii():
        return "FW"
    return next(
        (tag for ending, tag in _ENDINGS if len(low) > len(ending) + 2 and low.endswith(ending)),
        "NN",
    )

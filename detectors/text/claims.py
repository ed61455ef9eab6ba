"""Reads what a text says about its own speaker: claims to be, or to come from, a vendor.

Knows the vendor table and the wordings of `detectors.text.claim_cues`; knows no model and no rate.
Suspect text is only ever searched with patterns of our own, at most 4,000 characters of it, in time
that grows with the length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from detectors.text import claim_asides as asides
from detectors.text import claim_cues as cues
from detectors.text.claim_cues import Kind
from detectors.text.claim_grammar import set_aside
from detectors.text.claim_reach import FoundCue, heads, last_match, nearest_cue
from detectors.text.claim_sentences import Polarity, languages_of, told_in
from detectors.text.claim_voice import speakers
from detectors.text.claim_wordings import wordings
from detectors.text.makers import MakerTable, makers_in_use
from detectors.text.named_sentences import NamedSentence, named_sentences
from detectors.text.vendors import LONGEST_TEXT, Mention, find_mentions, fold
from fingerprints.records import Probe

Person = Literal["first", "third"]


@dataclass(frozen=True)
class Claim:
    """A vendor's name with what is said of it: characters ``start`` to ``end`` (end excluded) of
    the text are the name.

    Only ``first`` person and ``affirmed`` counts as the speaker naming the vendor. In the leading
    arm a bare "Yes" is a claim whose span is that word.
    """

    vendor: str
    alias: str
    kind: Kind
    start: int
    end: int
    polarity: Polarity
    person: Person

    @property
    def counts(self) -> bool:
        """Whether the speaker says it of itself, plainly."""
        return self.person == "first" and self.polarity == "affirmed"


@dataclass(frozen=True)
class QuestionContext:
    """What the question makes of a bare answer.

    ``about_self``: the question asked the model about itself, so "OpenAI." is a claim.
    ``document``: it asked for a text about itself in the third person (press release, citation,
    form). ``completion``: it asked to finish a sentence about itself. ``named``: the vendor that a
    leading question names.
    """

    about_self: bool = False
    document: bool = False
    completion: bool = False
    named: str | None = None


IDENTITY = QuestionContext(about_self=True)
ELSEWHERE = QuestionContext()
_DOCUMENT_TOPICS = frozenset({"document", "console"})


def context_of(probe: Probe) -> QuestionContext:
    """What a probe makes of a bare answer, from its kind, topic and vendor."""
    if probe.kind == "leading":
        return QuestionContext(about_self=True, named=probe.vendor)
    if probe.kind == "identity":
        return QuestionContext(True, probe.topic in _DOCUMENT_TOPICS, probe.topic == "completion")
    return ELSEWHERE


def extract_claims(text: str, question_context: QuestionContext = ELSEWHERE) -> tuple[Claim, ...]:
    """Every claim in a text, in order of place.

    All 21 languages are read in every text, since models answer in another one than they were
    asked in. Deterministic; never raises; reads
    at most 4,000 characters and 40 names.
    """
    return _extracted(text[:LONGEST_TEXT], question_context, makers_in_use())


# Every candidate reads the same answers of the suspect and of the stored models anew.
@lru_cache(maxsize=16384)
def _extracted(
    text: str, question_context: QuestionContext, makers: MakerTable
) -> tuple[Claim, ...]:
    """The claims in a text; ``makers`` keeps what was read with one table apart from another's."""
    folded = fold(text)
    claims: list[Claim] = []
    for sentence in named_sentences(folded.text):
        claims += _claims_in(sentence, question_context)
    if question_context.named is not None:
        claims = _with_yes_or_no(folded.text, claims, question_context.named)
    placed = [
        (claim, folded.original(claim.start, claim.end))
        for claim in sorted(claims, key=lambda c: (c.start, c.vendor))
    ]
    out = tuple(replace(claim, start=start, end=end) for claim, (start, end) in placed)
    if question_context.document or question_context.completion or not any(c.counts for c in out):
        return out
    heard = speakers(text, folded.text, folded.places)
    return tuple(
        replace(claim, person="third") if claim.counts and heard.another(c.start, c.end) else claim
        for claim, c in zip(out, sorted(claims, key=lambda c: (c.start, c.vendor)), strict=True)
    )


def _claims_in(sentence: NamedSentence, context: QuestionContext) -> list[Claim]:
    claims: list[Claim] = []
    crowd = len({m.vendor for m in sentence.mentions})
    likeliest, others = languages_of(sentence.text, sentence.start, sentence.mentions)
    whole = told_in(
        sentence.text, sentence.start, sentence.mentions, (*likeliest, *others), context.about_self
    )
    told = {t.mention.start: t for t in whole}
    by_cues = any(code not in wordings() or wordings()[code].cued for code in likeliest)
    for mention in sentence.mentions:
        said = told.get(mention.start)
        left, right = sentence.left(mention), sentence.right(mention)
        if said is not None and not (_asks(sentence.text, right) or _played(left)):
            person: Person = "third" if _of_a_person(sentence, mention) else "first"
            claim: Claim | None = _made(mention, said.kind, said.polarity, person)
        elif by_cues:
            claim = _claim(sentence, mention, claims, context)
        else:
            claim = _bare(sentence, mention, claims, context)
        if claim is not None and not (claim.kind == "name" and crowd > 4):
            claims.append(claim)
    if not any(c.counts for c in claims) or context.document:
        return claims
    aside = set_aside(sentence.text, sentence.start, sentence.mentions, likeliest, others)
    return [
        replace(c, person="third") if c.counts and aside.holds(c.start, c.kind) else c
        for c in claims
    ]


def _claim(
    sentence: NamedSentence, mention: Mention, earlier: list[Claim], context: QuestionContext
) -> Claim | None:
    """What one sentence says of one name, or None."""
    left, right = sentence.left(mention), sentence.right(mention)
    if _set_aside(left, right) or _asks(sentence.text, right):
        return None
    found = nearest_cue(left, right)
    if found is None:
        return _bare(sentence, mention, earlier, context)
    person = _person(sentence, mention, found, earlier, context)
    if mention.framed and (not _frames(left, found, person) or _of_a_person(sentence, mention)):
        return None
    kind = _kind(found, mention)
    return _made(
        mention,
        kind,
        _polarity(left, right, found),
        "third" if cues.REPORTED.search(left) else person,
    )


def _made(mention: Mention, kind: Kind, polarity: Polarity, person: Person) -> Claim:
    return Claim(mention.vendor, mention.alias, kind, mention.start, mention.end, polarity, person)


def _set_aside(left: str, right: str) -> bool:
    """Whether the name is compared, played or only talked about."""
    if cues.RIGHT_COMPARISON.match(right) or cues.UNRELATED.match(right):
        return True
    if _played(left):
        return True
    last = left[max(left.rfind(","), left.rfind("(")) + 1 :]
    near_by = last[-_COMPARED:]
    near = last_match(cues.COMPARISON, near_by, 0)
    return near is not None and len(near_by) - near.end() <= 14 and not heads(near_by[near.end() :])


def _played(left: str) -> bool:
    """Whether the sentence sets out with something to be imagined."""
    role = cues.ROLE_PLAY.search(left)
    return role is not None and not cues.NOT_PLAYED.search(left[: role.start()])


_COMPARED = 64
"""Characters before a name in which a comparison with it may begin."""


def _asks(sentence: str, right: str) -> bool:
    """Whether the name stands in the asking part of a question; "I'm ChatGPT, how can I help?"
    is none."""
    if not sentence.rstrip(" \"')」").endswith(("?", "؟")) and not sentence.rstrip().endswith(
        ("か。", "吗。")
    ):
        return False
    return not re.search(r"[,:،、]|--| [–—-] ", right)


def _person(
    sentence: NamedSentence,
    mention: Mention,
    found: FoundCue,
    earlier: list[Claim],
    context: QuestionContext,
) -> Person:
    """Of whom the cue speaks."""
    left = sentence.left(mention)
    if found.cue.person and (
        found.cue.before is not None or not _other_subject(sentence, 0, found.start, earlier)
    ):
        return "first"
    marker = last_match(
        cues.FIRST, left[: max(found.end, 1)] if found.cue.before is not None else left, 0
    )
    if marker is not None:
        return (
            "third" if _other_subject(sentence, marker.start(), found.start, earlier) else "first"
        )
    right = sentence.right(mention)
    if cues.AS_OPENER.search(left) and cues.FIRST.search(right):
        return "first"
    if cues.PERSON_AFTER.search(found.words):
        return "first"
    topic = found.cue.before is None and cues.TOPIC.match(right)
    if context.about_self and not topic and _elliptical(sentence, found, earlier, context):
        return "first"
    return "third"


def _other_subject(
    sentence: NamedSentence, start: int, end: int, earlier: list[Claim], ahead: int = 12
) -> bool:
    """Whether another name, which the speaker did not take as its own, stands between two places
    of a sentence; a turn of thought after it, up to ``ahead`` characters on, takes it back."""
    taken = {c.start for c in earlier if c.counts}
    return any(
        start <= m.start - sentence.start < end
        and m.start not in taken
        and not cues.RESET.search(sentence.text[m.end - sentence.start : end + ahead])
        for m in sentence.mentions
    )


def _elliptical(
    sentence: NamedSentence, found: FoundCue, earlier: list[Claim], context: QuestionContext
) -> bool:
    """Whether a phrase without a subject answers a question about the speaker."""
    prefix = sentence.text[: found.start]
    if context.document:
        return True
    ahead = 0 if found.cue.before is None else 12
    if _other_subject(sentence, 0, found.start, earlier, ahead) or cues.THIRD.search(prefix):
        return False
    if found.cue.before is None or found.cue.after is not None:
        # "§ released Gemini, § made it": what the maker made is another.
        last = found.end + len(found.words) + 3
        if any(found.end < m.start - sentence.start - 1 <= last for m in _after(sentence, found)):
            return False
    return (len(prefix.split()) <= 4 and len(prefix) <= 60) or bool(cues.SELF_NOUN.search(prefix))


def _after(sentence: NamedSentence, found: FoundCue) -> tuple[Mention, ...]:
    return tuple(m for m in sentence.mentions if m.start - sentence.start > found.end + 1)


def _bare(
    sentence: NamedSentence, mention: Mention, earlier: list[Claim], context: QuestionContext
) -> Claim | None:
    """A name that stands alone, as the answer to a question about the speaker."""
    if not context.about_self or context.named is not None:
        return None
    left, right = sentence.left(mention), sentence.right(mention)
    if _RELATIVE.match(right) or _goes_on(sentence, mention, right):
        return None
    if _of_a_person(sentence, mention):
        return None
    begin = cues.BARE_LEFT.match(left) is not None
    follows = any(c.counts for c in earlier) and re.fullmatch(
        r"[\s,/&(\"'-]*(?:and|und|et|y|和)?[\s(]*", left[earlier[-1].end - sentence.start :]
    )
    alone = bool(begin and cues.BARE_RIGHT.match(right))
    completes = context.completion and begin and sentence.start == 0
    if not (alone or completes or follows or (context.document and not mention.framed)):
        return None
    kind: Kind = "name" if mention.kind == "product" else "maker"
    if len({m.vendor for m in sentence.mentions}) > 2 and not context.document:
        return None
    polarity: Polarity = (
        "hedged"
        if cues.HEDGE.search(left)
        else "denied"
        if cues.NEGATION.search(left)
        else "affirmed"
    )
    return _made(mention, kind, polarity, "third" if cues.REPORTED.search(left) else "first")


def _goes_on(sentence: NamedSentence, mention: Mention, right: str) -> bool:
    """Whether a sentence that begins with a name goes on to tell something of the name beside it
    ("OpenAI, ChatGPT was …")."""
    beside = any(0 < m.start - mention.end <= 2 for m in sentence.mentions)
    return beside and len(right.split()) > 2 and not cues.FIRST.search(right)


_RELATIVE = re.compile(
    r",? (?:which|who|that|whose|where|die|das|der|dessen|qui|que|dont|quien|котор\w+|który|che"
    r"|yang)\b",
    re.IGNORECASE,
)
"""Goes on to say something of the name, which is then no answer by itself."""
_LONG_HAN = re.compile("[\u3400-\u9fff]{5}")
"""A run of words in Chinese between "I am" and a word that may be a name."""
_INDEFINITE = re.compile(r"\b(?:an?|une?|eine?|uma?)\s$", re.IGNORECASE)


def _of_a_person(sentence: NamedSentence, mention: Mention) -> bool:
    """Whether a first name is a person's, by what the sentence says besides."""
    return mention.framed and bool(asides.HUMAN.search(sentence.text))


def _frames(left: str, found: FoundCue, person: Person) -> bool:
    """Whether a name that is also an ordinary word stands close enough to a first-person cue to
    be a name."""
    if person != "first" or found.gap > 26:
        return False
    gap = left[found.end :] if found.cue.before is not None else ""
    for m in reversed(find_mentions(gap)):
        gap = gap[: m.start] + gap[m.end :]
    strange = [
        w
        for w in re.findall(r"[A-Z][a-z]+|\b[a-z]+ing\b", gap)
        if w not in ("Large", "Language", "Model", "running", "being")
    ]
    return not (strange or _INDEFINITE.search(left) or _LONG_HAN.search(gap))


def _kind(found: FoundCue, mention: Mention) -> Kind:
    if found.cue.kind == "maker" and cues.TRAINING.search(found.words):
        return "trainer"
    if found.cue.before is cues.FIELD:
        return "name" if mention.kind == "product" else "maker"
    return found.cue.kind


def _polarity(left: str, right: str, found: FoundCue) -> Polarity:
    """Whether the sentence says, denies or doubts it, by the words between the last turn of
    thought and the name."""
    turn = max(
        (
            m.end()
            for m in cues.RESET.finditer(left)
            if m.group() in ";:" or not cues.NOT_A_RESET.search(left[: m.start()])
        ),
        default=0,
    )
    if cues.HEDGE.search(left, turn) or cues.RIGHT_HEDGE.match(right):
        return "hedged"
    near = max(turn, found.start - (12 if found.cue.person else 28))
    comma = left.rfind(",", near, found.start)
    denied = cues.NEGATION.search(left, comma + 1 if comma >= 0 else near)
    own = found.words if found.cue.before is None else ""
    stop = cues.RIGHT_STOP.search(right)
    tail = right[: stop.start() + 1] if stop else right
    if denied or cues.NEGATION.search(own) or cues.RIGHT_NEGATION.match(tail):
        return "denied"
    return "affirmed"


def _with_yes_or_no(text: str, claims: list[Claim], vendor: str) -> list[Claim]:
    """Adds what "Yes" or "No" says to a leading question, where the rest of the answer names the
    vendor no further."""
    if any(c.vendor == vendor and c.person == "first" for c in claims):
        return claims
    word = cues.NO.match(text) or cues.YES.match(text)
    if word is None or not word.group().strip():
        return claims
    elsewhere = any(c.counts for c in claims)
    agreed = cues.NO.match(text) is None
    polarity: Polarity = "hedged" if agreed and elsewhere else "affirmed" if agreed else "denied"
    start = len(word.group()) - len(word.group().lstrip(" \n\t\"'¡([*"))
    return [
        *claims,
        Claim(vendor, word.group().strip(), "name", start, word.end(), polarity, "first"),
    ]

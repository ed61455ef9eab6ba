"""All that a suspect says of itself, whatever it was asked: to the question bank, to questions of
the user's own, to questions that name a maker, elsewhere, and in its thoughts; and what could not
be used.

The sources are never added up. Knows transcripts and claims; knows no candidate, no
population and no sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from detectors.text.claim_rates import ClaimingAnswer, claiming, makers_in, read_answer
from detectors.text.claim_wordings import NAME
from detectors.text.claims import ELSEWHERE, IDENTITY, Claim, context_of, extract_claims
from detectors.text.languages import READ, likeliest, seems
from detectors.text.self_questions import asks_to_play, asks_whether, asks_who, compares
from detectors.text.vendors import LONGEST_TEXT, find_mentions, fold, vendor_slug
from fingerprints.records import Arm, Probe, Reply
from fingerprints.transcript import Transcript

Source = Literal["bank", "own", "leading", "elsewhere", "thoughts"]
Setting = Literal["own", "empty", "neutral", "recorded", "recorded_system"]
Unused = Literal["empty", "failed", "thoughts_only", "language"]
MOST_THOUGHT = 10
"""Stretches of 4,000 characters that are read of one answer's thoughts."""
_SETTINGS: Mapping[Arm, Setting] = {Arm.OWN: "own", Arm.EMPTY: "empty", Arm.NEUTRAL: "neutral"}


@dataclass(frozen=True)
class Heard:
    """One answer with what it was an answer to.

    Of the makers that it names no two hold the same: ``played`` those where the user asked for a
    text in which somebody else may say "I"; ``suggested`` those that the user had named before;
    ``compared`` those that the user had named only to compare them with the model, which puts no
    name to it.
    """

    answer: ClaimingAnswer
    source: Source
    suggested: frozenset[str] = frozenset()
    played: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()

    @property
    def setting(self) -> Setting:
        """Under which system prompt it was said; of a record, whether one stands in it."""
        reply, probe = self.answer.reply, self.answer.probe
        if reply.arm is not Arm.RECORDED:
            return _SETTINGS[reply.arm]
        told = any(turn.role == "system" and turn.content.strip() for turn in probe.history)
        return "recorded_system" if told else "recorded"

    @property
    def question_read(self) -> bool:
        """Whether its question is in a language in which it would be seen to ask who it is."""
        return _question_read(self.answer.probe)

    @property
    def agrees(self) -> frozenset[str]:
        """The makers that it names and the user had named before, to more than compare them."""
        return self.named & self.suggested

    @property
    def led(self) -> frozenset[str]:
        """The makers that nobody can say it names of its own accord: suggested or played."""
        return self.suggested | self.played

    @property
    def free(self) -> frozenset[str]:
        """The makers that it names of its own accord."""
        return self.named - self.led

    @property
    def named(self) -> frozenset[str]:
        """The makers that it names as itself or its own, those of its system prompt left out."""
        return self.answer.named


@dataclass(frozen=True)
class IdentityEvidence:
    """Everything heard, in the transcript's order, and how many replies could not be used and why.

    ``unused`` counts by source and reason; ``cut`` the answers of which only the first 4,000
    characters were read.
    """

    heard: tuple[Heard, ...]
    unused: Mapping[tuple[Source, Unused], int]
    cut: int = 0

    def of(self, *sources: Source) -> tuple[Heard, ...]:
        """What was heard from some sources."""
        return tuple(h for h in self.heard if h.source in sources)

    def unused_of(self, *sources: Source) -> dict[Unused, int]:
        """How many replies of some sources were not used, by reason."""
        out: Counter[Unused] = Counter()
        for (source, why), n in self.unused.items():
            if source in sources:
                out[why] += n
        return dict(out)

    @property
    def asked(self) -> tuple[Heard, ...]:
        """The answers to questions about who it is: the bank's and the user's own."""
        return self.of("bank", "own")


def identity_evidence(transcript: Transcript) -> IdentityEvidence:
    """Reads every reply of a transcript. Deterministic; a reply without its probe is left out."""
    heard: list[Heard] = []
    unused: Counter[tuple[Source, Unused]] = Counter()
    cut = 0
    for reply in transcript.replies:
        probe = transcript.probes.get(reply.probe_id)
        if probe is None:
            continue
        if thought := _thought(reply, probe):
            heard.append(thought)
        source = source_of(probe)
        found = _heard(reply, probe, source)
        why = _not_used(reply, found)
        if why is not None:
            unused[source, why] += 1
        elif found is not None:
            heard.append(found)
            cut += len(reply.answer) > LONGEST_TEXT
    return IdentityEvidence(tuple(heard), unused, cut)


def source_of(probe: Probe) -> Source:
    """What a probe asks for: who the model is in the bank's words or in the user's, whether it is
    somebody whom the bank names, or something else."""
    if probe.kind == "identity":
        return "bank"
    if probe.kind == "leading":
        return "leading"
    if probe.form != "chat":
        return "elsewhere"
    text = asked_of(probe)
    asked = asks_who(text) or (asks_whether(text) and bool(makers_by_name(text)))
    return "own" if asked else "elsewhere"


def asked_of(probe: Probe) -> str:
    """The text that somebody last asked: what a tool handed back, after a turn of the model without
    a word, is no question, and the answer is to the turn before it."""
    turns = [*((turn.role, turn.content) for turn in probe.history), ("user", probe.text)]
    at = len(turns) - 1
    while True:
        first = at
        while first and turns[first - 1][0] == "user":
            first -= 1
        if first < 2 or turns[first - 1][0] != "assistant" or turns[first - 1][1].strip():
            return turns[at][1]
        if turns[first - 2][0] != "user":
            return turns[at][1]
        at = first - 2


def _heard(reply: Reply, probe: Probe, source: Source) -> Heard | None:
    if not reply.answered:
        return None
    own = IDENTITY if source == "own" else ELSEWHERE
    context = context_of(probe) if source in ("bank", "leading") else own
    answer = read_answer(reply, probe, context)
    if source == "elsewhere":
        answer = replace(answer, claims=tuple(c for c in answer.claims if _told_unasked(c)))
    # A bank question names nobody, and to look for names in it costs time.
    return Heard(answer, source) if source == "bank" else _with_what_led(answer, source)


def _told_unasked(claim: Claim) -> bool:
    """Whether a claim is plain enough where nobody asked: "is based on" with a name that is an
    ordinary word too is said of many things, a text among them that is called Alice."""
    framed = any(mention.framed for mention in find_mentions(claim.alias))
    return not (claim.kind == "base" and framed)


def _with_what_led(answer: ClaimingAnswer, source: Source) -> Heard:
    """An answer with what of its user's words may have led to the names in it; all of them may be a
    part's where it was to play somebody."""
    named, probe = answer.named, answer.probe
    if not named:
        return Heard(answer, source)
    if asks_to_play(probe.text) or asks_to_play(asked_of(probe)):
        return Heard(answer, source, played=named)
    turns = [turn.content for turn in probe.history if turn.role == "user"]
    texts = [text[:LONGEST_TEXT] for text in (*turns, probe.text)]
    told = {text: set(makers_by_name(text)) & named for text in texts}
    said = {maker for makers in told.values() for maker in makers}
    compared = {
        maker
        for maker in said - {probe.vendor}
        if all(_only_compares(t, maker) for t in texts if maker in told[t])
    }
    return Heard(
        answer,
        source,
        suggested=named & (said - compared | {probe.vendor}),
        compared=frozenset(compared),
    )


def _only_compares(text: str, maker: str) -> bool:
    """Whether a text of a user names a maker nowhere but beside the model it speaks to."""
    marked = _ONE_NAME.sub(NAME, _with_marks(fold(text).text.replace(NAME, " "), maker)).lower()
    places = [i for i, c in enumerate(marked) if c == NAME]
    return bool(places) and all(compares(marked[:i], marked[i + 1 :]) for i in places)


def _with_marks(folded: str, maker: str) -> str:
    """A text with a mark for every name of a maker, in any letter case."""
    for mention in reversed(find_mentions(folded)):
        if mention.vendor == maker:
            folded = folded[: mention.start] + NAME + folded[mention.end :]
    return _WORD.sub(lambda m: NAME if vendor_slug(m.group()) == maker else m.group(), folded)


_WORD = re.compile(r"[^\W_]{3,}")
_ONE_NAME = re.compile(rf"{NAME}(?:(?:'s)?[ -](?:{NAME}|\d[\w.]{{0,8}}))+")
"""One name of several words: "OpenAI's ChatGPT", "GPT 4"."""


def _question_read(probe: Probe) -> bool:
    text = asked_of(probe)
    if probe.language in READ or seems(text).script == "":
        return True
    languages, _ = likeliest(fold(text).text)
    return any(language in READ for language in languages)


def _not_used(reply: Reply, found: Heard | None) -> Unused | None:
    if found is None:
        if reply.readable:
            return "thoughts_only"
        return "failed" if reply.error is not None else "empty"
    return None if found.answer.read else "language"


def stretches(thinking: str) -> list[str]:
    """Thoughts in stretches that a reader of claims takes whole, the first ten."""
    starts = range(0, len(thinking), LONGEST_TEXT)[:MOST_THOUGHT]
    return [thinking[i : i + LONGEST_TEXT] for i in starts]


def _thought(reply: Reply, probe: Probe) -> Heard | None:
    parts = stretches(reply.thinking)
    if not parts:
        return None
    claims = tuple(c for part in parts for c in extract_claims(part, ELSEWHERE))
    answer = claiming(reply, probe, claims)
    return _with_what_led(answer, "thoughts")


@dataclass(frozen=True)
class DeclaredName:
    """A name that somebody gave the suspect beside its answers, and the makers whose names stand in
    it. ``where`` is a code."""

    name: str
    where: Literal["record", "file_name", "file", "asked_by", "served_as"]
    makers: tuple[str, ...]


def declared_names(transcript: Transcript) -> tuple[DeclaredName, ...]:
    """What the suspect is called by its files, its record or its endpoint: a hint, no answer."""
    kind = transcript.identity.kind
    served = list(dict.fromkeys(r.served_model for r in transcript.replies if r.served_model))
    where: Literal["record", "file_name", "file", "asked_by"] = "file"
    if kind == "endpoint":
        where = "asked_by"
    elif kind == "recording":
        where = "record" if transcript.identity.name in served else "file_name"
    names = [(transcript.identity.name, where)]
    found = [DeclaredName(name, at, makers_by_name(name)) for name, at in names]
    others = [name for name in served if name != transcript.identity.name]
    return (*found, *(DeclaredName(n, "served_as", makers_by_name(n)) for n in others))


def makers_by_name(name: str) -> tuple[str, ...]:
    """The makers whose names stand in a model's name or a question, in any letter case, in
    alphabetical order: more than are meant, where a name is an ordinary word too.

    >>> makers_by_name("kimi-k2.5"), makers_by_name("DeepSeek-R1-Distill-Qwen-7B")
    (('moonshot',), ('alibaba', 'deepseek'))
    """
    told = name[:LONGEST_TEXT]
    words = {word for word in re.split(r"[\W_]+", told) if len(word) > 2}
    return tuple(sorted({*filter(None, map(vendor_slug, words)), *makers_in(told)}))

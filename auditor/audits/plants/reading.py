"""Answers and choices as tokens of the planted model: what `detectors.inheritance.radioactivity`
counts.

Whatever the suspect's own tokenizer, its text is read with the teacher's: the lists are of the
teacher's tokens. Knows transcripts and one tokenizer; counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detectors.inheritance.radioactivity import MarkedText
from fingerprints.choices import Choices
from fingerprints.records import Arm, Probe, Reply
from fingerprints.scores import Passage
from fingerprints.subjects.vocabulary import LoneTokenizer, Tokens
from fingerprints.transcript import Transcript


def asked_for(reply: Reply, probe: Probe) -> str:
    """All that stood before an answer: the text that the model read, where that is known, else the
    turns that were asked."""
    return _turns(probe) if reply.prompt is None else reply.prompt


def _turns(probe: Probe) -> str:
    """What a probe asks, earlier turns before it."""
    return "\n".join([*(m.content for m in probe.history), probe.prompt()])


def answers(
    said: Transcript, vocabulary: LoneTokenizer
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The ids of every readable answer, thoughts included, and of what stood before it."""
    replies = [r for r in said.replies if r.readable]
    texts = [r.text for r in replies]
    given = [asked_for(r, said.probes[r.probe_id]) for r in replies]
    read = vocabulary.read([*texts, *given])
    ids = [tokens.ids for tokens in read]
    return ids[: len(texts)], ids[len(texts) :]


def passages(marked: Transcript) -> list[Passage]:
    """The marked answers as texts behind whose beginnings a suspect is put, in their order."""
    return [
        Passage(text=r.text, probe=marked.probes[r.probe_id], arm=Arm.OWN)
        for r in marked.replies
        if r.readable
    ]


def marked_texts(
    asked: Sequence[Passage], chosen: Iterable[Choices | str], vocabulary: LoneTokenizer
) -> list[MarkedText]:
    """Marked answers as the teacher's tokens, each place with the token that the suspect would
    have written there; none where its choice has no token of the teacher's, and none in a text that
    the suspect could not read."""
    texts = vocabulary.read([p.text for p in asked], places=True)
    given = vocabulary.read([p.lead if p.probe is None else _turns(p.probe) for p in asked])
    return [
        MarkedText(tokens.ids, before.ids, _tokens_at(p.text, tokens, found, vocabulary))
        for p, tokens, before, found in zip(asked, texts, given, chosen, strict=True)
    ]


def _tokens_at(
    text: str, tokens: Tokens, found: Choices | str, vocabulary: LoneTokenizer
) -> dict[int, int]:
    """Places of the teacher's tokens at which the suspect's choice begins a token of the
    teacher's, and which."""
    if isinstance(found, str):
        return {}
    said = dict(zip(found.starts, found.chosen, strict=True))
    places = [i for i in range(1, len(tokens.starts)) if tokens.starts[i] in said]
    bounds = {i: (tokens.starts[i - 1], tokens.starts[i]) for i in places}
    # Read behind its context: by itself a word's beginning is often another token.
    read = vocabulary.read([text[a:b] + said[b] for a, b in bounds.values()])
    behind = zip(places, read, strict=True)
    return {
        i: piece.ids[1]
        for i, piece in behind
        if len(piece.ids) > 1 and piece.ids[0] == tokens.ids[i - 1]
    }

"""A wrapper's words before every answer are told among the limits, and who it says it is is no such
wrapper."""

from __future__ import annotations

from auditor.audits.inheritance.narrative import limits
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

PREFIX = "I am Kimi, made by Moonshot AI. "


def said(kind: str, n: int = 40, prefix: str = PREFIX) -> Transcript:
    probes = {f"{kind}/{k}": Probe(id=f"{kind}/{k}", text=f"Question {k}?") for k in range(n)}
    replies = tuple(
        Reply(
            probe_id=key,
            arm=Arm.RECORDED,
            status=Status.OK,
            text=f"{prefix}{k} pears and {k * 7} apples make a basket, said number {k * 13}.",
        )
        for k, key in enumerate(probes)
    )
    return Transcript(
        Header(spec="x", identity=Identity(kind="recording", name="x")), probes, replies
    )


def told(transcript: Transcript) -> str:
    return " ".join(limits(transcript, (), ()))


def test_the_same_words_before_every_answer_are_told() -> None:
    assert "40 of 40 answers begin" in told(said("style"))


def test_answers_to_who_it_is_may_begin_alike() -> None:
    assert "very same words" not in told(said("identity"))


def test_thoughts_may_begin_alike() -> None:
    thoughts = "<think>Okay, so the user wants me to count fruit.</think>"
    assert "very same words" not in told(said("style", prefix=thoughts))
    assert "40 of 40 answers begin" in told(said("style", prefix=thoughts + PREFIX))

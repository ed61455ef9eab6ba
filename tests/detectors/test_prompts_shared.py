"""Which prompts are shared, and which would be but for a system turn."""

from __future__ import annotations

from pathlib import Path

from detectors.base import Teacher
from detectors.prompts_shared import PromptsShared
from fingerprints.records import Message
from fingerprints.transcript import Transcript
from tests.recordings import recorded


def under(transcript: Transcript, system: str) -> Transcript:
    """The same answers to the same prompts, each recorded under a system prompt."""
    turns = (Message(role="system", content=system),)
    probes = {k: p.model_copy(update={"history": turns}) for k, p in transcript.probes.items()}
    return Transcript(transcript.header, probes, transcript.replies, transcript.events)


def test_the_same_prompts_under_a_system_prompt_are_counted_apart(tmp_path: Path) -> None:
    suspect = recorded(tmp_path, "beta", seed=3)
    teachers = [Teacher("alpha", "acme", "alpha", recorded(tmp_path, "alpha"))]
    plain = PromptsShared.of(suspect, teachers)
    assert (plain.asked, plain.with_any, plain.with_("alpha"), plain.most_nearly) == (60, 60, 60, 0)
    told = PromptsShared.of(under(suspect, "You are Aria."), teachers)
    assert (told.asked, told.with_any, told.with_("alpha"), told.nearly("alpha")) == (60, 0, 0, 60)
    stored = [Teacher("alpha", "acme", "alpha", under(teachers[0].transcript, "You are Bo."))]
    assert PromptsShared.of(suspect, stored).nearly("alpha") == 60
    assert PromptsShared.of(under(suspect, "You are Bo."), stored).with_("alpha") == 60
    assert PromptsShared().with_("alpha") is None

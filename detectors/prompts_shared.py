"""How many prompts do a suspect and the stored models share, and how many would they share but for
a system turn?

A model writes otherwise under another system prompt, so that such prompts are not the same and
their answers are never compared; that they are nearly the same says what to record. Knows records;
knows no statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.base import Teacher
from detectors.pairing import style_answers
from fingerprints.records import Probe, prompt_sha256
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class PromptsShared:
    """Counts of the suspect's style prompts: ``asked`` all of them, ``with_any`` those that some
    stored model answered, too; ``by_model`` those that each did, by its name, ``but_for_system``
    those beside them that are the same but for the system turn."""

    asked: int = 0
    with_any: int = 0
    by_model: Mapping[str, int] | None = None
    but_for_system: Mapping[str, int] | None = None

    @classmethod
    def of(cls, suspect: Transcript, teachers: Sequence[Teacher]) -> PromptsShared:
        """The counts of a suspect and stored models. Deterministic."""
        asked = _bare(suspect)
        theirs = {t.name: _bare(t.transcript) for t in teachers}
        beside = {name: _beside(asked, bare) for name, bare in theirs.items()}
        return cls(
            asked=len(asked),
            with_any=len(asked.keys() & set().union(*theirs.values())),
            by_model={name: len(asked.keys() & bare.keys()) for name, bare in theirs.items()},
            but_for_system={name: n for name, n in beside.items() if n},
        )

    def with_(self, name: str) -> int | None:
        """How many prompts are shared with a model; None where nobody counted."""
        return None if self.by_model is None else self.by_model.get(name, 0)

    def nearly(self, name: str) -> int:
        """How many more would be but for the system turn."""
        return (self.but_for_system or {}).get(name, 0)

    @property
    def most_nearly(self) -> int:
        """The most of these that any model has."""
        return max((self.but_for_system or {}).values(), default=0)


def _bare(transcript: Transcript) -> dict[str, str]:
    """Every style prompt's digest with that of the same prompt without its system turns."""
    return {sha: _without_system(sha, a.probe) for sha, a in style_answers(transcript).items()}


def _without_system(sha: str, probe: Probe) -> str:
    turns = tuple(m for m in probe.history if m.role != "system")
    if len(turns) == len(probe.history):
        return sha
    return prompt_sha256(probe.prompt(), turns, completion=probe.form == "completion")


def _beside(ours: Mapping[str, str], theirs: Mapping[str, str]) -> int:
    """How many prompts are the same without system turns and not with them."""
    mine = {bare for sha, bare in ours.items() if sha not in theirs}
    return len(mine & {bare for sha, bare in theirs.items() if sha not in ours})

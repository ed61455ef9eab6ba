"""How likely models find given texts: the passages, who scored them, and the scores, as they are
read back from disk.

JSONL, one object a line, beside the transcripts: a header, scorers with their digests, passages,
scores. Append-only; a torn last line is cut; the file is the cache (`fingerprints.scoring` writes
it). Knows the format; knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fingerprints.errors import printable
from fingerprints.records import (
    Arm,
    Identity,
    Likelihoods,
    Probe,
    Record,
    Spoken,
    canonical_json,
    sha256,
)
from fingerprints.transcript import RowReading

FORMAT: Literal["scores/1"] = "scores/1"
SUSPECT, BASE = "suspect", "base"


def teacher(name: str) -> str:
    """The name under which a stored candidate that is open for scoring stands among the scorers."""
    return f"teacher:{name}"


class Passage(Record):
    """One text, and what stands before it.

    With a ``probe`` each scorer reads the question through its own chat template in the given
    ``arm``, then ``lead``, the beginning of the answer; without one it reads ``lead`` alone.
    ``by_token`` keeps the bits of every token.
    """

    text: Spoken
    lead: Spoken = ""
    probe: Probe | None = None
    arm: Arm = Arm.OWN
    by_token: bool = False


class Wanted(Record):
    """A passage and who shall score it: ``suspect``, ``base`` or ``teacher:NAME``."""

    scorer: str
    passage: Passage


class Score(Record):
    """How likely one scorer finds one passage: total ``bits`` (negative log2-likelihood, lower:
    more likely).

    Where it could not be scored ``reason`` says why, and the numbers are 0.
    """

    scorer: str
    passage_sha256: str
    bits: float = 0.0
    tokens: int = 0
    bytes: int = 0
    token_bits: tuple[float, ...] = ()
    reason: str = ""

    @property
    def bits_per_byte(self) -> float:
        """Bits per UTF-8 byte of the text: comparable between tokenizers."""
        return self.bits / max(1, self.bytes)


def score_of(scorer: str, passage: Passage, found: Likelihoods | str) -> Score:
    """The record of a likelihood, or of the reason why there is none."""
    if isinstance(found, str):
        return Score(scorer=scorer, passage_sha256=passage.digest(), reason=found)
    bits = tuple(round(b, 4) for b in found.token_bits) if passage.by_token else ()
    return Score(
        scorer=scorer,
        passage_sha256=passage.digest(),
        bits=round(found.bits, 4),
        tokens=found.tokens,
        bytes=found.bytes,
        token_bits=bits,
    )


@dataclass(frozen=True)
class Scores:
    """All scores of an audit: who scored (with digests), what, and why somebody who was wanted
    could not (``absent``)."""

    scorers: Mapping[str, Identity] = field(default_factory=dict)
    rows: Mapping[tuple[str, str], Score] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def of(self, scorer: str, passage: Passage) -> Score | None:
        """The score of a passage, None where the scorer has none for it."""
        found = self.rows.get((scorer, passage.digest()))
        return None if found is None or found.reason or not found.tokens else found

    def why_not(self, scorer: str) -> str:
        """Why a scorer gave no scores, in words for a report."""
        return self.absent.get(
            scorer, f"{printable(scorer, 80)} was not asked how likely it finds these texts"
        )

    def teachers(self) -> list[str]:
        """Names of the stored candidates that scored anything, in order."""
        return sorted(
            name.removeprefix("teacher:") for name in self.scorers if name.startswith("teacher:")
        )

    def digest(self) -> str:
        """SHA-256 over all scores in order of scorer and passage."""
        return sha256(canonical_json([self.rows[key].digest() for key in sorted(self.rows)]))


@dataclass
class ScoreReading(RowReading):
    """What a file's lines add up to so far."""

    row_of = "row of scores"
    next_step = "move the file away to score again"

    begun: bool = False
    scorers: dict[str, Identity] = field(default_factory=dict)
    passages: set[str] = field(default_factory=set)
    rows: dict[tuple[str, str], Score] = field(default_factory=dict)

    def take(self, row: dict[str, Any]) -> None:
        """Adds one row. Raises ValueError for one that is none."""
        kind, rest = row.get("type"), {k: v for k, v in row.items() if k != "type"}
        if self.begun == (kind == "header"):
            raise ValueError("not an object, or the header is not the first line")
        self.begun = True
        if kind == "scorer":
            self.scorers[str(rest["name"])] = Identity.model_validate(rest["identity"])
        elif kind == "passage":
            self.passages.add(Passage.model_validate(rest).digest())
        elif kind == "score":
            score = Score.model_validate(rest)
            if score.passage_sha256 not in self.passages or score.scorer not in self.scorers:
                raise ValueError("a score of an unknown passage or by an unknown scorer")
            self.rows[score.scorer, score.passage_sha256] = score
        elif kind != "header" or row.get("format") != FORMAT:
            raise ValueError(f"unknown row type {printable(str(kind), 40)!r}")

    def scores(self) -> Scores:
        """The scores as a value."""
        return Scores(dict(self.scorers), dict(self.rows))

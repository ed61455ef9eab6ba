"""What a finished training was.

Knows figures and digests; knows nothing of models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Identity, Record

TRAINED = "trained.json"


class TrainedStudent(Record):
    """What a finished training was: ``trained.json`` in its folder.

    ``run`` is the digest of all that decides the weights; ``seconds`` is time spent in steps, over
    all resumptions; ``first_loss`` and ``last_loss`` are of single steps, in nats a token.
    ``truncated`` answers were cut, ``left_out`` examples had no room. ``counts``: what the method
    counted, by its name in plain words.
    """

    format: Literal["trained/1"] = "trained/1"
    run: str
    base: Identity
    examples: int
    examples_sha256: str
    truncated: int
    left_out: int
    steps: int
    learned_tokens: int
    trained_parameters: int
    first_loss: float
    last_loss: float
    seconds: float
    device: str
    precision: str
    torch: str
    teacher_sha256: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)


def read_trained(out: Path) -> TrainedStudent:
    """What a folder's ``trained.json`` says. Raises MalformedInput where there is none."""
    return _FILE.read(out / TRAINED)


def write_trained(out: Path, trained: TrainedStudent) -> None:
    """Writes ``trained.json`` whole: from then on the folder counts as finished. Raises
    ResourceLimit on a full disk."""
    write_record(out / TRAINED, trained)


_FILE = RecordFile(TrainedStudent, "no finished training", "train into this folder first")

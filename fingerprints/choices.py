"""What a model would have written at the places of given texts: the record, and its file.

Knows text; knows no model and no token.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fingerprints.record_files import RecordFile
from fingerprints.records import Record, Spoken


class Choices(Record):
    """A model's choices within one text: at the character ``starts[i]`` it would have gone on with
    the piece ``chosen[i]``, had it read everything before."""

    text_sha256: str
    starts: tuple[int, ...]
    chosen: tuple[Spoken, ...]

    @model_validator(mode="after")
    def _one_a_place(self) -> Self:
        if len(self.starts) != len(self.chosen) or list(self.starts) != sorted(self.starts):
            raise ValueError("one choice a place, in order")
        return self


class ChoicesFile(Record):
    """All choices of one audit. ``rose``: each choice is the token that rose most against the
    base, and not the likeliest one."""

    format: Literal["choices/1"] = "choices/1"
    marked_sha256: str
    subject_sha256: str
    base_sha256: str | None = None
    rows: tuple[Choices | str, ...]

    @property
    def rose(self) -> bool:
        """Whether a base stood beside the suspect."""
        return self.base_sha256 is not None


CHOICES = RecordFile(
    ChoicesFile,
    "no file of choices",
    "move it away to choose again",
    largest=1_000_000_000,
)

"""A plant's folder as a test reads it: the notice, the sealed file that it committed to, and the
teacher's tokenizer.

Knows files; tests nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from auditor.audits.plants.planting import bank_sha256
from fingerprints.errors import MalformedInput
from fingerprints.plants import (
    HABITS,
    NOTICE,
    NOTICES,
    SEALED,
    TOKENIZER,
    WATERMARKS,
    PlantNotice,
    SealedHabits,
    SealedWatermark,
    check_commitment,
)
from fingerprints.subjects.vocabulary import LoneTokenizer


@dataclass(frozen=True)
class Plant:
    """A plant whose sealed file is the one that its notice committed to."""

    folder: Path
    notice: PlantNotice
    sealed: SealedWatermark | SealedHabits

    def vocabulary(self) -> LoneTokenizer:
        """The teacher's tokenizer. Raises MalformedInput where it is missing or another one."""
        scheme = self.notice.watermark
        if scheme is None:
            raise ValueError("only a watermark has a tokenizer")
        found = LoneTokenizer.open(self.folder / TOKENIZER, scheme.tokenizer_sha256)
        if found.digest != scheme.vocabulary_sha256:
            raise MalformedInput(
                "the tokenizer is not the one that the watermark was drawn for",
                where=self.folder / TOKENIZER,
                next_step="use the folder as `auditor plant` wrote it",
            )
        return found


def open_plant(folder: Path, sealed: Path | None, warn: Callable[[str], None]) -> Plant:
    """A plant's folder, checked. ``sealed``: its sealed file, where that lies elsewhere; ``warn``
    is told where others could have read it.

    Raises VerificationFailed where the commitment is another file's, and MalformedInput for files
    that are none and for habits of another bank.
    """
    notice = NOTICES.read(folder / NOTICE)
    path = folder / SEALED if sealed is None else sealed
    found: SealedWatermark | SealedHabits = (
        WATERMARKS.read(path, warn) if notice.kind == "watermark" else HABITS.read(path, warn)
    )
    check_commitment(notice, found)
    if notice.habits is not None and notice.habits.bank_sha256 != bank_sha256():
        raise MalformedInput(
            "the habits were dealt from another bank than this version's",
            where=folder / NOTICE,
            next_step="test with the version of the toolkit that dealt them",
        )
    return Plant(folder, notice, found)

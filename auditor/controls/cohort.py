"""A labelled population of models of known history: folders or transcripts with a lineage.json.

Knows labels and places; asks nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.lineage import LINEAGE, Lineage, LineageTeacher, read_lineage
from fingerprints.errors import MalformedInput
from fingerprints.records import canonical_json, sha256
from fingerprints.transcript import Transcript, is_transcript, load_transcript

TRANSCRIPT = "transcript.jsonl"
DEEPEST = 4


@dataclass(frozen=True)
class Member:
    """One model of the cohort: its name (its place there), its history, and where it lies."""

    name: str
    lineage: Lineage
    folder: Path
    transcript_path: Path | None

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names of the teachers that gave it at least one example; fillers are none."""
        return tuple(t.name for t in self._gave)

    @property
    def vendors(self) -> tuple[str, ...]:
        """Makers of those teachers, without empty ones, each once."""
        return tuple(dict.fromkeys(t.vendor for t in self._gave if t.vendor))

    @property
    def _gave(self) -> list[LineageTeacher]:
        return [t for t in self.lineage.teachers if t.kind == "teacher" and t.n_examples != 0]

    @property
    def base(self) -> str:
        """What it started from: the base's weights digest, else how it was opened."""
        known = self.lineage.base
        return (known.weights_sha256 if known is not None else None) or self.lineage.base_spec

    @property
    def checkpoint(self) -> Path | None:
        """The student's folder, None where only its answers are here."""
        return None if self.lineage.checkpoint is None else self.folder / self.lineage.checkpoint

    def transcript(self) -> Transcript:
        """What it said. Raises MalformedInput where no transcript lies beside its lineage."""
        if self.transcript_path is None:
            raise MalformedInput(
                "this member has no transcript",
                where=self.folder,
                next_step=f"ask it with `auditor probe … --out {TRANSCRIPT}`",
            )
        return load_transcript(self.transcript_path)


@dataclass(frozen=True)
class Cohort:
    """Members in order of name."""

    members: tuple[Member, ...]

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def digest(self) -> str:
        """SHA-256 over names and lineages, by which a calibration names its cohort."""
        return sha256(canonical_json([[m.name, m.lineage.digest()] for m in self.members]))


def load_cohort(path: Path) -> Cohort:
    """Every model with a lineage.json at most four folders below one; links are not followed.

    A transcript is ``transcript.jsonl`` beside the lineage, or the one that stands beside
    ``NAME.lineage.json`` as ``NAME.jsonl``. Raises MalformedInput for a folder that is not there or
    holds no member, and for a lineage that is none.
    """
    if not path.is_dir():
        raise MalformedInput("no such folder", where=path, next_step="give the folder of a cohort")
    members = sorted(_members(path, path, DEEPEST), key=lambda m: m.name)
    if not members:
        raise MalformedInput(
            f"no {LINEAGE} is in it",
            where=path,
            next_step="train controls into it, or write one by hand",
        )
    return Cohort(tuple(members))


def _members(folder: Path, root: Path, depth: int) -> Iterator[Member]:
    lineage = folder / LINEAGE
    if lineage.is_file():
        own = folder / TRANSCRIPT
        name = folder.relative_to(root).as_posix() if folder != root else folder.resolve().name
        yield Member(name, read_lineage(lineage), folder, own if own.is_file() else None)
        return
    for path in sorted(folder.iterdir()):
        if path.name.endswith(f".{LINEAGE}") and path.is_file():
            yield _beside(path, root)
        # A link could lead out of the folder, or round in a circle.
        elif path.is_dir() and not path.is_symlink() and depth > 0:
            yield from _members(path, root, depth - 1)


def _beside(path: Path, root: Path) -> Member:
    stem = path.name.removesuffix(f".{LINEAGE}")
    transcript = path.with_name(f"{stem}.jsonl")
    name = path.with_name(stem).relative_to(root).as_posix()
    return Member(
        name, read_lineage(path), path.parent, transcript if is_transcript(transcript) else None
    )

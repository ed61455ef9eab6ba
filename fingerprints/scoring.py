"""Asks a subject how likely it finds passages, and keeps the scores: Subject × passages → JSONL.

Appends and fsyncs batch by batch, resumes from the file, scores nothing twice. One writer at a
time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput
from fingerprints.journal import append_row, open_locked
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity, canonical_json
from fingerprints.scores import FORMAT, Passage, Score, ScoreReading, Scores, score_of
from fingerprints.subjects.base import Subject
from fingerprints.system import Closing

BATCH = 64
"""Passages between two fsyncs: what a kill can lose."""


class ScoresWriter(Closing):
    """Appends scores to a file; opening an existing one resumes it, and cuts a torn last line.

    Raises Locked while another process writes it, MalformedInput for a file of something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_locked(path)
        try:
            self._reading = ScoreReading().read(path)
            if self._reading.torn:  # else the next row would be glued to half of one
                self._file.truncate(self._reading.good_bytes)
            if self._reading.good_bytes == 0:
                self._put({"type": "header", "format": FORMAT})
        except BaseException:
            self._file.close()
            raise

    def scorer(self, name: str, identity: Identity) -> None:
        """Says who scores under a name. Raises MalformedInput where the file has scores by
        another model of that name."""
        known = self._reading.scorers.get(name)
        if known is None:
            who = identity.model_dump(mode="json", exclude_defaults=True)
            self._put({"type": "scorer", "name": name, "identity": who})
        elif known.model_copy(update={"notes": ()}) != identity.model_copy(update={"notes": ()}):
            raise MalformedInput(
                f"the file holds scores by another {name}",
                where=self.path,
                next_step="move it away, or write to another folder",
            )

    def add(self, passage: Passage, score: Score) -> None:
        """Appends one score, and its passage where the file lacks it."""
        if score.passage_sha256 not in self._reading.passages:
            self._put({"type": "passage", **passage.model_dump(mode="json", exclude_defaults=True)})
        self._put({"type": "score", **score.model_dump(mode="json", exclude_defaults=True)})

    def copy(self, path: Path) -> None:
        """Takes the rows of another file, recorded before, where this one is empty."""
        if self._reading.rows or self._reading.scorers:
            return
        ScoreReading().read(path)
        for line in path.read_bytes().splitlines(keepends=True)[1:]:
            if line.endswith(b"\n"):
                append_row(self._file, line, self.path)
        self._reading = ScoreReading().read(self.path)
        self.sync()

    def missing(self, scorer: str, passages: Iterable[Passage]) -> list[Passage]:
        """The passages, each once, that a scorer has not scored yet."""
        wanted = {p.digest(): p for p in passages}
        return [p for digest, p in wanted.items() if (scorer, digest) not in self._reading.rows]

    def scores(self) -> Scores:
        """What the file holds now, as a value."""
        return self._reading.scores()

    def sync(self) -> None:
        """Forces everything written so far onto the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Syncs, releases the lock and closes the file."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def _put(self, row: dict[str, Any]) -> None:
        append_row(self._file, canonical_json(row) + b"\n", self.path)
        self._reading.take(row)


def collect_scores(
    subject: Subject,
    name: str,
    passages: Sequence[Passage],
    writer: ScoresWriter,
    progress: Progress = SILENT,
) -> None:
    """Lets a subject score, under a name, the passages that the file lacks.

    A passage that does not fit its context is kept with the reason. Raises UsageProblem for a
    subject that gives no likelihoods, MalformedInput where the file has scores by another model of
    that name.
    """
    writer.scorer(name, subject.identity)
    todo = writer.missing(name, passages)
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        for passage, found in zip(batch, subject.score_passages(batch), strict=True):
            writer.add(passage, score_of(name, passage, found))
        writer.sync()
        progress(start + len(batch), len(todo))

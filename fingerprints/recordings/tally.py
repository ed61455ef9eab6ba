"""What the rows of one model add up to: probes, replies, and how many rows were twins or clashed.

Knows rows and probes; knows nothing of files.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fingerprints.probes import bundled_probe_sets, load_probe_set
from fingerprints.recordings.counts import ReadingCounts
from fingerprints.recordings.rows import RecordedRow
from fingerprints.records import Arm, Probe, Reply
from fingerprints.transcript import Event, Header, Transcript

FIRST_SETS = ("identity", "leading", "style", "choices", "openings", "policy", "service")
OF_THE_FILE = ("set_aside", "unreadable")
"""Kinds of events that tell what of a file is not there at all."""


@dataclass
class RecordingTally:
    """What rows add up to: probes, replies, and how many rows were twins or clashed.

    A row without a sample number takes the next free one; it is a twin, and dropped, when its
    answer is already there for the same prompt and arm. A numbered row is a twin when its number is
    taken by the same answer.
    """

    probes: dict[str, Probe] = field(default_factory=dict)
    replies: dict[tuple[str, str, int], Reply] = field(default_factory=dict)
    models: dict[str | None, int] = field(default_factory=dict)
    twins: int = 0
    renumbered: int = 0
    clashing_ids: int = 0
    given: int = 0
    left_out: int = 0
    _known: dict[tuple[object, ...], str] = field(default_factory=dict)
    _texts: dict[tuple[str, Arm], dict[str, int]] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def add(self, row: RecordedRow) -> None:
        """Takes one row in."""
        self.models[row.model] = self.models.get(row.model, 0) + 1
        self.given, self.left_out = self.given + row.given, self.left_out + row.left_out
        probe_id = self._probe_id(row)
        if row.id is not None and self._ids.setdefault(row.id, probe_id) != probe_id:
            self.clashing_ids += 1
        texts = self._texts.setdefault((probe_id, row.arm), {})
        sample = row.sample
        if sample is None and row.answer in texts:
            self.twins += 1
            return
        taken = None
        if sample is not None:
            taken = self.replies.get((probe_id, row.arm.value, sample))
        if taken is not None:
            if taken.text == row.answer:
                self.twins += 1
                return
            self.renumbered += 1
            sample = None
        if sample is None:
            sample, arm = len(texts), row.arm.value
            while (probe_id, arm, sample) in self.replies:
                sample += 1
        texts.setdefault(row.answer, sample)
        reply = row.reply(probe_id, sample)
        self.replies[reply.key] = reply

    def _probe_id(self, row: RecordedRow) -> str:
        asked = (row.form, row.prompt, *row.history) if row.history else (row.form, row.prompt)
        known = self._known.get(asked)
        if known is None:
            probe = _bundled_probe(row) or _as_the_bank_asks(row) or row.probe()
            self.probes[probe.id] = probe
            known = self._known[asked] = probe.id
        return known

    def events(self) -> tuple[Event, ...]:
        """What a reader must know about the rows that are not there as they were."""
        repeat = "repeat an answer to the same prompt and were left out"
        claim = "claim a sample number that another answer has; they got the next free one"
        share = "share their id with a row of another prompt"
        counted = (
            ("duplicates", self.twins, repeat),
            ("renumbered", self.renumbered, claim),
            ("conflicting_ids", self.clashing_ids, share),
        )
        told = [Event(kind=kind, detail=f"{n} rows {do}") for kind, n, do in counted if n]
        given = "turns of an assistant stand in requests: context, and nobody's observed answers"
        left = (
            "turns of an assistant were not taken: no user's turn before them, or too long a chat"
        )
        for kind, n, said in (("given_turns", self.given, given), ("turns", self.left_out, left)):
            told += [Event(kind=kind, detail=f"{n} {said}")] if n else []
        return tuple(told)


def _bundled_probe(row: RecordedRow) -> Probe | None:
    """The bundled probe that asks what the row was asked, if there is one.

    Recordings seldom say which form they were asked in, so that a chat row may also be an answer to
    a bundled completion.
    """
    text = " ".join(row.prompt.split())
    found = [probe for probe in _bundled().get(text, ()) if probe.history == row.history]
    for form in ("chat", "completion") if row.form == "chat" and not row.history else (row.form,):
        for probe in found:
            if (probe.form == "completion") == (form == "completion"):
                return probe
    return None


def _as_the_bank_asks(row: RecordedRow) -> Probe | None:
    """A question of the bank about who the model is, asked under a system prompt: a probe of its
    own, of the bank's kind and question."""
    if row.form != "chat" or [turn.role for turn in row.history] != ["system"]:
        return None
    bare = _bundled_probe(replace(row, history=()))
    if bare is None or bare.kind not in ("identity", "leading"):
        return None
    kept = {"kind", "question", "topic", "language", "vendor", "jurisdiction"}
    return row.probe().model_copy(update={name: getattr(bare, name) for name in kept})


@functools.cache
def _bundled() -> dict[str, list[Probe]]:
    """The bundled probes by their prompt, its white space evened out as for its digest; the
    first set's come first."""
    here = bundled_probe_sets()
    first = [name for name in FIRST_SETS if name in here]
    out: dict[str, list[Probe]] = {}
    for name in dict.fromkeys((*first, *here)):
        for probe in load_probe_set(name).probes:
            out.setdefault(" ".join(probe.prompt().split()), []).append(probe)
    return out


def transcript_of(tally: RecordingTally, header: Header, counts: ReadingCounts) -> Transcript:
    """The rows of one model as a complete transcript under the given header; ``counts`` are of the
    whole file."""
    replies = tuple(tally.replies[key] for key in sorted(tally.replies))
    events = (*tally.events(), *_of_the_file(counts))
    return Transcript(header, tally.probes, replies, events, True)


def _of_the_file(counts: ReadingCounts) -> Iterator[Event]:
    """What a reader must know about what is not there at all."""
    if counts.set_aside():
        yield Event(kind=OF_THE_FILE[0], detail=f"of the file {counts.set_aside()}")
    if counts.lost():
        yield Event(kind=OF_THE_FILE[1], detail=f"of the file {counts.lost()}")

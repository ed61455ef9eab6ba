"""Whose answers are compared: transcripts, recorded answers, report folders and stored models, each
under a name of its own.

Reads files and stores; asks no model. Knows nothing of distances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audits.compare.records import LeftOut
from auditor.audits.report.bundle import REPORT, TRANSCRIPT
from detectors.pairing import FEWEST, style_answers
from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem, printable
from fingerprints.recordings.models import models_in
from fingerprints.store import FingerprintStore
from fingerprints.subjects import open_subject
from fingerprints.subjects.kinds import RECORDINGS, kind_of, scheme_in
from fingerprints.transcript import Transcript, load_transcript

MOST = 300
"""A matrix of more models can't be read, and the tree takes minutes."""


@dataclass(frozen=True)
class ComparedSource:
    """One model to be compared: the name it is shown under, who made it where that is known, and
    what it said."""

    name: str
    vendor: str
    where: str
    transcript: Transcript


def named_sources(arguments: Sequence[str], store: FingerprintStore) -> list[ComparedSource]:
    """The models that the arguments name, in their order; a file of several models gives all of
    them.

    An argument is a path, a stored model's name, ``recording:…``, or ``NAME=`` and one of these.
    Raises UsageProblem for what is none of them or names several models at once, MalformedInput for
    a file that can't be read.
    """
    return [source for argument in arguments for source in _named(argument, store)]


def stored_sources(
    store: FingerprintStore, but: frozenset[str] = frozenset()
) -> tuple[list[ComparedSource], list[LeftOut]]:
    """All stored models but those named, and those left out: with fewer than 20 answers, or less
    than half of the most."""
    all_of_them = [
        s for t in store.teachers() if t.name not in but for s in _stored(t.name, t.name, store)
    ]
    counts = [len(style_answers(s.transcript)) for s in all_of_them]
    least = max(FEWEST, max(counts, default=0) / 2)
    kept = [s for s, n in zip(all_of_them, counts, strict=True) if n >= least]
    few = [(s.name, n) for s, n in zip(all_of_them, counts, strict=True) if n < least]
    left = [LeftOut(name=name, reason=f"only {n} answers to compare") for name, n in few]
    return kept, left


def checked(sources: Sequence[ComparedSource]) -> None:
    """Raises UsageProblem for fewer than two models or two of one name, ResourceLimit for too
    many."""
    if len(sources) < 2:
        raise UsageProblem(
            f"a comparison needs at least two models, not {len(sources)}",
            next_step=(
                "name more (transcripts, recorded answers, report folders, stored models), or add"
                " --all"
            ),
        )
    if len(sources) > MOST:
        raise ResourceLimit(
            f"{len(sources)} models are too many to compare; {MOST} are the most",
            next_step="name fewer models",
        )
    seen: dict[str, str] = {}
    for source in sources:
        if source.name in seen:
            raise UsageProblem(
                f"two models are called {printable(source.name, 60)!r}:"
                f" {printable(seen[source.name], 80)} and {printable(source.where, 80)}",
                next_step="write NAME=PATH to give one another name",
            )
        seen[source.name] = source.where


def _named(argument: str, store: FingerprintStore) -> Iterator[ComparedSource]:
    stored = {t.name for t in store.teachers()}
    name, equals, rest = argument.partition("=")
    whole = argument in stored or _is_there(argument) or scheme_in(argument) is not None
    if whole or not equals or not name:
        yield from _opened(argument, None, store, stored)
    else:
        yield from _opened(rest, name, store, stored)


def _opened(
    text: str, name: str | None, store: FingerprintStore, stored: set[str]
) -> Iterator[ComparedSource]:
    if text in stored:
        yield from _stored(text, name or text, store)
    elif (scheme := scheme_in(text)) is not None and kind_of(scheme).recorded:
        with open_subject(text) as subject:
            transcript = subject.recorded()
        yield ComparedSource(name or transcript.identity.name, "", text, transcript)
    elif _is_there(text):
        yield from _read(Path(text), name)
    elif scheme is not None:
        raise UsageProblem(
            "a comparison asks no model, it reads what was answered",
            where=printable(text, 80),
            next_step=f"record it first: auditor probe {printable(text, 60)} --out answers.jsonl",
        )
    else:
        raise UsageProblem(
            f"neither a path nor a stored model: {printable(text, 80)!r}",
            next_step=(
                "see `auditor store list` for the names in a store, and give its folder with"
                " --store"
            ),
        )


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _stored(name: str, shown: str, store: FingerprintStore) -> Iterator[ComparedSource]:
    yield ComparedSource(shown, store.teacher(name).vendor, "store", store.transcript(name))


def _read(path: Path, name: str | None) -> Iterator[ComparedSource]:
    if path.is_dir():
        if not (path / REPORT).is_file() and not (path / TRANSCRIPT).is_file():
            raise MalformedInput(
                f"the folder is no report: it has no {TRANSCRIPT}",
                where=path,
                next_step="give a report's folder or a file",
            )
        transcript = load_transcript(path / TRANSCRIPT)
        yield ComparedSource(name or transcript.identity.name, "", str(path), transcript)
        return
    if path.suffix.lower() not in RECORDINGS:
        raise UsageProblem(
            "neither a transcript nor recorded answers",
            where=path,
            next_step=f"give a file of one of {', '.join(sorted(RECORDINGS))}",
        )
    found = models_in(path, None, path.name).transcripts
    if name is not None and len(found) > 1:
        raise UsageProblem(
            f"one name for the {len(found)} models of a file",
            where=path,
            next_step="name no model, or split the file",
        )
    for model, transcript in found.items():
        yield ComparedSource(name or model, "", str(path), transcript)

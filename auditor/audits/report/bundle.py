"""The bundle: a folder with report.json, report.html, transcript.jsonl and plan.yaml, written so
that a kill or a full disk leaves no half-written file under a final name, and never over somebody
else's work.

Knows files and folders; what stands in them comes from the renderers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from auditor.audits.report.document import report_document
from auditor.audits.report.file import load_report, report_in
from auditor.errors import AuditError, MalformedInput
from auditor.evidence.kinds import files_beside
from auditor.evidence.records import Report
from auditor.reporting import html, json
from fingerprints.durable import TEMPORARY as CUT
from fingerprints.durable import disk_problem, sync_folder
from fingerprints.records import Sampling
from fingerprints.transcript import is_transcript, load_transcript

REPORT, PAGE, TRANSCRIPT = "report.json", "report.html", "transcript.jsonl"
PLAN, ATTESTATION, REGISTRATION = "plan.yaml", "attestation.json", "registration.json"
TEMPORARY = ".bundle-tmp-"
ADDED_FILE = "added-"
"""How the name of a file begins that was added to a sealed report."""
REPLACE = "choose another folder, or add --force to replace it"


def bundle_names() -> frozenset[str]:
    """The files that a bundle may hold: its own, and those that some kind of audit observes and
    resumes beside them."""
    return files_beside() | {REPORT, PAGE, TRANSCRIPT, PLAN, ATTESTATION, REGISTRATION}


def load_bundle(path: Path) -> Report:
    """The report of a bundle folder, or of a report.json given itself. Raises what `load_report`
    raises."""
    return load_report(path / REPORT if path.is_dir() else path)


def write_bundle(
    report: Report,
    transcript_path: Path | None,
    plan_yaml_text: str,
    out: Path,
    force: bool = False,
) -> None:
    """Writes the bundle into ``out``, which is made where it is missing; without a transcript where
    nobody was asked.

    Every file is written under a temporary name and synced first, then all are renamed, report.json
    last: a report.json always has its page, plan and transcript beside it. A folder that holds this
    run's transcript or its earlier, unsealed bundle is updated. Raises MalformedInput (exit code 3)
    for a symlink, a file, and, without ``force``, for a folder that holds anything else; ``force``
    replaces our own names (an old attestation with them) and leaves all others alone. Raises
    ResourceLimit on a full disk, with nothing replaced.
    """
    if transcript_path is not None and not transcript_path.is_file():
        raise _refused(
            transcript_path, "no such transcript", "give the path of the run's transcript (JSONL)"
        )
    kept = json.render(report_document(report))
    # The page shows what is kept, so that whoever checks it makes the very same one of report.json:
    # there keys stand in another order than in a report that was just made.
    page = html.render(report_document(report_in(kept.encode("utf-8"), out / REPORT)))
    texts = {PLAN: plan_yaml_text, PAGE: page, REPORT: kept}
    ready_folder(out, force)
    if not force:
        _check_earlier(report, transcript_path, texts[REPORT], out)
    with _telling_disk_problems(out):
        _sweep(out)
        try:
            _write_all(texts, transcript_path, out)
        finally:
            _sweep(out)


def ready_folder(out: Path, force: bool = False, ours: frozenset[str] | None = None) -> None:
    """Makes the folder, or checks that a bundle may go there; call it before a long run, not only
    after it.

    ``ours`` are the names that may already stand there: those of a bundle, where left out. What a
    run left half-written that was killed is taken away.

    Raises MalformedInput for a symlink, for something that is not a folder or can't be written,
    and, without ``force``, for a folder with files that are not a bundle's.
    """
    if out.is_symlink():
        raise _refused(out, "is a symbolic link", "give the folder itself")
    try:
        out.mkdir(parents=True, exist_ok=True)
        names = sorted(entry.name for entry in out.iterdir())
    except OSError as error:
        raise _refused(
            out, f"can't be used as a folder: {error.strerror}", "choose another folder"
        ) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise _refused(out, "can't be written", "choose a folder that you may write to")
    ours = bundle_names() if ours is None else ours
    cut = [n for n in names if n.startswith(CUT) and n.removeprefix(CUT) in ours]
    known = (*ours, *cut)
    foreign = [n for n in names if not n.startswith((TEMPORARY, ADDED_FILE)) and n not in known]
    if foreign and not force:
        told = "choose another folder, or add --force to write beside them"
        raise _refused(out, f"holds other files, {foreign[0]!r} first", told)
    odd = [n for n in names if n in known and ((out / n).is_symlink() or not (out / n).is_file())]
    if odd:
        told = "remove it, or choose another folder"
        raise _refused(out / odd[0], "is a link or a folder where a file should be", told)
    for name in cut:
        (out / name).unlink()


def _check_earlier(report: Report, transcript_path: Path | None, text: str, out: Path) -> None:
    """Raises MalformedInput unless what stands in the folder belongs to the same run and is not
    sealed."""
    kept = out / TRANSCRIPT
    if kept.exists() and not (
        transcript_path is not None
        and (_same_file(kept, transcript_path) or _same_run(kept, transcript_path))
    ):
        raise _refused(kept, "records another run", REPLACE)
    if not (out / REPORT).exists():
        return
    try:
        earlier = load_report(out / REPORT)
    except AuditError as error:
        raise _refused(
            out / REPORT, "stands there and can't be read", "choose another folder, or add --force"
        ) from error
    if earlier.subject.identity != report.subject.identity or _asked_how(earlier) != _asked_how(
        report
    ):
        raise _refused(out / REPORT, "is about another run", REPLACE)
    if (out / ATTESTATION).exists() and _changed(out, text):
        raise _refused(out, "holds a sealed report that would change", REPLACE)


def _asked_how(report: Report) -> Sampling | None:
    return None if report.transcript is None else report.transcript.sampling


def _same_file(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _same_run(kept: Path, new: Path) -> bool:
    if not (is_transcript(kept) and is_transcript(new)):
        return False
    return load_transcript(kept).header.terms() == load_transcript(new).header.terms()


def _write_all(texts: dict[str, str], transcript_path: Path | None, out: Path) -> None:
    names = [PLAN, PAGE, REPORT]
    for name, text in texts.items():
        with _temporary(out, name) as file:
            file.write(text.encode("utf-8"))
    kept = out / TRANSCRIPT
    if transcript_path is not None and not (kept.exists() and _same_file(kept, transcript_path)):
        names.insert(0, TRANSCRIPT)
        with transcript_path.open("rb") as source, _temporary(out, TRANSCRIPT) as file:
            shutil.copyfileobj(source, file, 1024 * 1024)
    # A seal of the earlier bytes would make the new report look tampered with.
    if _changed(out, texts[REPORT]):
        (out / ATTESTATION).unlink(missing_ok=True)
    for name in names:
        os.replace(out / (TEMPORARY + name), out / name)
    sync_folder(out)


def _changed(out: Path, text: str) -> bool:
    """Whether the folder's report.json is missing or holds other bytes."""
    return not (out / REPORT).is_file() or (out / REPORT).read_bytes() != text.encode("utf-8")


@contextmanager
def _temporary(out: Path, name: str) -> Iterator[IO[bytes]]:
    """A new file under a temporary name, synced when the block ends."""
    # Whoever can write here could have planted a link under this name: it must not be followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(out / (TEMPORARY + name), flags, 0o666), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sweep(out: Path) -> None:
    """Removes temporary files that a killed run left behind."""
    for name in bundle_names():
        (out / (TEMPORARY + name)).unlink(missing_ok=True)


@contextmanager
def _telling_disk_problems(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_problem(error, Path(error.filename or out)) from error


def _refused(path: Path, what: str, next_step: str) -> MalformedInput:
    return MalformedInput(what, where=path, next_step=next_step)

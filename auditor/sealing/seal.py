"""seal_report and add: write attestation.json, sign it a second time, and lengthen its chain.

Knows the folder and the order of things; keys and signatures are others' business.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from auditor.audits.report.bundle import ATTESTATION, load_bundle
from auditor.code import codes
from auditor.sealing.consistency import inner_problems
from auditor.sealing.differing import differences
from auditor.sealing.digests import MOST_FILES, FileDigest, digest_of, digests_of
from auditor.sealing.envelopes import payload_of
from auditor.sealing.findings import Problem
from auditor.sealing.reading import added_name, head_of, known_files, statement_of
from auditor.sealing.records import (
    ADDED,
    ATTESTATIONS,
    SEAL,
    AddedPredicate,
    Attestation,
    FileRecords,
    SealPredicate,
    Statement,
)
from auditor.sealing.signing import Signing
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.durable import disk_problem, open_plain, replacing
from fingerprints.errors import (
    MalformedInput,
    UnsafeInput,
    UsageProblem,
    VerificationFailed,
    printable,
)
from fingerprints.record_files import write_record

SUFFIXES = frozenset({".txt", ".md", ".pdf", ".json", ".jsonl", ".html", ".yaml", ".eml", ".zip"})
"""Endings that an added file keeps; its name is a stranger's and is not kept."""


def seal_report(folder: Path, signing: Signing, by: str = "") -> Attestation:
    """Seals a report, or signs its seal besides where it has one. ``by``: who does it, as given.

    Raises VerificationFailed where the report does not hang together (its page says something else)
    or was changed since it was sealed, UsageProblem where this key sealed it already; and what
    `Signing.entry` raises, with nothing written.
    """
    if (folder / ATTESTATION).exists():
        return _sign_besides(folder, signing)
    files = digests_of(folder)
    for file in files:
        _refuse_key(folder / file.name)
    statement = statement_for(folder, files, by)
    return _kept(folder, Attestation(chain=(signing.entry(statement),)))


def statement_for(folder: Path, files: tuple[FileDigest, ...], by: str = "") -> Statement:
    """What a seal of these files says. Raises VerificationFailed where the report does not hang
    together."""
    for file in files:
        _refuse_no_text(file.name)
    report = load_bundle(folder)
    problems = [p for p in inner_problems(folder, report) if isinstance(p, Problem)]
    refuse(problems, folder, PAGE_ANEW if problems and _page_alone(problems) else UNTOUCHED)
    told = SealPredicate(
        report=report.id,
        report_created=report.created,
        report_tool=report.tool,
        sealed=timestamp(),
        sealed_by=by,
        tool=f"distillation-auditor {VERSION}",
        code=codes(),
        files=tuple(FileRecords(name=f.name, size=f.size, records=f.records) for f in files),
    )
    return Statement.about(files, SEAL, told)


def _page_alone(problems: list[Problem]) -> bool:
    return {p.code for p in problems} == {"page_differs"}


def _sign_besides(folder: Path, signing: Signing) -> Attestation:
    held = _unchanged(folder)
    first = held.chain[0]
    if signing.signs(first):
        raise UsageProblem(
            "this key sealed the report already",
            where=folder,
            next_step="see `auditor verify`; to seal another state, remove attestation.json",
        )
    return _kept(
        folder, held.model_copy(update={"chain": (signing.besides(first), *held.chain[1:])})
    )


def _unchanged(folder: Path) -> Attestation:
    """The seal of a folder. Raises VerificationFailed where a file is not as it was sealed."""
    held = ATTESTATIONS.read(folder / ATTESTATION)
    refuse(list(differences(known_files(held), digests_of(folder))), folder)
    return held


def add(folder: Path, file: Path, signing: Signing, who: str, why: str) -> Attestation:
    """Copies a file beside a sealed report and signs that it was added, by whom and why as given.

    The seal and what was added before stay as they are. Raises MalformedInput for a report that was
    not sealed or a file that isn't there, VerificationFailed where the folder was changed since.
    """
    if not (folder / ATTESTATION).exists():
        raise MalformedInput(
            "nothing was sealed here", where=folder, next_step="seal the report first"
        )
    _refuse_key(file)
    held = _unchanged(folder)
    number = len(held.chain)
    suffix = file.suffix.lower() if file.suffix.lower() in SUFFIXES else ""
    name = _free(folder, added_name(number), suffix)
    told = AddedPredicate(
        number=number,
        who=who,
        why=why,
        added=timestamp(),
        was_called=printable(file.name, 200),
        previous=head_of(held),
    )
    _copy(file, folder / name)
    try:
        statement = Statement.about((digest_of(folder / name, name),), ADDED, told)
        entry = signing.entry(statement)
        return _kept(folder, held.model_copy(update={"chain": (*held.chain, entry)}))
    except BaseException:
        (folder / name).unlink()  # a file that no entry names would look smuggled in
        raise


def _refuse_no_text(name: str) -> None:
    """Raises UnsafeInput for a file's name that no statement can hold."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsafeInput(
            "a file's name is no text",
            where=printable(name, 100),
            next_step="rename it, or take it out of the report's folder",
        ) from error


def _free(folder: Path, stem: str, suffix: str) -> str:
    """A name that no file has: one may be left from an earlier seal, and is sealed itself."""
    tried = (stem, *(f"{stem}-{n}" for n in range(2, MOST_FILES)))
    return next(f"{t}{suffix}" for t in tried if not (folder / f"{t}{suffix}").exists())


def _refuse_key(path: Path) -> None:
    """Raises UnsafeInput for a private key, which would be handed on with the report."""
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except OSError:  # told by whoever reads all of it
        return
    if start.lstrip().startswith(b"-----BEGIN") and b"PRIVATE KEY" in start.split(b"\n")[0]:
        raise UnsafeInput(
            "this is a private key, and would be handed on with the report",
            where=path,
            next_step="take it out of the report's folder",
        )


UNTOUCHED = "see `auditor verify`, and use the untouched report"
PAGE_ANEW = (
    "where other code of the toolkit made the page, make it anew: `auditor report REPORT"
    " --format html --out REPORT/report.html`; else use the untouched report"
)


def refuse(problems: list[Problem], folder: Path, next_step: str = UNTOUCHED) -> None:
    """Raises VerificationFailed with the first of some problems, and what to do about it."""
    if problems:
        more = f"; {len(problems) - 1} more" if len(problems) > 1 else ""
        raise VerificationFailed(
            problems[0].line() + more,
            where=folder,
            next_step=next_step,
        )


def _kept(folder: Path, attestation: Attestation) -> Attestation:
    for entry in attestation.chain:
        statement_of(payload_of(entry))  # never written unreadable
    write_record(folder / ATTESTATION, attestation, by_alias=True, exclude_none=True)
    return attestation


def _copy(file: Path, to: Path) -> None:
    try:
        with open_plain(file) as source, replacing(to) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except FileNotFoundError as error:
        raise MalformedInput("no such file", where=file, next_step="name a file") from error
    except OSError as error:
        raise disk_problem(error, file) from error

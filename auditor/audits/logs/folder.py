"""The folder of a scan: scan.json, scan.html, accounts.jsonl and calibration.json; each whole or
not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from auditor.audits.logs.benign import CALIBRATION, calibration_json
from auditor.audits.logs.document import scan_document
from auditor.audits.logs.follow import STATE
from auditor.audits.logs.records import ListedAccount, LogScan
from auditor.audits.logs.run import Scanned
from auditor.audits.report.bundle import ready_folder
from auditor.reporting import html, json
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.record_files import RecordFile, first_problem
from fingerprints.work_folder import LOCK

RECORD, PAGE, ACCOUNTS = "scan.json", "scan.html", "accounts.jsonl"
OURS = frozenset({RECORD, PAGE, ACCOUNTS, CALIBRATION, STATE, LOCK})
FILE = RecordFile(
    LogScan, "not a scan of a log", "make one with `auditor logs scan`", largest=256_000_000
)


def ready(out: Path, force: bool = False) -> None:
    """Makes the folder or checks that a scan may go there. Raises MalformedInput as `ready_folder`
    does."""
    ready_folder(out, force, OURS)


def write_scan(found: Scanned, out: Path, force: bool = False) -> list[Path]:
    """Writes the files and returns their paths, the record last; an earlier scan's are replaced.

    Raises what `ready` raises, and ResourceLimit on a full disk.
    """
    ready(out, force)
    document = scan_document(found.record)
    lines = "".join(f"{a.model_dump_json()}\n" for a in found.listed)
    texts = {
        PAGE: html.render(document),
        ACCOUNTS: lines,
        CALIBRATION: calibration_json(found.calibration),
        RECORD: json.render(document),
    }
    for name, text in texts.items():
        with replacing(out / name) as file:
            file.write(text.encode("utf-8", "surrogatepass"))
    return [out / name for name in texts]


def read_scan(folder: Path) -> LogScan:
    """The record in a scan's folder. Raises MalformedInput where there is none."""
    return FILE.read(folder / RECORD)


def accounts_of(folder: Path, wanted: Sequence[str]) -> list[ListedAccount]:
    """The accounts of some units, or families of units, of a scan, in order.

    Raises MalformedInput for a folder without a scan, UsageProblem for a unit that it doesn't name.
    """
    path = folder / ACCOUNTS
    try:
        # By line feeds alone: names may hold other ends of lines.
        lines = path.read_text("utf-8").split("\n")
        listed = [ListedAccount.model_validate_json(line) for line in lines if line]
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}",
            where=path,
            next_step="give the folder of `auditor logs scan`",
        ) from error
    except ValidationError as error:
        raise MalformedInput(
            f"not the accounts of a scan: {first_problem(error)}", where=path
        ) from error
    units = list(dict.fromkeys(name for a in listed for name in (a.unit, a.family)))
    unknown = [unit for unit in wanted if unit not in units]
    if unknown or not wanted:
        told = ", ".join(units[:20]) or "none: nothing stood out"
        raise UsageProblem(
            f"the scan names no unit {printable(''.join(unknown[:1]), 20)!r}",
            where=folder,
            next_step=f"its units are {told}",
        )
    return [a for a in listed if a.unit in wanted or a.family in wanted]

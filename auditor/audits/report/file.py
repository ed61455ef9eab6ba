"""report.json: the way back from disk, and its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from auditor.errors import MalformedInput, ResourceLimit, printable
from auditor.evidence.kinds import all_kinds, sections_of, sections_record
from auditor.evidence.records import SCHEMA, Report
from fingerprints.subjects.strict_json import unique

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LARGEST = 256 * 1024 * 1024
REQUIRED = ("schema", "subject", "plan", "findings", "skipped", "verdicts", "limits")


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of report.json, generated from the records; shipped as
    `schemas/report-1.json`."""
    made = Report.model_json_schema(by_alias=True)
    del made["properties"]["sections"], made["$defs"]["ReportSection"]
    sections = sections_record(sections_of(all_kinds())).model_json_schema()
    made["properties"] |= sections["properties"]
    made["$defs"] |= sections["$defs"]
    made["properties"]["schema"] = {"const": SCHEMA, "title": "Schema", "type": "string"}
    made["required"] = sorted({*made["required"], *REQUIRED})
    return {"$schema": DIALECT, "$id": SCHEMA, **made}


def load_report(path: Path) -> Report:
    """Reads report.json back. Raises MalformedInput (missing, not JSON, another schema, a field
    that doesn't fit) and ResourceLimit (over 256 MiB)."""
    return report_in(_read(path), path)


def report_in(raw: bytes, path: Path) -> Report:
    """The report in the bytes of a file; ``path`` is for errors. Raises MalformedInput."""
    # Read twice: pydantic lets NaN and keys named twice pass, json can refuse both.
    try:
        value = json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        why = printable(str(error) or type(error).__name__, 120)
        raise _malformed(path, f"is not JSON: {why}") from error
    if not isinstance(value, dict) or "schema" not in value:
        raise _malformed(path, "is not a report: it has no field 'schema'")
    if value["schema"] != SCHEMA:
        named = printable(str(value["schema"]), 80)
        raise _malformed(path, f"has the schema {named!r}, which this version can't read")
    try:
        return Report.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = printable(".".join(str(part) for part in first["loc"]), 100)
        why = printable(first["msg"], 100)
        raise _malformed(path, f"does not fit its schema at {place!r}: {why}") from error


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise MalformedInput(
                "no such file",
                where=path,
                next_step="give the path of a report.json or of a bundle folder",
            )
        if path.stat().st_size > LARGEST:
            raise ResourceLimit(
                f"is larger than {LARGEST:,} bytes",
                where=path,
                next_step="check that it is a report.json",
            )
        return path.read_bytes()
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}", where=path, next_step="check the path"
        ) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _malformed(path: Path, what: str) -> MalformedInput:
    return MalformedInput(
        what, where=path, next_step="use the untouched file, or run the audit again"
    )

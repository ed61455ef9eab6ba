"""The fleet as one table for other programs: a row a verdict, and one for every cell without any;
as JSON lines, and as Parquet where the library for it is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auditor.evidence.questions import QUESTIONS
from auditor.fleet.records import FleetCell, FleetReport, FleetTest
from fingerprints.durable import replacing

LINES, PARQUET = "table.jsonl", "table.parquet"
OF_CELL: dict[str, str] = {
    "suspect": "string",
    "audit": "string",
    "kind": "string",
    "store": "string",
    "calibration": "string",
    "state": "string",
    "exit_code": "int64",
    "code": "string",
    "reason": "string",
    "missing": "string",
    "seconds": "double",
    "place": "string",
    "report_id": "string",
    "made": "string",
    "says": "string",
}
OF_TEST: dict[str, str] = {
    "question": "string",
    "candidate": "string",
    "title": "string",
    "outcome": "string",
    "log10_lr": "double",
    "p": "double",
    "p_floor": "double",
    "log10_e": "double",
    "reason_code": "string",
    "family": "string",
    "untested": "string",
    "rate": "double",
    "stands": "bool",
    "out_of_reach": "bool",
}
STATUS = {f"status_{question}": "string" for question in QUESTIONS}
COLUMNS: dict[str, str] = {"fleet": "string", "run": "int64", **OF_CELL, **STATUS, **OF_TEST}
"""Every column and its type in Parquet; any of them may be null."""


def rows(report: FleetReport) -> Iterator[dict[str, Any]]:
    """The table, row by row, in the order of the cells."""
    for cell in report.cells:
        for test in cell.tests or (None,):
            yield {"fleet": report.plan.name, "run": report.run, **_row(cell, test)}


def _row(cell: FleetCell, test: FleetTest | None) -> dict[str, Any]:
    statuses = {f"status_{q}": cell.statuses.get(q) for q in QUESTIONS}
    told = cell.model_dump(mode="json", include=set(OF_CELL))
    weighed = {} if test is None else test.model_dump(mode="json")
    return {**told, **statuses, **{name: weighed.get(name) for name in OF_TEST}}


def write_tables(report: FleetReport, out: Path) -> None:
    """Writes both forms, each whole or not at all; without pyarrow the first alone."""
    with replacing(out / LINES) as file:
        for row in rows(report):
            line = json.dumps(row, ensure_ascii=False, allow_nan=False)
            file.write(line.encode("utf-8") + b"\n")
    if find_spec("pyarrow") is not None:
        _write_parquet(report, out / PARQUET)


def _write_parquet(report: FleetReport, path: Path) -> None:
    import pyarrow as pa  # of the extra `logs`
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pylist(list(rows(report)), schema=schema)
    with replacing(path) as file:
        pq.write_table(table, file)

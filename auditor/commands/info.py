"""`auditor detectors` and `auditor doctor`: what there is, and whether it works here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from auditor.commands.config_file import config_file
from auditor.commands.options import AS_JSON
from auditor.console import put, put_json
from auditor.doctor import Check, examine
from detectors.registry import detector_names, load_detector
from fingerprints.errors import AuditError, printable

BY_FILES: dict[str, tuple[str, str]] = {
    "independence": (
        "Do hidden units and residual coordinates of two models stand in one order?",
        "Zhu et al. 2025, arXiv 2502.12292",
    ),
    "weight_alignment": (
        "Which units are the same in spite of a rotated residual stream and another order?",
        "Zeng et al. 2025, arXiv 2510.06738; Zhu et al. 2025, arXiv 2502.12292",
    ),
    "tokenizer_lineage": (
        "How alike are two tokenizers? Decides nothing by itself.",
        "counts of whole lists",
    ),
}
"""What compares files with files: no answers, so that no plan names it."""


@click.command()
@AS_JSON
def detectors(as_json: bool) -> int:
    """List the detectors: the question each answers, what it needs, where the method comes from."""
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "question": d.question,
            "asks": d.asks,
            "needs": list(d.needs),
            "scope": d.scope,
            "source": d.source,
            "blind_spots": list(d.blind_spots),
        }
        for name, d in ((name, load_detector(name)) for name in detector_names())
    ]
    rows += [
        {
            "name": name,
            "question": "lineage",
            "asks": asks,
            "needs": ["weight files"],
            "scope": "candidate",
            "source": source,
            "blind_spots": ["what no weight file shows: whether answers were taken"],
        }
        for name, (asks, source) in BY_FILES.items()
    ]
    if as_json:
        put_json(rows)
        return 0
    table = Table("detector", "question", "asks", "needs", "source", show_lines=True)
    for row in rows:
        cells = {**row, "needs": ", ".join(row["needs"])}
        shown = ("name", "question", "asks", "needs", "source")
        table.add_row(*(Text(cells[key]) for key in shown))
    Console().print(table)
    put(
        "Those that need weight files run with `auditor lineage` and `auditor audit --bases`;"
        " --detectors does not choose them."
    )
    return 0


def _configuration() -> Check:
    """Which file options are read from here, and whether it can be."""
    named = "auditor.toml"
    try:
        file = config_file(None, Path.cwd())
    except AuditError as error:
        step = error.next_step or ""
        return Check(name=named, state="problem", found=printable(error.what, 200), advice=step)
    if file is None:
        return Check(name=named, state="ok", found="no configuration file is read here")
    tables = ", ".join(f"[{printable(name, 40)}]" for name in file.tables) or "nothing"
    found = f"{printable(str(file.path), 200)} sets {tables}"
    advice = "`auditor config show` says what of it is read"
    return Check(name=named, state="note", found=found, advice=advice)


@click.command()
@AS_JSON
def doctor(as_json: bool) -> int:
    """Say what is installed, which device is used, and what clashes."""
    checks = [*examine(), _configuration()]
    if as_json:
        put_json([check.model_dump(mode="json") for check in checks])
    else:
        table = Table(
            "check", "state", *(Column(name, overflow="fold") for name in ("found", "what to do"))
        )
        for check in checks:
            colour = {"ok": "green", "note": "yellow", "problem": "red"}[check.state]
            table.add_row(
                Text(check.name),
                Text(check.state, style=colour),
                Text(check.found),
                Text(check.advice),
            )
        Console().print(table)
    return 3 if any(check.state == "problem" for check in checks) else 0

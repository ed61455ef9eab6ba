"""`auditor detectors` and `auditor doctor`: what there is, and whether it works here."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from auditor.commands.options import AS_JSON
from auditor.console import put_json
from auditor.doctor import examine
from detectors.registry import detector_names, load_detector


@click.command()
@AS_JSON
def detectors(as_json: bool) -> int:
    """List the detectors: the question each answers, what it needs, where the method comes from."""
    rows = [(name, load_detector(name)) for name in detector_names()]
    if as_json:
        put_json(
            [
                {
                    "name": n,
                    "question": d.question,
                    "asks": d.asks,
                    "needs": list(d.needs),
                    "scope": d.scope,
                    "source": d.source,
                    "blind_spots": list(d.blind_spots),
                }
                for n, d in rows
            ]
        )
        return 0
    table = Table("detector", "question", "asks", "needs", "source", show_lines=True)
    for name, detector in rows:
        cells = (name, detector.question, detector.asks, ", ".join(detector.needs), detector.source)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)
    return 0


@click.command()
@AS_JSON
def doctor(as_json: bool) -> int:
    """Say what is installed, which device is used, and what clashes."""
    checks = examine()
    if as_json:
        put_json([check.model_dump(mode="json") for check in checks])
    else:
        table = Table("check", "state", *(Column(name, overflow="fold") for name in ("found", "what to do")))
        for check in checks:
            colour = {"ok": "green", "note": "yellow", "problem": "red"}[check.state]
            table.add_row(Text(check.name), Text(check.state, style=colour), Text(check.found), Text(check.advice))
        Console().print(table)
    return 3 if any(check.state == "problem" for check in checks) else 0

"""What the commands of all kinds of audits share: how a dry run shows a plan, and how a finished
report is told."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor.audits.plan import AuditPlan
from auditor.audits.report.document import report_document
from auditor.commands.documents import all_of_it
from auditor.console import put, put_json, say
from auditor.evidence.records import Report
from auditor.evidence.weight import assessable, reaches
from auditor.reporting import render, terminal
from fingerprints.errors import printable


def show_plan(
    plan: AuditPlan, as_json: bool, values: Mapping[str, Any], lines: Iterable[str]
) -> int:
    """A dry run: the plan with ``values`` as JSON, or as YAML with ``lines`` as comments."""
    if as_json:
        put_json({"plan": plan.told(), **values})
    else:
        put("\n".join((plan.to_yaml().rstrip("\n"), *(f"# {line}" for line in lines))))
    return 0


def cost_lines(cost: Mapping[str, Any], who: str = "") -> Iterator[str]:
    """What asking somebody costs, a line a figure."""
    for key, value in cost.items():
        yield f"{who} {key.replace('_', ' ')}: {value}".strip()


def tell(report: Report, folder: Path, as_json: bool, besides: str = "") -> None:
    """A finished report on stdout, and on stderr where it was written."""
    if as_json:
        put(render(report_document(report), "json"))
    else:
        terminal.write(report_document(report), sys.stdout, all_of_it())
    for event in report.transcript.events if report.transcript else ():
        say(printable(event, 400))
    say(f"written: {folder / 'report.html'} and {folder / 'report.json'}{besides}")


def exit_code(report: Report, fail_on: str | None) -> int:
    """1 where a verdict is supported at the level of ``--fail-on`` or above, else 0; says so on
    stderr where there was nothing that it could read, and of whom it read nothing for kinship."""
    if fail_on is None:
        return 0
    told = [v for v in report.verdicts if v.question == "inheritance"]
    if not assessable(told):
        say(f"--fail-on {fail_on}: nothing could be assessed, so no verdict was compared with it")
    elif inseparable := [v.called for v in told if v.reason_code == "not_separable_from_lineage"]:
        say(
            f"--fail-on {fail_on}: not compared with it, since lineage can't be told from learning:"
            f" {printable(', '.join(inseparable), 400)}"
        )
    return 1 if reaches(told, fail_on) else 0

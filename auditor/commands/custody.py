"""Who runs an audit, and by which registered plan: the options, and how they get into a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from auditor.audits.plan import AuditPlan
from auditor.audits.report.bundle import REGISTRATION, TRANSCRIPT
from auditor.evidence.records import Report
from fingerprints.collect import timestamp
from fingerprints.durable import replacing
from fingerprints.errors import UsageProblem

_KEY = "auditor.custody"


@dataclass
class _Given:
    """What was given on the command line, and when the command began."""

    started: str
    operator: str = ""
    registered: Path | None = None


def _given(context: click.Context) -> _Given:
    found: _Given = context.meta.setdefault(_KEY, _Given(timestamp()))
    return found


def _operator(context: click.Context, _: click.Parameter, value: str) -> None:
    _given(context).operator = value


def _registered(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    # Refused before anybody is asked; the libraries of signatures are loaded only here.
    from auditor.sealing.keys import need_extra
    from auditor.sealing.register import read_registration

    need_extra()
    read_registration(Path(value))
    _given(context).registered = Path(value)


OPERATOR = click.option(
    "--operator",
    metavar="NAME",
    default="",
    help="Who runs it; kept in every report as given.",
)


def custody_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--operator`` and ``--registered``, read by `kept`."""
    told = click.option(
        "--operator",
        metavar="NAME",
        default="",
        expose_value=False,
        callback=_operator,
        help="Who runs it; kept in the report as given.",
    )
    registered = click.option(
        "--registered",
        metavar="FILE",
        expose_value=False,
        callback=_registered,
        help="What `auditor plan register` wrote before; every deviation is listed.",
    )
    return told(registered(command))


def refuse_unkept(folder: Path | None) -> None:
    """Raises UsageProblem where somebody or a registration was named and no report will tell it."""
    given = _given(click.get_current_context())
    if folder is None and (given.operator or given.registered):
        raise UsageProblem(
            "without a report there is nothing to keep it in",
            where="--operator" if given.operator else "--registered",
            next_step="add --out DIR",
        )


def kept(report: Report, plan: AuditPlan, folder: Path, force: bool = False) -> Report:
    """Keeps a report with who ran it and what differs from the registered plan, and the
    registration beside it. Raises what `keep` raises."""
    # Opens stores: commands that write no report go without.
    from auditor.audits.frame import keep
    from auditor.audits.run_by import run_by

    given = _given(click.get_current_context())
    if not (given.operator or given.registered):
        return keep(report, plan, folder, force)
    registration = None
    if given.registered is not None:
        from auditor.sealing.register import compared, read_registration

        asked = None if report.transcript is None else folder / TRANSCRIPT
        registration = compared(read_registration(given.registered), plan, asked)
        data = given.registered.read_bytes()
        with replacing(folder / REGISTRATION) as file:
            file.write(data)
    told = run_by(report, given.operator, given.started, registration)
    return keep(told, plan, folder, force)

"""`auditor report`: render a bundle again."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.document import report_document
from auditor.commands.documents import FULL, show_document, wants_json, write_document
from auditor.reporting import formats


@click.command()
@click.argument("bundle")
@click.option(
    "--format", "form", type=click.Choice(formats()), default="terminal", show_default=True
)
@click.option("--out", metavar="FILE", help="Write to a file instead of stdout.")
@FULL
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def report(bundle: str, form: str, out: str | None, as_json: bool) -> int:
    """Render BUNDLE (a report folder or its report.json) in another format.

    On the terminal it is told in short, in at most 40 lines; --full tells all of it.

    \b
    Examples:
      auditor report report/
      auditor report report/ --full
      auditor report report/ --format markdown --out evidence.md
    """
    document = report_document(load_bundle(Path(bundle)))
    form = "json" if wants_json(form, as_json) else form
    if out is None:
        show_document(document, form)
    else:
        write_document(document, form, Path(out))
    return 0

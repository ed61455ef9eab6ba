"""`auditor report`: render a bundle again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auditor.console import put, say
from auditor.reporting import formats, render, terminal
from auditor.reporting.bundle import load_bundle
from fingerprints.durable import replacing


@click.command()
@click.argument("bundle")
@click.option(
    "--format", "form", type=click.Choice(formats()), default="terminal", show_default=True
)
@click.option("--out", metavar="FILE", help="Write to a file instead of stdout.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def report(bundle: str, form: str, out: str | None, as_json: bool) -> int:
    """Render BUNDLE (a report folder or its report.json) in another format.

    \b
    Examples:
      auditor report report/
      auditor report report/ --format markdown --out evidence.md
    """
    loaded = load_bundle(Path(bundle))
    if form == "terminal" and not as_json and out is None:
        terminal.write(loaded, sys.stdout)
        return 0
    text = render(loaded, "json" if as_json else form)
    if out is None:
        put(text)
    else:
        with replacing(Path(out)) as file:
            file.write(text.encode("utf-8"))
        say(f"written: {out}")
    return 0

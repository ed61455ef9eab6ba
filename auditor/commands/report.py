"""`auditor report`: render a bundle again."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.console import put, say
from auditor.render import formats, render
from auditor.render.bundle import load_bundle
from fingerprints.durable import replacing


@click.command()
@click.argument("bundle")
@click.option("--format", "form", type=click.Choice(formats()), default="terminal", show_default=True)
@click.option("--out", metavar="FILE", help="Write to a file instead of stdout.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def report(bundle: str, form: str, out: str | None, as_json: bool) -> int:
    """Render BUNDLE (a report folder or its report.json) in another format.

    \b
    Examples:
      auditor report report/
      auditor report report/ --format markdown --out evidence.md
    """
    text = render(load_bundle(Path(bundle)), "json" if as_json else form)
    if out is None:
        put(text)
    else:
        with replacing(Path(out)) as file:
            file.write(text.encode("utf-8"))
        say(f"written: {out}")
    return 0

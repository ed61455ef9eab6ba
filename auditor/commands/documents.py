"""How commands show a document: on stdout in any format, and as a page in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from auditor.console import put, put_json, say
from auditor.reporting import formats, render, terminal
from auditor.reporting.document import Document
from fingerprints.durable import replacing


def in_format(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--format``, as ``form``."""
    option = click.option(
        "--format",
        "form",
        type=click.Choice(formats()),
        default="terminal",
        show_default=True,
        help="How it is printed.",
    )
    return option(command)


PAGE = click.option(
    "--html", "page", metavar="FILE", help="Write the page with its plots to FILE besides."
)


def show_document(
    document: Document, form: str, as_json: bool = False, page: str | None = None
) -> None:
    """Prints a document on stdout (``as_json``: its record, keys in their order), and writes it as
    a page to a file besides."""
    if as_json:
        put_json(document.record())
    elif form == "terminal":
        terminal.write(document, sys.stdout)
    else:
        put(render(document, form))
    if page is not None:
        write_document(document, "html", Path(page))


def write_document(document: Document, form: str, path: Path) -> None:
    """Writes a document to a file, whole or not at all, and says so."""
    with replacing(path) as file:
        file.write(render(document, form).encode("utf-8"))
    say(f"written: {path}")

"""How commands show a document: on stdout in any format, and as a page in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from auditor.console import put, put_json, say
from auditor.reporting import formats, render, terminal
from auditor.reporting.document import Document
from fingerprints.durable import replacing


def in_format(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--format``, as ``form``; refused where ``--json`` asks for another."""

    @wraps(command)
    def checked(*args: Any, **values: Any) -> Any:
        refuse_two_formats(values["form"], values["as_json"])
        return command(*args, **values)

    option = click.option(
        "--format",
        "form",
        type=click.Choice(formats()),
        default="terminal",
        show_default=True,
        help="How it is printed.",
    )
    return option(checked)


def refuse_two_formats(form: str, as_json: bool) -> None:
    """Raises UsageError where ``--json`` stands beside ``--format`` for another one."""
    source = click.get_current_context().get_parameter_source("form")
    if as_json and form != "json" and source is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"--json and --format {form} contradict each other: give one")


PAGE = click.option(
    "--html", "page", metavar="FILE", help="Write the page with its plots to FILE besides."
)


_FULL = "auditor.full"
FULL = click.option(
    "--full",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({_FULL: value}),
    help="All of it on the terminal, not its first 40 lines.",
)
"""``--full``, which every command that shows a report has; read by `all_of_it`."""


def all_of_it() -> bool:
    """Whether ``--full`` was given to the command that runs; no where none does."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_FULL))


def show_document(
    document: Document, form: str, as_json: bool = False, page: str | None = None
) -> None:
    """Prints a document on stdout (``as_json``: its record, keys in their order; in short unless
    ``--full``), and writes it as a page to a file besides."""
    if as_json:
        put_json(document.record())
    elif form == "terminal":
        terminal.write(document, sys.stdout, all_of_it())
    else:
        put(render(document, form))
    if page is not None:
        write_document(document, "html", Path(page))


def write_document(document: Document, form: str, path: Path) -> None:
    """Writes a document to a file, whole or not at all, and says so."""
    with replacing(path) as file:
        file.write(render(document, form).encode("utf-8"))
    say(f"written: {path}")

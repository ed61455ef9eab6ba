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
        """The command, not asked for JSON where a flag asks for another form. Raises
        click.UsageError where both are flags."""
        values["as_json"] = wants_json(values["form"], values["as_json"])
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


def wants_json(form: str, as_json: bool) -> bool:
    """Whether JSON is printed: a flag for another form wins over ``--json`` of the environment or a
    file. Raises UsageError where both are flags."""
    context = click.get_current_context()
    by_flag = {
        n: context.get_parameter_source(n) is ParameterSource.COMMANDLINE
        for n in ("form", "as_json")
    }
    if as_json and form != "json" and by_flag["form"]:
        if by_flag["as_json"]:
            raise click.UsageError(f"--json and --format {form} contradict each other: give one")
        return False
    return as_json


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

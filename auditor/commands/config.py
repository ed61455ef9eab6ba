"""`auditor config`: where every option's value comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from auditor.commands.config_file import NAME, SHARED_TABLE, ConfigFile
from auditor.commands.configured import chosen_file, unread, where_from
from auditor.commands.naming import SHARED, leaves, options_of, variable
from auditor.commands.options import AS_JSON
from auditor.console import put, put_json, say
from fingerprints.errors import UsageProblem, printable

Row = dict[str, Any]


@click.group()
def config() -> None:
    """Options from a file and from the environment.

    \b
    A file called auditor.toml holds the flags of commands, without their dashes:
      [shared]
      store = "teachers"       # of every command that has one
      [audit]
      probes = "quick"
      max-tokens = 256
      [control.train]
      size = "small"

    The twin of --max-tokens of `auditor audit` in the environment is AUDITOR_AUDIT_MAX_TOKENS. A
    flag wins over the environment, that over the file, that over the default (docs/config.md).
    """


@config.command()
@click.argument("command", nargs=-1)
@AS_JSON
@click.pass_context
def show(context: click.Context, command: tuple[str, ...], as_json: bool) -> int:
    """Say where the value of every option of COMMAND comes from; without one, what the file and the
    environment set at all.

    \b
    Examples:
      auditor config show audit
      auditor config show control train --json
      auditor config show
      AUDITOR_AUDIT_SEED=7 auditor config show audit
    """
    file = chosen_file(context)
    root = context.find_root().command
    if not isinstance(root, click.Group):
        raise TypeError("the command line is a group")
    rows = list(_shared(file)) if not command else []
    for words, leaf in _asked(root, command, file):
        found = list(_rows(words, leaf, file))
        rows += found if command else [row for row in found if row["source"] != "default"]
        for told in unread(leaf, words, os.environ):
            say(told)
    path = None if file is None else str(file.path)
    if as_json:
        put_json({"file": path, "options": rows})
        return 0
    put(f"configuration file: {path or f'none (no {NAME} here)'}")
    _put_table(rows)
    return 0


def _asked(
    root: click.Group, words: tuple[str, ...], file: ConfigFile | None
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The commands that are shown: the named one and those below it, or whichever the file or the
    environment speaks of."""
    if not words:
        tables = () if file is None else file.tables
        for name in root.commands:
            if name in tables or any(v.startswith(variable((name,), "")) for v in os.environ):
                yield from leaves(root.commands[name], (name,))
        return
    at: click.Command = root
    for word in words:
        if not isinstance(at, click.Group) or word not in at.commands:
            raise UsageProblem(
                f"there is no command {printable(' '.join(words), 60)!r}",
                next_step="see `auditor --help`",
            )
        at = at.commands[word]
    yield from leaves(at, words)


def _shared(file: ConfigFile | None) -> Iterator[Row]:
    held = {} if file is None else file.table((SHARED_TABLE,))
    for key, name in SHARED.items():
        value = os.environ.get(name)
        if value:
            yield _row("(all)", key, value, "environment", name)
        elif key in held:
            yield _row("(all)", key, held[key], "file", f"{SHARED_TABLE}.{key}")


def _rows(words: tuple[str, ...], leaf: click.Command, file: ConfigFile | None) -> Iterator[Row]:
    values = {} if file is None else file.defaults(leaf, words)
    context = leaf.make_context(words[-1], [], resilient_parsing=True, default_map=values)
    for flag, option in options_of(leaf).items():
        source = context.get_parameter_source(str(option.name))
        name = where_from(context, option)
        command = " ".join(words)
        if source is ParameterSource.ENVIRONMENT and name is not None:
            yield _row(command, flag, os.environ[name], "environment", name)
        elif source is ParameterSource.DEFAULT_MAP and file is not None:
            place = ".".join(file.place(option, words) or ())
            yield _row(command, flag, values[str(option.name)], "file", place)
        else:
            usual = option.to_info_dict()["default"]
            yield _row(command, flag, None if callable(usual) else usual, "default", None)


def _row(command: str, flag: str, value: Any, source: str, name: str | None) -> Row:
    return {"command": command, "option": flag, "value": value, "source": source, "from": name}


def _put_table(rows: list[Row]) -> None:
    table = Table("command", "option", *(Column(n, overflow="fold") for n in ("value", "from")))
    for row in rows:
        shown = "" if row["value"] is None else printable(str(row["value"]), 200)
        told = row["source"] if row["from"] is None else f"{row['source']}: {row['from']}"
        cells = (row["command"], f"--{row['option']}", shown, told)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)

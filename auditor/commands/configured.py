"""`--config`, which every command has: before anything else is parsed it gives click the values of
the configuration file, and tells on stderr what that file sets.

The order is click's: flag, environment, file (its ``default_map``), default.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import click
from click.core import ParameterSource

from auditor.commands.config_file import NAME, NOTHING, VARIABLE, ConfigFile, config_file
from auditor.commands.naming import flag_of, leaves, options_of, variable, variables_of
from auditor.console import say
from fingerprints.errors import printable

LONGEST_VALUE = 100
HELP = f"Read options from this file; {NOTHING}: from none. Default: the nearest {NAME}."


def configurable(command: click.Command, route: tuple[str, ...]) -> None:
    """Adds ``--config`` to a command, or to those below it."""
    for _, leaf in leaves(command, route):
        if all(parameter.name != "config" for parameter in leaf.params):
            leaf.params.append(_option())


def _option() -> click.Option:
    return click.Option(
        ["--config"],
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_configure,
        help=HELP,
    )


def _configure(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if context.resilient_parsing:
        return
    route = route_of(context)
    for told in unread(context.command, route, os.environ):
        say(told)
    file = chosen_file(context, value)
    if file is None:
        return
    context.default_map = file.defaults(context.command, route)
    if context.default_map:
        say(_announced(file, context))


def chosen_file(context: click.Context, value: str | None = None) -> ConfigFile | None:
    """The configuration file of a run, its names checked. Raises what `config_file` raises, and
    UsageProblem for an unknown table."""
    root = context.find_root()
    file = config_file(value or root.params.get("config"), Path.cwd())
    if file is not None and isinstance(root.command, click.Group):
        file.check_names(root.command)
    return file


def route_of(context: click.Context) -> tuple[str, ...]:
    """The words that call a command, without the program's name."""
    words: list[str] = []
    at: click.Context | None = context
    while at is not None and at.parent is not None:
        words.insert(0, str(at.info_name))
        at = at.parent
    return tuple(words)


def unread(command: click.Command, route: Sequence[str], names: Iterable[str]) -> list[str]:
    """A line for each variable that begins like a command's own and is the twin of no option."""
    options = options_of(command).values()
    known = [name for option in options for name in variables_of(option)]
    own = variable(route, "")
    out = []
    for name in sorted(names):
        if name.startswith(own) and name not in known:
            near = get_close_matches(name, known, 1, 0.8)
            hint = f": did you mean {near[0]}?" if near else ""
            out.append(f"{printable(name, 80)} is the twin of no option{hint}")
    return out


def without_file(context: click.Context) -> dict[str, object]:
    """The parameters of a command that the configuration file set, as they are without it."""
    values = context.default_map or {}
    plain = context.command.make_context(context.info_name, [], resilient_parsing=True)
    return {
        name: plain.params[name]
        for name in values
        if name in plain.params
        and context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    }


def where_from(context: click.Context, option: click.Option) -> str | None:
    """Where an option's value is from that no flag gave: a variable's name, or the file; None for
    flags and defaults."""
    source = context.get_parameter_source(str(option.name))
    if source is ParameterSource.ENVIRONMENT:
        return next((name for name in variables_of(option) if os.environ.get(name)), None)
    return NAME if source is ParameterSource.DEFAULT_MAP else None


def _announced(file: ConfigFile, context: click.Context) -> str:
    values = context.default_map or {}
    options = options_of(context.command).values()
    # Each value cut by itself: a long one must not push the others out of the line.
    told = [
        f"--{flag_of(o)} {printable(str(values[str(o.name)]), LONGEST_VALUE)}"
        for o in options
        if str(o.name) in values
    ]
    how = "" if file.named else f", found ({VARIABLE}={NOTHING} reads none)"
    return f"{printable(str(file.path), 400)}{how}, sets where no flag does: {', '.join(told)}"

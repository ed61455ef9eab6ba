"""What an option is called where it is not a flag: its twins in the environment and its key in the
configuration file. Knows names; reads no value.

``--max-tokens`` of ``auditor audit`` is ``AUDITOR_AUDIT_MAX_TOKENS`` and, in the file, the key
``max-tokens`` of the table ``[audit]``. The few that mean the same everywhere have a shared twin
too, ``AUDITOR_STORE``, which is the key ``store`` of the table ``[shared]``; the command's own
wins.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

import click

PREFIX = "AUDITOR"
SHARED = {"store": "AUDITOR_STORE", "bases": "AUDITOR_BASES"}
"""Keys of ``[shared]``, with the variables that they are the twins of."""
_AS_JSON = "auditor.as_json"


class _Words(click.types.StringParamType):
    """A text, or in the environment several, parted by spaces; one that holds a space is quoted."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The texts of a variable.

        >>> _Words().split_envvar_value("./a './my base' \"b c\"")
        ['./a', './my base', 'b c']
        """
        reader = shlex.shlex(rv, posix=True, punctuation_chars=False)
        # Words and quotes alone: a backslash is a part of a path elsewhere, a # of an address.
        reader.whitespace_split, reader.escape, reader.commenters = True, "", ""
        try:
            return list(reader)
        except ValueError as error:
            raise click.BadParameter("a quotation in the environment does not end") from error


WORDS = _Words()


def flag_of(option: click.Option) -> str:
    """The option's flag without its dashes: ``max-tokens``."""
    return max(option.opts, key=len).lstrip("-")


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options that may come from elsewhere than the command line, by their flags."""
    found = (p for p in command.params if isinstance(p, click.Option) and p.name != "config")
    return {flag_of(option): option for option in found}


def variables_of(option: click.Option) -> tuple[str, ...]:
    """The variables of the environment that an option is read from, the first that is set wins."""
    named = option.envvar or ()
    return (named,) if isinstance(named, str) else tuple(named)


def shared_key(option: click.Option) -> str | None:
    """The key of ``[shared]`` that an option is read from, where it has one."""
    mine = variables_of(option)
    return next((key for key, variable in SHARED.items() if variable in mine), None)


def variable(route: Sequence[str], flag: str) -> str:
    """The variable of a command's own flag.

    >>> variable(("store", "add"), "max-tokens")
    'AUDITOR_STORE_ADD_MAX_TOKENS'
    """
    return "_".join((PREFIX, *route, flag)).replace("-", "_").upper()


def leaves(
    command: click.Command, route: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below one that has none below itself, with the words that call it."""
    if not isinstance(command, click.Group):
        yield route, command
        return
    for name, below in command.commands.items():
        yield from leaves(below, (*route, name))


def give_twins(command: click.Command, route: tuple[str, ...]) -> None:
    """Gives every option of a command, and of those below it, the variable that is its twin."""
    for words, leaf in leaves(command, route):
        for flag, option in options_of(leaf).items():
            own = variable(words, flag)
            others = [name for name in variables_of(option) if name != own]
            option.envvar = [own, *others]
            if option.multiple and option.type is click.STRING:
                option.type = WORDS
            if flag == "json":
                option.callback = _remember


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    context.ensure_object(dict)[_AS_JSON] = value
    return value


def asks_json(told: Mapping[str, object]) -> bool:
    """Whether the command that was given this object is to print JSON, whoever said so: its flag,
    the environment or the file."""
    return bool(told.get(_AS_JSON))

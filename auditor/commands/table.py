"""The commands by name, loaded when they are asked for: `auditor --version` needs no detector,
`auditor lineage` no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module

import click

from auditor.commands.configured import configurable
from auditor.commands.naming import give_twins

TABLE: dict[str, str] = {
    "audit": "Ask a suspect, score it against a store, write a report.",
    "bases": "Keep small weight signatures of base models.",
    "calibrate": "Measure error rates on models of known history.",
    "compare": "Draw the tree and the matrix of who answers like whom.",
    "config": "Say where the value of every option comes from.",
    "control": "Train control models, whose teacher is known.",
    "declared": "Do a model's weights bear out the base that its card names?",
    "detectors": "List the detectors and what each of them asks.",
    "doctor": "Say what is installed, which device is used, what clashes.",
    "fleet": "Examine many suspects by one plan that is resumed.",
    "harvest": "Was a model trained on answers that were served?",
    "lineage": "Where do a suspect's weights come from?",
    "logs": "Find bulk programmatic generation in an API's logs.",
    "mcp": "Serve audits as tools to a language model's client.",
    "plan": "Fix how an audit will be made before the suspect is asked.",
    "plant": "Plant a watermark, habits or a coin, and test for them.",
    "policy": "What does a service decline that its weights answer?",
    "probe": "Ask a model the probe sets and record its answers.",
    "questions": "Print a sheet of questions to ask a chat product by hand.",
    "report": "Show a report again, in this format or another.",
    "seal": "Sign a report, so that every later change can be named.",
    "serve": "Show many reports on a page of this machine.",
    "service": "Does an endpoint serve the model that it claims?",
    "shadow": "Train shadow students to weigh the candidate teachers.",
    "store": "Keep the answers and signatures of teachers.",
    "twins": "Draw or keep other answers that could have been served.",
    "verify": "Is a sealed report as it was? Offline, by file and record.",
    "watch": "Ask endpoints again: are they still what they were?",
}
"""What each command does, in a line that fits a terminal."""
MODULES = {"detectors": "info", "doctor": "info"}
"""Where a command is found that has no module of its own name."""
BELOW = {"control": ("derive", "ladder", "zoo"), "logs": ("simulate",)}
"""Commands that live in files of their own under another command."""


class Commands(MutableMapping[str, click.Command]):
    """What a click group holds, as a mapping that imports a command the first time that it is
    read."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """A command by name. Raises KeyError for an unknown one."""
        if name not in self._loaded:
            if name not in self._table:
                raise KeyError(name)
            found = _loaded(name)
            if isinstance(found, click.Group):
                for below in BELOW.get(name, ()):
                    found.add_command(_loaded(below))
            give_twins(found, (name,))
            configurable(found, (name,))
            self._loaded[name] = found
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Adds a command that is loaded already."""
        self._loaded[name] = command
        self._table.setdefault(name, command.get_short_help_str())

    def __delitem__(self, name: str) -> None:
        """Takes a command out."""
        del self._table[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(sorted(self._table))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._table)

    def about(self) -> list[tuple[str, str]]:
        """Every name with what the command does, in order; nothing is imported for it."""
        return [(name, self._table[name]) for name in self]


class Listing(click.Group):
    """A group whose help lists its commands without importing them."""

    commands: Commands

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(self.commands.about())


def _loaded(name: str) -> click.Command:
    found = getattr(import_module(f"auditor.commands.{MODULES.get(name, name)}"), name)
    if not isinstance(found, click.Command):
        raise TypeError(f"{name} is no command")
    return found

"""The commands by name, loaded when they are asked for: `auditor --version` needs no detector, `auditor lineage` no torch."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click

TABLE: dict[str, str] = {
    "audit": "auditor.commands.audit:audit",
    "bases": "auditor.commands.bases:bases",
    "calibrate": "auditor.commands.calibrate:calibrate",
    "compare": "auditor.commands.compare:compare",
    "control": "auditor.commands.control:control",
    "detectors": "auditor.commands.info:detectors",
    "doctor": "auditor.commands.info:doctor",
    "lineage": "auditor.commands.lineage:lineage",
    "policy": "auditor.commands.policy:policy",
    "probe": "auditor.commands.probe:probe",
    "report": "auditor.commands.report:report",
    "service": "auditor.commands.service:service",
    "shadow": "auditor.commands.shadow:shadow",
    "store": "auditor.commands.store:store",
}
BELOW: dict[str, dict[str, str]] = {
    "control": {
        "derive": "auditor.commands.derive:derive",
        "ladder": "auditor.commands.ladder:ladder",
        "zoo": "auditor.commands.zoo:zoo",
    }
}
"""Commands that live in files of their own under another command."""


class Commands(MutableMapping[str, click.Command]):
    """What a click group holds, as a mapping that imports a command the first time that it is read."""

    def __init__(self, table: dict[str, str]) -> None:
        self._table = dict(table)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """A command by name. Raises KeyError for an unknown one."""
        if name not in self._loaded:
            found = _loaded(self._table[name])
            if name in BELOW and isinstance(found, click.Group):
                for below in BELOW[name].values():
                    found.add_command(_loaded(below))
            self._loaded[name] = found
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Adds a command that is loaded already."""
        self._loaded[name] = command
        self._table.setdefault(name, "")

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


def _loaded(place: str) -> click.Command:
    module, _, name = place.partition(":")
    found = getattr(import_module(module), name)
    if not isinstance(found, click.Command):
        raise TypeError(f"{place} is no command")
    return found

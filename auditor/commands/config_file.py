"""The configuration file, ``auditor.toml``: where it is, what it may say, and what it says to one
command as click's ``default_map``.

Its tables are commands (``[audit]``, ``[control.train]``), its keys their flags; what means the
same to all of them stands in ``[shared]``. A file that was merely found may not do all that a named
one may: whoever wrote the folder in which a command is run need not be who runs it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from auditor.commands.config_paths import from_here, leaves_folder
from auditor.commands.naming import SHARED, flag_of, options_of, shared_key
from auditor.commands.secrets_in import refuse_secrets
from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem, printable

NAME = "auditor.toml"
VARIABLE = "AUDITOR_CONFIG"
NOTHING = "none"
"""Instead of a file's name: no file is read."""
LARGEST = 100_000
SHARED_TABLE = "shared"
"""What means the same to every command; no command may be called that."""
FOUND_MAY = frozenset(
    {"detectors", "device", "dtype", "fail-on", "fail-on-difference", "format", "full"}
    | {"json", "languages", "map", "memory", "method", "port", "preset", "probes", "resamples"}
    | {"seed", "size", "store", "threads", "topics", "window"}
)
"""What a file that was only found may set. All else names models (whose address would be sent a
key), writes files, spends money, or loosens what a verdict rests on: for that the user names the
file."""
LISTS = frozenset({"NAMES", "SETS", "CODES", "FIELD=KEY,…", "COLUMN=KEY,…"})
"""Options that take several values in one text, by what stands for it in the help."""


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file as it was read. ``named``: the user said which; else it was found."""

    path: Path
    named: bool
    tables: Mapping[str, Any]

    def defaults(self, command: click.Command, route: Sequence[str]) -> dict[str, Any]:
        """What the file says to one command: values by the names of its parameters, checked by
        click's types.

        Raises UsageProblem for an unknown key or a value that does not fit, UnsafeInput for one
        that a found file may not set.
        """
        options = options_of(command)
        for above in (route[:end] for end in range(1, len(route))):
            for key, value in self.table(above).items():
                if not isinstance(value, dict):
                    step = f"write it below [{'.'.join(route)}]"
                    raise self._unknown(".".join((*above, key)), key, [], step)
        for key in self.table(route):
            if key not in options:
                raise self._unknown(".".join((*route, key)), key, list(options))
        out: dict[str, Any] = {}
        for option in options.values():
            place = self.place(option, route)
            if place is not None:
                value = self.table(place[:-1])[place[-1]]
                out[str(option.name)] = self._checked(command, option, place, value)
        return out

    def place(self, option: click.Option, route: Sequence[str]) -> tuple[str, ...] | None:
        """The keys under which the file holds an option of a command: its own, else a shared one;
        None where it holds neither."""
        flag, shared = flag_of(option), shared_key(option)
        if flag in self.table(route):
            return (*route, flag)
        return (SHARED_TABLE, shared) if shared and shared in self.table((SHARED_TABLE,)) else None

    def check_names(self, commands: click.Group) -> None:
        """Raises UsageProblem for a table that is no command and for a key at the top that is no
        shared one. Loads a command only where a table lies within its own."""
        for key in self.table((SHARED_TABLE,)):
            if key not in SHARED:
                raise self._unknown(f"{SHARED_TABLE}.{key}", key, list(SHARED))
        tables = [SHARED_TABLE, *commands.commands]
        for key, value in self.tables.items():
            if not isinstance(value, dict):
                step = f"write it below [{SHARED_TABLE}] or the name of a command, as [audit]"
                raise self._unknown(key, key, [], step)
            if key not in tables:
                raise self._unknown(f"[{key}]", key, tables)
            if any(isinstance(below, dict) for below in value.values()):
                self._check_below(key, value, commands.commands[key])

    def _check_below(self, name: str, table: dict[str, Any], command: click.Command) -> None:
        known = list(command.commands) if isinstance(command, click.Group) else []
        for key, value in table.items():
            if key not in known and (known or isinstance(value, dict)):
                raise self._unknown(f"{name}.{key}", key, known)

    def table(self, route: Sequence[str]) -> dict[str, Any]:
        """The table of one command; empty where the file has none. Raises UsageProblem for a value
        where a table is to be."""
        found: Any = self.tables
        for word in route:
            found = found.get(word, {})
            if not isinstance(found, dict):
                raise UsageProblem(
                    f"the configuration file holds a value where [{printable(word, 40)}] is to be",
                    where=self.path,
                )
        return dict(found)

    def _unknown(self, told: str, key: str, known: list[str], step: str = "") -> UsageProblem:
        near = get_close_matches(key.replace("_", "-"), known, 1, 0.5)
        usual = step or "see `auditor config show COMMAND`"
        step = f"did you mean {near[0]!r}?" if near else usual
        return UsageProblem(
            f"the configuration file holds the unknown key {printable(told, 60)!r}",
            where=self.path,
            next_step=step,
        )

    def _checked(
        self, command: click.Command, option: click.Option, place: tuple[str, ...], value: Any
    ) -> Any:
        key = ".".join(place)
        if not self.named:
            self._refuse_what_only_a_named_may(option, key, value)
        plain = _plain(option, value)
        if plain is None:
            raise UsageProblem(
                f"{key} in the configuration file is to be {_wanted(option)}", where=self.path
            )
        here = from_here(option.metavar, plain, self.path.parent)
        try:
            option.type_cast_value(click.Context(command), here)
        except click.BadParameter as error:
            said = printable(error.message.rstrip("."), 200)
            raise UsageProblem(
                f"{key} in the configuration file: {said}", where=self.path
            ) from error
        return here

    def _refuse_what_only_a_named_may(self, option: click.Option, key: str, value: Any) -> None:
        allowed = flag_of(option) in FOUND_MAY or key.startswith(f"{SHARED_TABLE}.")
        if allowed and not leaves_folder(option.metavar, value, self.path.parent):
            return
        reason = "points out of its folder" if allowed else "is not taken from a file that is found"
        raise UnsafeInput(
            f"{key} {reason}, since whoever wrote this folder could have written it",
            where=self.path,
            next_step=f"name the file if it is yours (--config {NAME}), or read none (--config"
            f" {NOTHING})",
        )


def config_file(given: str | None, cwd: Path) -> ConfigFile | None:
    """The configuration file of a run: the one that ``--config`` or ``AUDITOR_CONFIG`` names, else
    the nearest that is found from the working folder up; None where there is none.

    Raises MalformedInput for a file that can't be read, UnsafeInput for one that holds a secret
    or that was found and belongs to somebody else.
    """
    said = given or os.environ.get(VARIABLE) or ""
    if said == NOTHING:
        return None
    path = Path(said).expanduser() if said else found_from(cwd)
    if path is None:
        return None
    if not said:
        _refuse_a_strangers(path)
    file = ConfigFile(path, bool(said), _read(path))
    refuse_secrets(file.tables, path)
    return file


def found_from(cwd: Path) -> Path | None:
    """The nearest ``auditor.toml`` in the folder or, within one repository, above it.

    Outside of a repository only the folder itself is looked at: above it others may write.
    """
    above = [cwd, *cwd.parents]
    top = next((n for n, folder in enumerate(above) if (folder / ".git").exists()), 0)
    return next((f / NAME for f in above[: top + 1] if (f / NAME).is_file()), None)


def _refuse_a_strangers(path: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise UnsafeInput(
            "the configuration file that was found is a link out of its folder",
            where=path,
            next_step=f"name the file itself (--config FILE), or read none (--config {NOTHING})",
        )
    if os.name != "posix" or path.stat().st_uid in (os.geteuid(), 0):
        return
    raise UnsafeInput(
        "the configuration file that was found belongs to another user",
        where=path,
        next_step=f"name it if you trust it (--config {path.name}), or read none (--config"
        f" {NOTHING})",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise MalformedInput(
                "there is no such configuration file", where=path, next_step="check --config"
            )
        if path.stat().st_size > LARGEST:
            raise MalformedInput("no configuration file is as large as this", where=path)
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        said = printable(" ".join(str(error).split()), 160)
        raise MalformedInput(
            f"the configuration file is no TOML: {said}",
            where=path,
            next_step='write for instance: [audit], and below it: store = "teachers"',
        ) from error


def _plain(option: click.Option, value: Any) -> Any:
    """The value as click takes it from a ``default_map``; None where its type does not fit."""
    if option.is_flag:
        return value if isinstance(value, bool) else None
    if option.multiple:
        held = value if isinstance(value, list) else [value]
        return held if all(map(_scalar, held)) else None
    if option.metavar in LISTS:
        held = value if isinstance(value, list) else [value]
        # Nothing in a list would be taken for no list, and the default be used in silence.
        whole = bool(held) and all(_scalar(one) and str(one).strip() for one in held)
        return ",".join(map(str, held)) if whole else None
    if isinstance(option.type, click.types.IntParamType) and isinstance(value, float):
        return None
    return value if _scalar(value) else None


def _scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _wanted(option: click.Option) -> str:
    if option.is_flag:
        return "true or false"
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number"
    if option.multiple or option.metavar in LISTS:
        return "a text or a list of texts"
    return "a text or a number"

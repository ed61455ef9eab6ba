"""Files that hold one record, as JSON or YAML: written whole or not at all, and read with one line
for what is wrong.

Knows files and forms; knows nothing of what a record means.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from fingerprints.durable import disk_problem, replacing
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.plain_yaml import NotPlain, plain_yaml
from fingerprints.records import Record

T = TypeVar("T")

FORMS = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'",
    r"^[a-z0-9][a-z0-9._-]{0,63}$": "1 to 64 of a-z, 0-9, '.', '_' and '-'",
    r"^[a-z0-9][a-z0-9-]{0,63}$": "1 to 64 of a-z, 0-9 and '-'",
    r"^[a-z0-9][a-z0-9-]{0,39}$": "1 to 40 of a-z, 0-9 and '-'",
    r"^[a-z0-9-]{1,40}$": "1 to 40 of a-z, 0-9 and '-'",
    r"^[a-z0-9][a-z0-9.-]{0,39}$": "1 to 40 of a-z, 0-9, '.' and '-'",
    r"^[a-z0-9_-]+$": "made of a-z, 0-9, '_' and '-'",
    r"^[0-9a-f]{64}$": "a SHA-256 in 64 hexadecimal digits",
    r"^\d{4}-\d{2}-\d{2}$": "a date as YYYY-MM-DD",
}
"""What the patterns of records allow, in words: nobody is told a regular expression."""


@dataclass(frozen=True)
class RecordFile(Generic[T]):
    """One kind of file: the record in it, what a file is told to be that holds none, and the way
    out.

    ``absent`` begins the line for a file that can't be read. A file of more than ``largest`` bytes
    is refused unread. ``migrate`` makes of what an older version wrote what is written today.
    """

    kind: type[T]
    nothing: str
    next_step: str
    absent: str = "can't be read"
    largest: int = 16_000_000
    form: Literal["json", "yaml"] = "json"
    migrate: Callable[[Any], Any] = lambda value: value

    def read(self, path: Path) -> T:
        """The record in a file. Raises MalformedInput where it is missing, too large or none."""
        try:
            if path.stat().st_size > self.largest:
                raise self.malformed(f"larger than {self.largest:,} bytes", path)
            text = path.read_text("utf-8")
        except OSError as error:
            raise MalformedInput(
                f"{self.absent}: {error.strerror}", where=path, next_step=self.next_step
            ) from error
        except UnicodeDecodeError as error:
            raise self.malformed("not UTF-8", path) from error
        return self.parse(text, path)

    def parse(self, text: str, where: object) -> T:
        """The record in a text. Raises MalformedInput with the first problem."""
        try:
            value: Any = json.loads(text) if self.form == "json" else plain_yaml(text)
        except NotPlain as error:
            raise self.malformed(error.what, where) from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise self.malformed(f"not {self.form.upper()} in UTF-8", where) from error
        if self.form == "yaml" and not isinstance(value, dict):
            raise self.malformed("it is no mapping", where)
        return self.checked(value, where)

    def named(self, name_or_path: str, folder: tuple[str, ...], unknown: str, where: str) -> T:
        """A record that ships with the package by its name, or that of a YAML file.

        ``folder``: the package and the folders of those that ship; ``unknown`` begins the line for
        a name that none of them has. Raises UsageProblem for such a name, MalformedInput for a file
        that is missing or none.
        """
        names = bundled_names(*folder)
        if name_or_path in names:
            return self.parse(bundled_text(*folder, name_or_path), name_or_path)
        if not Path(name_or_path).suffix:
            raise UsageProblem(
                f"{unknown} {printable(name_or_path, 60)!r}",
                where=where,
                next_step=f"use {', '.join(names)}, or the path of a YAML file",
            )
        return self.read(Path(name_or_path))

    def checked(self, value: Any, where: object) -> T:
        """The record of plain values. Raises MalformedInput with the first problem."""
        try:
            return TypeAdapter(self.kind).validate_python(self.migrate(value))
        except ValidationError as error:
            raise self.malformed(first_problem(error), where) from error

    def malformed(self, reason: str, where: object) -> MalformedInput:
        """The error for a file that is not of this kind."""
        return MalformedInput(
            f"{self.nothing}: {printable(reason, 200)}", where=where, next_step=self.next_step
        )


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a record, behind the field that holds it."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = _plainly(first)
    return f"{place}: {said}" if place else said


def _plainly(first: ErrorDetails) -> str:
    """What is wrong with one field, in words that name no type of ours and no regular expression
    whose meaning is known."""
    if first["type"] == "extra_forbidden":
        return "unknown key"
    if first["type"] == "string_pattern_mismatch":
        allowed = FORMS.get(first["ctx"]["pattern"])
        if allowed is not None:
            return f"{printable(str(first['input']), 60)!r} is not {allowed}"
    said = first["msg"].removeprefix("Value error, ")
    return said.replace("a valid tuple", "a list").replace("Tuple should", "the list should")


def write_record(path: Path, record: Record, **how: Any) -> None:
    """Writes a record as JSON, whole or not at all; ``how`` goes to its ``model_dump``. Raises
    ResourceLimit on a full disk."""
    write_json(path, record.model_dump(mode="json", **how))


def write_json(path: Path, value: object) -> None:
    """Writes plain values as JSON, whole or not at all, and makes the folder for it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_problem(error, path.parent) from error
    with replacing(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n")


def bundled_names(package: str, *folder: str) -> list[str]:
    """Names of the YAML files in a folder of an installed package, in alphabetical order."""
    entries = resources.files(package).joinpath(*folder).iterdir()
    return sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml"))


def bundled_text(package: str, *place: str) -> str:
    """The YAML file of a name in a folder of an installed package."""
    return resources.files(package).joinpath(*place[:-1], f"{place[-1]}.yaml").read_text("utf-8")

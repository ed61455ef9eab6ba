"""Paths of a configuration file, which begin in its folder, as paths from where the command runs.

Which options hold paths is told by what stands for their value in the help (``DIR``, ``SPEC``, …):
a test sees that every such word of every command is known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fingerprints.subjects.kinds import scheme_in
from fingerprints.subjects.spec import parse_spec

WORDS = frozenset({"none", "bundled", "shipped", "-"})
"""Values that stand where a path could and are none."""


def from_here(metavar: str | None, value: Any, folder: Path) -> Any:
    """A value of the file with the paths in it as they are from the working folder.

    ``metavar`` says what the option takes. A name is left as it is unless such a file lies in the
    folder; `./name` is a path whether there is one or not.
    """
    place = _PLACES.get(metavar or "")
    if place is None or not isinstance(value, str | list):
        return value
    if isinstance(value, list):
        return [from_here(metavar, one, folder) for one in value]
    return place(value, folder)


def leaves_folder(metavar: str | None, value: Any, folder: Path) -> bool:
    """Whether a path in the value leads out of the folder, links followed."""
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if metavar == "SETS":
        return any(Path(part).suffix for text in texts for part in text.split(","))
    if metavar not in PATHS:
        return False
    home = folder.resolve()
    return any(
        text not in WORDS and not (folder / Path(text).expanduser()).resolve().is_relative_to(home)
        for text in texts
    )


def _path(text: str, folder: Path) -> str:
    if text in WORDS or not text:
        return text
    path = Path(text).expanduser()
    return str(path) if path.is_absolute() else _short(folder / path)


def _short(path: Path) -> str:
    """The path as one would type it here; as it is where it lies on another drive."""
    try:
        short = os.path.relpath(path)
    except ValueError:
        return str(path.resolve())
    return short


def _is_here(text: str, folder: Path) -> bool:
    return text.startswith(("./", "../", "~")) or (bool(text) and (folder / text).exists())


def _spec(text: str, folder: Path) -> str:
    """A subject's spec, or ``NAME=SPEC``, with the paths of its target and of its options."""
    name, equals, rest = text.partition("=")
    if equals and "," not in name and ":" not in name and not _is_here(text, folder):
        return f"{name}={_spec(rest, folder)}"
    if scheme_in(text) is None:
        target, comma, more = text.partition(",")
        return f"{_path(target, folder)}{comma}{more}" if _is_here(target, folder) else text
    spec = parse_spec(text)
    target = _with_dot(spec.target, folder) if _is_here(spec.target, folder) else spec.target
    options = {
        key: _with_dot(value, folder) if value.startswith(("./", "../", "~")) else value
        for key, value in spec.options.items()
    }
    return str(replace(spec, target=target, options=options))


def _with_dot(text: str, folder: Path) -> str:
    """A path behind a scheme, which without its dot could be a hub id."""
    path = _path(text, folder)
    return path if Path(path).is_absolute() or path.startswith(".") else f"./{path}"


def _sets(text: str, folder: Path) -> str:
    parts = (part.strip() for part in text.split(","))
    return ",".join(_path(part, folder) if Path(part).suffix else part for part in parts)


def _several(text: str, folder: Path) -> str:
    from auditor.audits.shadow.plan import split_teachers  # loads what the audit needs

    return ",".join(_spec(part, folder) for part in split_teachers(text))


def _file_or_name(text: str, folder: Path) -> str:
    return _path(text, folder) if _is_here(text, folder) else text


PATHS = frozenset({"DIR", "FILE", "CSV", "LOG", "PUB"})
"""What stands in a help for one path."""
_PLACES: dict[str, Callable[[str, Path], str]] = {
    **dict.fromkeys(PATHS, _path),
    **dict.fromkeys(("SPEC", "NAME=SPEC", "SPEC|DIR"), _spec),
    **dict.fromkeys(("SOURCE", "RECIPE", "NAME|FILE"), _file_or_name),
    "SETS": _sets,
    "A,B,C": _several,
}
NO_PATHS = frozenset(
    {"NAME", "NAMES", "FIELD=KEY,…", "COLUMN=KEY,…", "NUMBERS", "TEXT", "KEY=VALUE", "DATE", "IDS"}
    | {"CODES", "URL", "FINGERPRINT", "ID"}
)
"""What stands in a help for a value that holds no path."""

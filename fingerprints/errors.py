"""The exception tree, one class per exit code.

::

    AuditError                 70
    ├── UsageProblem            2   a flag or a spec that can't be understood, a missing extra
    ├── MalformedInput          3   a file that is missing, empty or not what it claims
    ├── UnsafeInput             4   a file that could run code, escape its folder or leak a key
    ├── StoreIntegrity          5   the store's bytes are not those that were written
    ├── Incomplete              6   the endpoint or the data stopped early; the run can be resumed
    ├── ResourceLimit           7   time, memory, disk or size ran out
    ├── VerificationFailed      8   a bundle differs from what was sealed
    └── Locked                  9   another process holds it

Knows how a failure is told; knows nothing of what failed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from importlib import metadata
from typing import ClassVar

LONGEST_LINE = 400


def printable(text: str, limit: int | None = None, keep: str = "") -> str:
    r"""Text of a stranger made fit for a terminal: control, format and private characters become
    ``\u{…}``.

    ``keep`` names control characters that may stay (for instance ``"\n"``). Deterministic; never
    raises.

    >>> printable("a\x1b[31mb")
    'a\\u{1b}[31mb'
    """
    # Most of what is shown is plain: names, words, and answers of several lines.
    plain = text.isascii() and (text.isprintable() or _without(text, keep).isprintable())
    out = text if plain else _escaped(text, keep)
    if limit is not None and len(out) > limit:
        return out[: max(0, limit - 1)] + "…"
    return out


def _without(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(character, "")
    return text


def _escaped(text: str, keep: str) -> str:
    return "".join(
        c
        if c in keep or (unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
        else f"\\u{{{ord(c):x}}}"
        for c in text
    )


class AuditError(Exception):
    """One clear line about what went wrong, where, and what to do next.

    ``what`` says the problem, ``where`` names the file, flag or address, ``next_step`` the way out.
    """

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "E-INTERNAL"

    def __init__(self, what: str, *, where: object = None, next_step: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.next_step = next_step
        super().__init__(self.line())

    def line(self) -> str:
        """The whole message on one line of at most 400 characters, safe to print on a terminal."""
        place = f" ({self.where})" if self.where else ""
        step = f" Next: {self.next_step}" if self.next_step else ""
        stop = "" if self.what.endswith(".") else "."
        return printable(f"{self.what}{place}{stop}{step}", LONGEST_LINE)

    def told(self) -> dict[str, str | None]:
        """What another process needs to raise the same again, as plain values."""
        said = {"what": self.what, "where": self.where, "next_step": self.next_step}
        return {"code": self.code, **said}


class UsageProblem(AuditError):
    """A flag, a spec or an option that can't be understood, or a part that isn't installed."""

    exit_code, code = 2, "E-USAGE"


class MalformedInput(AuditError):
    """A file or record that is missing, empty or not what it claims to be."""

    exit_code, code = 3, "E-INPUT"


class UnsafeInput(AuditError):
    """A file that could run code, reach outside its folder or leak a secret: refused unread."""

    exit_code, code = 4, "E-UNSAFE"


class StoreIntegrity(AuditError):
    """The store's bytes are not those that were written."""

    exit_code, code = 5, "E-STORE"


class Incomplete(AuditError):
    """The endpoint or the data stopped early; what came is kept, and the run can be resumed."""

    exit_code, code = 6, "E-INCOMPLETE"


class ResourceLimit(AuditError):
    """Time, memory, disk or a size cap ran out."""

    exit_code, code = 7, "E-LIMIT"


class VerificationFailed(AuditError):
    """A bundle differs from what was sealed."""

    exit_code, code = 8, "E-VERIFY"


class Locked(AuditError):
    """Another process holds the store or the journal."""

    exit_code, code = 9, "E-LOCKED"


def raised_again(told: Mapping[str, str | None]) -> AuditError:
    """The error that another process told of itself."""
    kinds = {kind.code: kind for kind in AuditError.__subclasses__()}
    kind = kinds.get(told["code"] or "", AuditError)
    return kind(told["what"] or "", where=told["where"], next_step=told["next_step"])


def missing_extra(package: str, extra: str, purpose: str) -> UsageProblem:
    """The one sentence for a part that isn't installed, with the command that installs it."""
    return UsageProblem(
        f"{purpose} needs the package {package!r}, which is not installed",
        next_step=install_command(extra),
    )


def install_command(extra: str) -> str:
    """The command that installs an extra, as this installation is: where torch isn't installed the
    extra's own packages alone, since the extra would bring gigabytes with it."""
    packages = [] if _is_installed("torch") else _requirements(extra)
    if packages:
        return " ".join(("pip install", *(f"'{package}'" for package in packages)))
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _requirements(extra: str) -> list[str]:
    """What an extra of ours requires, those that it takes in included; nothing where the toolkit
    runs without being installed."""
    try:
        declared = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    out: list[str] = []
    for line in declared:
        package, _, marker = line.partition(";")
        if marker.replace('"', "'").strip() != f"extra == '{extra}'":
            continue
        inner = package.strip().partition("[")[2].rstrip("]").split(",")
        ours = package.strip().startswith(DISTRIBUTION)
        out += [r for name in inner for r in _requirements(name)] if ours else [package.strip()]
    return out


DISTRIBUTION = "distillation-auditor"
MODEL_LIBRARIES = ("torch", "transformers")
"""What loads and trains models; an installation for records and reports goes without."""


def missing_library(error: ModuleNotFoundError) -> UsageProblem | None:
    """The one sentence for a model library that isn't installed; None for any other module, whose
    absence is a bug."""
    library = (error.name or "").partition(".")[0]
    if library not in MODEL_LIBRARIES:
        return None
    return UsageProblem(
        f"loading or training a model needs the package {library!r}, which is not installed;"
        " recorded answers, endpoints, logs, weights by files and reports need it not",
        next_step=f"pip install {' '.join(MODEL_LIBRARIES)}",
    )

"""`--private`: names as salted hashes, templates as shapes; no word of a prompt enters a report.

The salt is a file of its own, readable by its owner only. Who has it can try names; who has only
the report can't.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from fingerprints.durable import disk_problem
from fingerprints.errors import MalformedInput, UnsafeInput

SALT_BYTES, SHOWN = 32, 16


def salt_of(path: Path) -> bytes:
    """The salt in a file, which is made where there is none, for its owner alone (0600).

    Raises UnsafeInput for one that others may read, MalformedInput for one that is none.
    """
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise disk_problem(error, path) from error
    with os.fdopen(made, "wb") as file:
        salt = secrets.token_bytes(SALT_BYTES)
        file.write(salt)
    return salt


def _read(path: Path) -> bytes:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise UnsafeInput("others may read the salt", where=path, next_step=f"chmod 600 {path}")
    salt = path.read_bytes()
    if len(salt) != SALT_BYTES:
        raise MalformedInput(
            "not a salt", where=path, next_step="give another file with --salt, or none there yet"
        )
    return salt


def salt_beside(folder: Path) -> Path:
    """Where the salt of a scan's folder lies: outside of it, so that the folder can be shown."""
    return Path(f"{folder}.salt")


def hashed(name: str, salt: bytes) -> str:
    """A name as sixteen hexadecimal digits of BLAKE2b, keyed by the salt."""
    # A log may hold half a surrogate pair, which UTF-8 has no bytes for.
    raw = name.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, key=salt, digest_size=SHOWN // 2).hexdigest()


def shown(names: Iterable[str], salt: bytes | None) -> tuple[str, ...]:
    """Names as a report tells them: hashed where there is a salt, and in the order of the hashes,
    since the order of names tells of them."""
    return tuple(names) if salt is None else tuple(sorted(hashed(name, salt) for name in names))

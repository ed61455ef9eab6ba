"""The cache folder: what was converted or checked once, keyed by digests, published whole or not at
all.

Knows files; knows nothing of models. Everything in it can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fingerprints.durable import sync_files, sync_folder
from fingerprints.errors import ResourceLimit

MANIFEST = "manifest.json"


def cache_folder() -> Path:
    """Where conversions are kept: ``$AUDITOR_CACHE``, else ``~/.cache/auditor``."""
    named = os.environ.get("AUDITOR_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "auditor"


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(target: Path, fill: Callable[[Path], None]) -> Path:
    """Fills a new folder beside ``target`` and renames it into place, with a manifest of digests,
    after an fsync.

    A kill leaves the old state and at most a stray temporary folder; when two processes race, the
    first one's folder stays. Raises ResourceLimit on a full disk and whatever ``fill`` raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fill(fresh)
        _write_manifest(fresh)
        sync_files(fresh)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        if intact(target):
            return target
        raise ResourceLimit(
            f"the cache could not be written: {error.strerror}",
            where=target.parent,
            next_step="free some space, or name another folder in AUDITOR_CACHE",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def intact(folder: Path) -> bool:
    """Whether a published folder still holds exactly the bytes that its manifest lists."""
    try:
        listed = json.loads((folder / MANIFEST).read_text("utf-8"))
        here = {p.name for p in folder.iterdir()} - {MANIFEST}
        return here == set(listed) and all(
            file_sha256(folder / name) == digest for name, digest in listed.items()
        )
    except (OSError, ValueError, TypeError):
        return False


def noted(place: Path) -> dict[str, Any]:
    """What `note` kept there; nothing where there is none, or it is damaged."""
    try:
        told = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def note(place: Path, told: Mapping[str, Any]) -> None:
    """Keeps a few values for other processes, whole or not at all. Where the cache can't be
    written, the next process finds them out again."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: several processes may find the same thing out at once.
        descriptor, fresh = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(told), file)
        Path(fresh).replace(place)


def _write_manifest(folder: Path) -> None:
    listed = {p.name: file_sha256(p) for p in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(listed, indent=1), "utf-8")

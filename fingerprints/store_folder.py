"""The folder of a store: its catalogue opened or made, what was killed in it swept, and what is no
store refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from fingerprints.catalog import Catalog
from fingerprints.catalog_file import CATALOG, Unrecovered, create_catalog
from fingerprints.durable import TEMPORARY, WriteLock, refuse_special, sync_folder
from fingerprints.embed import Embedder
from fingerprints.errors import MalformedInput, StoreIntegrity, UsageProblem
from fingerprints.generations import CURRENT, sweep
from fingerprints.shard_files import BUILDING

LOCK = "LOCK"


def catalog_of(path: Path, read_only: bool) -> Catalog:
    """A store's catalogue, opened. Raises what `Catalog` raises."""
    try:
        return Catalog(path / CATALOG, read_only)
    except Unrecovered:
        # A writer was killed in mid-write, and a reader may not roll its journal back: one short
        # visit as a writer does.
        if not read_only or not os.access(path, os.W_OK):
            raise
        with WriteLock(path / LOCK):
            Catalog(path / CATALOG, read_only=False).close()
        return Catalog(path / CATALOG, read_only)


def make_catalog(path: Path, embedder: Embedder) -> None:
    """A new catalogue in a folder whose lock is held. Raises UsageProblem in an occupied one."""
    sweep_folder(path)
    if others := _others(path):
        raise _occupied(path, others)
    draft = path / f"{TEMPORARY}{CATALOG}"
    create_catalog(draft, embedder.id, embedder.dimension)
    os.replace(draft, path / CATALOG)
    sync_folder(path)


def refuse_absent(path: Path) -> None:
    """Raises what is the matter with a folder in which there is no catalogue."""
    if path.is_dir() and any(path.iterdir()):
        # A catalogue that is a link or a pipe is no missing store but an unsafe one.
        if path.joinpath(CATALOG).is_symlink() or path.joinpath(CATALOG).exists():
            refuse_special(path)
        if path.joinpath(CURRENT).exists():
            raise StoreIntegrity(
                "the store's catalogue is gone", where=path, next_step="restore it from a copy"
            )
        raise MalformedInput(
            "this folder is not a store of teachers", where=path, next_step="check --store"
        )
    raise MalformedInput(
        "there is no store here", where=path, next_step="make one with `auditor store add`"
    )


def refuse_occupied(path: Path) -> None:
    """Raises where there is neither a store nor room for one: UsageProblem for a folder of other
    things, MalformedInput for a file and for a folder that can't be written. Needs no lock."""
    if (path / CATALOG).is_file():
        return
    if os.path.lexists(path) and not path.is_dir():
        raise MalformedInput(
            "a file, where a store's folder is needed",
            where=path,
            next_step="move it away, or choose another folder",
        )
    if path.is_dir() and (others := _others(path)):
        raise _occupied(path, others)
    if path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
        raise MalformedInput(
            "can't be written", where=path, next_step="choose a folder that you may write to"
        )


def _others(path: Path) -> list[str]:
    """What lies in a folder besides the lock and what a killed writer left."""
    left = [entry for entry in path.glob(f"{TEMPORARY}*") if entry.is_file()]
    return sorted(entry.name for entry in set(path.iterdir()) - {path / LOCK, *left})


def _occupied(path: Path, others: list[str]) -> UsageProblem:
    if CATALOG in others:
        said, step = "a store stands here already", "open it, or choose another folder"
    else:
        said, step = "the folder is not empty", "choose an empty folder"
    return UsageProblem(said, where=path, next_step=step)


def sweep_folder(path: Path) -> None:
    """Removes what a killed writer left; the lock is held."""
    # Only what a killed writer left: our prefix, in our folders, while we hold the lock.
    for pattern in (f"{TEMPORARY}*", f"{BUILDING}/{TEMPORARY}*"):
        for entry in path.glob(pattern):
            if entry.is_file():
                entry.unlink()
    sweep(path)

"""What installed distributions offer by entry points, read once: a look at every distribution's
files costs as much as opening a model, and one command asks a dozen times.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from functools import lru_cache


def entry_points(*, group: str, name: str | None = None) -> importlib.metadata.EntryPoints:
    """The entry points of a group, all or those of one name; as
    `importlib.metadata.entry_points`.

    What is installed or put on the path later is found: folders are looked into anew where the path
    or the time of a change of one of its folders is another.
    """
    found = _all(tuple((folder, _changed(folder)) for folder in sys.path)).select(group=group)
    return found if name is None else found.select(name=name)


@lru_cache(maxsize=1)
def _all(_folders: tuple[tuple[str, int | None], ...]) -> importlib.metadata.EntryPoints:
    found = importlib.metadata.entry_points()
    return importlib.metadata.EntryPoints(
        point for group in found.groups for point in found.select(group=group)
    )


def _changed(folder: str) -> int | None:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None

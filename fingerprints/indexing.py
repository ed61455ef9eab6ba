"""Keeps the index in step with the catalogue: loads it, appends to it, or builds it anew, and only
when it is asked for.

Knows when an index is stale; knows neither SQL nor file formats.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fingerprints import generations, nearest
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.errors import ResourceLimit, StoreIntegrity
from fingerprints.generations import Loaded, damaged
from fingerprints.nearest import NOTHING, Flat
from fingerprints.progress import SILENT, Progress
from fingerprints.shard_files import IDS_A_SHARD, ShardBuild
from fingerprints.sharded import Index, Sharded

# Exact search takes 4 ms a query at 100,000 vectors and 44 ms at a million (docs/benchmarks.md).
EXACT_UP_TO = 200_000
TAIL = 4
"""A large index is extended once a quarter as many vectors are new as a small store may have: until
then they are searched exactly beside it, which takes two milliseconds a query."""
MOST_IN_MEMORY = 2_000_000
"""So many vectors at the most are indexed in memory, two gibibytes at 256 coordinates, where the
index can't be written."""
PATIENCE = 5
"""Every further look needs that a writer published once more since the last one."""


class StoreIndex:
    """The index of one open store.

    Up to ``exact_up_to`` vectors it is exact; above, a writable store builds shards of IVF-PQ
    candidates with exact re-ranking. A store that is open read-only builds what it lacks in memory,
    exactly. A damaged index is refused, never replaced unasked.
    """

    def __init__(self, path: Path, catalog: Catalog, writable: bool) -> None:
        self.path = path
        self.exact_up_to = EXACT_UP_TO
        self.most_in_memory = MOST_IN_MEMORY
        self.ids_a_shard = IDS_A_SHARD
        self._catalog = catalog
        self._writable = writable
        self._loaded: Loaded | None = None

    def now(self, progress: Progress = SILENT) -> Index:
        """The index of what the catalogue holds now. Raises StoreIntegrity for a damaged one."""
        # Forgotten until it is whole again: a build that fails midway may have added to it already.
        base, self._loaded = self._loaded or self._from_disk(), None
        if base is None or base.state != self._catalog.state():
            base = self._built(base, progress)
        self._loaded = base
        return base.index

    def whole(self) -> Index:
        """The index of what the catalogue holds now, with nothing beside it: all of it on the
        disk, where the store is writable. Raises StoreIntegrity for a damaged one."""
        base, self._loaded = self._loaded or self._from_disk(), None
        beside = base is not None and isinstance(base.index, Sharded) and base.index.tail.n
        if base is None or beside or base.state != self._catalog.state():
            base = self._built(base, SILENT, whole=True)
        self._loaded = base
        return base.index

    def rebuild(self, progress: Progress = SILENT) -> Index:
        """An index made from the catalogue alone; written down where the store is writable. What a
        killed rebuild of it had finished is kept."""
        self._loaded = self._built(None, progress)
        return self._loaded.index

    def check(self) -> None:
        """Verifies an index on the disk against the catalogue; raises StoreIntegrity."""
        loaded = self._from_disk()
        if loaded is None or loaded.state != self._catalog.state():
            return
        count = 0
        for ids in self._catalog.vector_ids():
            if bool(np.any(loaded.index.places(ids) == NOTHING)):
                raise damaged("its ids are not the catalogue's", self.path)
            count += len(ids)
        if count != loaded.index.n:
            raise damaged("its ids are not the catalogue's", self.path)

    def _from_disk(self) -> Loaded | None:
        current = generations.pointer(self.path)
        for _ in range(PATIENCE):
            if current is None:
                return None
            try:
                return generations.load(
                    self.path, current, generations.manifest(self.path, current), self._catalog
                )
            except (FileNotFoundError, StoreIntegrity) as error:
                # A writer may have moved on to the next generation, and be removing this one,
                # between our two looks.
                newer = generations.pointer(self.path)
                if newer != current:
                    current = newer
                elif isinstance(error, StoreIntegrity):
                    raise
                else:
                    raise damaged(f"{current[0]} lacks a file", self.path) from error
        raise damaged("its generations change faster than they can be read", self.path)

    def _built(self, base: Loaded | None, progress: Progress, whole: bool = False) -> Loaded:
        with self._catalog.snapshot():
            # Vectors and state of one moment: an index must not be named by a state that it lacks
            # vectors of.
            state, count = self._catalog.state(), self._catalog.count_vectors()
            added = base is not None and self._catalog.only_added_since(base.state)
            if base is not None and added and isinstance(base.index, Sharded) and not whole:
                grown = self._grown(base, base.index, state, count)
                if grown is not None:
                    return grown
            if not self._writable or count <= self.exact_up_to:
                return self._flat(state, base if added else None, count)
            before = None if base is None else base.before
            build = ShardBuild(self.path, self._catalog, state, before, self.ids_a_shard, progress)
            generations.publish_shards(self.path, build)
        made = self._from_disk()
        if made is None:
            raise damaged("it is gone as soon as it was written", self.path)
        return made

    def _grown(
        self, base: Loaded, index: Sharded, state: CatalogState, count: int
    ) -> Loaded | None:
        """A large index with what is new beside it; None where that is too much."""
        new = count - (index.n - index.tail.n)
        if new > (self.exact_up_to // TAIL if self._writable else self.most_in_memory):
            return None
        tail = nearest.empty_flat(self._catalog.dimension)
        nearest.extend(tail, self._catalog.vectors(base.last_id))
        return replace(base, index=replace(index, tail=tail), state=state)

    def _flat(self, state: CatalogState, base: Loaded | None, count: int) -> Loaded:
        if count > self.most_in_memory:
            raise ResourceLimit(
                f"the index does not fit the catalogue's {count:,} signatures, and so many are not"
                " indexed in memory",
                where=self.path,
                next_step="auditor store rebuild, by somebody who may write the store",
            )
        if base is not None and isinstance(base.index, Flat):
            index, after = base.index, base.last_id
        else:
            index, after = nearest.empty_flat(self._catalog.dimension), 0
        nearest.extend(index, self._catalog.vectors(after))
        ids = index.ids()
        made = Loaded(index, state, int(ids[-1]) if len(ids) else 0)
        if self._writable:
            generations.publish(self.path, made, self._catalog)
        return made

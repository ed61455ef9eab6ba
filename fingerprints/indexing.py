"""Keeps the index in step with the catalogue: loads it, appends to it, or builds it anew, and only
when it is asked for.

Knows when an index is stale; knows neither SQL nor file formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from fingerprints import generations, nearest
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.durable import MeasuredFile, replacing
from fingerprints.embed import Vectors
from fingerprints.errors import StoreIntegrity
from fingerprints.generations import IDS, INDEX, VECTORS, FileEntry, Loaded, damaged
from fingerprints.nearest import Approximate, Flat, Ids, Index

# Exact search takes 4 ms a query at 100,000 vectors and 44 ms at a million (docs/benchmarks.md).
EXACT_UP_TO = 200_000
PATIENCE = 5
"""Every further look needs that a writer published once more since the last one."""


class StoreIndex:
    """The index of one open store.

    Up to ``exact_up_to`` vectors it is exact; above, a writable store builds IVF-PQ candidates with
    exact re-ranking. A store that is open read-only builds what it lacks in memory, exactly. A
    damaged index is refused, never replaced unasked.
    """

    def __init__(self, path: Path, catalog: Catalog, writable: bool) -> None:
        self.path = path
        self.exact_up_to = EXACT_UP_TO
        self._catalog = catalog
        self._writable = writable
        self._loaded: Loaded | None = None

    def now(self) -> Index:
        """The index of what the catalogue holds now. Raises StoreIntegrity for a damaged one."""
        # Forgotten until it is whole again: a build that fails midway may have added to it already.
        base, self._loaded = self._loaded or self._from_disk(), None
        if base is None or base.state != self._catalog.state():
            base = self._built(base)
        self._loaded = base
        return base.index

    def rebuild(self) -> Index:
        """An index made from the catalogue alone; written down where the store is writable."""
        self._loaded = self._built(None)
        return self._loaded.index

    def check(self) -> None:
        """Verifies an index on the disk against the catalogue; raises StoreIntegrity."""
        loaded = self._from_disk()
        if loaded is None or loaded.state != self._catalog.state():
            return
        held = [np.empty(0, np.int64), *(ids for ids, _ in self._catalog.vectors())]
        if not np.array_equal(loaded.index.ids(), np.concatenate(held)):
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

    def _built(self, base: Loaded | None) -> Loaded:
        with self._catalog.snapshot():
            # Vectors and state of one moment: an index must not be named by a state that it lacks
            # vectors of.
            state = self._catalog.state()
            if base is not None and not self._catalog.only_added_since(base.state):
                base = None
            if self._writable and self._catalog.count_vectors() > self.exact_up_to:
                return self._approximate(state, base)
            made = self._flat(state, base)
        if self._writable:
            generations.publish(self.path, made, self._catalog)
        return made

    def _flat(self, state: CatalogState, base: Loaded | None) -> Loaded:
        if base is not None and isinstance(base.index, Flat):
            index, after = base.index, base.last_id
        else:
            index, after = nearest.empty_flat(self._catalog.dimension), 0
        nearest.extend(index, self._catalog.vectors(after))
        ids = index.ids()
        return Loaded(index, state, int(ids[-1]) if len(ids) else 0)

    def _approximate(self, state: CatalogState, base: Loaded | None) -> Loaded:
        with generations.draft(self.path) as folder:
            entries = self._write_exact(folder)
            numbers, vectors = generations.map_exact(folder, entries, self._catalog.dimension)
            keeps = base is not None and len(numbers) <= 2 * base.trained
            if base is not None and keeps and isinstance(base.index, Approximate):
                raw, done, trained = base.index.index, base.last_id, base.trained
            else:
                raw, done, trained = nearest.train(vectors), 0, len(numbers)
            index = Approximate(raw, numbers, vectors)
            fresh = int(np.searchsorted(numbers, done, side="right"))
            nearest.extend(index, _portions(index, fresh))
            made = Loaded(index, state, int(numbers[-1]), trained)
            entries[INDEX] = generations.write_index(folder, index)
            generations.commit(self.path, folder, made, self._catalog, entries)
        return made

    def _write_exact(self, folder: Path) -> dict[str, FileEntry]:
        with ExitStack() as stack:
            files = {
                name: MeasuredFile(stack.enter_context(replacing(folder / name)))
                for name in (IDS, VECTORS)
            }
            for ids, vectors in self._catalog.vectors():
                files[IDS].write(ids.astype("<i8", copy=False).tobytes())
                files[VECTORS].write(vectors.astype("<f4", copy=False).tobytes())
        return {name: FileEntry.of(file) for name, file in files.items()}


def _portions(index: Approximate, start: int, rows: int = 65_536) -> Iterator[tuple[Ids, Vectors]]:
    for first in range(start, len(index.numbers), rows):
        last = first + rows
        yield index.numbers[first:last], np.ascontiguousarray(index.vectors[first:last])

"""A folder of weight signatures, and which of them are nearest: the files are the truth, the index
is made from them anew.

``bases.json`` lists each model with its file's digest; a file's name is its digest. Whatever a
search returns was read whole and verified. One writer at a time; a kill leaves the old list and at
most a stray file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from fingerprints.durable import WriteLock, open_plain, refuse_special, replacing
from fingerprints.errors import MalformedInput, StoreIntegrity, UsageProblem, printable
from fingerprints.nearest import library
from fingerprints.records import Record, canonical_json, sha256
from fingerprints.weights.decode import Matrix
from fingerprints.weights.signature import WeightSignature
from fingerprints.weights.signature_file import (
    parse_signature,
    read_search,
    signature_bytes,
    signature_file_bytes,
)

CATALOGUE, LOCK, END = "bases.json", ".lock", ".safetensors"
LARGEST_CATALOGUE = 64 << 20
LONGEST_NAME = 300
NARROW = 1e-6


class _Entry(Record):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class _Catalogue(Record):
    schema_version: Literal["bases/1"] = "bases/1"
    models: dict[str, _Entry] = Field(default_factory=dict)


@dataclass(frozen=True)
class BaseCandidate:
    """A stored model that a search found: ``rank`` from 1, and its distances, from 0, in units of
    the store's spread.

    ``by_shape``: of the distribution of its units' values; ``by_order``: of their ranks unit by
    unit. Only an order in which to look closer: no distance is evidence of lineage.
    """

    name: str
    rank: int
    by_shape: float
    by_order: float
    signature: WeightSignature


class BaseStore:
    """Weight signatures of many models in one folder."""

    def __init__(self, path: Path, catalogue: _Catalogue) -> None:
        self.path = path
        self._catalogue = catalogue

    @classmethod
    def create(cls, path: Path) -> BaseStore:
        """A new, empty store. Raises UsageProblem where something is in the folder."""
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            step = "give a new folder, or open the store in it"
            raise UsageProblem("the folder is not empty", where=path, next_step=step)
        _write(path, _Catalogue())
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> BaseStore:
        """The store in a folder.

        Raises MalformedInput where there is none, StoreIntegrity for a list that is damaged or of
        another version, UnsafeInput for links and special files.
        """
        if not (path / CATALOGUE).exists():
            step = f"give the folder that holds {CATALOGUE}"
            raise MalformedInput("no store of weight signatures", where=path, next_step=step)
        refuse_special(path)
        return cls(path, _read(path))

    def names(self) -> tuple[str, ...]:
        """The stored models' names, in order."""
        return tuple(sorted(self._catalogue.models))

    def add(self, signature: WeightSignature, *, replace: bool = False) -> None:
        """Files a signature under its name; one that is there already with equal content stays.

        Raises UsageProblem for a name that is taken by other content (unless ``replace``), Locked
        while another process writes, ResourceLimit on a full disk.
        """
        name, data = signature.facts.name, signature_bytes(signature)
        if not 0 < len(name) <= LONGEST_NAME or printable(name) != name:
            said, shown = "a stored model needs a plain name", printable(name, 80)
            raise UsageProblem(said, where=shown, next_step="give a short name")
        entry = _Entry(sha256=sha256(data), size=len(data))
        with self._writing():
            held = self._catalogue.models.get(name)
            if held is not None and held != entry and not replace:
                raise UsageProblem(
                    f"{name!r} is stored with other content",
                    where=self.path,
                    next_step="replace it, or give another name",
                )
            with replacing(self._file(entry)) as file:
                file.write(data)
            self._list({**self._catalogue.models, name: entry})

    def remove(self, name: str) -> None:
        """Takes a model out. Raises UsageProblem for an unknown name, Locked."""
        with self._writing():
            if name not in self._catalogue.models:
                raise _unknown(name, self.path)
            self._list({n: e for n, e in self._catalogue.models.items() if n != name})

    def _list(self, models: dict[str, _Entry]) -> None:
        self._catalogue = _Catalogue(models=dict(sorted(models.items())))
        _write(self.path, self._catalogue)
        listed = {self._file(entry).name for entry in models.values()}
        for path in self.path.iterdir():
            if path.name.endswith(END) and path.name not in listed:
                path.unlink(missing_ok=True)  # replaced, or left by a kill

    def get(self, name: str) -> WeightSignature:
        """A stored signature, verified. Raises UsageProblem for no such name, StoreIntegrity."""
        entry = self._catalogue.models.get(name)
        if entry is None:
            raise _unknown(name, self.path)
        path = self._file(entry)
        data = signature_file_bytes(path)
        if len(data) != entry.size or sha256(data) != entry.sha256:
            raise StoreIntegrity(
                f"the signature of {printable(name, 80)!r} is not the one that was stored",
                where=path,
                next_step="restore the store from a copy, or build it again",
            )
        signature = parse_signature(data, path)
        if signature.facts.name != name:
            said = "a signature bears another name than the list"
            raise StoreIntegrity(said, where=path, next_step="build the store again")
        return signature

    def verify(self) -> None:
        """Verifies every signature; raises StoreIntegrity at the first changed one."""
        for name in self.names():
            self.get(name)

    def screen(self, signature: WeightSignature, k: int = 10) -> tuple[BaseCandidate, ...]:
        """The k stored models that are nearest to a signature, nearest first; each read and
        verified.

        Two exact searches, one by the distribution of the units' values and one by their order; a
        model's place is the better of its two. Ties fall to the smaller sum of distances. Raises
        UsageProblem for k below 1, StoreIntegrity where a file is not what was stored.
        """
        if k < 1:
            raise UsageProblem("k must be at least 1", where=k)
        names = self.names()
        if not names:
            return ()
        held = np.stack([read_search(self._file(self._catalogue.models[name])) for name in names])
        # A coordinate in which the stored hardly differ would outweigh all others.
        centre, spread = held.mean(axis=0), np.maximum(held.std(axis=0), NARROW)
        vectors, query = (held - centre) / spread, (signature.search - centre) / spread
        distances = np.linalg.norm(vectors - query, axis=2) / np.sqrt(vectors.shape[2])
        places = [
            _nearest(np.ascontiguousarray(vectors[:, i]), query[i], distances[:, i], k)
            for i in range(2)
        ]
        best = {
            p: min(rank.get(p, len(names)) for rank in places)
            for p in sorted({*places[0], *places[1]})
        }
        order = sorted(best, key=lambda p: (best[p], float(distances[p].sum()), names[p]))[:k]
        return tuple(
            self._candidate(names[p], rank, held[p], distances[p])
            for rank, p in enumerate(order, 1)
        )

    def _candidate(
        self, name: str, rank: int, searched: Matrix, distances: Matrix
    ) -> BaseCandidate:
        whole = self.get(name)
        if not np.array_equal(whole.search, searched):
            said = "a signature changed while it was searched"
            raise StoreIntegrity(said, where=self.path, next_step="search again")
        return BaseCandidate(name, rank, float(distances[0]), float(distances[1]), whole)

    def _file(self, entry: _Entry) -> Path:
        return self.path / f"{entry.sha256}{END}"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with WriteLock(self.path / LOCK):
            # Another process may have added since this one looked.
            self._catalogue = _read(self.path)
            yield


def _nearest(vectors: Matrix, query: Matrix, exact: Matrix, k: int) -> dict[int, int]:
    """The k nearest places and their ranks: FAISS proposes, exact distances decide."""
    index = library().IndexFlatL2(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    # FAISS expands the square, which loses small distances: a few more are asked for than are kept.
    _, ids = index.search(
        np.ascontiguousarray(query[None], dtype=np.float32), min(len(vectors), k + 16)
    )
    places = np.sort(ids[0])
    order = places[np.argsort(exact[places], kind="stable")][:k]
    return {int(place): rank for rank, place in enumerate(order)}


def _unknown(name: str, path: Path) -> UsageProblem:
    said = f"no stored model is called {printable(name, 80)!r}"
    step = "see its names: `auditor bases list --store DIR`"
    return UsageProblem(said, where=path, next_step=step)


def _write(path: Path, catalogue: _Catalogue) -> None:
    with replacing(path / CATALOGUE) as file:
        file.write(canonical_json(catalogue.model_dump(mode="json")) + b"\n")


def _read(path: Path) -> _Catalogue:
    try:
        with open_plain(path / CATALOGUE) as file:
            data = file.read(LARGEST_CATALOGUE + 1)
        if len(data) > LARGEST_CATALOGUE:
            raise ValueError("larger than any list of models")
        return _Catalogue.model_validate_json(data)
    except (OSError, ValidationError, ValueError) as error:
        raise StoreIntegrity(
            "the list of weight signatures is damaged or of another version",
            where=path / CATALOGUE,
            next_step="use the program that wrote it, or build the store again",
        ) from error

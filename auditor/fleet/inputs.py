"""What an audit reads besides answers, as one digest: when it changes, what was judged by it is
judged again.

Stores and calibrations count by their bytes; models by names, sizes and times of their files, since
hashing thousands of gigabytes would take longer than most audits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.audits.frame import open_store
from auditor.audits.lineage.run import named
from auditor.audits.plan import BUNDLED
from auditor.calibration.case import NONE, SHIPPED
from auditor.version import VERSION
from fingerprints.address import is_address
from fingerprints.catalog_file import CATALOG
from fingerprints.errors import AuditError
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.spec import parse_spec


def state_of(spec: str) -> list[Any]:
    """Of a model, a recording or any path: names, sizes and times of its files, two folders deep;
    of an endpoint or a hub's model, whose state is not in sight, the spec alone."""
    try:
        parsed = parse_spec(spec)
    except AuditError:
        return [spec, *_files(_home(spec))]
    paths = [parsed.target, *(parsed.options[k] for k in ("adapter",) if k in parsed.options)]
    return [spec, *(row for path in paths for row in _files(_home(path)))]


def _files(path: Path, deep: int = 2) -> Iterator[list[Any]]:
    """Names, sizes and times below a path. What can't be looked at counts as that: whoever opens it
    tells why, and one suspect's path must not stop the fleet."""
    try:
        if path.is_file():
            found = path.stat()
            yield [path.name, found.st_size, found.st_mtime_ns]
        elif path.is_dir() and deep:
            for below in sorted(path.iterdir()):
                yield from _files(below, deep - 1)
    except OSError as error:
        yield [path.name, "out of sight", error.errno]


def _home(name: str) -> Path:
    """The path with a ~ made plain; as it stands where there is no such person."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def store_state(name: str) -> str:
    """The digest of a store of answers; of any other folder, and of a store that can't be opened,
    the state of its files: whoever judges by it tells why, and one store must not stop the
    fleet."""
    files = sha256(canonical_json(state_of(name)))
    if name != BUNDLED and not is_address(name) and not (Path(name) / CATALOG).is_file():
        return files
    try:
        with open_store(name) as store:
            return store.digest()
    except AuditError:
        return files


def plan_state(values: dict[str, Any], stores: dict[str, str]) -> str:
    """One digest over a plan's fields and the state of everything that they name: what was judged
    under another one is judged again. A new version of the toolkit judges again, too. ``stores``
    remembers the states of stores, each of which is opened once a run."""
    told: list[Any] = [VERSION, values]
    for field, value in sorted(values.items()):
        texts = [*value.values()] if isinstance(value, dict) else value
        texts = texts if isinstance(texts, list) else [texts]
        for text in (t for t in texts if isinstance(t, str) and t):
            told.append([field, _state(field, text, stores)])
    return sha256(canonical_json(told))


def _state(field: str, text: str, stores: dict[str, str]) -> Any:
    if field == "store":
        if text not in stores:
            stores[text] = store_state(text)
        return stores[text]
    path = _home(text)
    if field == "calibration" and text not in (SHIPPED, NONE) and path.is_file():
        return file_sha256(path)
    return state_of(named(text)[1])

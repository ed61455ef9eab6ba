"""The reference store that ships inside the package: three small public models that the maintainers
ran themselves.

`make reference` builds it again from the models. Read-only.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fingerprints.errors import StoreIntegrity
from fingerprints.store import FingerprintStore


def reference_path() -> Path:
    """The folder of the bundled store."""
    return Path(str(resources.files("fingerprints") / "reference"))


def reference_store() -> FingerprintStore:
    """The bundled store, read-only. Raises StoreIntegrity where it is not installed."""
    path = reference_path()
    if not (path / "CURRENT").exists():
        raise StoreIntegrity(
            "the bundled reference store is missing",
            where=path,
            next_step="install the package again, or build it with `make reference`",
        )
    return FingerprintStore.open(path, read_only=True)

"""Digests of the toolkit's own code, as installed: two of one version number may differ."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from fingerprints.records import canonical_json, sha256

PACKAGES = ("auditor", "detectors", "fingerprints")
SUFFIXES = (".py", ".toml", ".yaml", ".html", ".css")


def codes() -> dict[str, str]:
    """The digest of each package's modules, word lists and templates."""
    return {package: _code(package) for package in PACKAGES}


@cache
def _code(package: str) -> str:
    root = Path(str(resources.files(package)))
    files = sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES)
    rows = [[p.relative_to(root).as_posix(), sha256(p.read_bytes())] for p in files]
    return sha256(canonical_json(rows))

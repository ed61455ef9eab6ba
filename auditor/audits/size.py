"""How big a suspect is, without loading it: for the estimate of a dry run."""

from __future__ import annotations

from pathlib import Path

from fingerprints.errors import MalformedInput
from fingerprints.subjects.spec import SubjectSpec

BYTES_PER_PARAMETER = {"gguf": 0.68, "hf": 2.0}
"""Rough: four-bit GGUF files with their tables, and 16-bit safetensors."""
UNKNOWN_HUB_MODEL = 7e9


def parameters_of(spec: SubjectSpec) -> float | None:
    """A rough parameter count from file sizes; None for an endpoint, 7e9 for a hub model that is
    not here.

    Raises MalformedInput for a path that does not exist or a folder without weights.
    """
    if spec.scheme == "openai":
        return None
    path = Path(spec.target)
    if spec.scheme == "hf" and not path.exists():
        if spec.target.startswith((".", "/", "~")):
            raise MalformedInput("no such folder", where=spec.target, next_step="check the path")
        return UNKNOWN_HUB_MODEL
    if not path.exists():
        raise MalformedInput("no such file", where=path, next_step="check the path")
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    size = sum(file.stat().st_size for file in files)
    if size == 0:
        raise MalformedInput(
            "no safetensors in this folder",
            where=path,
            next_step="convert the checkpoint to safetensors",
        )
    return size / BYTES_PER_PARAMETER[spec.scheme]

"""What `auditor doctor` looks at: versions, extras, device, name clashes, the bundled store."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Literal

from auditor.environment import version_of
from fingerprints.errors import MODEL_LIBRARIES, AuditError, install_command
from fingerprints.records import Record
from fingerprints.reference import reference_store

CORE = {
    "torch": "2.6",
    "transformers": "5.3",
    "numpy": "2.0",
    "scikit-learn": "1.6",
    "faiss-cpu": "1.13",
    "click": "8.3.2",
}
EXTRAS = {
    "httpx2": ("openai", "endpoints"),
    "botocore": ("bedrock", "signed calls to Bedrock"),
    "vllm": ("vllm", "running models by vLLM"),
    "duckdb": ("logs", "reading logs"),
    "gguf": ("gguf", "GGUF files"),
    "pyarrow": ("recordings", "reading Parquet files"),
    "zstandard": ("recordings", "inspect_ai's logs and .zst files"),
    "xllamacpp": ("llama", "answers by llama.cpp"),
    "mcp": ("mcp", "serving tools to a client"),
    "securesystemslib": ("seal", "sealing reports"),
    "rfc3161-client": ("timestamp", "time stamps of seals"),
    "sigstore": ("sigstore", "seals by Sigstore"),
    "peft": ("train", "PEFT adapters"),
    "ray": ("cluster", "work on a Ray cluster"),
    "sentence-transformers": ("embed", "sentence embeddings"),
}
OURS = ("auditor", "detectors", "fingerprints")


class Check(Record):
    """One thing that was looked at: ``ok``, a ``note`` that limits something, or a ``problem``
    that breaks something."""

    name: str
    state: Literal["ok", "note", "problem"]
    found: str
    advice: str = ""


def examine() -> list[Check]:
    """Every check, in a fixed order. Loads torch to ask for devices; touches no network."""
    return [
        _python(),
        *map(_core, CORE),
        *map(_extra, EXTRAS),
        _device(),
        *_clashes(),
        _reference(),
        _cache(),
    ]


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    return Check(
        name="python",
        state="ok" if good else "problem",
        found=platform.python_version(),
        advice="" if good else "use Python 3.11 or newer",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int(part) for part in version.split("+", maxsplit=1)[0].split(".")[:3] if part.isdigit()
    )


def _core(package: str) -> Check:
    found = version_of(package)
    if found is None:
        # An installation for records and reports is whole without what loads models.
        light = package in MODEL_LIBRARIES
        return Check(
            name=package,
            state="note" if light else "problem",
            found="not installed: no model is loaded or trained here" if light else "not installed",
            advice=f"pip install '{package}>={CORE[package]}'",
        )
    good = _numbers(found) >= _numbers(CORE[package])
    advice = "" if good else f"pip install -U '{package}>={CORE[package]}'"
    return Check(name=package, state="ok" if good else "problem", found=found, advice=advice)


def _extra(package: str) -> Check:
    found = version_of(package)
    extra, purpose = EXTRAS[package]
    if found is None:
        return Check(
            name=package,
            state="note",
            found=f"not installed: no {purpose}",
            advice=install_command(extra),
        )
    return Check(name=package, state="ok", found=found)


def _device() -> Check:
    try:
        from fingerprints.subjects.placement import place
    except ModuleNotFoundError:
        return Check(name="device", state="note", found="no torch: nothing is computed on one")
    placement = place({})
    found = (
        f"{placement.device}, {placement.dtype_name}, {os.cpu_count()} cores, batches of"
        f" {placement.batch}"
    )
    return Check(name="device", state="ok", found=found)


def _clashes() -> list[Check]:
    owners = metadata.packages_distributions()
    out = []
    for name in OURS:
        others = sorted({d for d in owners.get(name, []) if d != "distillation-auditor"})
        if others:
            out.append(
                Check(
                    name=f"module {name}",
                    state="problem",
                    found=f"also installed by {', '.join(others)}",
                    advice=f"use an environment of its own, or pip uninstall {' '.join(others)}",
                )
            )
    return out or [
        Check(name="module names", state="ok", found="auditor, detectors, fingerprints are ours")
    ]


def _reference() -> Check:
    try:
        with reference_store() as store:
            problems = store.verify()
            names = ", ".join(t.name for t in store.teachers())
    except AuditError as error:
        return Check(
            name="bundled store", state="problem", found=error.what, advice=error.next_step or ""
        )
    if problems:
        return Check(
            name="bundled store",
            state="problem",
            found=problems[0].what,
            advice="install the package again",
        )
    return Check(name="bundled store", state="ok", found=names)


def _cache() -> Check:
    from fingerprints.subjects.cache import cache_folder

    folder = cache_folder()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    good = os.access(nearest, os.W_OK)
    where = "$AUDITOR_CACHE" if "AUDITOR_CACHE" in os.environ else "the user's cache folder"
    return Check(
        name="cache",
        state="ok" if good else "problem",
        found=f"{where}: {_short(folder)}",
        advice="" if good else "set AUDITOR_CACHE to a folder that you may write to",
    )


def _short(folder: Path) -> str:
    home = str(Path.home())
    return str(folder).replace(home, "~", 1) if home != "/" else str(folder)

"""Digests of the files that decide a model's answers. Knows file names and no tensors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.cache import file_sha256

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
)
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json")


def files_sha256(paths: Iterable[Path]) -> str | None:
    """SHA-256 over files' own digests in order of name; None where there are none."""
    digests = [file_sha256(p) for p in sorted(paths, key=lambda p: p.name)]
    return sha256(canonical_json(digests)) if digests else None


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files at the top of a folder, in order of name."""
    return sorted(p for p in folder.iterdir() if p.suffix == ".safetensors" and p.is_file())


def config_sha256(folder: Path) -> str | None:
    """Digest of config.json's bytes."""
    path = folder / "config.json"
    return file_sha256(path) if path.is_file() else None


def tokenizer_sha256(folder: Path) -> str | None:
    """Digest over the tokenizer's files that are there."""
    return files_sha256(folder / name for name in TOKENIZER_FILES if (folder / name).is_file())


def template_sha256(text: str | None) -> str | None:
    """Digest of a chat template's text; None where there is none."""
    return None if not text else sha256(text)


def adapter_sha256(folder: Path) -> str | None:
    """Digest over an adapter's weight files and its config."""
    return files_sha256([*weight_files(folder), folder / "adapter_config.json"])

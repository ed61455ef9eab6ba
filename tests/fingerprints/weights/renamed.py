"""Copies of checkpoints whose tensors have names that nobody published."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save_file

Naming = Callable[[str], str]


def scrambled(name: str) -> str:
    """A name that says nothing at all."""
    return "t" + hashlib.sha256(name.encode()).hexdigest()[:20]


def foreign(name: str) -> str:
    """A name whose words mean nothing, and whose numbers still count layers and experts."""
    pieces = re.split(r"([0-9]+)", name)
    return ".".join(p if p.isdigit() else _word(p) for p in pieces if p)


def _word(text: str) -> str:
    return "".join(chr(97 + byte % 26) for byte in hashlib.sha256(text.encode()).digest()[:8])


def renamed(source: Path, folder: Path, naming: Naming) -> Path:
    """The checkpoint with other names, in one file."""
    folder.mkdir(parents=True)
    tensors = {}
    for file in sorted(source.iterdir()):
        if file.suffix == ".safetensors":
            tensors |= load_file(file)
        elif "index" not in file.name:
            shutil.copy(file, folder)
    held = {naming(name): tensor for name, tensor in tensors.items()}
    save_file(held, folder / "model.safetensors")
    return folder

"""Puts a LoRA adapter on a loaded base model. Knows PEFT folders; never unpickles one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, missing_extra, printable
from fingerprints.subjects.digests import files_sha256, weight_files


def with_adapter(model: Any, folder: Path) -> Any:
    """The base model with the adapter of a folder merged in, which is as fast as the base.

    The folder must have passed `fingerprints.subjects.safety.inspect_adapter`. Raises UsageProblem
    without peft and MalformedInput for an adapter that does not belong to this base.
    """
    if importlib.util.find_spec("peft") is None:
        raise missing_extra("peft", "train", "opening an adapter")
    from peft import PeftModel

    try:
        return (
            PeftModel.from_pretrained(model, str(folder), use_safetensors=True)
            .merge_and_unload()
            .eval()
        )
    except (ValueError, KeyError, RuntimeError, TypeError, OSError) as error:
        raise MalformedInput(
            f"the adapter does not fit this base: {printable(' '.join(str(error).split()), 160)}",
            where=folder,
            next_step="name the base that it was trained on: hf:BASE,adapter=DIR",
        ) from error


def adapter_sha256(folder: Path) -> str | None:
    """Digest over an adapter's weight files and its config."""
    return files_sha256([*weight_files(folder), folder / "adapter_config.json"])

"""Where a model runs, in which number format, and how many rows at once.

Knows the machine; knows nothing of questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from fingerprints.errors import ResourceLimit, UsageProblem, printable
from fingerprints.subjects.number_format import faster_format
from fingerprints.subjects.spec import count_option
from fingerprints.system import memory_left

DTYPES = {str(t).removeprefix("torch."): t for t in (torch.float32, torch.bfloat16, torch.float16)}
SHORT_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
CPU_BATCH, ACCELERATOR_BATCH = 64, 64


@dataclass(frozen=True)
class Placement:
    """Device, number format and largest batch."""

    device: torch.device
    dtype: torch.dtype
    batch: int

    @property
    def dtype_name(self) -> str:
        """``float32``, ``bfloat16`` or ``float16``."""
        return str(self.dtype).removeprefix("torch.")


def place(options: Mapping[str, str]) -> Placement:
    """The placement that a spec's options ask for; what they leave out is chosen by the machine.

    Device: cuda, then mps, then cpu. Format: bfloat16 where it is native (CUDA) or measured to be
    faster (`fingerprints.subjects.number_format`), else float32. Raises UsageProblem for a device,
    format or batch that is not there.
    """
    device = _device(options.get("device", "auto"))
    return Placement(
        device,
        _dtype(options.get("dtype", "auto"), device),
        count_option(options, "batch", CPU_BATCH if device.type == "cpu" else ACCELERATOR_BATCH),
    )


def available_memory(device: torch.device) -> int:
    """Bytes that a model may still take on a device, as CUDA or the kernel tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory_left()


def check_fits(needed: int, device: torch.device, where: object) -> None:
    """Raises ResourceLimit when a model does not fit into what a device has left."""
    free = available_memory(device)
    if needed > free:
        raise ResourceLimit(
            f"the model needs about {needed / 2**30:.1f} GiB, and {device.type} has"
            f" {free / 2**30:.1f} GiB left",
            where=where,
            next_step="use a smaller dtype (dtype=bfloat16), for a GGUF file backend=llama.cpp,"
            " another device, or serve it and audit the endpoint",
        )


def _device(name: str) -> torch.device:
    fast = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    here = [kind for kind, there in fast.items() if there]
    if name == "auto":
        return torch.device([*here, "cpu"][0])
    if name.partition(":")[0] not in (*here, "cpu"):
        said, step = f"no device {printable(name, 30)!r} here", ", ".join(["cpu", *here])
        raise UsageProblem(said, where="device", next_step=f"use one of {step}, or leave it out")
    try:
        return torch.device(name)
    except RuntimeError as error:
        said = f"not a device: {printable(name, 30)!r}"
        raise UsageProblem(said, where="device", next_step="write cuda:0 or cpu") from error


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        if device.type == "cpu":
            return faster_format()
        native = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if native else torch.float32
    full = SHORT_NAMES.get(name, name)
    if full not in DTYPES:
        said, step = f"unknown dtype {printable(name, 30)!r}", f"use auto, {', '.join(DTYPES)}"
        raise UsageProblem(said, where="dtype", next_step=step)
    return DTYPES[full]

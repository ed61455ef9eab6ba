"""Tiny real checkpoints of known descent: a random base, strangers of the same shape, and copies
in every disguise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from auditor.labs.zoo.disguise import (
    Nothing,
    Rescale,
    permute_heads,
    permute_units,
    rescale_units,
    rotate_residual,
)
from auditor.labs.zoo.llama import Llama, read_llama, write_llama
from tests.auditor.labs.zoo.ancestors import ancestor

Step = Callable[[Llama], Llama]
DISGUISE: tuple[Step, ...] = (
    lambda m: rotate_residual(m, Nothing(), 3),
    lambda m: permute_units(m, Nothing(), 4),
    lambda m: permute_heads(m, Nothing(), 5),
    lambda m: rescale_units(m, Rescale(signs=True), 6),
)
"""Every change that keeps the function, at once."""


def base(folder: Path, seed: int = 0) -> Path:
    """A tiny Llama with norms away from one, and its tokenizer: random, and shaped as training
    leaves one. What a layer reads and writes is larger in some directions than in others, so that
    a copy of a part of it can be found in any disguise."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as raw:
        source = ancestor(Path(raw), "grouped_heads", seed)
        llama = read_llama(source)
        random = torch.Generator().manual_seed(seed + 50)
        shaped = {name: _shaped(name, t, random) for name, t in llama.tensors.items()}
        write_llama(llama.changed(shaped), folder, source)
    return folder


def told_by_shapes(folder: Path, seed: int = 0) -> Path:
    """A random tiny Llama whose attention and MLP have no shape in common, so that roles can be
    guessed."""
    return ancestor(folder, "untied", seed)


def _shaped(name: str, tensor: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    if "_proj" not in name:
        return tensor
    writes = name.endswith(("o_proj.weight", "down_proj.weight"))
    width = tensor.shape[0] if writes else tensor.shape[1]
    turn = torch.linalg.qr(torch.randn(width, width, generator=random)).Q
    shape = turn * torch.exp(-torch.arange(width) / (width / 2)) @ turn.T
    return (shape @ tensor if writes else tensor @ shape).contiguous()


def copied(source: Path, folder: Path, *steps: Step) -> Path:
    """A copy by changes of its weights, one after the other."""
    llama = read_llama(source)
    for step in steps:
        llama = step(llama)
    return stored(llama, folder, source)


def nudged(source: Path, folder: Path, share: float, seed: int = 7) -> Path:
    """A copy with every number moved by noise of ``share`` of its tensor's spread: what full
    fine-tuning leaves, in shape."""
    llama = read_llama(source)
    random = torch.Generator().manual_seed(seed)
    moved = {
        name: tensor + torch.randn(tensor.shape, generator=random) * tensor.std() * share
        if tensor.ndim == 2
        else tensor
        for name, tensor in llama.tensors.items()
    }
    return stored(llama.changed(moved), folder, source)


def low_rank(source: Path, folder: Path, rank: int, seed: int = 9) -> Path:
    """A copy with a matrix of low rank added to every value and gate matrix: what a merged LoRA
    leaves."""
    llama = read_llama(source)
    random = torch.Generator().manual_seed(seed)
    moved = {}
    for name, tensor in llama.tensors.items():
        if name.endswith(("v_proj.weight", "gate_proj.weight")):
            out, wide = tensor.shape
            thin = torch.randn(out, rank, generator=random) @ torch.randn(
                rank, wide, generator=random
            )
            moved[name] = tensor + thin * tensor.std() * 0.1
    return stored(llama.changed(moved), folder, source)


def mixed(one: Path, other: Path, folder: Path, share: float) -> Path:
    """The linear mixture of two checkpoints, ``share`` of the first."""
    a, b = read_llama(one), read_llama(other)
    return stored(
        a.changed({n: share * t + (1 - share) * b.tensors[n] for n, t in a.tensors.items()}),
        folder,
        one,
    )


def stored(llama: Llama, folder: Path, source: Path) -> Path:
    """Writes a checkpoint with the tokenizer of another."""
    folder.mkdir(parents=True)
    write_llama(llama, folder, source)
    return folder

"""Copies of several parents at once: weighted means, straight or along the sphere.

Pure functions of several `Llama` and settings. Knows tensors; knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from auditor.labs.zoo.llama import Llama
from fingerprints.errors import UsageProblem, printable
from fingerprints.records import Record

NEARLY_PARALLEL = 0.9995
"""Above this cosine the arc is as good as straight, and its sine too small to divide by."""


class MergeRule(Record):
    """One weight for each parent, adding up to 1; equal ones where none are given."""

    weights: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()


def merge_linear(parents: Sequence[Llama], how: MergeRule, seed: int) -> Llama:
    """The weighted mean of the parents' tensors, otherwise as the first parent.

    Model soups, Wortsman et al. 2022, arXiv 2203.05482. The seed plays no part. Raises UsageProblem
    for parents of different shapes and weights that do not fit.
    """
    shares = _shares(parents, how)

    def mean(tensors: list[Tensor]) -> Tensor:
        """The tensors' weighted mean, of their common shape."""
        return sum((w * t for w, t in zip(shares, tensors, strict=True)), torch.zeros(()))

    return _merged(parents, mean)


def merge_slerp(parents: Sequence[Llama], how: MergeRule, seed: int) -> Llama:
    """The parents' tensors joined along the great circle, each as one vector, one by one.

    Shoemake 1985, as model mergers use it: the angle is that between the directions, the lengths
    are mixed along. The seed plays no part. Raises what `merge_linear` raises.
    """
    shares = _shares(parents, how)

    def joined(tensors: list[Tensor]) -> Tensor:
        """The tensors on the arc, the first with the second, then that with the third."""
        so_far, total = tensors[0], shares[0]
        for share, tensor in zip(shares[1:], tensors[1:], strict=True):
            total += share
            so_far = slerp(so_far, tensor, share / total if total else 0.0)
        return so_far

    return _merged(parents, joined)


def slerp(one: Tensor, other: Tensor, at: float) -> Tensor:
    """The point at ``at`` (0 to 1) of the arc between two tensors; straight where near-parallel."""
    lengths = float(one.norm() * other.norm())
    cosine = float((one * other).sum()) / lengths if lengths else 1.0
    if abs(cosine) > NEARLY_PARALLEL:
        return (1 - at) * one + at * other
    angle = torch.arccos(torch.tensor(cosine, dtype=torch.float64))
    return (torch.sin((1 - at) * angle) * one + torch.sin(at * angle) * other) / torch.sin(angle)


def _merged(parents: Sequence[Llama], join: Callable[[list[Tensor]], Tensor]) -> Llama:
    first = parents[0]
    out = {
        name: join([parent.tensors[name].double() for parent in parents]).to(tensor.dtype)
        for name, tensor in first.tensors.items()
    }
    return first.changed(out)


def _shares(parents: Sequence[Llama], how: MergeRule) -> tuple[float, ...]:
    """The parents' weights, after a look at whether shapes and weights fit."""
    for number, parent in enumerate(parents[1:], start=2):
        _fit(parents[0], parent, number)
    shares = how.weights or (1 / len(parents),) * len(parents)
    if len(shares) != len(parents) or abs(sum(shares) - 1) > 1e-6:
        raise UsageProblem(
            f"{len(shares)} weights with the sum {sum(shares):g} for {len(parents)} parents",
            where="weights",
            next_step="give one weight for each parent, adding up to 1",
        )
    return shares


def _fit(first: Llama, other: Llama, number: int) -> None:
    shapes, theirs = _sizes(first), _sizes(other)
    odd = sorted(name for name in {**shapes, **theirs} if shapes.get(name) != theirs.get(name))
    if odd:
        raise UsageProblem(
            f"the shapes do not fit: {printable(odd[0], 80)} is {shapes.get(odd[0], 'missing')} in"
            f" the first parent and {theirs.get(odd[0], 'missing')} in parent {number}",
            where="source",
            next_step="merge checkpoints of one architecture",
        )


def _sizes(llama: Llama) -> dict[str, tuple[int, ...]]:
    """Shapes by name, and the numbers of heads, which shapes do not tell."""
    shapes = {name: tuple(t.shape) for name, t in llama.tensors.items()}
    return {"heads": (llama.heads, llama.groups), **shapes}

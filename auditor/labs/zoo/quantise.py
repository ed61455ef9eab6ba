"""Copies with less precise weights: rounded, in another format, or with noise.

Pure functions of a `Llama`, settings and a seed. Knows tensors; knows no file.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from auditor.labs.zoo.disguise import generator
from auditor.labs.zoo.llama import EMBEDDING, HEAD, Llama
from fingerprints.records import Record
from fingerprints.subjects.placement import DTYPES


class Quantise(Record):
    """``bits`` of each weight; ``embeddings``: embedding and output layer are rounded too."""

    bits: Literal[4, 8] = 8
    embeddings: bool = False


class Recast(Record):
    """The number format that the copy is stored in."""

    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"


class Noise(Record):
    """``scale``: standard deviation of the noise, as a share of each matrix's own."""

    scale: Annotated[float, Field(gt=0, le=10)] = 0.01


def quantise(llama: Llama, how: Quantise, seed: int) -> Llama:
    """The projections rounded to the nearest of ``2**bits - 1`` levels a row, dequantised.

    Symmetric, one scale for each output channel, no calibration data. The seed plays no part.
    """
    ends = [name for name in (EMBEDDING, HEAD) if how.embeddings and name in llama.tensors]
    names = (*llama.matrices(), *ends)
    return llama.changed({name: rounded(llama.tensors[name], how.bits) for name in names})


def rounded(weight: Tensor, bits: int) -> Tensor:
    """A matrix (outputs, inputs) on the grid of its rows: off by at most half of ``row maximum /
    (2**(bits-1) - 1)``.

    Storing in a half-precision format rounds once more.
    """
    levels = 2 ** (bits - 1) - 1
    exact = weight.double()
    step = exact.abs().amax(dim=1, keepdim=True) / levels
    # A row of zeros has no scale, and stays.
    whole = torch.round(exact / torch.where(step == 0, 1.0, step))
    back: Tensor = (whole * step).to(weight.dtype)
    return back


def recast(llama: Llama, how: Recast, seed: int) -> Llama:
    """The same weights stored in another number format. The seed plays no part."""
    dtype = DTYPES[how.dtype]
    config = {key: value for key, value in llama.config.items() if key != "torch_dtype"}
    tensors = {name: tensor.to(dtype) for name, tensor in llama.tensors.items()}
    return Llama({**config, "dtype": how.dtype}, tensors)


def add_noise(llama: Llama, how: Noise, seed: int) -> Llama:
    """Gaussian noise on every projection, embedding and output layer; the norms stay."""
    random = generator(seed)
    ends = [name for name in (EMBEDDING, HEAD) if name in llama.tensors]
    out: dict[str, Tensor] = {}
    for name in (*llama.matrices(), *ends):
        stored = llama.tensors[name]
        exact = stored.double()
        noise = torch.randn(exact.shape, dtype=torch.float64, generator=random)
        out[name] = (exact + how.scale * exact.std(correction=0) * noise).to(stored.dtype)
    return llama.changed(out)

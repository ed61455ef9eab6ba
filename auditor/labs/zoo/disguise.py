"""Copies that compute the same function from other numbers: permuted, rotated, rescaled.

Pure functions of a `Llama`, settings and a seed. Sums are taken in double precision and stored in
the source's format, so the function is kept up to that format's rounding. Knows tensors; knows no
file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from auditor.labs.zoo.llama import (
    DOWN,
    EMBEDDING,
    GATE,
    HEAD,
    KEY,
    LAST_NORM,
    OUTPUT,
    PROJECTIONS,
    QUERY,
    READERS,
    UP,
    VALUE,
    WRITERS,
    Llama,
)
from fingerprints.records import Record

Edit = Callable[[Tensor], Tensor]


class Nothing(Record):
    """Settings of a kind that has none."""


class Rescale(Record):
    """How units are rescaled: factors log-uniform in [1/``spread``, ``spread``]; ``signs`` turns
    about half of them round."""

    spread: Annotated[float, Field(gt=1, le=64)] = 2.0
    signs: bool = False


def generator(seed: int) -> Generator:
    """A random generator of the CPU that starts from a seed."""
    return Generator().manual_seed(seed)


def permute_units(llama: Llama, how: Nothing, seed: int) -> Llama:
    """The hidden units of every MLP in another order, drawn anew for each layer. Function kept;
    exact but for summing order."""
    random, out = generator(seed), dict[str, Tensor]()
    for layer in range(llama.layers):
        order = _order(llama.units, random)
        edits = {
            f"{part}.{kind}": _rows(order) for part in (GATE, UP) for kind in ("weight", "bias")
        }
        out |= llama.edited({**edits, f"{DOWN}.weight": _columns(order)}, layer)
    return llama.changed(out)


def permute_heads(llama: Llama, how: Nothing, seed: int) -> Llama:
    """Attention heads in another order: key-value heads, and query heads within a group.

    Drawn anew for each layer. Function kept; exact but for summing order.
    """
    random, out = generator(seed), dict[str, Tensor]()
    each = llama.heads // llama.groups
    for layer in range(llama.layers):
        groups = _order(llama.groups, random)
        heads = torch.cat([g * each + _order(each, random) for g in groups])
        asked, kept = (_spread(order, llama.head_width) for order in (heads, groups))
        rows = {QUERY: asked, KEY: kept, VALUE: kept}
        edits = {
            f"{part}.{kind}": _rows(order)
            for part, order in rows.items()
            for kind in ("weight", "bias")
        }
        out |= llama.edited({**edits, f"{OUTPUT}.weight": _columns(asked)}, layer)
    return llama.changed(out)


def permute_residual(llama: Llama, how: Nothing, seed: int) -> Llama:
    """The residual stream's dimensions in one other order, in every layer, norm and embedding.

    Function kept; exact but for summing order.
    """
    order = _order(llama.hidden, generator(seed))
    return _on_residual(llama, _columns(order), _rows(order), norms=_rows(order))


def rotate_residual(llama: Llama, how: Nothing, seed: int) -> Llama:
    """The residual stream turned by one random rotation (Haar), after the norms' weights were
    folded into what reads them.

    Tied embeddings come apart unless the last norm's weight is one everywhere. Function kept up to
    rounding (about 1e-6 of the logits in float32). After SliceGPT's invariance, Ashkboos et al.
    2024, arXiv 2401.15024.
    """
    # Folded and turned in double precision, and rounded once: every product rounded by itself would
    # leave more than the source's own rounding.
    turn = rotation(llama.hidden, generator(seed))

    doubled = {name: tensor.double() for name, tensor in llama.tensors.items()}
    turned = _on_residual(
        fold_norms(llama.changed(doubled)),
        reads=lambda weight: weight @ turn,
        writes=lambda weight: turn.T @ weight,
        norms=lambda weight: weight,
    )
    return _stored(turned, like=llama)


def rotation(width: int, random: Generator) -> Tensor:
    """A random orthogonal matrix in double precision, uniform under the Haar measure (QR of a
    Gaussian, signs fixed)."""
    q, r = torch.linalg.qr(torch.randn(width, width, dtype=torch.float64, generator=random))
    signed: Tensor = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    return signed


def fold_norms(llama: Llama) -> Llama:
    """The same function with every norm's weight one: the weights move into what reads them.

    Where embeddings are tied and the last norm's weight is not one everywhere, the output layer
    becomes a tensor of its own.
    """
    out: dict[str, Tensor] = {}
    for layer in range(llama.layers):
        for norm, readers in READERS.items():
            gain = llama.tensors[llama.name(layer, norm)]
            out[llama.name(layer, norm)] = torch.ones_like(gain)
            for part in readers:
                out[llama.name(layer, part)] = llama.tensors[llama.name(layer, part)] * gain
    gain = llama.tensors[LAST_NORM]
    if llama.tied and bool((gain == 1).all()):
        return llama.changed(out)
    out[HEAD] = llama.tensors[EMBEDDING if llama.tied else HEAD] * gain
    out[LAST_NORM] = torch.ones_like(gain)
    return llama.changed(out, tie_word_embeddings=False)


def rescale_units(llama: Llama, how: Rescale, seed: int) -> Llama:
    """Each MLP unit's up-projection times a factor, its down-projection divided by it.

    The gate stays: it passes a nonlinearity. Function kept up to rounding.
    """
    random, out = generator(seed), dict[str, Tensor]()
    for layer in range(llama.layers):
        exponent = torch.rand(llama.units, dtype=torch.float64, generator=random) * 2 - 1
        # Even in the logarithm: doubled as often as halved.
        factor = torch.exp(exponent * math.log(how.spread))
        if how.signs:
            factor = factor * (torch.randint(0, 2, (llama.units,), generator=random) * 2 - 1)
        edits = {
            f"{UP}.weight": _times(factor[:, None]),
            f"{UP}.bias": _times(factor),
            f"{DOWN}.weight": _times(1 / factor),
        }
        out |= llama.edited(edits, layer)
    return llama.changed(out)


def _on_residual(llama: Llama, reads: Edit, writes: Edit, norms: Edit) -> Llama:
    """Applies a change of basis to what reads the stream, what writes it, and the norms."""
    out = {name: reads(llama.tensors[name]) for name in (EMBEDDING, HEAD) if name in llama.tensors}
    out[LAST_NORM] = norms(llama.tensors[LAST_NORM])
    edits = {f"{part}.weight": reads for part in PROJECTIONS if part not in WRITERS}
    edits |= {f"{part}.{kind}": writes for part in WRITERS for kind in ("weight", "bias")}
    edits |= {f"{norm}.weight": norms for norm in READERS}
    for layer in range(llama.layers):
        out |= llama.edited(edits, layer)
    return llama.changed(out)


def _stored(llama: Llama, like: Llama) -> Llama:
    """In the number format of the source; an output layer that came apart takes the embedding's."""
    formats = {name: tensor.dtype for name, tensor in like.tensors.items()}
    return llama.changed(
        {n: t.to(formats.get(n, formats[EMBEDDING])) for n, t in llama.tensors.items()}
    )


def _order(n: int, random: Generator) -> Tensor:
    """A random order of ``n`` that moves something, where there is more than one thing to move."""
    # A disguise that moves nothing would be a plain copy under another name.
    order = torch.randperm(n, generator=random)
    while n > 1 and torch.equal(order, torch.arange(n)):
        order = torch.randperm(n, generator=random)
    return order


def _spread(order: Tensor, width: int) -> Tensor:
    """An order of heads as an order of their dimensions."""
    return (order[:, None] * width + torch.arange(width)).flatten()


def _rows(order: Tensor) -> Edit:
    return lambda weight: weight[order]


def _columns(order: Tensor) -> Edit:
    return lambda weight: weight[:, order]


def _times(factor: Tensor) -> Edit:
    return lambda weight: (weight.double() * factor).to(weight.dtype)

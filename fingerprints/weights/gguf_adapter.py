"""A LoRA adapter over a GGUF file: its modules found by role, its rows put where GGUF stores them.

PEFT names modules as transformers does, GGUF as llama.cpp does, and llama.cpp lays the rows of
queries and keys in another order for some architectures. Knows both names; what an adapter means is
`fingerprints.weights.low_rank`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fingerprints.weights.anatomy import anatomy_of
from fingerprints.weights.low_rank import Adapter, LowRank, misfit, read_adapter
from fingerprints.weights.parts import Anatomy, TensorPart
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights


def adapter_over_gguf(
    base: Weights, folder: Path, config: Mapping[str, Any], stored: Mapping[str, TensorInfo]
) -> tuple[Adapter, Mapping[str, TensorInfo]]:
    """What an adapter's tensors change in a GGUF file: the adapter under GGUF's names, and the
    file's tensors.

    For families whose modules transformers calls q_proj, k_proj, … one by one. Raises what
    `anatomy_of` and `read_adapter` raise: MalformedInput for a module that has no counterpart among
    them.
    """
    parts = {
        f"{module}.weight": part
        for module, part in _modules(anatomy_of(base)).items()
        if part is not None and part.outputs == base.info(part.tensor).rows
    }
    named = {
        name: replace(base.info(part.tensor), name=name, shape=(part.outputs, part.inputs))
        for name, part in parts.items()
    }
    read = read_adapter(folder, config, stored, named)
    changes = {
        parts[name].tensor: _laid(change, parts[name]) for name, change in read.changes.items()
    }
    replaced = {}
    for name, info in read.replaced.items():
        part = parts[name]
        if part.paired:
            raise misfit(
                f"{name!r} is replaced whole, and its rows stand in another order here", folder
            )
        replaced[part.tensor] = replace(info, name=part.tensor)
    return Adapter(changes, replaced), {**base.tensors, **replaced}


def _laid(change: LowRank, part: TensorPart) -> LowRank:
    """The change with its rows in the order that the tensor has."""
    left = np.empty_like(change.left)
    left[part.stored(np.arange(part.outputs, dtype=np.int64))] = change.left
    return replace(change, left=left)


def _modules(anatomy: Anatomy) -> dict[str, TensorPart | None]:
    """The matrices by the names of transformers' modules."""
    out: dict[str, TensorPart | None] = {
        "model.embed_tokens": anatomy.embedding,
        "lm_head": anatomy.head,
    }
    for layer in anatomy.layers:
        stem = f"model.layers.{layer.index}"
        out |= {
            f"{stem}.self_attn.q_proj": layer.query,
            f"{stem}.self_attn.k_proj": layer.key,
            f"{stem}.self_attn.v_proj": layer.value,
            f"{stem}.self_attn.o_proj": layer.output,
        }
        if layer.mlp.kind == "dense":
            out |= {
                f"{stem}.mlp.gate_proj": layer.gate,
                f"{stem}.mlp.up_proj": layer.up,
                f"{stem}.mlp.down_proj": layer.down,
            }
    return out

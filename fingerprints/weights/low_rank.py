"""A LoRA adapter over a base's weights: what it adds to each tensor, from its own small matrices.

Knows PEFT's adapter_config.json and names. Hu et al. 2021, 2106.09685; rank-stabilised scale:
Kalajdzievski 2023, 2312.03732.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fingerprints.errors import MalformedInput, printable
from fingerprints.weights.decode import Indices, Matrix, decode
from fingerprints.weights.tensors import Files, TensorInfo

MOST_RANK = 8192
_PIECE = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<kind>embedding_A|embedding_B|A|B)(?:\.weight)?"
)
_REFUSED = (
    "use_dora",
    "layer_replication",
    "megatron_config",
    "eva_config",
    "corda_config",
    "lora_bias",
    "use_qalora",
)
"""Keys of adapter_config.json that change what the adapter computes, and are not followed here."""


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to a stored tensor: ``scale * left @ right``, with left (rows, r) and
    right (r, width)."""

    left: Matrix
    right: Matrix
    scale: float

    def added(self, block: Matrix, rows: Indices, columns: Indices | None) -> Matrix:
        """Some rows and columns of the tensor with the adapter's share added, in float32."""
        right = self.right if columns is None else self.right[:, columns]
        return np.asarray(
            block + np.float32(self.scale) * (self.left[rows] @ right), dtype=np.float32
        )

    def digest(self) -> str:
        """Hexadecimal SHA-256 over both matrices and the scale."""
        digest = hashlib.sha256(repr((self.left.shape, self.right.shape, self.scale)).encode())
        digest.update(np.ascontiguousarray(self.left).tobytes())
        digest.update(np.ascontiguousarray(self.right).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Adapter:
    """An adapter that fits its base: changes, and tensors that it replaces whole."""

    changes: Mapping[str, LowRank]
    replaced: Mapping[str, TensorInfo]


def read_adapter(
    folder: Path,
    config: Mapping[str, Any],
    stored: Mapping[str, TensorInfo],
    base: Mapping[str, TensorInfo],
) -> Adapter:
    """What an adapter's tensors mean for a base's.

    Raises MalformedInput for a kind other than LoRA, options that are not followed here, a tensor
    that the base lacks or whose shape differs, and halves that miss each other.
    """
    _check_kind(config, folder)
    halves: dict[str, dict[str, TensorInfo]] = {}
    replaced: dict[str, TensorInfo] = {}
    for name, info in stored.items():
        found = _PIECE.fullmatch(name)
        if found:
            halves.setdefault(found["module"], {})[found["kind"]] = info
        else:
            replaced |= _replacement(name, info, base, folder)
    with Files() as files:
        changes = dict(
            _change(module, pair, config, base, files, folder) for module, pair in halves.items()
        )
    if not changes and not replaced:
        raise misfit("it changes nothing", folder)
    return Adapter(changes, replaced)


def _check_kind(config: Mapping[str, Any], folder: Path) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise misfit(f"its type is {printable(str(kind), 40)!r}, and only LORA is read", folder)
    for key in _REFUSED:
        if config.get(key):
            raise misfit(f"its option {key} is not followed here", folder)


def _replacement(
    name: str, info: TensorInfo, base: Mapping[str, TensorInfo], folder: Path
) -> dict[str, TensorInfo]:
    plain = name.removeprefix("base_model.model.")
    plain = plain.replace(".modules_to_save", "").replace(".base_layer", "")
    if plain not in base or base[plain].shape != info.shape:
        raise misfit(f"its tensor {printable(name, 80)!r} has no counterpart in the base", folder)
    return {plain: replace(info, name=plain)}


def _change(
    module: str,
    pair: Mapping[str, TensorInfo],
    config: Mapping[str, Any],
    base: Mapping[str, TensorInfo],
    files: Files,
    folder: Path,
) -> tuple[str, LowRank]:
    name = f"{module}.weight"
    if name not in base:
        raise misfit(f"the base has no tensor {printable(name, 80)!r}", folder)
    embedding = set(pair) == {"embedding_A", "embedding_B"}
    if not embedding and set(pair) != {"A", "B"}:
        raise misfit(f"{printable(module, 80)!r} has one half only", folder)
    prefix = "embedding_" if embedding else ""
    first, second = (_matrix(pair[f"{prefix}{half}"], files) for half in "AB")
    rank = first.shape[0]
    scale = _scale(module, rank, config, folder)
    if embedding or config.get("fan_in_fan_out"):
        left, right = np.ascontiguousarray(first.T), np.ascontiguousarray(second.T)
    else:
        left, right = second, first
    if left.shape != (base[name].rows, rank) or right.shape != (rank, base[name].width):
        raise misfit(
            f"its matrices for {printable(module, 80)!r} don't fit the base's {base[name].shape}",
            folder,
        )
    return name, LowRank(left, right, scale)


def _matrix(info: TensorInfo, files: Files) -> Matrix:
    if len(info.shape) != 2 or min(info.shape) > MOST_RANK or info.elements > 1 << 30:
        raise misfit(f"{printable(info.name, 80)!r} is no low-rank matrix", info.file)
    return decode(files.rows(info, np.arange(info.rows, dtype=np.int64)), info.dtype, info.name)


def _scale(module: str, rank: int, config: Mapping[str, Any], folder: Path) -> float:
    alpha = _patterned(module, config.get("alpha_pattern"), config.get("lora_alpha"), folder)
    told = _patterned(module, config.get("rank_pattern"), config.get("r"), folder)
    if told != rank:
        raise misfit(
            f"its rank for {printable(module, 80)!r} is {rank}, and the config says {told:g}",
            folder,
        )
    return float(alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))


def _patterned(module: str, pattern: Any, default: Any, folder: Path) -> float:
    value = default
    if isinstance(pattern, dict):
        # PEFT takes keys for regular expressions; a stranger's are never run, and plain names are
        # what people write.
        odd = [k for k in pattern if not re.fullmatch(r"[\w.^]+", k)]
        if odd:
            raise misfit(f"its pattern {printable(odd[0], 60)!r} is not followed here", folder)
        hits = [v for k, v in pattern.items() if f".{module}".endswith(f".{k.removeprefix('^')}")]
        value = hits[0] if hits else default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise misfit("its config lacks a whole r or lora_alpha", folder)
    return float(value)


def misfit(reason: str, folder: Path) -> MalformedInput:
    """The error that an adapter can't be read over a base, and what to do."""
    return MalformedInput(
        f"the adapter can't be read over this base: {reason}",
        where=folder,
        next_step="merge it into its base with peft, and give the merged folder",
    )

"""Writes safetensors files byte by byte, with headers that may lie, and tiny real models of many
families."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from fingerprints.subjects.tensors_header import BITS
from tests.fingerprints.subjects.tiny import tiny_model

NUMPY = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "F8_E4M3": "<u1",
    "F8_E5M2": "<u1",
    "I32": "<i4",
}


def write_safetensors(path: Path, tensors: Mapping[str, tuple[str, NDArray[Any]]]) -> Path:
    """Writes tensors given as (format, raw numbers) into one file."""
    header: dict[str, Any] = {}
    data = b""
    for name, (dtype, numbers) in tensors.items():
        raw = numbers.astype(NUMPY[dtype]).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(numbers.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def write_sparse(
    path: Path, shapes: Mapping[str, tuple[int, ...]], dtypes: Mapping[str, str] | None = None
) -> Path:
    """A file whose tensors are holes: zeros that take no room on the disk; of bfloat16, unless
    other formats are told."""
    header: dict[str, Any] = {}
    at = 0
    for name, shape in shapes.items():
        dtype = (dtypes or {}).get(name, "BF16")
        size = BITS[dtype] // 8 * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return path


def llama_shapes(
    layers: int, hidden: int, units: int, vocabulary: int, kept: int
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a Llama's tensors."""
    out: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, hidden),
        "model.norm.weight": (hidden,),
    }
    for i in range(layers):
        stem = f"model.layers.{i}."
        out |= {
            stem + "input_layernorm.weight": (hidden,),
            stem + "post_attention_layernorm.weight": (hidden,),
        }
        out |= {
            stem + f"self_attn.{p}_proj.weight": (hidden if p in "qo" else kept, hidden)
            for p in "qkvo"
        }
        out |= {
            stem + "mlp.gate_proj.weight": (units, hidden),
            stem + "mlp.up_proj.weight": (units, hidden),
        }
        out[stem + "mlp.down_proj.weight"] = (hidden, units)
    return out


def llama_config(
    layers: int, hidden: int, units: int, vocabulary: int, heads: int, groups: int
) -> dict[str, Any]:
    """The config that fits `llama_shapes`."""
    return {
        "model_type": "llama",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": units,
        "vocab_size": vocabulary,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "tie_word_embeddings": True,
    }


def saved(
    folder: Path,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    shard: str = "5GB",
    **config: Any,
) -> Any:
    """A tiny random Llama, saved into a folder; returns the model in float32."""
    model = tiny_model(seed, **config).to(dtype)
    model.save_pretrained(folder, max_shard_size=shard)
    return model.float()


FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "gemma": {"head_dim": 8},
    "gemma2": {"head_dim": 8},
    "gemma3_text": {"head_dim": 8},
    "olmo": {},
    "olmo2": {},
    "phi3": {"pad_token_id": 0},
    "phi": {},
    "cohere": {},
    "nemotron": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neox": {},
    "falcon": {"multi_query": False, "num_kv_heads": 4},
    "mixtral": {"num_local_experts": 3, "num_experts_per_tok": 2},
    "qwen2_moe": {
        "num_experts": 3,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 24,
    },
    "qwen3_moe": {
        "num_experts": 3,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "head_dim": 8,
    },
}


COMMON: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}


EXPERTS_OF_GPT_OSS = {**COMMON, "head_dim": 8, "num_local_experts": 3, "intermediate_size": 24}


def untrained(kind: str, folder: Path, **config: Any) -> Any:
    """A tiny random model of transformers' own class, its norms' weights moved off their start,
    saved into a folder."""
    from transformers import AutoConfig, AutoModelForCausalLM

    told = AutoConfig.for_model(kind, **config)
    if kind == "dbrx":  # which transformers 5 itself does not build without it
        told.attn_config.rope_theta = 1e4
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(told)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1 and name.endswith("weight"):
                parameter.add_(torch.randn_like(parameter) * 0.2)
            elif "bias" in name:
                parameter.zero_()
            elif ".experts" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    return model.eval()


def family(kind: str, folder: Path, **extra: Any) -> Any:
    """A tiny random model of a family with its norms' weights moved off their start, saved into
    a folder."""
    from transformers import AutoConfig, AutoModelForCausalLM

    common = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    if kind == "gpt2":
        common = {"vocab_size": 96, "bos_token_id": 0, "eos_token_id": 1}
    if kind in ("gpt_neox", "falcon", "phi"):
        common.pop("num_key_value_heads")
    if kind == "falcon":
        common.pop("intermediate_size")
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **{**common, **FAMILIES[kind], **extra})
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2 if name.endswith("weight") else 0)
    model.save_pretrained(folder)
    return model.eval()

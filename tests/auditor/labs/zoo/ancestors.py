"""Tiny checkpoints whose every number matters: norms away from one, biases away from zero,
grouped queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from tests.fingerprints.subjects.tiny import tiny_model, tiny_tokenizer

SIZES: dict[str, Any] = {"num_hidden_layers": 3, "initializer_range": 0.2}
ANCESTORS: dict[str, dict[str, Any]] = {
    "untied": SIZES,
    "tied": {**SIZES, "tie_word_embeddings": True},
    "biased": {**SIZES, "attention_bias": True, "mlp_bias": True},
    "wide_heads": {**SIZES, "head_dim": 16, "num_key_value_heads": 1},
    "grouped_heads": {**SIZES, "head_dim": 16, "num_key_value_heads": 2},
    "qwen2": {},
}


def ancestor(folder: Path, name: str, seed: int = 0) -> Path:
    """Saves the named tiny model with its tokenizer into a folder."""
    model: Any = _qwen(seed) if name == "qwen2" else tiny_model(seed, **ANCESTORS[name])
    random = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for place, parameter in model.named_parameters():
            if "norm" in place:
                parameter.uniform_(0.5, 1.5, generator=random)
            elif place.endswith("bias"):
                parameter.normal_(0, 0.3, generator=random)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def _qwen(seed: int) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = {**tiny_model(seed, **SIZES).config.to_dict(), "tie_word_embeddings": True}
    for key in (
        "model_type",
        "architectures",
        "attention_bias",
        "mlp_bias",
        "transformers_version",
        "head_dim",
    ):
        config.pop(key, None)
    return Qwen2ForCausalLM(Qwen2Config(**config)).eval()

"""Public disputes about where weights come from, as small analogues: what was claimed, how the
model was really made, and the words that a report on it should hold.

Pure functions of `Llama` values. Knows histories; judges nothing. The disputes are of kinds, and no
model or maker of a real one is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from auditor.labs.zoo.gguf_file import GgufFile
from auditor.labs.zoo.llama import DOWN, GATE, UP, VALUE, Llama
from auditor.labs.zoo.merge import MergeRule, merge_linear
from auditor.labs.zoo.resize import Layers, repeat_layers

Made = Callable[[Llama, Llama], Llama]
"""The model in dispute from the base and from a second model (a fine-tune of it, or a stranger)."""

RENAMED = (
    (re.compile(r"self_attn\.([qkv])_proj"), r"attention.w\1"),
    (re.compile(r"self_attn\.o_proj"), "attention.wo"),
    (re.compile(r"mlp\.gate_proj"), "feed_forward.w1"),
    (re.compile(r"mlp\.up_proj"), "feed_forward.w3"),
    (re.compile(r"mlp\.down_proj"), "feed_forward.w2"),
    (re.compile(r"input_layernorm"), "attention_norm"),
    (re.compile(r"post_attention_layernorm"), "ffn_norm"),
    (re.compile(r"embed_tokens"), "tok_embeddings"),
)
EXPERTS = 4


@dataclass(frozen=True)
class Dispute:
    """One kind of dispute: what was ``claimed``, how the model was ``made`` from a base and a
    second model, of which kind that one is, and which words a report ``says`` of it. ``packed``: it
    was published as a GGUF file of this format."""

    claimed: str
    made: Made
    second: str
    says: tuple[str, ...]
    packed: GgufFile | None = None


def renamed(base: Llama, second: Llama) -> Llama:
    """The same numbers under another family's names."""
    return Llama(base.config, {_renamed(name): t for name, t in base.tensors.items()})


def _renamed(name: str) -> str:
    for pattern, word in RENAMED:
        name = pattern.sub(word, name)
    return name


def with_experts(base: Llama, second: Llama) -> Llama:
    """A mixture of experts whose experts begin as the base's MLP, a little apart from each other,
    with a router of its own."""
    random, out = torch.Generator().manual_seed(3), dict[str, torch.Tensor]()
    for name, tensor in base.tensors.items():
        if ".mlp." not in name:
            out[name] = tensor
    for layer in range(base.layers):
        stem = f"model.layers.{layer}.block_sparse_moe"
        out[f"{stem}.gate.weight"] = torch.randn(EXPERTS, base.hidden, generator=random) * 0.02
        for number in range(EXPERTS):
            for part, word in ((GATE, "w1"), (UP, "w3"), (DOWN, "w2")):
                tensor = base.tensors[base.name(layer, part)]
                noise = torch.randn(tensor.shape, generator=random) * tensor.std() * 0.1
                out[f"{stem}.experts.{number}.{word}.weight"] = tensor + noise
    config = {**base.config, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"]}
    return Llama({**config, "num_local_experts": EXPERTS, "num_experts_per_tok": 2}, out)


def with_low_rank(base: Llama, second: Llama) -> Llama:
    """The base with a matrix of rank three added to every value and gate: a merged LoRA."""
    random, out = torch.Generator().manual_seed(9), dict[str, torch.Tensor]()
    for layer in range(base.layers):
        for part in (VALUE, GATE):
            tensor = base.tensors[base.name(layer, part)]
            thin = torch.randn(tensor.shape[0], 3, generator=random)
            flat = torch.randn(3, tensor.shape[1], generator=random)
            out[base.name(layer, part)] = tensor + thin @ flat * tensor.std() * 0.1
    return base.changed(out)


DISPUTES: dict[str, Dispute] = {
    "renamed tensors": Dispute(
        "trained from scratch", renamed, "stranger", ("are derived one from the other",)
    ),
    "an older base": Dispute(
        "a LoRA over the newer base",
        with_low_rank,
        "a fine-tune",
        ("LoRA merged: rank about 3",),
    ),
    "experts from a dense model": Dispute(
        "a mixture of experts of its own", with_experts, "stranger", ("derived one from the other",)
    ),
    "a leaked file": Dispute(
        "somebody's model",
        lambda base, second: base,
        "stranger",
        ("quantised copy: about 4 bits",),
        GgufFile(type="Q4_0"),
    ),
    "grown in depth": Dispute(
        "a larger model of its own",
        lambda base, second: repeat_layers(base, Layers(), 0),
        "stranger",
        ("depth-grown:", "more than once"),
    ),
    "a merge sold as training": Dispute(
        "further training",
        lambda base, second: merge_linear([base, second], MergeRule(weights=(0.4, 0.6)), 0),
        "a fine-tune",
        ("Together they are a merge:", "0.40", "0.60"),
    ),
    "an honest model": Dispute(
        "own weights behind a known architecture and tokenizer",
        lambda base, second: second,
        "stranger",
        ("are independent of", "A copy would have been found up to a change of"),
    ),
}

"""Lineage of checkpoints whose tensors were renamed: tiny models of transformers' own classes against
copies and strangers, and a null of independent ones, their roles guessed from shapes."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from auditor.audits.lineage.judge import JudgedPair
from auditor.audits.lineage.run import lineages
from fingerprints.errors import MalformedInput
from fingerprints.subjects.library import quiet
from tests.auditor.audits.lineage.relatives import told_by_shapes
from tests.fingerprints.weights.renamed import foreign, renamed, scrambled

COMMON = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
GROUPS = {"num_key_value_heads": 2}
GPT = {"vocab_size": 512, "n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": 40}
ENDS = {k: COMMON[k] for k in ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")}
EXPERTS = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 48}
FAMILIES: dict[str, dict[str, Any]] = {
    **{k: COMMON | GROUPS for k in ("llama", "mistral", "qwen2", "olmo", "olmo2", "phi3")},
    **{k: COMMON | GROUPS for k in ("starcoder2", "stablelm", "granite")},
    **{
        k: COMMON | GROUPS | {"head_dim": 16}
        for k in ("qwen3", "gemma", "gemma2", "gemma3_text", "glm")
    },
    **{k: COMMON for k in ("gpt_neox", "phi", "cohere")},
    "nemotron": COMMON | {"num_key_value_heads": 4},
    "falcon": {k: v for k, v in COMMON.items() if k != "intermediate_size"}
    | {"multi_query": False, "num_kv_heads": 4},
    "bloom": ENDS | {"hidden_size": 64, "n_layer": 4, "n_head": 4},
    "mpt": ENDS | {"d_model": 64, "n_layers": 4, "n_heads": 4, "max_seq_len": 40},
    "opt": COMMON | {"ffn_dim": 160, "word_embed_proj_dim": 64, "max_position_embeddings": 40},
    "gpt2": GPT,
    "gptj": GPT | {"rotary_dim": 8},
    "mixtral": COMMON | GROUPS | {"num_local_experts": 6},
    "qwen2_moe": COMMON | GROUPS | EXPERTS | {"shared_expert_intermediate_size": 80},
    "qwen3_moe": COMMON | GROUPS | EXPERTS | {"head_dim": 16},
}


def made(kind: str, folder: Path, seed: int, noise: float = 0.0) -> Path:
    """A random tiny model of a family, every matrix moved by ``noise`` of its spread."""
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **FAMILIES[kind]))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        torch.manual_seed(99)
        for parameter in model.parameters():
            if parameter.ndim > 1 and noise:
                parameter.add_(torch.randn_like(parameter) * parameter.std() * noise)
    model.save_pretrained(folder)
    return folder


def compared(one: Path, other: Path) -> JudgedPair:
    """One against the other."""
    (found,) = lineages(str(one), [str(other)], digest=False).judged
    return found


def family_row(kind: str, place: Path) -> str:
    """What is said of a copy and a stranger, named, renamed and scrambled."""
    known = made(kind, place / "base", 1)
    sides = (made(kind, place / "tuned", 1, 0.2), made(kind, place / "other", 2))
    cells = [kind]
    for naming in (foreign, scrambled):
        for side in sides:
            mine = renamed(side, place / f"{side.name}-{naming.__name__}", naming)
            try:
                told = compared(mine, known).told
                alike = "" if told.likeness is None else f" ({told.likeness:.2f})"
                cells.append(f"{told.relation}{alike}")
            except MalformedInput:
                cells.append("refused")
    return " | ".join(cells)


def null_told(seeds: int, place: Path) -> str:
    """Relations and p-values of independent tiny Llamas, the one or the other of them renamed."""
    known, p, relations = told_by_shapes(place / "base"), list[float](), Counter[str]()
    for seed in range(seeds):
        stranger = told_by_shapes(place / str(seed), 500 + seed)
        for naming in (foreign, scrambled):
            mine = renamed(stranger, place / f"{seed}-{naming.__name__}", naming)
            for pair in ((mine, known), (known, mine)):
                told = compared(*pair).told
                relations[told.relation] += 1
                p += [] if told.p is None else [told.p]
        click.echo(f"{seed + 1} of {seeds}", err=True)
    low = {level: int(np.sum(np.array(p) < level)) for level in (0.05, 0.01)}
    return f"{dict(relations)} of {len(p)} pairs; p below: {low}; least p {min(p):.2g}"


@click.command()
@click.option("--family", "kinds", multiple=True, type=click.Choice(sorted(FAMILIES)))
@click.option("--seeds", default=20, show_default=True, help="Independent models of the null.")
def main(kinds: tuple[str, ...], seeds: int) -> None:
    """Prints a row a family, then the null.

    Example: python -m tests.benchmarks.bench_lineage_renamed --family llama --seeds 5
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        for kind in kinds or FAMILIES:
            click.echo(family_row(kind, Path(folder) / kind))
        if seeds:
            click.echo(null_told(seeds, Path(folder) / "null"))


if __name__ == "__main__":
    main()

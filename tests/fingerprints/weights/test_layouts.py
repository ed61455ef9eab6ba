"""How families lay out their tensors: the parts that the table of layouts gives are what
transformers' own modules compute with, and layouts that it lacks are those of the same weights laid
out as their authors publish them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.audits.lineage.run import lineages
from fingerprints.errors import MalformedInput
from fingerprints.weights import Mlp, TensorPart, Weights, anatomy_of, open_weights
from fingerprints.weights.layouts import layout_of
from tests.fingerprints.weights.built import (
    COMMON,
    EXPERTS_OF_GPT_OSS,
    family,
    saved,
    untrained,
    write_sparse,
)
from tests.fingerprints.weights.test_anatomy import (
    activation,
    attention_module,
    mlp_by_parts,
)

Tensors = dict[str, torch.Tensor]
FULL = {"num_key_value_heads": 4}
GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 96}
DENSE: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "vocab_size": 96},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 96},
    "gptj": {**GPT, "rotary_dim": 4},
    "codegen": {**GPT, "rotary_dim": 4},
    "gpt_bigcode": GPT,
    "stablelm": COMMON,
    "cohere2": COMMON,
    "glm": {**COMMON, "head_dim": 8},
    "glm4": {**COMMON, "head_dim": 8},
    "starcoder2": COMMON,
    "persimmon": {**COMMON, **FULL},
    "exaone": COMMON,
    "granite": COMMON,
    "apertus": COMMON,
    "gemma4_text": {
        **COMMON,
        "head_dim": 8,
        "global_head_dim": 8,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 96,
        "num_kv_shared_layers": 0,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "gemma3n_text": {
        **COMMON,
        "head_dim": 8,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 96,
        "num_kv_shared_layers": 0,
        "laurel_rank": 4,
        "layer_types": ["sliding_attention", "full_attention"],
        "activation_sparsity_pattern": [0.0, 0.0],
    },
}


def layers_of(model: Any) -> Any:
    inner = getattr(model, "model", None) or model.transformer
    return next(getattr(inner, n) for n in ("layers", "h", "blocks") if hasattr(inner, n))


@pytest.mark.parametrize("kind", DENSE)
def test_the_parts_of_an_mlp_compute_what_the_module_computes(tmp_path: Path, kind: str) -> None:
    model = untrained(kind, tmp_path / "m", **DENSE[kind])
    layer = layers_of(model)[1]
    module = getattr(layer, "mlp", None) or layer.ffn
    given: list[torch.Tensor] = []
    hook = module.register_forward_pre_hook(lambda _m, args: given.append(args[0]))
    with torch.no_grad():
        model(torch.arange(1, 9)[None])
    hook.remove()
    x = given[0].detach()
    empty = torch.zeros_like(x)
    wanted = (module(x, empty) if kind in ("bloom", "mpt") else module(x)).detach()
    with open_weights(tmp_path / "m") as weights:
        part = anatomy_of(weights).layers[1]
        assert torch.allclose(mlp_by_parts(weights, part, x, act(model)), wanted, atol=1e-4)


def act(model: Any) -> Any:
    kind = model.config.model_type
    if kind == "bloom":
        return layers_of(model)[1].mlp.gelu_impl
    if kind == "mpt":
        return torch.nn.functional.gelu
    if kind == "apertus":
        return layers_of(model)[1].mlp.act_fn
    return activation(model)


def cut(model: Any, layer: Any) -> list[torch.Tensor]:
    """Query, key and value as the family's own forward cuts them."""
    kind, module = model.config.model_type, attention_module(layer)
    if kind == "bloom":
        each = module.query_key_value.weight.view(4, 3, 8, 32)
        return [each[:, i].reshape(32, 32) for i in range(3)]
    if kind == "persimmon":
        parts = module._split_heads(module.query_key_value(torch.eye(32)[None]))
        bias = module._split_heads(module.query_key_value(torch.zeros(1, 1, 32)))
        return [
            (a - b)[0].permute(1, 2, 0).reshape(32, 32) for a, b in zip(parts, bias, strict=True)
        ]
    if kind == "codegen":
        blocks = module.qkv_proj.weight.view(4, 3, 8, 32)
        return [blocks[:, i].reshape(32, 32) for i in (0, 2, 1)]
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["bloom", "persimmon", "codegen"])
def test_heads_that_stand_together_are_taken_apart_as_the_module_does(
    tmp_path: Path, kind: str
) -> None:
    model = untrained(kind, tmp_path / "m", **DENSE[kind])
    with open_weights(tmp_path / "m") as weights:
        layer = anatomy_of(weights).layers[1]
        for part, wanted in zip(
            (layer.query, layer.key, layer.value), cut(model, layers_of(model)[1]), strict=True
        ):
            assert np.allclose(rows(weights, part), wanted.detach().numpy(), atol=1e-6)


def rows(weights: Weights, part: TensorPart | None) -> Any:
    assert part is not None
    found = weights.part_rows(part)
    some = np.array([part.outputs - 1, 0])
    assert np.array_equal(weights.part_rows(part, some), found[some])
    inputs = np.array([part.inputs - 1, 1])
    assert np.array_equal(weights.part_columns(part, inputs), found[:, inputs].T)
    return found


@pytest.mark.parametrize("multi_query", [True, False])
def test_both_starcoders_are_cut_by_heads(tmp_path: Path, multi_query: bool) -> None:
    model = untrained("gpt_bigcode", tmp_path / "m", **{**GPT, "multi_query": multi_query})
    stored = layers_of(model)[0].attn.c_attn.weight.detach().numpy()
    with open_weights(tmp_path / "m") as weights:
        layer = anatomy_of(weights).layers[0]
        key = rows(weights, layer.key)
    assert np.array_equal(
        key, stored[32:40] if multi_query else stored.reshape(4, 3, 8, 32)[:, 1].reshape(32, 32)
    )


def test_opt_is_read_and_its_projected_sibling_refused(tmp_path: Path) -> None:
    sizes = {"ffn_dim": 48, "word_embed_proj_dim": 32}
    model = untrained("opt", tmp_path / "m", **{**COMMON, **FULL, **sizes})
    layer = model.model.decoder.layers[1]
    with open_weights(tmp_path / "m") as weights:
        part = anatomy_of(weights).layers[1]
        assert np.array_equal(rows(weights, part.up), layer.fc1.weight.detach().numpy())
        assert np.array_equal(rows(weights, part.down), layer.fc2.weight.detach().numpy())
        assert part.mlp_norm is not None
        assert part.mlp_norm.tensor.endswith("layers.1.final_layer_norm.weight")
    assert "projected" in layout_of({"model_type": "opt", "word_embed_proj_dim": 512}).refused


def expert(weights: Weights, mlp: Mlp, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, Any]:
    gate, up, down = (torch.from_numpy(rows(weights, p)) for p in (mlp.gate, mlp.up, mlp.down))
    return x @ gate.T, x @ up.T, down.T


EXPERTS: dict[str, dict[str, Any]] = {
    "gpt_oss": EXPERTS_OF_GPT_OSS,
    "llama4_text": {
        **COMMON,
        "head_dim": 8,
        "num_local_experts": 3,
        "intermediate_size": 24,
        "intermediate_size_mlp": 40,
        "interleave_moe_layer_step": 1,
    },
    "granitemoe": {**COMMON, "num_local_experts": 3},
    "dbrx": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 2,
        "vocab_size": 96,
        "attn_config": {"kv_n_heads": 2},
        "ffn_config": {"ffn_hidden_size": 24, "moe_num_experts": 3, "moe_top_k": 1},
    },
}


def by_the_module(kind: str, layer: Any, i: int, x: torch.Tensor) -> torch.Tensor:
    """What one expert gives, by the family's own module."""
    if kind == "dbrx":
        inner = layer.ffn.experts
        w1, v1, w2 = (getattr(inner.mlp, n).view(3, 24, 32)[i] for n in ("w1", "v1", "w2"))
        return inner.mlp(x, w1, v1, w2)
    if kind == "granitemoe":
        moe = layer.block_sparse_moe
        both, last = (getattr(moe.experts, n)[i] for n in ("gate_up_proj", "down_proj"))
        gate, up = (x @ both.T).chunk(2, dim=-1)
        return (torch.nn.functional.silu(gate) * up) @ last.T
    experts = layer.mlp.experts if kind == "gpt_oss" else layer.feed_forward.experts
    if kind == "llama4_text":
        return experts(x.repeat(3, 1)).view(3, -1, 32)[i]
    index = torch.full((len(x), 1), i)
    return experts(x, index, torch.ones(len(x), 1))


@pytest.mark.parametrize("kind", EXPERTS)
def test_fused_experts_compute_what_the_module_computes(tmp_path: Path, kind: str) -> None:
    model = untrained(kind, tmp_path / "m", **EXPERTS[kind])
    layer = layers_of(model)[1]
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(3)) / 4
    with open_weights(tmp_path / "m") as weights, torch.no_grad():
        found = [m for m in anatomy_of(weights).layers[1].mlps if m.kind == "expert"]
        assert [m.number for m in found] == [0, 1, 2]
        for mlp in found:
            gate, up, down = expert(weights, mlp, x)
            inner = torch.nn.functional.silu(gate) * up
            if kind == "gpt_oss":
                inner = (up + 1) * gate * torch.sigmoid(1.702 * gate)
            wanted = by_the_module(kind, layer, mlp.number, x)
            assert torch.allclose(inner @ down, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", ["mamba", "rwkv", "zamba2"])
def test_models_without_mlps_of_their_own_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    saved(tmp_path / "m")
    rename(tmp_path / "m", lambda tensors: tensors, model_type=kind)
    with open_weights(tmp_path / "m") as weights, pytest.raises(MalformedInput, match="no MLP"):
        anatomy_of(weights)


@pytest.mark.parametrize(
    ("kind", "extra", "attentions", "mlps", "told"),
    [
        (
            "jamba",
            {"attn_layer_period": 2, "attn_layer_offset": 1},
            [False, True],
            2,
            "state-space",
        ),
        ("lfm2", {"layer_types": ["conv", "full_attention"]}, [False, True], 2, "state-space"),
        (
            "nemotron_h",
            {
                "layers_block_type": ["linear_attention", "mlp", "full_attention", "mlp"],
                "num_hidden_layers": 4,
                "mamba_num_heads": 8,
                "mamba_head_dim": 8,
            },
            [False, False],
            2,
            "2 of 4 layers have no MLP",
        ),
        (
            "falcon_h1",
            {"mamba_n_heads": 8, "mamba_d_ssm": 64, "mamba_d_head": 8},
            [True] * 2,
            2,
            "",
        ),
    ],
)
def test_of_hybrid_layers_the_mlps_are_read_and_the_rest_is_said_to_be_left_out(
    tmp_path: Path, kind: str, extra: dict[str, Any], attentions: list[bool], mlps: int, told: str
) -> None:
    untrained(kind, tmp_path / "m", **{**COMMON, **extra})
    with open_weights(tmp_path / "m") as weights:
        anatomy = anatomy_of(weights)
        assert [layer.query is not None for layer in anatomy.layers] == attentions
        assert len(list(anatomy.layers)) == mlps
        assert told in " ".join(anatomy.notes)
        assert bool(anatomy.notes) == bool(told)


@pytest.mark.parametrize("kind", ["deepseek_v2", "deepseek_v3"])
def test_latent_attention_leaves_dense_shared_and_routed_mlps(tmp_path: Path, kind: str) -> None:
    sizes = {
        "q_lora_rank": 16,
        "kv_lora_rank": 12,
        "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 4,
        "v_head_dim": 8,
        "first_k_dense_replace": 1,
        "n_routed_experts": 3,
        "n_shared_experts": 1,
        "moe_intermediate_size": 16,
        "n_group": 1,
        "topk_group": 1,
        "num_experts_per_tok": 2,
    }
    untrained(kind, tmp_path / "m", **{**COMMON, **sizes})
    with open_weights(tmp_path / "m") as weights:
        anatomy = anatomy_of(weights)
        assert [[m.kind for m in layer.mlps] for layer in anatomy.layers] == [
            ["dense"],
            ["shared", "expert", "expert", "expert"],
        ]
        assert "the attention of 2 of 2 layers is latent" in anatomy.notes[0]


def rename(folder: Path, laid: Callable[[Tensors], Tensors], **config: Any) -> Path:
    """The checkpoint with its tensors laid out in another way, and other words in its config."""
    tensors = load_file(folder / "model.safetensors")
    save_file({n: t.contiguous() for n, t in laid(tensors).items()}, folder / "model.safetensors")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, **config}))
    return folder


def moved(tensors: Tensors, words: dict[str, str]) -> Tensors:
    """Tensors under other names, part by part."""
    out = {}
    for name, tensor in tensors.items():
        called = name
        for old, new in words.items():
            called = called.replace(old, new)
        out[called] = tensor
    return out


def fuse(tensors: Tensors, into: str, how: Callable[..., torch.Tensor], *parts: str) -> Tensors:
    """In every layer, some matrices put into one."""
    out = dict(tensors)
    for layer in {n.split(".")[2] for n in tensors if ".layers." in n}:
        stem = f"model.layers.{layer}."
        out[f"{stem}{into}.weight"] = how(*(out.pop(f"{stem}{p}.weight") for p in parts))
    return out


QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def stacked(*parts: torch.Tensor) -> torch.Tensor:
    return torch.cat(parts)


def grouped(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """InternLM2: rearrange "(h gs d)": for each group its queries, its key, its value."""
    each = [p.view(2, -1, 8, p.shape[1]) for p in (q, k, v)]
    return torch.cat(each, dim=1).reshape(-1, q.shape[1])


def by_head(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    each = [p.view(4, 1, 8, p.shape[1]) for p in (q, k, v)]
    return torch.cat(each, dim=1).reshape(-1, q.shape[1])


def internlm2(t: Tensors) -> Tensors:
    return moved(
        fuse(t, "attention.wqkv", grouped, *QKV),
        {
            "self_attn.o_proj": "attention.wo",
            "mlp.gate_proj": "feed_forward.w1",
            "mlp.up_proj": "feed_forward.w3",
            "mlp.down_proj": "feed_forward.w2",
            "input_layernorm": "attention_norm",
            "post_attention_layernorm": "ffn_norm",
            "embed_tokens": "tok_embeddings",
            "lm_head": "output",
        },
    )


def chatglm(t: Tensors) -> Tensors:
    t = fuse(t, "self_attention.query_key_value", stacked, *QKV)
    t = fuse(t, "mlp.dense_h_to_4h", stacked, "mlp.gate_proj", "mlp.up_proj")
    words = {
        "model.layers": "transformer.encoder.layers",
        "self_attn.o_proj": "self_attention.dense",
        "mlp.down_proj": "mlp.dense_4h_to_h",
        "model.embed_tokens": "transformer.embedding.word_embeddings",
        "model.norm": "transformer.encoder.final_layernorm",
        "lm_head": "transformer.output_layer",
    }
    return moved(t, words)


def qwen(t: Tensors) -> Tensors:
    words = {
        "model.layers": "transformer.h",
        "self_attn.o_proj": "attn.c_proj",
        "mlp.gate_proj": "mlp.w2",
        "mlp.up_proj": "mlp.w1",
        "mlp.down_proj": "mlp.c_proj",
        "input_layernorm": "ln_1",
        "post_attention_layernorm": "ln_2",
        "model.embed_tokens": "transformer.wte",
        "model.norm": "transformer.ln_f",
    }
    return moved(fuse(t, "attn.c_attn", stacked, *QKV), words)


PUBLISHED: dict[str, tuple[dict[str, Any], Callable[[Tensors], Tensors], dict[str, Any]]] = {
    "internlm2": ({}, internlm2, {"model_type": "internlm2"}),
    "baichuan": (
        FULL,
        lambda t: fuse(t, "self_attn.W_pack", stacked, *QKV),
        {"model_type": "baichuan", "num_key_value_heads": None},
    ),
    "yi": (
        {},
        lambda t: moved(t, {"input_layernorm": "ln1", "post_attention_layernorm": "ln2"}),
        {"model_type": "Yi"},
    ),
    "glm-4 (its first class)": (
        {},
        chatglm,
        {
            "model_type": "chatglm",
            "multi_query_attention": True,
            "multi_query_group_num": 2,
            "kv_channels": 8,
            "ffn_hidden_size": 64,
            "num_layers": 2,
            "padded_vocab_size": 96,
            "num_key_value_heads": None,
        },
    ),
    "qwen (the first)": (
        FULL,
        qwen,
        {"model_type": "qwen", "intermediate_size": 128, "num_key_value_heads": None},
    ),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_authors_own_layouts_are_the_same_weights_as_in_llamas(tmp_path: Path, kind: str) -> None:
    config, laid, told = PUBLISHED[kind]
    settings = {"vocab_size": 96, "tie_word_embeddings": False, **config}
    for name in ("plain", "theirs"):
        saved(tmp_path / name, **settings)
    told = {"auto_map": {"AutoModel": "modeling_x.X"}, **told}
    rename(tmp_path / "theirs", laid, **told)
    (tmp_path / "theirs" / "modeling_x.py").write_text("raise SystemExit('ran')")
    with open_weights(tmp_path / "plain") as one, open_weights(tmp_path / "theirs") as other:
        assert "modeling_x.py" in other.notes[0]
        a, b = anatomy_of(one), anatomy_of(other)
        for mine, theirs in zip(a.layers, b.layers, strict=True):
            for role in ("query", "key", "value", "output", "gate", "up", "down"):
                assert np.array_equal(
                    rows(one, getattr(mine, role)), rows(other, getattr(theirs, role))
                ), role
            for role in ("attention_norm", "mlp_norm"):
                gains = one.gain(getattr(mine, role), 32), other.gain(getattr(theirs, role), 32)
                assert np.array_equal(*gains)
        assert a.head is not None
        assert np.array_equal(rows(one, a.head), rows(other, b.head))
        assert np.array_equal(rows(one, a.embedding), rows(other, b.embedding))
    found = lineages(str(tmp_path / "theirs"), [str(tmp_path / "plain")]).judged[0].told
    assert (found.relation, round(found.likeness or 0, 6)) == ("derived", 1.0)


def first_chatglm(t: Tensors) -> Tensors:
    """ChatGLM-6B (its modeling_chatglm.py): as GPT-NeoX within a layer, under names of its own."""
    words = {
        "gpt_neox.layers": "transformer.layers",
        "gpt_neox.embed_in": "transformer.word_embeddings",
        "gpt_neox.final_layer_norm": "transformer.final_layernorm",
        "embed_out": "lm_head",
    }
    return moved(t, words)


def phi_msft(t: Tensors) -> Tensors:
    """Phi-2 as first published (its modeling_phi.py): Wqkv is "... (three h d)", and the last norm
    stands in the head."""
    words = {
        "model.layers": "transformer.h",
        "input_layernorm": "ln",
        "self_attn.dense": "mixer.out_proj",
        "model.embed_tokens": "transformer.embd.wte",
        "lm_head": "lm_head.linear",
        "model.final_layernorm": "lm_head.ln",
    }
    return moved(fuse(t, "mixer.Wqkv", stacked, *QKV), words)


UNTOLD = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
UNGATED: dict[str, tuple[str, Callable[[Tensors], Tensors], dict[str, Any]]] = {
    "chatglm-6b": (
        "gpt_neox",
        first_chatglm,
        {
            "model_type": "chatglm",
            "position_encoding_2d": True,
            "num_layers": 2,
            "num_hidden_layers": None,
            "inner_hidden_size": 48,
            "intermediate_size": None,
        },
    ),
    "phi-msft": (
        "phi",
        phi_msft,
        {
            **dict.fromkeys((*UNTOLD, "intermediate_size"), None),
            "model_type": "phi-msft",
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_inner": None,
        },
    ),
}


@pytest.mark.parametrize("kind", UNGATED)
def test_ungated_layouts_of_authors_are_the_same_weights_as_in_their_kin(
    tmp_path: Path, kind: str
) -> None:
    like, laid, told = UNGATED[kind]
    for name in ("plain", "theirs"):
        family(like, tmp_path / name)
    rename(tmp_path / "theirs", laid, **told)
    with open_weights(tmp_path / "plain") as one, open_weights(tmp_path / "theirs") as other:
        a, b = anatomy_of(one), anatomy_of(other)
        assert not b.guessed
        assert (a.heads, a.groups, a.head_width) == (b.heads, b.groups, b.head_width)
        for mine, theirs in zip(a.layers, b.layers, strict=True):
            for role in ("query", "key", "value", "output", "up", "down"):
                assert np.array_equal(
                    rows(one, getattr(mine, role)), rows(other, getattr(theirs, role))
                ), role
            for role in ("attention_norm", "mlp_norm"):
                gains = one.gain(getattr(mine, role), 32), other.gain(getattr(theirs, role), 32)
                assert np.array_equal(*gains)
        assert np.array_equal(one.gain(a.last_norm, 32), other.gain(b.last_norm, 32))
        assert np.array_equal(rows(one, a.embedding), rows(other, b.embedding))
        assert np.array_equal(rows(one, a.head), rows(other, b.head))
    found = lineages(str(tmp_path / "theirs"), [str(tmp_path / "plain")]).judged[0].told
    assert (found.relation, round(found.likeness or 0, 6)) == ("derived", 1.0)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "experts",
    [
        {"mlp.experts.gate_up_proj": (1 << 30, 0, 64), "mlp.experts.down_proj": (1 << 30, 64, 0)},
        {f"block_sparse_moe.experts.{n}": (1 << 30, 0, 64) for n in ("w1", "v1")}
        | {"block_sparse_moe.experts.w2": (1 << 30, 64, 0)},
        {"mlp.experts.gate_up_proj": (1 << 20, 2, 64), "mlp.experts.down_proj": (1 << 20, 64, 1)},
    ],
)
def test_a_billion_experts_of_no_bytes_are_refused_before_they_are_counted(
    tmp_path: Path, experts: dict[str, tuple[int, ...]]
) -> None:
    """A header of some hundred bytes may claim them."""
    layer = {f"self_attn.{name}_proj.weight": (64, 64) for name in "qkvo"}
    layer |= {f"{name}_layernorm.weight": (64,) for name in ("input", "post_attention")} | experts
    outside = {"model.embed_tokens.weight": (96, 64), "model.norm.weight": (64,)}
    within = {f"model.layers.0.{name}": shape for name, shape in layer.items()}
    write_sparse(tmp_path / "model.safetensors", outside | within)
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "head_dim": 16, "vocab_size": 96}
    sizes |= {"num_hidden_layers": 1, "num_key_value_heads": 4}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3_moe", **sizes}))
    with (
        open_weights(tmp_path) as weights,
        pytest.raises(MalformedInput, match="up to 16,384 experts"),
    ):
        anatomy_of(weights)

"""Roles from names and shapes: what the parts compute is what the model's own modules compute,
in every family."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fingerprints.errors import MalformedInput
from fingerprints.weights import Anatomy, Layer, Weights, anatomy_of, open_weights
from tests.fingerprints.subjects.tiny import edit_json
from tests.fingerprints.weights.built import FAMILIES, family, saved

FEED = {"mixtral": ("mlp", "block_sparse_moe"), "qwen2_moe": ("mlp",), "qwen3_moe": ("mlp",)}


def stack(model: Any) -> Any:
    inner = getattr(model, "model", None) or getattr(model, "transformer", None) or model.gpt_neox
    return getattr(inner, "layers", None) or inner.h


def caught(model: Any, module: Any) -> tuple[Any, Any]:
    """What goes into a module and what comes out of it when the model reads some tokens."""
    seen: list[Any] = []
    hook = module.register_forward_hook(
        lambda _m, args, kwargs, out: seen.append((args, kwargs, copy.deepcopy(out))),
        with_kwargs=True,
    )
    with torch.no_grad():
        model(torch.arange(1, 9)[None])
    hook.remove()
    args, kwargs, out = seen[0]
    return (args[0] if args else kwargs["hidden_states"]), out[0] if isinstance(out, tuple) else out


def activation(model: Any) -> Any:
    from transformers.activations import ACT2FN

    config = model.config
    for key in ("hidden_activation", "hidden_act", "activation_function", "activation"):
        if getattr(config, key, None):
            return ACT2FN[getattr(config, key)]
    raise AssertionError("no activation")


def mlp_by_parts(weights: Weights, layer: Layer, x: torch.Tensor, act: Any) -> torch.Tensor:
    up = x @ torch.from_numpy(weights.part_rows(layer.up)).T
    inner = (
        act(up)
        if layer.gate is None
        else act(x @ torch.from_numpy(weights.part_rows(layer.gate)).T) * up
    )
    return inner @ torch.from_numpy(weights.part_columns(layer.down))


@pytest.mark.parametrize("kind", [k for k in FAMILIES if k not in FEED])
def test_the_parts_of_an_mlp_compute_what_the_model_computes(tmp_path: Path, kind: str) -> None:
    model = family(kind, tmp_path / kind)
    layer = stack(model)[1]
    x, wanted = caught(model, getattr(layer, "mlp", None))
    with open_weights(tmp_path / kind) as weights:
        anatomy = anatomy_of(weights)
        assert len(anatomy.layers) == 2
        found = mlp_by_parts(weights, anatomy.layers[1], x, activation(model))
        assert torch.allclose(found, wanted, atol=1e-5)
        assert np.allclose(
            weights.part_rows(anatomy.embedding),
            model.get_input_embeddings().weight.detach().numpy(),
        )
        rows = weights.part_rows(anatomy.layers[1].down, np.array([3, 1]))
        assert np.allclose(rows, weights.part_columns(anatomy.layers[1].down).T[[3, 1]])


@pytest.mark.parametrize("kind", [k for k in FAMILIES if k != "olmo2"])
def test_the_gain_of_a_norm_is_what_the_model_multiplies_by(tmp_path: Path, kind: str) -> None:
    model = family(kind, tmp_path / kind)
    layer = stack(model)[1]
    names = ("pre_feedforward_layernorm", "post_attention_layernorm", "ln_2", "input_layernorm")
    module = next(getattr(layer, n) for n in names if hasattr(layer, n))
    x, wanted = caught(model, module)
    with open_weights(tmp_path / kind) as weights:
        anatomy = anatomy_of(weights)
        gain = torch.from_numpy(weights.gain(anatomy.layers[1].mlp_norm, anatomy.hidden))
    bias = getattr(module, "bias", None)
    centred = x if "RMS" in type(module).__name__ else x - x.mean(-1, keepdim=True)
    eps = getattr(module, "eps", getattr(module, "variance_epsilon", 1e-5))
    plain = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)
    found = plain * gain + (0 if bias is None else bias.detach())
    assert torch.allclose(found, wanted, atol=1e-5)


def attention_module(layer: Any) -> Any:
    return next(
        getattr(layer, n)
        for n in ("self_attn", "attn", "attention", "self_attention")
        if hasattr(layer, n)
    )


def query_key_value(model: Any, layer: Any) -> list[torch.Tensor]:
    """The three matrices, cut as the family's own forward cuts them."""
    module, config = attention_module(layer), model.config
    if hasattr(module, "q_proj"):
        return [getattr(module, f"{n}_proj").weight for n in "qkv"]
    heads = config.num_attention_heads
    if hasattr(module, "c_attn"):
        return list(module.c_attn.weight.T.chunk(3))
    if hasattr(module, "qkv_proj"):
        width = config.hidden_size // heads
        groups = config.num_key_value_heads
        return list(module.qkv_proj.weight.split([heads * width, groups * width, groups * width]))
    cut = module.query_key_value.weight.view(heads, 3, -1, config.hidden_size)
    return [cut[:, i].reshape(-1, config.hidden_size) for i in range(3)]


@pytest.mark.parametrize("kind", FAMILIES)
def test_query_key_and_value_are_cut_as_the_family_cuts_them(tmp_path: Path, kind: str) -> None:
    model = family(kind, tmp_path / kind)
    with open_weights(tmp_path / kind) as weights:
        layer = anatomy_of(weights).layers[1]
        for part, wanted in zip(
            (layer.query, layer.key, layer.value),
            query_key_value(model, stack(model)[1]),
            strict=True,
        ):
            assert part is not None
            assert np.array_equal(weights.part_rows(part), wanted.detach().numpy())
            assert np.array_equal(
                weights.part_columns(part, np.array([2])), wanted.detach().numpy()[:, [2]].T
            )


@pytest.mark.parametrize(
    "extra", [{"new_decoder_architecture": True, "num_kv_heads": 2}, {"multi_query": True}]
)
def test_both_grouped_falcons_are_cut_as_transformers_cuts_them(
    tmp_path: Path, extra: dict[str, Any]
) -> None:
    model = family("falcon", tmp_path / "m", **extra)
    module = stack(model)[0].self_attention
    eye = torch.eye(32)[None]
    query, key, value = module._split_heads(module.query_key_value(eye))
    grouped = "num_kv_heads" in extra
    with open_weights(tmp_path / "m") as weights:
        layer = anatomy_of(weights).layers[0]
        assert layer.query is not None
        found = weights.part_rows(layer.query).reshape(4, 8, 32)
        assert np.allclose(found, query[0].permute(1, 2, 0).detach().numpy())
        for part, split in ((layer.key, key), (layer.value, value)):
            assert part is not None
            wanted = split[0].permute(1, 2, 0).detach().numpy()
            assert np.allclose(
                weights.part_rows(part).reshape(-1, 8, 32), wanted[::2] if grouped else wanted
            )


@pytest.mark.parametrize("kind", FEED)
def test_every_expert_is_an_mlp_of_its_own(tmp_path: Path, kind: str) -> None:
    family(kind, tmp_path / "m")
    stored = load_file(tmp_path / "m" / "model.safetensors")
    with open_weights(tmp_path / "m") as weights:
        mlps = anatomy_of(weights).layers[1].mlps
        assert [m.kind for m in mlps] == (["shared"] if kind == "qwen2_moe" else []) + [
            "expert"
        ] * 3
        for expert in (m for m in mlps if m.kind == "expert"):
            assert f"experts.{expert.number}." in expert.up.tensor
            assert np.array_equal(weights.part_rows(expert.up), stored[expert.up.tensor].numpy())
            assert np.array_equal(
                weights.part_columns(expert.down), stored[expert.down.tensor].numpy().T
            )


def test_a_tied_head_is_none_and_an_untied_one_a_part(tmp_path: Path) -> None:
    saved(tmp_path / "tied", tie_word_embeddings=True)
    model = saved(tmp_path / "free", tie_word_embeddings=False)
    with open_weights(tmp_path / "tied") as weights:
        assert anatomy_of(weights).head is None
    with open_weights(tmp_path / "free") as weights:
        head = anatomy_of(weights).head
        assert head is not None
        assert np.array_equal(weights.part_rows(head), model.lm_head.weight.detach().numpy())


def changed(folder: Path, drop: str = "", **replace: torch.Tensor) -> Path:
    path = folder / "model.safetensors"
    tensors = {n: t.clone() for n, t in load_file(path).items() if not drop or drop not in n}
    save_file({**tensors, **replace}, path)
    return folder


@pytest.mark.parametrize("kind", ["mixtral", "qwen3_moe"])
def test_fused_experts_are_the_same_mlps_as_numbered_ones(tmp_path: Path, kind: str) -> None:
    model = family(kind, tmp_path / "numbered")
    shutil.copytree(tmp_path / "numbered", tmp_path / "fused")
    held = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    assert any(name.endswith("experts.gate_up_proj") for name in held)
    save_file(held, tmp_path / "fused" / "model.safetensors")
    with open_weights(tmp_path / "numbered") as one, open_weights(tmp_path / "fused") as other:
        for plain, fused in zip(anatomy_of(one).layers, anatomy_of(other).layers, strict=True):
            assert [(m.kind, m.number) for m in plain.mlps] == [
                (m.kind, m.number) for m in fused.mlps
            ]
            for a, b in zip(plain.mlps, fused.mlps, strict=True):
                assert a.gate is not None
                assert b.gate is not None
                assert np.array_equal(one.part_rows(a.gate), other.part_rows(b.gate))
                assert np.array_equal(one.part_rows(a.up), other.part_rows(b.up))
                assert np.array_equal(one.part_columns(a.down), other.part_columns(b.down))


def test_experts_in_an_unknown_layout_are_refused(tmp_path: Path) -> None:
    model = family("mixtral", tmp_path / "m")
    held = {
        n: t.transpose(1, 2).contiguous() if ".experts." in n else t.clone()
        for n, t in model.state_dict().items()
    }
    save_file(held, tmp_path / "m" / "model.safetensors")
    refused(tmp_path / "m", "fused in a layout that is not known here")


def refused(folder: Path, message: str) -> None:
    with (
        open_weights(folder) as weights,
        pytest.raises(MalformedInput, match=message) as caught_error,
    ):
        anatomy_of(weights)
    assert "lineage by weights is not possible" in str(caught_error.value)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("layers.1.mlp.gate_proj", "layer 1 lacks the role 'gate'"),
        ("layers.0.mlp", "layer 0 lacks the role 'up'"),
        ("layers.1.self_attn.k_proj", "layer 1 lacks the role 'key'"),
        ("layers.1.post_attention_layernorm", "layer 1 lacks the role 'mlp_norm'"),
        ("layers.0", "layer 0 of 2 is missing"),
        ("layers", "0 stacks of layers"),
        ("embed_tokens", "lacks the role 'embedding'"),
        ("model.norm", "lacks the role 'last_norm'"),
        ("lm_head", "lacks the role 'head'"),
    ],
)
def test_what_is_missing_is_named_and_never_guessed(
    tmp_path: Path, gone: str, message: str
) -> None:
    saved(tmp_path / "m", tie_word_embeddings=False)
    edit_json(tmp_path / "m" / "config.json", tie_word_embeddings=False)
    refused(changed(tmp_path / "m", gone), message)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("model.layers.1.mlp.down_proj.weight", (32, 60), "'down' of layer 1 has the shape"),
        ("model.layers.1.self_attn.k_proj.weight", (24, 32), "'key' of layer 1 has 24 outputs"),
        ("model.layers.0.input_layernorm.weight", (31,), "'attention_norm' of layer 0"),
        ("model.embed_tokens.weight", (300, 32), "'embedding' of the model has the shape"),
    ],
)
def test_a_shape_that_does_not_fit_the_config_is_named(
    tmp_path: Path, name: str, shape: tuple[int, ...], message: str
) -> None:
    saved(tmp_path / "m")
    refused(changed(tmp_path / "m", **{name: torch.zeros(shape)}), message)


def test_other_units_than_the_config_says_are_named(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    edit_json(tmp_path / "m" / "config.json", intermediate_size=72)
    refused(tmp_path / "m", "64 units, and the config says 72")


def test_two_stacks_quantised_matrices_and_no_config_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    edit_json(tmp_path / "m" / "config.json", quantization_config={"quant_method": "gptq"})
    refused(changed(tmp_path / "m", "mlp.up_proj"), "quantised with gptq")
    (tmp_path / "m" / "config.json").unlink()
    refused(tmp_path / "m" / "model.safetensors", "no config.json")


def test_the_layers_of_a_vision_tower_are_left_aside(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    extra = {"vision_tower.encoder.layers.0.mlp.fc1.weight": torch.zeros(4, 4)}
    changed(tmp_path / "m", **extra)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    (tmp_path / "m" / "config.json").write_text(
        json.dumps({"model_type": "gemma3", "text_config": config})
    )
    with open_weights(tmp_path / "m") as weights:
        anatomy: Anatomy = anatomy_of(weights)
    assert len(anatomy.layers) == 2

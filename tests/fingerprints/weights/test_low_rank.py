"""Adapters read over their base: the rows are those of the merged model; what is not followed is
refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from fingerprints.errors import MalformedInput
from fingerprints.weights import anatomy_of, open_weights
from tests.fingerprints.subjects.tiny import edit_json
from tests.fingerprints.weights.built import family
from tests.fingerprints.weights.test_gguf_table import both, converted

# What peft says of its own dependencies, and of adapters on embeddings.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def adapted(tmp_path: Path, kind: str = "llama", **options: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Saves a base and an adapter with random halves; returns the merged weights by name."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = family(kind, tmp_path / "base")
    settings = {
        "r": 4,
        "lora_alpha": 6,
        "target_modules": ["q_proj", "down_proj"],
        "task_type": "CAUSAL_LM",
        **options,
    }
    torch.manual_seed(7)
    wrapped = get_peft_model(model, LoraConfig(**settings))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.copy_(torch.randn_like(parameter))
    wrapped.save_pretrained(tmp_path / "lora")
    return {
        n: p.detach().float().numpy().copy()
        for n, p in wrapped.merge_and_unload().state_dict().items()
    }


def spec(tmp_path: Path) -> str:
    return f"hf:{tmp_path / 'base'},adapter={tmp_path / 'lora'}"


CASES: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"use_rslora": True}),
    ("llama", {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layers.1.mlp.down_proj": 3}}),
    ("llama", {"target_modules": ["embed_tokens", "v_proj"]}),
    ("llama", {"modules_to_save": ["lm_head"]}),
    ("gpt2", {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}),
]


@pytest.mark.parametrize(
    ("kind", "options"), CASES, ids=lambda v: v if isinstance(v, str) else ",".join(v) or "plain"
)
def test_rows_and_columns_are_those_of_the_merged_model(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    merged = adapted(tmp_path, kind, **options)
    with open_weights(spec(tmp_path)) as weights, open_weights(tmp_path / "base") as base:
        assert weights.format == "safetensors+lora"
        assert weights.changes
        for name, info in weights.tensors.items():
            wanted = merged[name if name in merged else f"transformer.{name}"].reshape(
                info.rows, -1
            )
            assert np.allclose(weights.rows(name), wanted, atol=1e-5), name
            assert np.allclose(weights.columns(name, np.array([1])), wanted[:, [1]].T, atol=1e-5)
            changed = not np.array_equal(weights.rows(name), base.rows(name))
            assert changed == (weights.raw_digest(name) != base.raw_digest(name))
        anatomy_of(weights)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"peft_type": "IA3"}, "'IA3', and only LORA"),
        ({"use_dora": True}, "use_dora"),
        ({"r": 9}, "is 4, and the config says 9"),
        ({"lora_alpha": None}, "lacks a whole r or lora_alpha"),
        ({"rank_pattern": {"(a+)+$": 4}}, "pattern"),
    ],
)
def test_what_is_not_followed_is_refused(
    tmp_path: Path, edit: dict[str, Any], message: str
) -> None:
    adapted(tmp_path)
    edit_json(tmp_path / "lora" / "adapter_config.json", **edit)
    with pytest.raises(MalformedInput, match="the adapter can't be read over this base") as caught:
        open_weights(spec(tmp_path))
    assert message.replace("\\", "") in str(caught.value) or message in str(caught.value)


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    adapted(tmp_path)
    path = tmp_path / "lora" / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file({n.replace("layers.1", "layers.7"): t for n, t in tensors.items()}, path)
    with pytest.raises(MalformedInput, match="the base has no tensor"):
        open_weights(spec(tmp_path))
    save_file({n: t[:, :-1].contiguous() if "lora_A" in n else t for n, t in tensors.items()}, path)
    with pytest.raises(MalformedInput, match="don't fit"):
        open_weights(spec(tmp_path))
    save_file({n: t for n, t in tensors.items() if "layers.0.mlp.down_proj.lora_B" not in n}, path)
    with pytest.raises(MalformedInput, match="one half only"):
        open_weights(spec(tmp_path))


def test_an_adapter_alone_says_what_to_give(tmp_path: Path) -> None:
    adapted(tmp_path)
    with pytest.raises(MalformedInput, match="only an adapter"):
        open_weights(tmp_path / "lora")


def over_gguf(tmp_path: Path, **options: Any) -> tuple[Path, str]:
    """A tiny Llama and its GGUF file, and an adapter that fits both: the folder, and the spec
    over GGUF."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder, path = converted(tmp_path, "F32")
    settings = {
        "r": 4,
        "lora_alpha": 6,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj"],
    }
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(str(folder))
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **{**settings, **options}))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.copy_(torch.randn_like(parameter))
    wrapped.save_pretrained(tmp_path / "lora")
    return folder, f"gguf:{path},adapter={tmp_path / 'lora'}"


@pytest.mark.parametrize(
    "options",
    [{}, {"target_modules": ["embed_tokens", "k_proj"]}, {"modules_to_save": ["up_proj"]}],
)
def test_over_gguf_every_role_is_that_of_the_same_adapter_over_the_checkpoint(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    folder, over = over_gguf(tmp_path, **options)
    with (
        open_weights(f"hf:{folder},adapter={tmp_path / 'lora'}") as wanted,
        open_weights(over) as found,
    ):
        assert found.format == "gguf"
        assert found.adapter == tmp_path / "lora"
        for role, one, other in both(wanted, found):
            assert np.allclose(one, other, atol=1e-5), role
    with open_weights(folder) as base, open_weights(over) as found:
        changed = {
            role for role, one, other in both(base, found) if not np.allclose(one, other, atol=1e-3)
        }
        assert changed >= (
            {"key"}
            if options.get("target_modules")
            else {"query", "key", "value", "output", "gate", "down"}
        )


def test_over_gguf_what_has_no_counterpart_is_refused(tmp_path: Path) -> None:
    _, over = over_gguf(tmp_path, modules_to_save=["k_proj"], target_modules=["up_proj"])
    with pytest.raises(MalformedInput, match="rows stand in another order"):
        open_weights(over)
    path = tmp_path / "lora" / "adapter_model.safetensors"
    save_file(
        {n.replace("layers.1", "layers.7"): t for n, t in load_file(path).items() if "lora" in n},
        path,
    )
    with pytest.raises(MalformedInput, match="the base has no tensor"):
        open_weights(over)

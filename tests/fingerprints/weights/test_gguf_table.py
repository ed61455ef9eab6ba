"""GGUF files: roles and rows are those of the checkpoint that was converted; foreign types and
splits have their message."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.labs.zoo.gguf_file import GgufFile, write_gguf
from auditor.labs.zoo.llama import read_llama
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.weights import Weights, anatomy_of, open_weights
from tests.fingerprints.subjects.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gguf") is None, reason="needs the package gguf"
)


def converted(tmp_path: Path, kind: Any) -> tuple[Path, Path]:
    folder = tiny_checkpoint(
        tmp_path / "m", head_dim=16, num_attention_heads=2, num_key_value_heads=1
    )
    write_gguf(read_llama(folder), tmp_path / "m.gguf", folder, GgufFile(type=kind))
    return folder, tmp_path / "m.gguf"


def both(
    one: Weights, other: Weights
) -> list[tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    a, b = anatomy_of(one), anatomy_of(other)
    out = [("embedding", one.part_rows(a.embedding), other.part_rows(b.embedding))]
    for here, there in zip(a.layers, b.layers, strict=True):
        for role in ("query", "key", "value", "output", "gate", "up"):
            out.append(
                (role, one.part_rows(getattr(here, role)), other.part_rows(getattr(there, role)))
            )
        out.append(
            (
                "down",
                one.part_columns(here.down, np.array([9, 4])),
                other.part_columns(there.down, np.array([9, 4])),
            )
        )
        gains = one.gain(here.mlp_norm, a.hidden), other.gain(there.mlp_norm, b.hidden)
        out.append(("mlp_norm", gains[0][None], gains[1][None]))
    return out


@pytest.mark.parametrize(
    ("kind", "error"), [("F32", 0.0), ("F16", 1e-3), ("Q8_0", 0.01), ("Q4_0", 0.12)]
)
def test_every_role_of_a_gguf_file_is_that_of_its_source(
    tmp_path: Path, kind: str, error: float
) -> None:
    folder, path = converted(tmp_path, kind)
    with open_weights(folder) as source, open_weights(path) as weights:
        assert weights.format == "gguf"
        assert kind in weights.quantisation
        for role, wanted, found in both(source, weights):
            distance = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
            assert distance <= error, role
        keys = (
            "num_hidden_layers",
            "hidden_size",
            "intermediate_size",
            "num_attention_heads",
            "num_key_value_heads",
        )
        keys = (*keys, "head_dim", "vocab_size", "tie_word_embeddings", "model_type")
        assert {k: weights.config[k] for k in keys} == {k: source.config[k] for k in keys}


def test_quantised_rows_alone_are_those_of_the_whole_tensor(tmp_path: Path) -> None:
    _, path = converted(tmp_path, "Q4_0")
    with open_weights(path) as weights:
        whole = weights.rows("blk.1.ffn_up.weight")
        assert np.array_equal(
            weights.rows("blk.1.ffn_up.weight", np.array([60, 2])), whole[[60, 2]]
        )
        assert np.array_equal(
            weights.columns("blk.1.ffn_up.weight", np.array([31, 0])), whole[:, [31, 0]].T
        )


def said(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_plain_types_need_no_package_and_quantised_ones_say_which(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['gguf'] = None; import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'gguf' else found(name, *a)\n"
        "from fingerprints.weights import anatomy_of, open_weights\n"
        "w = open_weights(sys.argv[1]); print(w.part_rows(anatomy_of(w).layers[1].query).shape)"
    )
    _, plain = converted(tmp_path / "a", "F16")
    assert said(code, plain).stdout.strip() == "(32, 32)"
    _, rounded = converted(tmp_path / "b", "Q8_0")
    assert (
        f"{UsageProblem.__name__}: reading Q8_0 weights needs the package 'gguf'"
        in said(code, rounded).stderr
    )


def table_of(
    path: Path, tensors: dict[str, tuple[int, tuple[int, ...], bytes]], **metadata: str
) -> Path:
    """A GGUF file of version 3 with text metadata, written byte by byte."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(
        text(k.replace("__", ".")) + struct.pack("<I", 8) + text(v) for k, v in metadata.items()
    )
    data = b""
    for name, (kind, shape, raw) in tensors.items():
        head += text(name) + struct.pack(
            f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, len(data)
        )
        data += raw + b"\0" * (-len(raw) % 32)
    head += b"\0" * (-len(head) % 32)
    path.write_bytes(head + data)
    return path


def test_a_type_that_is_no_weight_is_named_with_its_tensor(tmp_path: Path) -> None:
    kinds = {"blk.0.a": (15, (1, 256), bytes(292)), "blk.0.b": (24, (2, 4), bytes(8))}
    path = table_of(tmp_path / "m.gguf", kinds, general__architecture="llama")
    with open_weights(path) as weights:
        with pytest.raises(MalformedInput, match=r"'blk\.0\.a' is stored as Q8_K"):
            weights.rows("blk.0.a")
        with pytest.raises(MalformedInput, match=r"'blk\.0\.b' is stored as I8"):
            weights.rows("blk.0.b")


def test_an_unknown_type_and_a_file_cut_off_are_refused_on_opening(tmp_path: Path) -> None:
    path = table_of(
        tmp_path / "m.gguf", {"a": (77, (1, 32), bytes(128))}, general__architecture="llama"
    )
    with pytest.raises(MalformedInput, match="unknown type 77"):
        open_weights(path)
    _, whole = converted(tmp_path, "F32")
    whole.write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(MalformedInput, match="past the end"):
        open_weights(whole)


def test_an_architecture_that_is_not_known_is_refused_and_not_guessed(tmp_path: Path) -> None:
    path = table_of(
        tmp_path / "m.gguf",
        {"token_embd.weight": (0, (2, 4), bytes(32))},
        general__architecture="mammoth",
    )
    with (
        open_weights(path) as weights,
        pytest.raises(MalformedInput, match="'mammoth' is not known here"),
    ):
        anatomy_of(weights)


def test_splits_are_one_model_and_a_missing_one_is_named(tmp_path: Path) -> None:
    numbers = np.arange(8, dtype=np.float32)
    for i, name in enumerate(("a", "b"), 1):
        tensors = {name: (0, (2, 4), (numbers + i).tobytes())}
        table_of(tmp_path / f"m-0000{i}-of-00002.gguf", tensors, general__architecture="llama")
    with open_weights(tmp_path / "m-00002-of-00002.gguf") as weights:
        assert list(weights.tensors) == ["a", "b"]
        assert np.array_equal(weights.rows("b"), (numbers + 2).reshape(2, 4))
    (tmp_path / "m-00001-of-00002.gguf").unlink()
    with pytest.raises(MalformedInput, match="m-00001-of-00002"):
        open_weights(tmp_path / "m-00002-of-00002.gguf")


def test_experts_in_one_tensor_are_mlps_of_their_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {"gate": (3, 4, 8), "up": (3, 4, 8), "down": (3, 8, 4)}
    numbers = {
        f"blk.0.ffn_{n}_exps.weight": rng.random(s).astype(np.float32) for n, s in shapes.items()
    }
    others = {
        "token_embd.weight": (5, 8),
        "output_norm.weight": (8,),
        "blk.0.attn_norm.weight": (8,),
        "blk.0.ffn_norm.weight": (8,),
    }
    others |= {f"blk.0.attn_{n}.weight": (8, 8) for n in ("q", "k", "v", "output")}
    numbers |= {n: rng.random(s).astype(np.float32) for n, s in others.items()}
    tensors = {n: (0, a.shape, a.tobytes()) for n, a in numbers.items()}
    path = table_of(tmp_path / "m.gguf", tensors, general__architecture="qwen3moe")
    with open_weights(path) as weights:
        mlps = anatomy_of(weights).layers[0].mlps
        assert [(m.kind, m.number) for m in mlps] == [("expert", i) for i in range(3)]
        for i, mlp in enumerate(mlps):
            assert np.array_equal(
                weights.part_rows(mlp.up, np.array([3, 0])),
                numbers["blk.0.ffn_up_exps.weight"][i][[3, 0]],
            )
            assert np.array_equal(
                weights.part_columns(mlp.down), numbers["blk.0.ffn_down_exps.weight"][i].T
            )


ATTENTION = {"ATTN_Q": (16, 8), "ATTN_K": (8, 8), "ATTN_V": (8, 8), "ATTN_OUT": (8, 16)}
DENSE = {"FFN_GATE": (12, 8), "FFN_UP": (12, 8), "FFN_DOWN": (8, 12)}
ROUTED = {"FFN_GATE_EXP": (3, 4, 8), "FFN_UP_EXP": (3, 4, 8), "FFN_DOWN_EXP": (3, 8, 4)}
SHARED = {"FFN_GATE_SHEXP": (6, 8), "FFN_UP_SHEXP": (6, 8), "FFN_DOWN_SHEXP": (8, 6)}
LATENT = {"ATTN_Q_A": (6, 8), "ATTN_Q_B": (24, 6), "ATTN_KV_A_MQA": (10, 8), "ATTN_KV_B": (32, 6)}
ARCHITECTURES: dict[str, tuple[dict[str, tuple[int, ...]], str, list[str]]] = {
    "llama4": ({**ATTENTION, **ROUTED, **SHARED}, "FFN_NORM", ["shared", *["expert"] * 3]),
    "deepseek2": (
        {**LATENT, "ATTN_OUT": (8, 16), **ROUTED, **SHARED},
        "FFN_NORM",
        ["shared", *["expert"] * 3],
    ),
    "gpt-oss": ({**ATTENTION, **ROUTED}, "ATTN_POST_NORM", ["expert"] * 3),
    "gemma3n": (
        {**ATTENTION, **DENSE, "ATTN_POST_NORM": (8,), "FFN_POST_NORM": (8,)},
        "FFN_NORM",
        ["dense"],
    ),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_roles_are_found_under_the_names_that_the_package_has_for_an_architecture(
    tmp_path: Path, name: str
) -> None:
    import gguf

    matrices, norm, kinds = ARCHITECTURES[name]
    shapes = {**matrices, "ATTN_NORM": (8,), norm: (8,), "TOKEN_EMBD": (40, 8), "OUTPUT_NORM": (8,)}
    arch = {called: one for one, called in gguf.MODEL_ARCH_NAMES.items()}[name]
    listed = {gguf.TENSOR_NAMES[tensor] for tensor in gguf.MODEL_TENSORS[arch]}
    names = {k: gguf.TENSOR_NAMES[getattr(gguf.MODEL_TENSOR, k)] for k in shapes}
    assert set(names.values()) <= listed
    rng = np.random.default_rng(0)
    numbers = {
        f"{names[k].format(bid=0)}.weight": rng.random(s).astype(np.float32)
        for k, s in shapes.items()
    }
    tensors = {n: (0, a.shape, a.tobytes()) for n, a in numbers.items()}
    path = table_of(tmp_path / "m.gguf", tensors, general__architecture=name)
    with open_weights(path) as weights:
        (layer,) = anatomy_of(weights).layers
        gain = weights.gain(layer.mlp_norm, 8)
        assert np.array_equal(gain, numbers[f"{names[norm].format(bid=0)}.weight"])
        assert [m.kind for m in layer.mlps] == kinds
        assert (layer.query is None) == (name == "deepseek2")
        if layer.query is not None:
            stored = numbers[f"{names['ATTN_Q'].format(bid=0)}.weight"]
            assert np.array_equal(weights.part_rows(layer.query), stored)
        last = layer.mlps[-1]
        wanted = numbers[next(n for n in numbers if "ffn_up" in n and "shexp" not in n)]
        assert np.array_equal(weights.part_rows(last.up), wanted.reshape(-1, 8)[-last.units :])

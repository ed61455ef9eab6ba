"""Matrices of few bits and of two factors: the numbers are those that the library gives which owns
the format, where it runs without a GPU, else those of its documented layout, written anew here;
what does not add up is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from auditor.audits.lineage.run import lineages
from fingerprints.errors import MalformedInput
from fingerprints.weights import anatomy_of, open_weights
from tests.fingerprints.weights.built import EXPERTS_OF_GPT_OSS, saved, untrained, write_sparse

OUT, IN = 48, 128
Tensors = dict[str, torch.Tensor]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5)) / 8


def stored(folder: Path, tensors: Tensors, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def same(folder: Path, wanted: Any, name: str = "m.weight", atol: float = 0) -> None:
    """Rows, columns and the whole are the wanted numbers; the digest covers every piece."""
    expected: NDArray[Any] = np.asarray(wanted, dtype=np.float32).reshape(-1, wanted.shape[-1])
    with open_weights(folder) as weights:
        assert weights.info(name).shape == tuple(wanted.shape)
        for rows in (np.arange(len(expected)), np.array([7, 0, len(expected) - 1, 8])):
            assert np.allclose(weights.rows(name, rows), expected[rows], rtol=1e-6, atol=atol)
        some = np.array([expected.shape[1] - 1, 0, 65])
        assert np.allclose(weights.columns(name, some), expected[:, some].T, rtol=1e-6, atol=atol)
        part = weights.columns(name, some, np.array([3, 20]))
        assert np.allclose(part, expected[[3, 20]][:, some].T, rtol=1e-6, atol=atol)
        assert len(weights.raw_digest(name)) == 64
        assert set(weights.tensors) == {name}


def into_words(codes: NDArray[Any], bits: int) -> torch.Tensor:
    """Numbers (n, m) packed along the first side into 32-bit words, the first one lowest, without
    a gap: as AutoGPTQ's pack does, its odd 3 bits included."""
    n, m = codes.shape
    out = np.zeros((n * bits // 32, m), dtype=np.uint64)
    for i in range(n):
        word, off = divmod(i * bits, 32)
        value = codes[i].astype(np.uint64) << np.uint64(off)
        out[word] |= value & np.uint64(0xFFFFFFFF)
        if off + bits > 32:
            out[word + 1] |= value >> np.uint64(32)
    return torch.from_numpy(out.astype(np.uint32).view(np.int32))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("order", ["none", "given", "shuffled"])
@pytest.mark.parametrize("version", ["gptq", "gptq_v2"])
def test_gptq_is_unpacked_with_its_order_and_both_kinds_of_zeros(
    tmp_path: Path, bits: int, order: str, version: str
) -> None:
    rng, outputs = np.random.default_rng(0), 64
    less = 1 if version == "gptq" else 0
    codes = rng.integers(0, 1 << bits, (IN, outputs))
    zeros = rng.integers(0, 1 << bits, (4, outputs))
    scales = random(4, outputs).abs().half()
    groups = np.arange(IN) // 32
    if order == "shuffled":
        groups = rng.permutation(groups)
    tensors = {
        "m.qweight": into_words(codes, bits),
        "m.qzeros": into_words(zeros.T, bits).T,
        "m.scales": scales,
    }
    if order != "none":
        tensors["m.g_idx"] = torch.from_numpy(groups.astype(np.int32))
    told = {"quant_method": "gptq", "bits": bits, "checkpoint_format": version}
    wanted = (codes - zeros[groups] - less) * scales.float().numpy()[groups]
    same(stored(tmp_path / "m", tensors, quantization_config=told), wanted.T)


def test_awq_is_unpacked_in_its_own_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    codes, zeros = rng.integers(0, 16, (IN, OUT)), rng.integers(0, 16, (4, OUT))
    scales = random(4, OUT).abs().half()

    def packed(numbers: NDArray[Any]) -> torch.Tensor:  # AutoAWQ's WQLinear_GEMM.from_linear
        out = np.zeros((len(numbers), OUT // 8), dtype=np.uint32)
        for column in range(OUT // 8):
            for i, place in enumerate([0, 2, 4, 6, 1, 3, 5, 7]):
                out[:, column] |= numbers[:, column * 8 + place].astype(np.uint32) << (4 * i)
        return torch.from_numpy(out.view(np.int32))

    tensors = {"m.qweight": packed(codes), "m.qzeros": packed(zeros), "m.scales": scales}
    groups = np.arange(IN) // 32
    wanted = (codes - zeros[groups]) * scales.float().numpy()[groups]
    same(stored(tmp_path / "m", tensors, quantization_config={"quant_method": "awq"}), wanted.T)


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("width", [128, 100])
def test_four_bits_of_bitsandbytes_are_what_it_gives_back(
    tmp_path: Path, kind: str, nested: bool, width: int
) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    codes, state = functional.quantize_4bit(
        random(OUT, width), quant_type=kind, compress_statistics=nested, blocksize=64
    )
    told = {f"m.weight.{n}": t for n, t in state.as_dict(packed=True).items()}
    wanted = functional.dequantize_4bit(codes, state)
    same(stored(tmp_path / "m", {"m.weight": codes, **told}), wanted, atol=1e-7)


def test_eight_bits_of_bitsandbytes_are_what_it_gives_back(tmp_path: Path) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    codes, peaks, _ = functional.int8_vectorwise_quant(random(OUT, IN).half())
    wanted = functional.int8_vectorwise_dequant(codes, peaks)
    tensors = {
        "m.weight": codes,
        "m.SCB": peaks,
        "m.weight_format": torch.zeros((), dtype=torch.uint8),
    }
    same(stored(tmp_path / "m", tensors), wanted, atol=1e-6)


@pytest.mark.parametrize("bits", [4, 8, 2])
@pytest.mark.parametrize("strategy", ["group", "channel"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_compressed_tensors_are_what_the_library_unpacks(
    tmp_path: Path, bits: int, strategy: str, symmetric: bool
) -> None:
    pytest.importorskip("compressed_tensors")
    from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    args = QuantizationArgs(
        num_bits=bits,
        strategy=strategy,
        symmetric=symmetric,
        group_size=32 if strategy == "group" else None,
    )
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    groups = IN // 32 if strategy == "group" else 1
    state = {"weight": random(OUT, IN), "weight_scale": random(OUT, groups).abs() + 0.01}
    if not symmetric:
        zeros = torch.arange(OUT * groups).view(OUT, groups) % (1 << bits)
        state["weight_zero_point"] = (zeros - (1 << bits - 1)).to(torch.int8)
    packed = PackedQuantizationCompressor.compress(state, scheme)
    wanted = PackedQuantizationCompressor.decompress(packed, scheme)["weight"]
    tensors = {f"m.{n}": t for n, t in packed.items()}
    same(stored(tmp_path / "m", tensors), wanted.float(), atol=1e-6)


def test_whole_8_bit_numbers_of_compressed_tensors_are_scaled_by_row(tmp_path: Path) -> None:
    codes = torch.randint(-128, 127, (OUT, IN), dtype=torch.int8)
    scales, zeros = random(OUT, 1).bfloat16(), torch.full((OUT, 1), 3, dtype=torch.int8)
    tensors = {"m.weight": codes, "m.weight_scale": scales, "m.weight_zero_point": zeros}
    same(stored(tmp_path / "m", tensors), (codes.float() - 3) * scales.float(), atol=1e-6)


def test_nvfp4_is_what_the_library_unpacks(tmp_path: Path) -> None:
    helpers = pytest.importorskip("compressed_tensors.compressors.nvfp4.helpers")
    grid = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    numbers = grid[torch.arange(OUT * IN) % 8].view(OUT, IN) * torch.sign(random(OUT, IN))
    scales = (random(OUT, IN // 16).abs() * 100).to(torch.float8_e4m3fn)
    over = torch.tensor([7.0])
    tensors = {
        "m.weight_packed": helpers.pack_fp4_to_uint8(numbers),
        "m.weight_scale": scales,
        "m.weight_global_scale": over,
    }
    wanted = numbers * (scales.float() / over).repeat_interleave(16, dim=1)
    same(stored(tmp_path / "m", tensors), wanted, atol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
def test_mlx_is_what_the_library_gives_back(tmp_path: Path, bits: int) -> None:
    mx = pytest.importorskip("mlx.core")
    codes, scales, biases = mx.quantize(mx.array(random(OUT, IN).numpy()), group_size=32, bits=bits)
    wanted = np.array(mx.dequantize(codes, scales, biases, group_size=32, bits=bits))
    tensors = {
        "m.weight": torch.from_numpy(np.array(codes)),
        "m.scales": torch.from_numpy(np.array(scales)),
        "m.biases": torch.from_numpy(np.array(biases)),
    }
    folder = stored(tmp_path / "m", tensors, quantization={"group_size": 32, "bits": bits})
    same(folder, wanted, atol=1e-6)


def test_mlx_in_mxfp4_is_what_the_library_gives_back(tmp_path: Path) -> None:
    mx = pytest.importorskip("mlx.core")
    codes, scales = mx.quantize(mx.array(random(OUT, IN).numpy()), mode="mxfp4")
    wanted = np.array(mx.dequantize(codes, scales, mode="mxfp4").astype(mx.float32))
    tensors = {
        "m.weight": torch.from_numpy(np.array(codes)),
        "m.scales": torch.from_numpy(np.array(scales)),
    }
    told = {"group_size": 32, "bits": 4, "mode": "mxfp4"}
    same(stored(tmp_path / "m", tensors, quantization=told), wanted)


def mxfp4(experts: int, outputs: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(2)
    shape = (experts, outputs, width // 32)
    blocks = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8, generator=rng)
    return blocks, torch.randint(118, 124, shape, dtype=torch.uint8, generator=rng)


def test_mxfp4_is_what_transformers_unpacks(tmp_path: Path) -> None:
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    blocks, scales = mxfp4(3, OUT, IN)
    wanted = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32).transpose(1, 2)
    folder = stored(
        tmp_path / "m", {"e.gate_up_proj_blocks": blocks, "e.gate_up_proj_scales": scales}
    )
    same(folder, wanted, "e.gate_up_proj")


def test_gpt_oss_in_mxfp4_is_the_same_model_as_unpacked(tmp_path: Path) -> None:
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    sizes = {**EXPERTS_OF_GPT_OSS, "hidden_size": 64, "intermediate_size": 32}
    model = untrained("gpt_oss", tmp_path / "plain", **sizes)
    state = {n: t.detach().clone() for n, t in model.state_dict().items()}
    packed = dict(state)
    for layer in range(2):
        for name, shape in (("gate_up_proj", (3, 64, 64)), ("down_proj", (3, 64, 32))):
            called = f"model.layers.{layer}.mlp.experts.{name}"
            blocks, scales = mxfp4(*shape)
            state[called] = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
            del packed[called]
            packed |= {f"{called}_blocks": blocks, f"{called}_scales": scales}
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    stored(tmp_path / "plain", state, **config)
    stored(tmp_path / "packed", packed, **config, quantization_config={"quant_method": "mxfp4"})
    with open_weights(tmp_path / "plain") as one, open_weights(tmp_path / "packed") as other:
        for a, b in zip(anatomy_of(one).mlps(), anatomy_of(other).mlps(), strict=True):
            assert a.gate is not None
            assert b.gate is not None
            for mine, theirs in ((a.up, b.up), (a.gate, b.gate), (a.down, b.down)):
                assert np.allclose(one.part_rows(mine), other.part_rows(theirs))
                assert np.allclose(one.part_columns(mine), other.part_columns(theirs))


FACTORED = {
    "asvd": ("self_attn.q_proj.BLinear", "self_attn.q_proj.ALinear"),
    "svd-llm": ("self_attn.q_v_proj", "self_attn.q_u_proj"),
    "sequence": ("self_attn.q_proj.0", "self_attn.q_proj.1"),
}


@pytest.mark.parametrize("kind", FACTORED)
def test_two_factors_in_place_of_a_matrix_are_their_product(tmp_path: Path, kind: str) -> None:
    right, left = (f"model.layers.0.{n}.weight" for n in FACTORED[kind])
    a, b = random(24, 5), random(5, IN)
    folder = stored(tmp_path / "m", {left: a, right: b})
    same(folder, (a @ b), "model.layers.0.self_attn.q_proj.weight", atol=1e-6)
    with open_weights(folder) as weights:
        assert weights.quantisation == {"RANK5": 1.0}


def test_a_quantised_copy_is_found_to_be_derived(tmp_path: Path) -> None:
    mx = pytest.importorskip("mlx.core")
    model = saved(tmp_path / "base", vocab_size=96)
    saved(tmp_path / "copy", vocab_size=96)
    tensors: Tensors = {}
    for name, tensor in model.state_dict().items():
        if "proj" not in name:
            tensors[name] = tensor
            continue
        codes, scales, biases = mx.quantize(mx.array(tensor.numpy()), group_size=32, bits=4)
        stem = name.removesuffix(".weight")
        for end, numbers in ((".weight", codes), (".scales", scales), (".biases", biases)):
            tensors[stem + end] = torch.from_numpy(np.array(numbers))
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    config["quantization"] = {"group_size": 32, "bits": 4}
    stored(tmp_path / "copy", {n: t.clone() for n, t in tensors.items()}, **config)
    told = lineages(str(tmp_path / "copy"), [str(tmp_path / "base")]).judged[0].told
    assert told.relation == "derived"
    assert any("4" in kind and "quantised" in kind for kind in told.kinds), told.kinds


@pytest.mark.parametrize("method", ["aqlm", "hqq", "exl2", "torchao"])
def test_a_quantiser_that_is_not_read_is_refused_in_one_line(tmp_path: Path, method: str) -> None:
    folder = stored(
        tmp_path / "m", {"w": random(4, 4)}, quantization_config={"quant_method": method}
    )
    with (
        open_weights(folder) as weights,
        pytest.raises(MalformedInput, match="not read here") as found,
    ):
        anatomy_of(weights)
    assert "\n" not in str(found.value)


WORD, BYTE = torch.int32, torch.uint8
BAD: dict[str, Tensors] = {
    "no scales": {"m.qweight": torch.ones(4, 8, dtype=WORD)},
    "zeros of another size": {
        "m.qweight": torch.ones(4, 8, dtype=WORD),
        "m.qzeros": torch.ones(1, 7, dtype=WORD),
        "m.scales": torch.ones(1, 8),
    },
    "an order of another length": {
        "m.qweight": torch.ones(4, 32, dtype=WORD),
        "m.qzeros": torch.ones(1, 4, dtype=WORD),
        "m.scales": torch.ones(1, 32),
        "m.g_idx": torch.ones(5, dtype=WORD),
    },
    "a description that is no JSON": {
        "m.weight": torch.ones(64, 1, dtype=BYTE),
        "m.weight.absmax": torch.ones(2),
        "m.weight.quant_map": torch.ones(16),
        "m.weight.quant_state.bitsandbytes__nf4": torch.ones(9, dtype=BYTE),
    },
    "a shape that it has not": {
        "m.weight_packed": torch.ones(4, 8, dtype=WORD),
        "m.weight_scale": torch.ones(4, 1),
        "m.weight_shape": torch.tensor([1 << 40, 1 << 40]),
    },
    "blocks without their scales": {
        "m_blocks": torch.ones(2, 3, 4, 16, dtype=BYTE),
        "m_scales": torch.ones(2, 3, 5, dtype=BYTE),
    },
    "an order in 64 bits": {
        "m.qweight": torch.ones(4, 32, dtype=WORD),
        "m.qzeros": torch.ones(1, 4, dtype=WORD),
        "m.scales": torch.ones(1, 32),
        "m.g_idx": torch.zeros(32, dtype=torch.int64),
    },
    "a shape in bytes": {
        "m.weight_packed": torch.ones(4, 8, dtype=WORD),
        "m.weight_scale": torch.ones(4, 1),
        "m.weight_shape": torch.tensor([4, 64], dtype=BYTE),
    },
    "zero points in bytes": {
        "m.weight_packed": torch.ones(8, 8, dtype=WORD),
        "m.weight_scale": torch.ones(8, 2),
        "m.weight_shape": torch.tensor([8, 64]),
        "m.weight_zero_point": torch.ones(1, 2, dtype=BYTE),
    },
    "an 8-bit model's zero points as floats": {
        "m.weight": torch.ones(8, 64, dtype=torch.int8),
        "m.weight_scale": torch.ones(8, 1),
        "m.weight_zero_point": torch.ones(8, 1),
    },
    "scales of half the rows": {
        "m.weight_packed": torch.ones(32, 32, dtype=BYTE),
        "m.weight_scale": torch.ones(16, 2, dtype=BYTE),
    },
    "an empty number over the scales": {
        "m.weight_packed": torch.ones(32, 32, dtype=BYTE),
        "m.weight_scale": torch.ones(32, 4).to(torch.float8_e4m3fn),
        "m.weight_global_scale": torch.ones(0),
    },
    "peaks in 16 bits": {
        "m.weight": torch.ones(64, 1, dtype=BYTE),
        "m.weight.absmax": torch.ones(2, dtype=torch.float16),
        "m.weight.quant_map": torch.ones(16),
        "m.weight.quant_state.bitsandbytes__nf4": torch.tensor(
            list(b'{"shape": [2, 64], "blocksize": 64}'), dtype=BYTE
        ),
    },
    "words that hold no rows": {
        "m.weight": torch.ones(4, 5, dtype=torch.uint32),
        "m.scales": torch.ones(4, 3),
        "m.biases": torch.ones(4, 3),
    },
}


@pytest.mark.parametrize("kind", BAD)
def test_pieces_that_do_not_fit_each_other_are_refused(tmp_path: Path, kind: str) -> None:
    with (
        open_weights(stored(tmp_path / "m", BAD[kind])) as weights,
        pytest.raises(MalformedInput, match="can't be read") as found,
    ):
        anatomy_of(weights)
    assert "\n" not in str(found.value)


def test_four_bits_of_bitsandbytes_are_the_same_in_any_storage(tmp_path: Path) -> None:
    """Its option quant_storage keeps the same bytes as 16-bit floats, for sharded training."""
    codes = torch.randint(0, 256, (1024, 1), generator=torch.Generator().manual_seed(2))
    rest: Tensors = {
        "m.weight.absmax": random(32).abs(),
        "m.weight.quant_map": random(16),
        "m.weight.quant_state.bitsandbytes__nf4": torch.tensor(
            list(b'{"shape": [32, 64], "blocksize": 64}'), dtype=BYTE
        ),
    }
    plain = codes.to(BYTE)
    one = stored(tmp_path / "one", {"m.weight": plain, **rest})
    two = stored(tmp_path / "two", {"m.weight": plain.view(-1).view(torch.bfloat16), **rest})
    with open_weights(one) as a, open_weights(two) as b:
        assert np.array_equal(a.rows("m.weight"), b.rows("m.weight"))
        assert np.std(a.rows("m.weight")) > 0


@pytest.mark.parametrize(("told", "fits"), [(-1, True), (1, True), (2, False), (-2, False)])
def test_an_order_of_compressed_tensors_that_was_never_set_is_none(
    tmp_path: Path, told: int, fits: bool
) -> None:
    tensors: Tensors = {
        "m.weight_packed": torch.full((8, 8), 0x12345678, dtype=WORD),
        "m.weight_scale": torch.tensor([[1.0, 3.0]]).repeat(8, 1),
        "m.weight_shape": torch.tensor([8, 64]),
    }
    with open_weights(stored(tmp_path / "plain", tensors)) as weights:
        plain = weights.rows("m.weight")
    tensors["m.weight_g_idx"] = torch.full((64,), told, dtype=WORD)
    with open_weights(stored(tmp_path / "ordered", tensors)) as weights:
        if not fits:
            with pytest.raises(MalformedInput, match="no scale"):
                weights.rows("m.weight")
            return
        same = np.array_equal(weights.rows("m.weight"), plain)
        assert same == (told == -1)


def test_groups_that_have_no_scale_are_refused_when_they_are_read(tmp_path: Path) -> None:
    tensors = {
        "m.qweight": torch.ones(4, 32, dtype=WORD),
        "m.qzeros": torch.ones(1, 4, dtype=WORD),
        "m.scales": torch.ones(1, 32),
        "m.g_idx": torch.full((32,), -3, dtype=WORD),
    }
    with (
        open_weights(stored(tmp_path / "m", tensors)) as weights,
        pytest.raises(MalformedInput, match="no scale"),
    ):
        weights.rows("m.weight")


@pytest.mark.parametrize(
    ("shapes", "dtypes"),
    [
        ({"m.qweight": (1 << 20, 1 << 20), "m.qzeros": (1 << 17, 1 << 17), "m.scales": (1 << 17, 1 << 20)}, ("I32", "I32", "F16")),
        ({"m.A.weight": (4, 1 << 36), "m.B.weight": (1 << 36, 4)}, ("F16", "F16")),
    ],
)  # fmt: skip
def test_sizes_beyond_reason_cost_no_memory(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], dtypes: tuple[str, ...]
) -> None:
    kinds = dict(zip(shapes, dtypes, strict=True))
    path = write_sparse(tmp_path / "m.safetensors", shapes, kinds)
    with (
        open_weights(path) as weights,
        pytest.raises(MalformedInput, match="numbers, above"),
    ):
        anatomy_of(weights)

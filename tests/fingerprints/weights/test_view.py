"""Reading rows, columns and whole tensors: the numbers are those that torch reads, the memory is
bounded, damage has a name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem
from fingerprints.weights import anatomy_of, open_weights
from tests.fingerprints.weights.built import (
    llama_config,
    llama_shapes,
    saved,
    write_safetensors,
    write_sparse,
)

ROOT = Path(__file__).parents[3]
UP, DOWN = "model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight"


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, fingerprints.weights; print(sorted({'torch', 'transformers', 'faiss'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_rows_and_columns_are_the_numbers_that_torch_reads(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    state = saved(tmp_path / "m", dtype=dtype).state_dict()
    with open_weights(tmp_path / "m") as weights:
        which = np.array([5, 3, 4, 63, 0])
        assert np.array_equal(weights.rows(UP, which), state[UP].numpy()[which])
        assert np.array_equal(weights.rows(UP, slice(1, 60, 7)), state[UP].numpy()[1:60:7])
        assert np.array_equal(weights.columns(DOWN, which), state[DOWN].numpy()[:, which].T)
        assert np.array_equal(
            weights.vector("model.norm.weight"), state["model.norm.weight"].numpy()
        )
        assert weights.rows(UP).dtype == np.float32
        assert weights.bytes_total == sum(p.numel() for p in state.values()) * dtype.itemsize
        assert sum(weights.quantisation.values()) == pytest.approx(1)


def test_every_bfloat16_and_every_8_bit_float_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    codes = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    small = np.arange(256, dtype=np.uint8).reshape(4, 64)
    tensors = {
        "a": ("BF16", codes),
        "b": ("F8_E4M3", small),
        "c": ("F8_E5M2", small),
        "d": ("F16", codes.view(np.float16)),
    }
    path = write_safetensors(tmp_path / "m.safetensors", tensors)
    wanted = {
        "a": torch.from_numpy(codes.view(np.int16)).view(torch.bfloat16),
        "b": torch.from_numpy(small).view(torch.float8_e4m3fn),
        "c": torch.from_numpy(small).view(torch.float8_e5m2),
        "d": torch.from_numpy(codes.view(np.int16)).view(torch.float16),
    }
    with open_weights(path) as weights:
        for name, tensor in wanted.items():
            assert np.array_equal(weights.rows(name), tensor.float().numpy(), equal_nan=True), name


def test_shards_are_one_model(tmp_path: Path) -> None:
    state = saved(tmp_path / "m", shard="20KB").state_dict()
    assert len(list((tmp_path / "m").glob("*.safetensors"))) > 2
    with open_weights(f"hf:{tmp_path / 'm'}") as weights:
        assert all(
            np.array_equal(weights.rows(n), state[n].numpy().reshape(weights.info(n).rows, -1))
            for n in weights.tensors
        )


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    saved(tmp_path / "m", shard="20KB")
    victim = sorted((tmp_path / "m").glob("*.safetensors"))[1]
    victim.unlink()
    with pytest.raises(MalformedInput, match=victim.name):
        open_weights(tmp_path / "m")


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "m", shard="20KB")
    files = sorted((tmp_path / "m").glob("*.safetensors"))
    files[1].write_bytes(files[0].read_bytes())
    with pytest.raises(MalformedInput, match="stands in"):
        open_weights(tmp_path / "m")


def test_scales_of_8_bit_checkpoints_are_applied_and_missing_ones_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    codes, scales = rng.integers(0, 120, (200, 300)), rng.random((2, 3))
    row = rng.random((200, 1))
    tensors = {
        "a": ("F8_E4M3", codes),
        "a_scale_inv": ("F32", scales),
        "b": ("F8_E4M3", codes),
        "b_scale": ("F32", row),
    }
    write_safetensors(tmp_path / "m.safetensors", {**tensors, "c": ("F8_E4M3", codes)})
    (tmp_path / "config.json").write_text(
        json.dumps({"quantization_config": {"quant_method": "fp8"}})
    )
    plain = torch.from_numpy(codes.astype(np.uint8)).view(torch.float8_e4m3fn).float().numpy()
    whole = plain * scales.astype(np.float32).repeat(128, 0).repeat(128, 1)[:200, :300]
    with open_weights(tmp_path / "m.safetensors") as weights:
        assert np.allclose(weights.rows("a"), whole)
        assert np.allclose(weights.columns("a", np.array([299, 1])), whole[:, [299, 1]].T)
        assert np.allclose(weights.rows("b", np.array([7, 2])), (plain * row)[[7, 2]])
        with pytest.raises(MalformedInput, match="no scale"):
            weights.rows("c")


def test_integers_are_no_weights(tmp_path: Path) -> None:
    path = write_safetensors(
        tmp_path / "m.safetensors", {"layer.qweight": ("I32", np.ones((4, 4)))}
    )
    with open_weights(path) as weights, pytest.raises(MalformedInput, match=r"layer\.qweight.*I32"):
        weights.rows("layer.qweight")


def test_nan_is_read_as_it_is(tmp_path: Path) -> None:
    numbers = np.ones((50, 8), dtype=np.float32)
    numbers[31, 5] = np.nan
    path = write_safetensors(
        tmp_path / "m.safetensors", {"a": ("F32", numbers), "b": ("F32", np.ones((2, 2)))}
    )
    with open_weights(path) as weights:
        assert np.isnan(weights.rows("a")).sum() == 1


def test_chunks_are_the_whole_tensor_and_its_digest_that_of_its_bytes(tmp_path: Path) -> None:
    import hashlib

    numbers = np.random.default_rng(0).random((101, 7)).astype(np.float32)
    path = write_safetensors(
        tmp_path / "m.safetensors", {"z": ("F32", np.ones(3)), "a": ("F32", numbers)}
    )
    with open_weights(path) as weights:
        chunks = list(weights.chunks("a", rows=10))
        assert [start for start, _ in chunks] == list(range(0, 101, 10))
        assert np.array_equal(np.concatenate([block for _, block in chunks]), numbers)
        assert weights.raw_digest("a") == hashlib.sha256(numbers.tobytes()).hexdigest()


def test_tensors_are_the_same_where_every_byte_is(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random((300, 70)).astype(np.float32)
    late = numbers.copy()
    late[-1, -1] = 2
    longer = np.concatenate([numbers, numbers[:1]])
    for name, stored in (("a", numbers), ("b", numbers), ("late", late), ("longer", longer)):
        write_safetensors(tmp_path / f"{name}.safetensors", {"z": ("F32", stored)})
    with open_weights(tmp_path / "a.safetensors") as one:
        for name, whole, begun in (("b", 1, 1), ("late", 0, 1), ("longer", 0, 1)):
            with open_weights(tmp_path / f"{name}.safetensors") as other:
                assert one.same_stored(other, "z") == bool(whole)
                assert one.same_stored(other, "z", whole=False) == bool(begun)


def test_columns_of_matrices_of_many_strips_and_portions_are_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fingerprints.weights.tensors.PORTION", 1 << 14)
    codes = np.random.default_rng(0).integers(0, 0x7F00, (700, 33)).astype(np.uint16)
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("BF16", codes)})
    numbers = (codes.astype(np.uint32) << 16).view(np.float32)
    which = np.array([32, 0, 5])
    with open_weights(path) as weights:
        assert np.array_equal(weights.columns("a", slice(None)), numbers.T)
        assert np.array_equal(weights.columns("a", which), numbers[:, which].T)
        assert np.array_equal(weights.columns("a", which, slice(3, 600)), numbers[3:600, which].T)
        assert np.array_equal(weights.rows("a"), numbers)


def test_rows_beyond_a_tensor_and_names_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("F32", np.ones((3, 3)))})
    with open_weights(path) as weights:
        for which in (np.array([3]), np.array([-1])):
            with pytest.raises(UsageProblem):
                weights.rows("a", which)
        with pytest.raises(MalformedInput, match="no tensor 'b'"):
            weights.rows("b")
        assert weights.rows("a", np.array([], dtype=np.int64)).shape == (0, 3)


def test_a_file_cut_off_before_or_while_it_is_open_is_an_error_and_no_signal(
    tmp_path: Path,
) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("F32", np.ones((3000, 64)))})
    whole = path.read_bytes()
    with open_weights(path) as weights:
        assert weights.rows("a", np.array([2999])).sum() == 64
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(MalformedInput, match="ends inside tensor 'a'"):
            weights.rows("a", np.array([2999]))
    with pytest.raises(MalformedInput, match="its tensors take"):
        open_weights(path)


def test_a_header_of_a_million_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    entries = ",".join(
        f'"t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(70_000)
    )
    path.write_bytes((len(entries) + 2).to_bytes(8, "little") + f"{{{entries}}}".encode())
    with pytest.raises(ResourceLimit, match="70,000 tensors"):
        open_weights(path)
    with path.open("r+b") as file:
        file.write((64 * 1_000_000).to_bytes(8, "little"))
    with pytest.raises(ResourceLimit, match="header claims 64,000,000 bytes"):
        open_weights(path)


def test_a_sparse_file_of_ten_terabytes_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    shapes = {"wide": (1, 1 << 40), "tall": (1 << 31, 1024), "line": (1 << 38,)}
    path = write_sparse(tmp_path / "m.safetensors", shapes)
    with open_weights(path) as weights:
        assert weights.rows("tall", np.array([0, (1 << 31) - 1])).sum() == 0
        for read in (
            lambda: weights.rows("wide", np.array([0])),
            lambda: weights.vector("line"),
            lambda: weights.rows("tall"),
            lambda: weights.columns("tall", np.array([1])),
            lambda: weights.raw_digest("wide"),
        ):
            with pytest.raises(ResourceLimit):
                read()


MEASURED = """
import json, sys, time
import numpy as np
from fingerprints.weights import anatomy_of, open_weights
began = time.monotonic()
with open_weights(sys.argv[1]) as weights:
    anatomy = anatomy_of(weights)
    for layer in anatomy.layers:
        some = np.linspace(0, layer.mlp.units - 1, 256).astype(int)
        block = weights.part_rows(layer.gate, some), weights.part_rows(layer.up, some)
        weights.part_rows(layer.query, slice(0, 4000, 20))
    weights.part_columns(anatomy.layers[0].down, some)
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps([weights.bytes_total, time.monotonic() - began, peak]))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc"
)
def test_sampled_rows_of_a_model_of_fourteen_gigabytes_stay_below_300_mb(tmp_path: Path) -> None:
    shapes = llama_shapes(40, 4096, 11008, 32000, 1024)
    (tmp_path / "config.json").write_text(json.dumps(llama_config(40, 4096, 11008, 32000, 32, 8)))
    names = list(shapes)
    shards = [names[i : i + 60] for i in range(0, len(names), 60)]
    index = {}
    for i, some in enumerate(shards):
        write_sparse(tmp_path / f"model-{i}.safetensors", {n: shapes[n] for n in some})
        index |= {n: f"model-{i}.safetensors" for n in some}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    size, seconds, peak = json.loads(done.stdout)
    assert size > 14e9
    assert peak < 300
    assert seconds < 30


def test_an_anatomy_is_read_lazily_too(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    with open_weights(tmp_path / "m") as weights:
        anatomy = anatomy_of(weights)
        assert (anatomy.hidden, anatomy.units, anatomy.heads, anatomy.groups) == (
            32,
            (64, 64),
            4,
            2,
        )

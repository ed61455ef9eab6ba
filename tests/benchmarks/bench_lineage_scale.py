"""Lineage on checkpoints with the layers of a 7B or a 70B model: time, bytes read and peak memory of
one comparison.

    python -m tests.benchmarks.bench_lineage_scale --work big/ [--layers 32] [--shape 70b]
    python -m tests.benchmarks.bench_lineage_scale --work big/ --shape 70b --layers 3 --depths 1,2,3

Writes two sharded Llama-shaped checkpoints of random weights in bfloat16 (13.5 GB each at 32
layers), and a third folder that shares all but one shard with the first. The operating system's
cache is not emptied, and what was read from the disk is told. ``--depths`` compares the first so
many layers of both, by hard links, and tells what a further layer costs: what is no larger than
the disk stands for what is.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.bench_compare import table

VOCABULARY = 32000
INDEX = "model.safetensors.index.json"


class Shape(NamedTuple):
    """Coordinates, units, heads, key-value heads, and layers of one shard."""

    hidden: int
    units: int
    heads: int
    groups: int
    a_shard: int


SHAPES = {"7b": Shape(4096, 11008, 32, 32, 4), "70b": Shape(8192, 28672, 64, 8, 1)}
POOL = 1 << 26
"""Random numbers that tensors are cut from, each at a place of its own."""
MEASURED = """
import json, resource, sys, time
from auditor.audits.lineage.run import lineages
start = time.perf_counter()
found = lineages(sys.argv[1], [sys.argv[2]], digest=False)
seconds = time.perf_counter() - start
io = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
use = resource.getrusage(resource.RUSAGE_SELF)
told = found.judged[0].told
use_of = {"seconds": seconds, "cpu": use.ru_utime + use.ru_stime, "mb": use.ru_maxrss / 1024}
read = {"asked": int(io["rchar"]) / 1e9, "disk": int(io["read_bytes"]) / 1e9}
print(json.dumps({"relation": told.relation, "p": told.p, **use_of, **read}))
"""


def written(folder: Path, shape: Shape, layers: int, seed: int) -> Path:
    """A checkpoint of random weights in shards of a few layers, made once."""
    if (folder / INDEX).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pool = (rng.standard_normal(POOL, dtype=np.float32) * np.float32(0.02)).view(np.uint32) >> 16
    pool16 = pool.astype(np.uint16)
    groups = [
        {f"model.layers.{i}": i for i in range(start, min(start + shape.a_shard, layers))}
        for start in range(0, layers, shape.a_shard)
    ]
    where: dict[str, str] = {}
    for number, group in enumerate([None, *groups]):
        shapes = (
            _ends(shape)
            if group is None
            else {n: s for prefix in group for n, s in _layer(prefix, shape).items()}
        )
        name = f"model-{number + 1:05d}-of-{len(groups) + 1:05d}.safetensors"
        _shard(folder / name, shapes, pool16, rng)
        where |= dict.fromkeys(shapes, name)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}), "utf-8")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.units,
        "num_hidden_layers": layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.groups,
        "vocab_size": VOCABULARY,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def _ends(shape: Shape) -> dict[str, tuple[int, ...]]:
    return {
        "model.embed_tokens.weight": (VOCABULARY, shape.hidden),
        "lm_head.weight": (VOCABULARY, shape.hidden),
        "model.norm.weight": (shape.hidden,),
    }


def _layer(prefix: str, shape: Shape) -> dict[str, tuple[int, ...]]:
    hidden, units = shape.hidden, shape.units
    kept = hidden // shape.heads * shape.groups
    out: dict[str, tuple[int, ...]] = {
        f"{prefix}.self_attn.{p}_proj.weight": (hidden if p in "qo" else kept, hidden)
        for p in "qkvo"
    }
    out |= {f"{prefix}.mlp.{p}_proj.weight": (units, hidden) for p in ("gate", "up")}
    out[f"{prefix}.mlp.down_proj.weight"] = (hidden, units)
    return out | {
        f"{prefix}.{n}.weight": (hidden,) for n in ("input_layernorm", "post_attention_layernorm")
    }


def _shard(
    path: Path,
    shapes: dict[str, tuple[int, ...]],
    pool: NDArray[np.uint16],
    rng: np.random.Generator,
) -> None:
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for shape in shapes.values():
            left, place = int(np.prod(shape)), int(rng.integers(0, len(pool)))
            while left:
                part = pool[place : place + left]
                part.tofile(file)
                left, place = left - len(part), 0


def kin(folder: Path, original: Path, other: Path) -> Path:
    """All of the first checkpoint but its last shard, which comes from the other."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = sorted(original.glob("*.safetensors"))
    for path in original.iterdir():
        source = other / path.name if path == shards[-1] else path
        if not (folder / path.name).exists():
            os.link(source, folder / path.name)
    return folder


def cut(source: Path, folder: Path, shape: Shape, layers: int) -> Path:
    """The first layers of a checkpoint as one of its own, by hard links to its shards."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = sorted(source.glob("*.safetensors"))[: 1 + math.ceil(layers / shape.a_shard)]
    for path in shards:
        if not (folder / path.name).exists():
            os.link(path, folder / path.name)
    index = json.loads((source / INDEX).read_text("utf-8"))
    kept = {path.name for path in shards}
    index["weight_map"] = {n: shard for n, shard in index["weight_map"].items() if shard in kept}
    config = json.loads((source / "config.json").read_text("utf-8"))
    (folder / INDEX).write_text(json.dumps(index), "utf-8")
    config["num_hidden_layers"] = layers
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def measured(suspect: Path, base: Path) -> dict[str, Any]:
    """One comparison in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(suspect), str(base)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@click.command()
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the checkpoints go; they stay there.",
)
@click.option("--layers", type=click.IntRange(1, 200), default=32, show_default=True)
@click.option("--shape", type=click.Choice(sorted(SHAPES)), default="7b", show_default=True)
@click.option("--depths", default="", help="Compare the first so many layers, as 1,2,3.")
def main(work: Path | None, layers: int, shape: str, depths: str) -> None:
    """Prints the table."""
    if work is None:
        print(
            "skipped: no --work folder (27 GB are written there, unless layers or shape are others)"
        )
        return
    shapes = [_ends(SHAPES[shape]), *[_layer("", SHAPES[shape])] * layers]
    needed = 2.2 * sum(2 * math.prod(s) for some in shapes for s in some.values())
    if not (work / "a").exists() and shutil.disk_usage(work.parent).free < needed:
        print(f"skipped: {needed / 1e9:.0f} GB of free disk are needed")
        return
    start = time.perf_counter()
    one, other = (
        written(work / name, SHAPES[shape], layers, seed) for name, seed in (("a", 1), ("b", 2))
    )
    print(f"two checkpoints written in {time.perf_counter() - start:.0f} s")
    rows, costs = list[tuple[str, ...]](), dict[str, list[tuple[int, float, float]]]()
    for depth in [int(n) for n in depths.split(",") if n] or [layers]:
        first, second = (
            whole
            if depth == layers
            else cut(whole, work / f"{whole.name}-{depth}", SHAPES[shape], depth)
            for whole in (one, other)
        )
        pairs = {
            "all but the last shard shared": (kin(work / f"kin-{depth}", first, second), first),
            "nothing shared": (second, first),
        }
        for name, (suspect, base) in pairs.items():
            m = measured(suspect, base)
            costs.setdefault(name, []).append((depth, m["cpu"], m["mb"]))
            rows.append((name, str(depth), *row(first, m)))
            print(rows[-1], file=sys.stderr, flush=True)
    columns = (
        "pair",
        "layers",
        "size",
        "called",
        "p",
        "seconds",
        "CPU seconds",
        "peak MB",
        "GB asked of the system",
        "GB from the disk",
    )
    table(columns, rows)
    for name, found in costs.items():
        if len(found) > 1:
            print(f"\n{name}: {grown(found)}")


def row(folder: Path, m: dict[str, Any]) -> tuple[str, ...]:
    """A comparison's figures."""
    size = sum(p.stat().st_size for p in folder.glob("*.safetensors")) / 1e9
    numbers = (f"{m['seconds']:.1f}", f"{m['cpu']:.1f}", f"{m['mb']:.0f}")
    read = (f"{m['asked']:.2f}", f"{m['disk']:.2f}")
    return (f"{size:.1f} GB each", m["relation"], f"{m['p']:.1e}", *numbers, *read)


def grown(found: list[tuple[int, float, float]]) -> str:
    """What layers cost, by a straight line through the depths that were measured, and how far the
    depths stray from it."""
    depth, cpu, mb = np.array(found, dtype=np.float64).T
    each, once = np.polyfit(depth, cpu, 1)
    off = float(np.max(np.abs(cpu - (once + each * depth))))
    more, least = np.polyfit(depth, mb, 1)
    return (
        f"{once:.1f} CPU seconds and {each:.1f} a layer (at most {off:.1f} off), eighty layers"
        f" {once + 80 * each:.0f}; {least:.0f} MB and {more:.0f} a layer, eighty layers"
        f" {least + 80 * more:.0f}"
    )


if __name__ == "__main__":
    main()

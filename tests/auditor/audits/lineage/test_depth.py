"""How many layers were kept, and which: copies of one layer, and layers from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audits.lineage.map_of_parts import blocks
from auditor.audits.lineage.records import PartOrigin, WeightComparison
from auditor.audits.lineage.report import section
from auditor.audits.lineage.run import lineages
from auditor.labs.zoo.llama import EMBEDDING, HEAD, Llama, read_llama
from auditor.reporting.charts import Mosaic
from auditor.reporting.document import GridTable
from tests.auditor.audits.lineage.relatives import DISGUISE, base, copied, stored


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parents")
    return {name: base(folder / name, seed) for name, seed in (("a", 0), ("c", 23))}


def piled(models: dict[str, Path], layers: str) -> Llama:
    """Layers like "a0 c2", the rest of the first model."""
    parents = {name: read_llama(path) for name, path in models.items()}
    llama = parents["a"]
    out = {n: t for n, t in llama.tensors.items() if ".layers." not in n}
    for i, (who, of) in enumerate(layers.split()):
        for name, tensor in parents[who].tensors.items():
            if f".layers.{of}." in name:
                out[name.replace(f".{of}.", f".{i}.", 1)] = tensor.clone()
    return replace(llama, tensors=out, config={**llama.config, "num_hidden_layers": i + 1})


def told(suspect: Path, base_: Path) -> WeightComparison:
    (one,) = section(lineages(str(suspect), [str(base_)], digest=False)).comparisons
    return one


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("a0 c1", "depth-pruned: 1 of 3 layers, without layers 1, 2, besides 1 that is none of it"),
        ("a1 a1", "depth-pruned: 1 of 3 layers, without layers 0, 2, with layer 1 more than once"),
        ("a2 a0", "depth-pruned: 2 of 3 layers, without layer 1"),
        ("a0 a1 c0 c1 a2", "depth-grown: 5 layers of 3, 2 that are none of it"),
        ("a0 a0 a1 a2", "depth-grown: 4 layers of 3, with layer 0 more than once"),
    ],
)
def test_layers_from_elsewhere_are_not_counted_among_those_kept(
    models: dict[str, Path], tmp_path: Path, layers: str, said: str
) -> None:
    suspect = stored(piled(models, layers), tmp_path / "s", models["a"])
    assert said in told(suspect, models["a"]).kinds


def test_copies_of_one_layer_are_in_no_other_order(models: dict[str, Path], tmp_path: Path) -> None:
    twice = stored(piled(models, "a0 a0 a2"), tmp_path / "twice", models["a"])
    suspect = copied(twice, tmp_path / "s", *DISGUISE)
    found = told(suspect, twice)
    assert found.relation == "derived"
    assert not any("layers" in kind for kind in found.kinds)
    assert all(p.of in (None, p.layer) for p in found.parts)


def test_another_embedding_is_told_and_equality_is_not_claimed_of_it(
    models: dict[str, Path], tmp_path: Path
) -> None:
    other = read_llama(models["c"]).tensors
    suspect = copied(
        models["a"], tmp_path / "s", lambda m: m.changed({n: other[n] for n in (EMBEDDING, HEAD)})
    )
    found = told(suspect, models["a"])
    assert found.relation == "derived"
    assert found.kinds == (
        "another embedding",
        "another output layer",
        "otherwise equal in every number that was looked at",
    )


def test_a_base_that_is_called_open_is_no_open_cell() -> None:
    found = [
        PartOrigin(part="mlp", layer=0, base="open", state="kept", likeness=0.9),
        PartOrigin(part="mlp", layer=1, state="open"),
    ]
    (_, runs, *_) = (b for b in blocks(found, ["open"]) if isinstance(b, Mosaic | GridTable))
    assert isinstance(runs, GridTable)
    assert len(runs.rows) == 2


def test_a_stream_that_was_cut_is_not_called_rotated(
    models: dict[str, Path], tmp_path: Path
) -> None:
    def cut(llama: Llama) -> Llama:
        few = 24
        writes = ("o_proj.weight", "down_proj.weight")
        tensors = {
            name: (t[:few] if t.ndim == 1 or name.endswith(writes) else t[:, :few]).clone()
            for name, t in llama.tensors.items()
        }
        return replace(llama, tensors=tensors, config={**llama.config, "hidden_size": few})

    found = told(copied(models["a"], tmp_path / "s", cut), models["a"])
    assert found.relation == "derived"
    assert "residual stream of 24 coordinates instead of 32" in found.kinds
    assert not any("rotated" in kind for kind in found.kinds)

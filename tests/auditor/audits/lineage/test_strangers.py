"""What models that share no weight may have alike, and are not accused of: an order that was put
there, halves of units that are one and the same, numbers that were set to zero at one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from auditor.audits.lineage.records import RELATED, WeightComparison
from auditor.audits.lineage.report import section
from auditor.audits.lineage.run import lineages
from auditor.audits.lineage.screening import screened
from auditor.audits.lineage.sides import sampled
from auditor.audits.lineage.token_parts import MOST_TOKENS
from auditor.labs.zoo.llama import DOWN, EMBEDDING, GATE, OUTPUT, UP, VALUE, Llama, read_llama
from detectors.lineage.weight_alignment import assigned
from fingerprints.weights import open_weights
from fingerprints.weights.bases import BaseStore
from fingerprints.weights.signature import weight_signature
from tests.auditor.audits.lineage.relatives import DISGUISE, Step, base, copied, stored

WRITES = (f"{OUTPUT}.weight", f"{DOWN}.weight")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parents")
    return {name: base(folder / name, seed) for name, seed in (("a", 0), ("b", 11), ("c", 23))}


def told(suspect: Path, base_: Path) -> WeightComparison:
    (one,) = section(lineages(str(suspect), [str(base_)], digest=False)).comparisons
    return one


def ordered_like(like: Llama) -> Step:
    """Puts coordinates and units into the order in which they are most like another model's, which
    changes nothing that is computed: what is done before two models are merged."""

    def step(llama: Llama) -> Llama:
        a, b = (m.tensors[EMBEDDING] - m.tensors[EMBEDDING].mean(0) for m in (like, llama))
        alike = (a / a.norm(dim=0)).T @ (b / b.norm(dim=0))
        order = torch.from_numpy(assigned(alike.abs().numpy()))
        signs = torch.sign(alike[torch.arange(len(order)), order])
        out = {}
        for name, tensor in llama.tensors.items():
            if tensor.ndim == 1:
                out[name] = tensor[order]
            elif name.endswith(WRITES):
                out[name] = tensor[order] * signs[:, None]
            else:
                out[name] = tensor[:, order] * signs
        for layer in range(llama.layers):
            alike = _rows(like, like.tensors, layer, GATE) @ _rows(llama, out, layer, GATE).T
            alike += (_rows(like, like.tensors, layer, UP) @ _rows(llama, out, layer, UP).T).abs()
            units = torch.from_numpy(assigned(alike.numpy()))
            for part in (GATE, UP):
                out[llama.name(layer, part)] = out[llama.name(layer, part)][units]
            out[llama.name(layer, DOWN)] = out[llama.name(layer, DOWN)][:, units]
        return replace(llama, tensors=out)

    return step


def _rows(llama: Llama, tensors: dict[str, torch.Tensor], layer: int, part: str) -> torch.Tensor:
    gain = tensors[llama.name(layer, "post_attention_layernorm")]
    rows = tensors[llama.name(layer, part)] * gain
    return rows / rows.norm(dim=1, keepdim=True)


def test_a_stranger_that_was_put_in_the_bases_order_is_no_copy(
    models: dict[str, Path], tmp_path: Path
) -> None:
    suspect = copied(models["c"], tmp_path / "s", ordered_like(read_llama(models["a"])))
    for one in (told(suspect, models["a"]), told(models["a"], suspect)):
        assert one.p_holm is not None
        assert one.p_holm < 1e-3
        assert (one.relation, one.reason_code) == ("unclear", "order_alone")
        assert one.parts == one.kinds == ()


def test_a_copy_that_was_moved_far_keeps_more_than_an_order(
    models: dict[str, Path], tmp_path: Path
) -> None:
    def noisy(llama: Llama) -> Llama:
        random = torch.Generator().manual_seed(7)
        return llama.changed(
            {
                name: t + 1.5 * t.std() * torch.randn(t.shape, generator=random)
                for name, t in llama.tensors.items()
                if t.ndim == 2
            }
        )

    found = told(copied(models["a"], tmp_path / "s", noisy), models["a"])
    assert found.relation == "common_origin"
    assert found.likeness is not None
    assert found.likeness < 0.6


def gate_of_up(llama: Llama) -> Llama:
    """A plain MLP of squared units as a gated one: each gate is its up."""
    layers = range(llama.layers)
    return llama.changed(
        {llama.name(i, GATE): llama.tensors[llama.name(i, UP)].clone() for i in layers}
    )


def output_of_value(llama: Llama) -> Llama:
    """Each head writes where its values read."""
    out, each = {}, llama.heads // llama.groups
    for i in range(llama.layers):
        value = llama.tensors[llama.name(i, VALUE)].reshape(llama.groups, -1, llama.hidden)
        out[llama.name(i, OUTPUT)] = (
            value.repeat_interleave(each, 0).reshape(-1, llama.hidden).T.clone()
        )
    return llama.changed(out)


@pytest.mark.parametrize("tied", [gate_of_up, output_of_value])
def test_strangers_whose_halves_are_one_do_not_agree(
    models: dict[str, Path], tmp_path: Path, tied: Step
) -> None:
    suspect, other = (copied(models[name], tmp_path / name, tied) for name in ("c", "a"))
    found = told(suspect, other)
    assert found.relation == "independent"
    hidden = copied(other, tmp_path / "hidden", *DISGUISE)
    assert told(hidden, other).relation in RELATED


def zeroed(*places: int) -> Step:
    """Sets coordinates of the stream to zero, as pruning by their number does."""

    def step(llama: Llama) -> Llama:
        out, some = {}, list(places)
        for name, tensor in llama.tensors.items():
            moved = tensor.clone()
            if tensor.ndim == 2 and not name.endswith(WRITES):
                moved[:, some] = 0
            else:
                moved[some] = 0
            out[name] = moved
        return llama.changed(out)

    return step


def test_coordinates_that_are_zero_in_both_stand_in_no_order(
    models: dict[str, Path], tmp_path: Path
) -> None:
    few = zeroed(*range(12))
    found = told(copied(models["c"], tmp_path / "s", few), copied(models["a"], tmp_path / "b", few))
    assert found.reason_code != "sorted_units"
    (at,) = (t for t in found.tests if t.name == "order of residual coordinates")
    assert at.n == 20
    assert at.effect < 0.5


def wide(seed: int) -> dict[str, torch.Tensor]:
    """A Llama's tensors of 96 coordinates, random."""
    random = torch.Generator().manual_seed(seed)
    shapes = {"embed_tokens": (320, 96), "norm": (96,)}
    for i in range(2):
        shapes |= {
            f"layers.{i}.{n}": (96,) for n in ("input_layernorm", "post_attention_layernorm")
        }
        shapes |= {f"layers.{i}.self_attn.{n}_proj": (96, 96) for n in "qkvo"}
        shapes |= {f"layers.{i}.mlp.{n}_proj": (256, 96) for n in ("gate", "up")}
        shapes[f"layers.{i}.mlp.down_proj"] = (96, 256)
    return {
        f"model.{name}.weight": torch.rand(shape, generator=random) + 0.5
        if len(shape) == 1
        else torch.randn(shape, generator=random)
        for name, shape in shapes.items()
    }


def two_of_four(rows: torch.Tensor) -> torch.Tensor:
    """Rounded to three bits, then the two smallest of every four numbers set to zero; of equal ones
    the first, as a sort has it."""
    step = rows.abs().amax(dim=1, keepdim=True) / 3
    fours = (torch.round(rows / step) * step).reshape(len(rows), -1, 4)
    least = torch.argsort(fours.abs(), dim=2, stable=True)[:, :, :2]
    return fours.scatter(2, least, 0).reshape(rows.shape)


def some_to_zero(rows: torch.Tensor) -> torch.Tensor:
    """Columns to zero that depend on their number alone."""
    out = rows.clone()
    out[:, torch.randperm(96, generator=torch.Generator().manual_seed(3))[:24]] = 0
    return out


@pytest.mark.parametrize("pruned", [two_of_four, some_to_zero])
def test_strangers_pruned_by_one_pattern_share_no_order_by_signature(
    models: dict[str, Path],
    tmp_path: Path,
    pruned: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    config = {
        **read_llama(models["a"]).config,
        **{"hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 2},
        **{"num_attention_heads": 6, "num_key_value_heads": 6, "head_dim": 16},
        "tie_word_embeddings": True,
    }
    marks = {}
    for name, seed in (("x", 1), ("y", 2)):
        tensors = {n: pruned(t) if t.shape[-1] == 96 and t.ndim == 2 else t
                   for n, t in wide(seed).items()}  # fmt: skip
        path = stored(Llama(config, tensors), tmp_path / name, models["a"])
        with open_weights(str(path)) as weights:
            marks[name] = weight_signature(weights, name, digest=False)
    store = BaseStore.create(tmp_path / "store")
    for mark in marks.values():
        store.add(mark)
    found = {t.base: t.relation for t in screened(marks["x"], store, 1e-3)}
    assert found == {"x": "common_origin", "y": "unclear"}


def test_a_copy_is_found_though_strangers_stand_where_layers_are_looked_at(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """Layers that come from nowhere and do next to nothing, put at the evenly spread places; the
    embedding moved, so that it tells nothing."""
    parent, other = read_llama(models["a"]), read_llama(models["c"])
    dead, count = set(sampled(16, 8).tolist()), 16
    out = {n: t for n, t in parent.tensors.items() if ".layers." not in n}
    out[EMBEDDING] = (
        out[EMBEDDING]
        + torch.randn(out[EMBEDDING].shape, generator=torch.Generator().manual_seed(99))
        * 0.6
        * out[EMBEDDING].std()
    )
    for i in range(count):
        source, of = (other, i % 3) if i in dead else (parent, i % 3)
        for name, tensor in source.tensors.items():
            if f".layers.{of}." in name:
                small = 1e-3 if i in dead and name.endswith(WRITES) else 1.0
                out[name.replace(f".{of}.", f".{i}.", 1)] = tensor * small
    piled = replace(parent, tensors=out, config={**parent.config, "num_hidden_layers": count})
    plain = stored(piled, tmp_path / "plain", models["a"])
    found = told(copied(plain, tmp_path / "s", *DISGUISE), models["a"])
    assert found.relation == "derived_in_part"


def test_a_vocabulary_of_millions_is_not_looked_through(
    models: dict[str, Path], tmp_path: Path
) -> None:
    parent = read_llama(models["a"])
    rows = torch.zeros(MOST_TOKENS + 1, parent.hidden, dtype=torch.bfloat16)
    large = parent.changed({EMBEDDING: rows}, vocab_size=len(rows), tie_word_embeddings=True)
    tensors = {n: t for n, t in large.tensors.items() if n != "lm_head.weight"}
    claims = stored(replace(large, tensors=tensors), tmp_path / "b", models["a"])
    found = told(models["a"], claims)
    assert found.relation == "derived"
    assert [p.state for p in found.parts if p.part == "embedding"] == ["open"]

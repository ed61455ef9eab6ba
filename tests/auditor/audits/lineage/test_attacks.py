"""Lineage against its adversaries: no kinship is made up by sorting or repeating, none is hidden
by what costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.records import WeightComparison
from auditor.audits.lineage.repeats import repeats, together
from auditor.audits.lineage.run import lineages, opened
from auditor.audits.lineage.units import Pairing
from auditor.cli import run
from auditor.labs.zoo.disguise import Nothing, permute_units, rotate_residual
from auditor.labs.zoo.llama import DOWN, GATE, UP, Llama
from detectors.lineage.independence import fisher, order
from fingerprints.errors import MalformedInput
from tests.auditor.audits.lineage.relatives import base, copied, nudged
from tests.fingerprints.weights.built import family


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("attacks")
    made = {"base": base(folder / "base"), "other": base(folder / "other", seed=11)}
    made["tuned"] = nudged(made["base"], folder / "tuned", 0.2)
    return made


def told(suspect: Path, *bases: Path) -> list[WeightComparison]:
    return [j.told for j in lineages(str(suspect), [str(b) for b in bases], digest=False).judged]


def tended(llama: Llama) -> Llama:
    """Units sorted by size, the large ones leaning one way, as trained units do: two strangers
    then seem in one order."""
    out = {}
    lean = torch.randn(llama.hidden, generator=torch.Generator().manual_seed(5))
    for layer in range(llama.layers):
        up, gate, down = (llama.tensors[llama.name(layer, part)] for part in (UP, GATE, DOWN))
        share = torch.linspace(0, 1.5, llama.units)[:, None]
        size = 0.2 * (1 + share)
        out[llama.name(layer, UP)] = size * (up / up.std() + share * lean)
        out[llama.name(layer, GATE)] = size * (gate / gate.std() + share * lean)
        out[llama.name(layer, DOWN)] = down
    return llama.changed(out)


def test_strangers_whose_units_were_sorted_are_no_kin(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """The embedding is shared, so that the direction means the same in both; the hidden units
    are not."""
    from auditor.labs.zoo.llama import EMBEDDING, read_llama

    shared = read_llama(models["base"]).tensors[EMBEDDING]
    one = copied(models["base"], tmp_path / "one", tended)
    two = copied(
        models["other"], tmp_path / "two", tended, lambda m: m.changed({EMBEDDING: shared})
    )
    (judged,) = lineages(str(one), [str(two)], digest=False).judged
    assert judged.found is not None
    assert judged.found.unit_p is not None
    assert fisher([p.order.p for p in judged.found.pairings]) < 1e-6
    assert judged.found.unit_p > 1e-3
    assert judged.told.kinds == (
        "the embedding has the base's coordinates; the hidden units have not been seen to",
    )


def test_one_broken_base_leaves_the_others_compared(
    models: dict[str, Path], tmp_path: Path
) -> None:
    def broken(llama: Llama) -> Llama:
        name = llama.name(1, UP)
        tensor = llama.tensors[name].clone()
        tensor[0, 0] = float("nan")
        return llama.changed({name: tensor})

    bad = copied(models["base"], tmp_path / "bad", broken)
    found = told(models["tuned"], bad, models["base"], models["other"])
    assert [t.relation for t in found] == ["not_compared", "derived", "independent"]
    assert "NaN" in found[0].reason
    with pytest.raises(MalformedInput, match="NaN"):
        told(models["tuned"], bad)
    with pytest.raises(MalformedInput, match="NaN"):
        told(bad, models["base"], models["other"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_norms_that_are_no_numbers_are_named(
    models: dict[str, Path], tmp_path: Path, value: float
) -> None:
    def broken(llama: Llama) -> Llama:
        name = "model.layers.1.post_attention_layernorm.weight"
        tensor = llama.tensors[name].clone()
        tensor[3] = value
        return llama.changed({name: tensor})

    bad = copied(models["tuned"], tmp_path / "bad", broken)
    with pytest.raises(MalformedInput, match="post_attention_layernorm"):
        told(bad, models["base"])
    store = tmp_path / "bases"
    assert run(["bases", "add", str(models["base"]), "--store", str(store)]) == 0
    assert run(["bases", "add", str(bad), "--store", str(store)]) == 3


def test_numbers_near_the_limits_of_their_format_change_nothing(
    models: dict[str, Path], tmp_path: Path
) -> None:
    huge = copied(
        models["tuned"],
        tmp_path / "huge",
        lambda m: m.changed({n: t * 1e30 for n, t in m.tensors.items() if t.ndim == 2}),
    )
    (found,) = told(huge, models["base"])
    assert found.relation == "derived"
    (found,) = told(huge, models["other"])
    assert found.relation in ("independent", "none_found")


def test_units_that_are_all_one_say_nothing(models: dict[str, Path], tmp_path: Path) -> None:
    flat = copied(
        models["base"],
        tmp_path / "flat",
        lambda m: m.changed({n: torch.ones_like(t) for n, t in m.tensors.items()}),
    )
    (found,) = told(flat, models["other"])
    assert found.relation == "unclear"
    assert "can't be told from each other" in found.reason


def test_a_rotated_copy_whose_tokens_nobody_can_tell_is_found_by_its_units(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """Its tokenizer was dropped, its vocabulary shuffled: neither embedding nor order is left."""
    from auditor.labs.zoo.llama import EMBEDDING, HEAD

    def shuffled(llama: Llama) -> Llama:
        tokens = torch.randperm(
            llama.tensors[EMBEDDING].shape[0], generator=torch.Generator().manual_seed(1)
        )
        return llama.changed({n: llama.tensors[n][tokens] for n in (EMBEDDING, HEAD)})

    steps = (
        lambda m: rotate_residual(m, Nothing(), 1),
        lambda m: permute_units(m, Nothing(), 1),
        shuffled,
    )
    hidden = copied(models["base"], tmp_path / "hidden", *steps)
    (hidden / "tokenizer.json").unlink()
    (found,) = told(hidden, models["base"])
    assert found.relation == "derived"
    assert not any(t.exact for t in found.tests if t.p < 1e-3)


def test_token_numbers_that_no_model_has_are_left_out(
    models: dict[str, Path], tmp_path: Path
) -> None:
    odd = nudged(models["base"], tmp_path / "odd", 0.1)
    path = odd / "tokenizer.json"
    value = json.loads(path.read_text("utf-8"))
    value["model"]["vocab"] |= {"zz": -5, "yy": 10**30, "xx": -(10**30)}
    value.setdefault("added_tokens", []).append({"content": "ww", "id": -(10**40)})
    path.write_text(json.dumps(value), "utf-8")
    assert [t.relation for t in told(odd, models["base"])] == ["derived"]


@pytest.mark.parametrize(("hidden", "units"), [(8, 32), (32, 8), (8, 8)])
def test_models_too_small_for_a_test_are_told_as_such(
    tmp_path: Path, hidden: int, units: int
) -> None:
    from tests.fingerprints.weights.built import saved

    saved(
        tmp_path / "tiny",
        3,
        hidden_size=hidden,
        intermediate_size=units,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    code = run(
        ["lineage", str(tmp_path / "tiny"), str(tmp_path / "tiny"), "--out", str(tmp_path / "out")]
    )
    assert code == 0


def test_a_constant_in_every_row_hides_nothing_where_norms_take_it_away(tmp_path: Path) -> None:
    """Layer norms subtract the mean: what is added to a whole row, or to all that a unit writes,
    is never seen by the model."""
    from transformers import AutoModelForCausalLM

    family("gpt2", tmp_path / "gpt2", n_embd=64)
    model = AutoModelForCausalLM.from_pretrained(
        str(tmp_path / "gpt2"), local_files_only=True
    ).double()
    ids = torch.arange(20)[None]
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        before = model(ids).logits
        for block in model.transformer.h:
            gain, shift = (
                block.ln_2.weight,
                20 * torch.randn(block.mlp.c_fc.weight.shape[1], generator=random).double(),
            )
            block.mlp.c_fc.weight += shift[None, :] / gain[:, None]
            block.mlp.c_fc.bias -= (block.ln_2.bias / gain).sum() * shift
            block.mlp.c_proj.weight += (
                5 * torch.randn(block.mlp.c_proj.weight.shape[0], 1, generator=random).double()
            )
        assert torch.allclose(model(ids).logits, before, atol=1e-6)
    model.float().save_pretrained(tmp_path / "hidden")
    (found,) = told(tmp_path / "hidden", tmp_path / "gpt2")
    assert found.relation == "derived"
    assert found.likeness is not None
    assert found.likeness > 0.99


def test_copies_within_both_models_count_once(models: dict[str, Path], tmp_path: Path) -> None:
    """Experts from one dense MLP share an order; were each one counted, a small p-value would be
    raised to its power."""

    def grown(llama: Llama) -> Llama:
        """Every layer is the first one, a little moved."""
        random = torch.Generator().manual_seed(2)
        parts = [(UP, 1), (GATE, 1), (DOWN, 1)]
        out = {}
        for layer in range(llama.layers):
            for part, _ in parts:
                tensor = llama.tensors[llama.name(0, part)]
                out[llama.name(layer, part)] = tensor + 0.3 * tensor.std() * torch.randn(
                    tensor.shape, generator=random
                )
        return llama.changed(out)

    one, two = (copied(models[n], tmp_path / n, grown) for n in ("base", "other"))
    with (
        opened("one", str(one)) as a,
        opened("two", str(two)) as b,
        opened("plain", str(models["other"])) as c,
    ):
        assert a.side is not None
        assert b.side is not None
        assert c.side is not None
        blocks = [(i, 0) for i in range(3)]
        assert repeats(a.side, blocks).all()
        assert not repeats(c.side, blocks)[~np.eye(3, dtype=bool)].any()
        some = np.zeros(16, dtype=np.float32)
        told = np.ones(16, dtype=np.bool_)
        near = NearestUnits(*[np.arange(16)] * 4, *[some] * 4, gated=True, told=told)
        pairings = [Pairing(i, i, near, order(np.arange(16))) for i in range(3)]
        assert len(together(a.side, b.side, pairings)) == 1
        assert len(together(a.side, c.side, pairings)) == 3


def test_signatures_of_sorted_strangers_are_no_kin(models: dict[str, Path], tmp_path: Path) -> None:
    def by_size(llama: Llama) -> Llama:
        out = {}
        for layer in range(llama.layers):
            places = llama.tensors[llama.name(layer, GATE)].norm(dim=1).argsort()
            for part in (GATE, UP):
                out[llama.name(layer, part)] = llama.tensors[llama.name(layer, part)][places]
            out[llama.name(layer, DOWN)] = llama.tensors[llama.name(layer, DOWN)][:, places]
        return llama.changed(out)

    one, two = (copied(models[n], tmp_path / n, by_size) for n in ("base", "other"))
    store = tmp_path / "bases"
    assert run(["bases", "add", f"two={two}", "--store", str(store)]) == 0
    (found,) = lineages(str(one), [], store=store, digest=False).told
    assert found.relation == "unclear"
    assert "sorting units" in found.reason

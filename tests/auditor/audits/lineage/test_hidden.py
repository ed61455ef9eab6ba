"""Copies that keep a part only, or keep it elsewhere: found in every disguise, and told part by
part; nobody who shares nothing is accused, or cleared by tests that could not have seen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.audits.lineage import power
from auditor.audits.lineage.glance import glance
from auditor.audits.lineage.heads import whole
from auditor.audits.lineage.narrative import lineage_told
from auditor.audits.lineage.origins import origins
from auditor.audits.lineage.parts import layers_told
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.records import RELATED, WeightComparison
from auditor.audits.lineage.report import report_of
from auditor.audits.lineage.run import Lineages, lineages, opened
from auditor.labs.zoo.disguise import Nothing
from auditor.labs.zoo.graft import Graft, GraftedPart, LayerOrder, graft, renew_embedding
from auditor.labs.zoo.graft import reorder_layers as reordered
from auditor.labs.zoo.llama import EMBEDDING, HEAD, Llama, read_llama
from tests.auditor.audits.lineage.relatives import DISGUISE, Step, base, copied
from tests.fingerprints.subjects.tiny import edit_json

UNSHARED = (EMBEDDING, HEAD)


def shifted(llama: Llama) -> Llama:
    return reordered(llama, LayerOrder(shift=1), 0)


def renewed(llama: Llama) -> Llama:
    return renew_embedding(llama, Nothing(), 5)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hidden")
    return {name: base(folder / name, seed) for seed, name in ((0, "base"), (11, "other"))}


def grafted(models: dict[str, Path], *parts: GraftedPart, layers: tuple[int, ...] = ()) -> Step:
    """The base with parts of the other model in their places."""
    other = read_llama(models["other"])
    return lambda llama: graft([llama, other], Graft(parts=parts, layers=layers), 0)


def compared(suspect: Path, *bases: Path) -> Lineages:
    return lineages(str(suspect), [str(b) for b in bases], digest=False)


CASES: dict[str, Callable[[dict[str, Path]], tuple[Step, ...]]] = {
    "shifted": lambda m: (shifted,),
    "every second layer": lambda m: (grafted(m, "attention", "mlp", layers=(1,)),),
    "new embedding": lambda m: (renewed,),
    "shifted, new embedding": lambda m: (shifted, renewed),
    "attention and embedding": lambda m: (grafted(m, "mlp"),),
    "MLPs alone": lambda m: (grafted(m, "attention", "embedding"),),
}


@pytest.mark.parametrize("dressed", [False, True], ids=["plain", "disguised"])
@pytest.mark.parametrize("case", CASES)
def test_what_keeps_a_part_or_keeps_it_elsewhere_is_found(
    models: dict[str, Path], tmp_path: Path, case: str, dressed: bool
) -> None:
    steps = (*CASES[case](models), *(DISGUISE if dressed else ()))
    (judged,) = compared(copied(models["base"], tmp_path / "copy", *steps), models["base"]).judged
    if dressed and case == "attention and embedding":
        # A dozen heads of eight dimensions are too few for more: it is at least never cleared.
        assert judged.told.relation != "independent"
        return
    assert judged.told.relation in RELATED
    assert judged.told.p_holm is not None
    assert judged.told.p_holm < 1e-6


def trained_on(llama: Llama) -> Llama:
    """Every matrix moved by noise, to a likeness of 0.73: as far as continued pretraining goes."""
    random = torch.Generator().manual_seed(8)
    moved = {
        name: t + 0.93 * t.std(dim=1, keepdim=True) * torch.randn(t.shape, generator=random)
        for name, t in llama.tensors.items()
        if t.ndim == 2
    }
    return llama.changed(moved)


@pytest.mark.parametrize("kept", ["attention", "mlp"])
def test_a_part_that_was_trained_on_at_length_is_found_in_full_disguise(
    models: dict[str, Path], tmp_path: Path, kept: GraftedPart
) -> None:
    lost: list[GraftedPart] = [p for p in ("attention", "mlp", "embedding") if p != kept]
    steps = (trained_on, grafted(models, *lost), shifted, *DISGUISE)
    (judged,) = compared(copied(models["base"], tmp_path / "copy", *steps), models["base"]).judged
    assert judged.told.relation in RELATED
    assert judged.told.p_holm is not None
    assert judged.told.p_holm < 1e-6
    states = {(p.part, p.layer): (p.state, p.of) for p in judged.told.parts}
    assert [states[kept, i] for i in range(3)] == [("kept", 2), ("kept", 0), ("kept", 1)]


def test_nobody_is_cleared_where_a_part_alone_could_hide(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "attention_alone", lambda *_: 1.0)
    (judged,) = compared(models["other"], models["base"]).judged
    assert (judged.told.relation, judged.told.reason_code) == ("none_found", "part_too_weak")
    assert judged.told.power is not None
    assert judged.told.power.missed == ("attention",)


def test_layers_that_moved_are_told_with_their_places(
    models: dict[str, Path], tmp_path: Path
) -> None:
    (judged,) = compared(copied(models["base"], tmp_path / "copy", shifted), models["base"]).judged
    assert judged.told.relation == "derived"
    places = {(p.part, p.layer): p.of for p in judged.told.parts if p.layer is not None}
    assert [places["mlp", i] for i in range(3)] == [2, 0, 1]
    assert [places["attention", i] for i in range(3)] == [2, 0, 1]


def test_every_part_of_a_model_of_two_parents_is_told_with_its_own(
    models: dict[str, Path], tmp_path: Path
) -> None:
    both = copied(models["base"], tmp_path / "both", grafted(models, "mlp", layers=(1,)))
    found = compared(both, models["base"], models["other"])
    assert [j.told.relation for j in found.judged] == ["derived_in_part", "derived_in_part"]
    whose = {(o.part, o.layer): o.base for o in origins(found.told) if not o.part.endswith("_norm")}
    assert whose == {
        ("embedding", None): "base",
        ("head", None): "base",
        **{("attention", i): "base" for i in range(3)},
        ("mlp", 0): "base",
        ("mlp", 1): "other",
        ("mlp", 2): "base",
    }


def test_a_part_that_nobody_has_is_told_as_nobodys() -> None:
    told = WeightComparison.model_validate(
        {
            "base": "a",
            "spec": "hf:a",
            "relation": "derived_in_part",
            "parts": [{"part": "mlp", "layer": 0, "state": "other", "likeness": 0.3}],
        }
    )
    (origin,) = origins([told])
    assert (origin.base, origin.state, origin.likeness) == (None, "other", None)


def test_strangers_are_independent_only_with_the_power_to_see_a_copy(
    models: dict[str, Path], tmp_path: Path
) -> None:
    (apart,) = compared(models["other"], models["base"]).judged
    assert apart.told.relation == "independent"
    assert apart.told.power is not None
    assert apart.told.power.found
    assert {p.part: p.found for p in apart.told.power.parts} == {"mlp": True, "attention": True}
    few = base(tmp_path / "few", 12)
    (few / "tokenizer.json").unlink()
    (open_,) = compared(few, models["base"]).judged
    assert (open_.told.relation, open_.told.reason_code) == ("none_found", "tokens_untold")


def test_runs_of_layers_are_told_as_such() -> None:
    assert layers_told([0, 1, 2, 5]) == "layers 0 to 2, 5"
    assert layers_told([4]) == "layer 4"


def half_read(source: Path, folder: Path) -> Path:
    """The same model, the attention of whose first layer is of another kind."""
    shutil.copytree(source, folder)
    file = folder / "model.safetensors"
    told = {
        name.replace("layers.0.self_attn.", "layers.0.linear_attn."): tensor
        for name, tensor in load_file(file).items()
    }
    save_file(told, file)
    return folder


def test_nobody_is_cleared_of_layers_whose_attention_was_not_looked_at(
    models: dict[str, Path], tmp_path: Path
) -> None:
    hybrid = half_read(models["other"], tmp_path / "hybrid")
    for one, two in ((hybrid, models["base"]), (models["base"], hybrid)):
        found = compared(one, two)
        (judged,) = found.judged
        assert judged.told.relation == "none_found"
        assert judged.told.reason_code == "attention_unread"
        assert lineage_told(found)[0] == "inconclusive"


def of_experts(source: Path, folder: Path, count: int) -> Path:
    """The same model, its MLP the first of so many experts, the others drawn anew."""
    shutil.copytree(source, folder)
    file, out = folder / "model.safetensors", dict[str, torch.Tensor]()
    words = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
    random = torch.Generator().manual_seed(3)
    for name, tensor in load_file(file).items():
        stem, _, rest = name.partition(".mlp.")
        if not rest:
            out[name] = tensor
            continue
        for i in range(count):
            drawn = torch.randn(tensor.shape, generator=random) * tensor.std()
            word = words[rest.removesuffix(".weight")]
            out[f"{stem}.block_sparse_moe.experts.{i}.{word}.weight"] = drawn if i else tensor
    save_file(out, file)
    edit_json(folder / "config.json", model_type="mixtral", num_local_experts=count)
    return folder


def test_nobody_is_cleared_of_experts_that_were_not_looked_at(
    models: dict[str, Path], tmp_path: Path
) -> None:
    few, many = (of_experts(models["other"], tmp_path / str(n), n) for n in (4, 5))
    told = [judged.told for m in (few, many) for judged in compared(m, models["base"]).judged]
    assert [t.relation for t in told] == ["independent", "none_found"]
    assert told[1].reason_code == "experts_unread"


def test_a_mixture_that_was_grown_from_a_dense_model_is_told_as_one(
    models: dict[str, Path], tmp_path: Path
) -> None:
    grown = of_experts(models["base"], tmp_path / "grown", 4)
    (judged,) = compared(grown, models["base"]).judged
    assert judged.told.relation == "derived_in_part"
    assert "mixture of experts: 4 MLPs in a layer instead of 1" in judged.told.kinds


def test_layers_that_are_left_out_of_a_comparison_clear_nobody(models: dict[str, Path]) -> None:
    with opened("m", str(models["base"])) as one:
        assert one.side is not None
        assert whole(one.side)
        assert not whole(replace(one.side, anatomy=replace(one.side.anatomy, left_out=1)))


def test_a_base_that_was_not_compared_keeps_the_answer_open(
    models: dict[str, Path], tmp_path: Path
) -> None:
    odd = tmp_path / "odd"
    shutil.copytree(models["base"], odd)
    told = (odd / "config.json").read_text().replace('"llama"', '"mamba"')
    (odd / "config.json").write_text(told)
    conclusion, sentence = lineage_told(compared(models["other"], models["base"], odd))
    assert conclusion == "inconclusive"
    assert sentence.endswith("Of odd, whose weights could not be compared, nothing is said.")
    assert "of residual coordinates and within attention heads is as in unrelated" in sentence
    assert "up to a change of 27%" in sentence
    assert "its attention alone and one that kept its MLPs alone, in the same" in sentence
    (line,) = glance(
        report_of(compared(models["other"], models["base"], odd), plan_of(models, odd))
    ).lines
    assert line.status == "inconclusive"
    shown = "".join(s if isinstance(s, str) else s.text for s in line.told)
    assert shown.startswith("As a whole, its weights are independent of those of base")
    assert shown.endswith("of those of odd nothing is said.")


def plan_of(models: dict[str, Path], *more: Path) -> LineagePlan:
    bases = (str(models["base"]), *map(str, more))
    return LineagePlan.make({"suspect": str(models["other"]), "bases": bases})

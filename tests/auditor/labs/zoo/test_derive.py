"""Derived checkpoints: what keeps the function keeps it, what does not changes it, and every
copy is an ordinary checkpoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from auditor.labs.zoo.derivation import read_derivation
from auditor.labs.zoo.derive import KINDS, derive
from fingerprints.errors import AuditError, MalformedInput, UsageProblem
from fingerprints.records import Probe, Request
from fingerprints.subjects import open_subject
from fingerprints.subjects.library import quiet
from tests.auditor.labs.zoo.ancestors import ANCESTORS, ancestor
from tests.fingerprints.subjects.tiny import edit_json

TOKENS = torch.randint(0, 320, (3, 24), generator=torch.Generator().manual_seed(7))
FACED: dict[str, dict[str, Any]] = {
    "rescale_units": {"signs": True},
    "quantise": {"bits": 4},
    "reorder_layers": {"shift": 1},
    "graft": {"layers": (1,)},
}
DISGUISES = [name for name, kind in KINDS.items() if kind.keeps_function and name != "copy"]
RANDOM = [*DISGUISES, "extend_vocabulary", "noise", "renew_embedding"]
DEAR = ["recast", "repeat_layers", "prune_units"]
"""A config of one's own costs a look at the tokenizer in a child process; two such kinds are
enough every time."""
CHANGES = [
    "drop_layers",
    "repeat_layers",
    "prune_units",
    "quantise",
    "noise",
    "recast",
    "merge_linear",
    "merge_slerp",
    "reorder_layers",
    "renew_embedding",
    "graft",
]


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parents")
    named = {name: ancestor(folder / name, name) for name in ANCESTORS}
    return {**named, "other": ancestor(folder / "other", "untied", seed=9)}


def logits(folder: Path) -> Tensor:
    with quiet(), torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True
        ).eval()
        return model(TOKENS).logits  # type: ignore[no-any-return]


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def sources(parents: dict[str, Path], kind: str) -> Path | list[Path]:
    return [parents["untied"], parents["other"]] if KINDS[kind].several else parents["untied"]


@pytest.mark.parametrize("name", ANCESTORS)
@pytest.mark.parametrize("kind", DISGUISES)
def test_a_disguise_keeps_the_function_and_moves_every_layers_weights(
    parents: dict[str, Path], tmp_path: Path, kind: str, name: str
) -> None:
    derivation = derive(parents[name], kind, tmp_path / "copy", seed=3, **FACED.get(kind, {}))
    before, after = logits(parents[name]), logits(tmp_path / "copy")
    assert derivation.keeps_function
    assert before.std() > 0.5
    assert (before - after).abs().max() < 1e-4
    old, new = weights(parents[name]), weights(tmp_path / "copy")
    part = "self_attn.o_proj" if kind == "permute_heads" else "mlp.up_proj"
    moved = [f"model.layers.{layer}.{part}.weight" for layer in range(3)]
    assert all((old[m] - new[m]).abs().max() > 0.05 for m in moved)


@pytest.mark.parametrize("kind", CHANGES)
def test_what_loses_or_mixes_weights_changes_the_function(
    parents: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    derivation = derive(sources(parents, kind), kind, tmp_path / "copy", **FACED.get(kind, {}))
    assert not derivation.keeps_function
    assert (logits(parents["untied"]) - logits(tmp_path / "copy")).abs().max() > 1e-3


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in DEAR else ()) for kind in KINDS]
)
def test_every_copy_opens_as_a_subject_and_speaks(
    parents: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    derivation = derive(sources(parents, kind), kind, tmp_path / "copy", **FACED.get(kind, {}))
    assert read_derivation(tmp_path / "copy") == derivation
    if kind != "copy":
        (
            tmp_path / "copy" / "derivation.json"
        ).unlink()  # without it, copies of one config share that look
    with open_subject(f"hf:{tmp_path / 'copy'},dtype=float32") as subject:
        assert subject.identity.weights_sha256 == derivation.weights_sha256
        assert subject.identity.template == "model"
        (reply,) = subject.generate([Request(probe=Probe(id="a", text="Who?"), max_tokens=4)])
    assert reply.tokens_out


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_bytes_and_the_record_names_no_folder_of_this_machine(
    parents: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    source = (
        parents["wide_heads"] if kind == "permute_heads" else sources(parents, kind)
    )  # two heads have one other order
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        derive(source, kind, tmp_path / name, seed=seed, **FACED.get(kind, {}))
    one, same, other = (
        {p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "same", "other")
    )
    assert one == same
    assert (one["model.safetensors"] != other["model.safetensors"]) == (kind in RANDOM)
    assert str(parents["untied"].parent).encode() not in one["derivation.json"]


def test_a_chain_of_copies_is_told_by_digests(parents: dict[str, Path], tmp_path: Path) -> None:
    first = derive(parents["untied"], "permute_units", tmp_path / "first")
    second = derive(tmp_path / "first", "rotate_residual", tmp_path / "second")
    assert (
        second.parents[0].weights_sha256 == first.weights_sha256 != first.parents[0].weights_sha256
    )
    assert (logits(parents["untied"]) - logits(tmp_path / "second")).abs().max() < 1e-4


def test_a_plain_copy_has_its_parents_bytes(parents: dict[str, Path], tmp_path: Path) -> None:
    derivation = derive(parents["tied"], "copy", tmp_path / "copy")
    assert derivation.weights_sha256 == derivation.parents[0].weights_sha256
    for path in parents["tied"].iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes()


def test_a_rotation_unties_embeddings_only_where_the_last_norm_is_not_one(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    derive(parents["tied"], "rotate_residual", tmp_path / "copy")
    assert "lm_head.weight" in weights(tmp_path / "copy")
    assert (
        json.loads((tmp_path / "copy" / "config.json").read_text("utf-8"))["tie_word_embeddings"]
        is False
    )
    plain = shutil.copytree(parents["tied"], tmp_path / "plain")
    tensors = weights(plain)
    save_file(
        {**tensors, "model.norm.weight": torch.ones(32)},
        plain / "model.safetensors",
        metadata={"format": "pt"},
    )
    derive(plain, "rotate_residual", tmp_path / "still")
    assert "lm_head.weight" not in weights(tmp_path / "still")
    assert (logits(plain) - logits(tmp_path / "still")).abs().max() < 1e-4


def test_a_head_permutation_leaves_each_query_with_its_own_key(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    derive(parents["untied"], "permute_heads", tmp_path / "copy", seed=3)
    old, new = weights(parents["untied"]), weights(tmp_path / "copy")
    query, key = (
        [t[f"model.layers.1.self_attn.{p}_proj.weight"].unflatten(0, (-1, 8)) for t in (old, new)]
        for p in ("q", "k")
    )
    came_from = [next(i for i in range(2) if torch.equal(key[0][i], k)) for k in key[1]]
    for place, head in enumerate(query[1]):
        source = next(i for i in range(4) if torch.equal(query[0][i], head))
        assert source // 2 == came_from[place // 2]


def test_layers_are_dropped_and_repeated_as_named(parents: dict[str, Path], tmp_path: Path) -> None:
    derive(parents["untied"], "drop_layers", tmp_path / "less", layers=(0,))
    derive(parents["untied"], "repeat_layers", tmp_path / "more", layers=(1, 2))
    old, less, more = (
        weights(f) for f in (parents["untied"], tmp_path / "less", tmp_path / "more")
    )
    name = "model.layers.{}.mlp.up_proj.weight"
    for found, order in ((less, [1, 2]), (more, [0, 1, 2, 1, 2])):
        assert [
            torch.equal(found[name.format(i)], old[name.format(k)]) for i, k in enumerate(order)
        ] == [True] * len(order)
        assert name.format(len(order)) not in found


def test_by_default_the_layer_before_the_last_goes_and_the_middle_one_comes_twice(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    derive(parents["qwen2"], "drop_layers", tmp_path / "less")
    derive(parents["qwen2"], "repeat_layers", tmp_path / "more")
    old, less, more = (weights(f) for f in (parents["qwen2"], tmp_path / "less", tmp_path / "more"))
    name = "model.layers.{}.self_attn.q_proj.bias"
    assert torch.equal(less[name.format(1)], old[name.format(2)])
    assert torch.equal(more[name.format(1)], more[name.format(2)])
    assert (
        len(json.loads((tmp_path / "more" / "config.json").read_text("utf-8"))["layer_types"]) == 4
    )


def test_pruning_drops_the_units_that_count_least(parents: dict[str, Path], tmp_path: Path) -> None:
    faint = shutil.copytree(parents["untied"], tmp_path / "faint")
    tensors = weights(faint)
    for layer in range(3):
        tensors[f"model.layers.{layer}.mlp.down_proj.weight"][:, 5:21] *= 1e-9
    save_file(tensors, faint / "model.safetensors", metadata={"format": "pt"})
    derive(faint, "prune_units", tmp_path / "copy", keep=0.75)
    assert weights(tmp_path / "copy")["model.layers.0.mlp.up_proj.weight"].shape == (48, 32)
    assert (logits(faint) - logits(tmp_path / "copy")).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["tied", "untied"])
def test_new_tokens_get_rows_and_leave_the_old_ones_scores(
    parents: dict[str, Path], tmp_path: Path, name: str
) -> None:
    derive(parents[name], "extend_vocabulary", tmp_path / "copy", n=5)
    assert torch.allclose(logits(tmp_path / "copy")[..., :320], logits(parents[name]), atol=1e-4)
    assert logits(tmp_path / "copy").shape[-1] == 325
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path / "copy"))
    assert tokenizer("<|added_322|>").input_ids == [322]
    assert len(tokenizer) == 325


@pytest.mark.parametrize(("bits", "levels"), [(4, 7), (8, 127)])
def test_rounding_stays_within_half_a_step_on_few_levels(
    parents: dict[str, Path], tmp_path: Path, bits: int, levels: int
) -> None:
    derive(parents["untied"], "quantise", tmp_path / "copy", bits=bits)
    old, new = weights(parents["untied"]), weights(tmp_path / "copy")
    name = "model.layers.1.mlp.down_proj.weight"
    step = old[name].abs().amax(dim=1, keepdim=True) / levels
    off = (old[name] - new[name]).abs()
    assert (off <= step / 2 * (1 + 1e-5)).all()
    assert off.max() > 0
    assert len((new[name][0] / step[0]).round().unique()) <= 2 * levels + 1
    assert torch.equal(old["model.embed_tokens.weight"], new["model.embed_tokens.weight"])


def test_fewer_bits_are_further_from_the_parent_and_embeddings_are_rounded_when_asked(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    for bits in (4, 8):
        derive(parents["untied"], "quantise", tmp_path / str(bits), bits=bits, embeddings=bits == 4)
    parent, four, eight = (logits(f) for f in (parents["untied"], tmp_path / "4", tmp_path / "8"))
    assert (four - parent).abs().mean() > 3 * (eight - parent).abs().mean()
    assert not torch.equal(
        weights(tmp_path / "4")["lm_head.weight"], weights(parents["untied"])["lm_head.weight"]
    )


@pytest.mark.parametrize("kind", ["merge_linear", "merge_slerp"])
def test_a_merge_with_all_the_weight_on_one_parent_is_that_parent(
    parents: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    both = [parents["untied"], parents["other"]]
    for name, shares in (("first", (1, 0)), ("second", (0, 1))):
        derive(both, kind, tmp_path / name, weights=shares)
    for name, parent in zip(("first", "second"), both, strict=True):
        found, meant = weights(tmp_path / name), weights(parent)
        assert found.keys() == meant.keys()
        assert all(torch.equal(found[k], meant[k]) for k in meant)


def test_a_linear_merge_is_the_weighted_mean_and_slerp_keeps_the_length(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    both, name = [parents["untied"], parents["other"]], "model.layers.0.mlp.up_proj.weight"
    one, other = (weights(parent)[name] for parent in both)
    derive(both, "merge_linear", tmp_path / "mean", weights=(0.25, 0.75))
    assert torch.allclose(weights(tmp_path / "mean")[name], 0.25 * one + 0.75 * other, atol=1e-6)
    derive([both[0], both[1], both[0]], "merge_slerp", tmp_path / "arc", weights=(0.25, 0.5, 0.25))
    length = weights(tmp_path / "arc")[name].norm()
    assert length == pytest.approx(float((one.norm() + other.norm()) / 2), rel=0.02)
    assert length > 1.2 * ((one + other) / 2).norm()


def test_noise_has_the_size_that_was_asked_for(parents: dict[str, Path], tmp_path: Path) -> None:
    derive(parents["untied"], "noise", tmp_path / "copy", scale=0.1)
    old, new = weights(parents["untied"]), weights(tmp_path / "copy")
    name = "model.embed_tokens.weight"
    assert float((new[name] - old[name]).std() / old[name].std()) == pytest.approx(0.1, rel=0.05)


def test_a_copy_in_another_format_is_stored_in_it(parents: dict[str, Path], tmp_path: Path) -> None:
    derive(parents["untied"], "recast", tmp_path / "copy", dtype="bfloat16")
    assert {t.dtype for t in weights(tmp_path / "copy").values()} == {torch.bfloat16}
    derive(tmp_path / "copy", "rotate_residual", tmp_path / "turned")
    assert {t.dtype for t in weights(tmp_path / "turned").values()} == {torch.bfloat16}


def test_a_checkpoint_in_shards_is_read_whole(parents: dict[str, Path], tmp_path: Path) -> None:
    with quiet():
        model = AutoModelForCausalLM.from_pretrained(str(parents["untied"]), dtype=torch.float32)
        model.save_pretrained(str(tmp_path / "shards"), max_shard_size="40KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    for kind in ("copy", "permute_units"):
        derive(tmp_path / "shards", kind, tmp_path / kind)
        assert (logits(parents["untied"]) - logits(tmp_path / kind)).abs().max() < 1e-4


def test_an_earlier_copy_is_replaced_and_nothing_else_is(
    parents: dict[str, Path], tmp_path: Path
) -> None:
    derive(parents["untied"], "noise", tmp_path / "copy")
    derive(parents["untied"], "copy", tmp_path / "copy")
    assert read_derivation(tmp_path / "copy").kind == "copy"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", "utf-8")
    for out in (
        tmp_path / "mine",
        parents["untied"],
        parents["untied"] / "in",
        parents["untied"].parent,
    ):
        with pytest.raises(UsageProblem):
            derive(parents["untied"], "copy", out)
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("melt", {}, "unknown kind"),
        ("quantise", {"bits": 3}, "bits"),
        ("quantise", {"bit": 8}, "its settings: bits, embeddings"),
        ("rotate_residual", {"angle": 1}, "its settings: none"),
        ("drop_layers", {"n": 3}, "do not fit a model of 3"),
        ("drop_layers", {"layers": (0, 1, 2)}, "none would be left"),
        ("drop_layers", {"layers": (1, 1)}, "named twice"),
        ("repeat_layers", {"layers": (3,)}, "from 3 to 3"),
        ("prune_units", {"keep": 1.5}, "keep"),
        ("noise", {"seed": -1}, "not a seed"),
        ("merge_linear", {}, "two or more parents"),
    ],
)
def test_what_can_not_be_done_is_refused_in_one_line(
    parents: dict[str, Path], tmp_path: Path, kind: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageProblem, match=told) as caught:
        derive(parents["untied"], kind, tmp_path / "copy", **settings)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("second", "settings", "told"),
    [
        ("tied", {}, "shapes do not fit"),
        ("other", {"weights": (0.5, 0.6)}, "sum 1.1"),
        ("other", {"weights": (1.0,)}, "1 weights"),
    ],
)
def test_parents_and_weights_that_do_not_fit_are_refused(
    parents: dict[str, Path], tmp_path: Path, second: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageProblem, match=told):
        derive([parents["untied"], parents[second]], "merge_linear", tmp_path / "copy", **settings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
        ({"intermediate_size": 63}, "the config says"),
        ({"num_hidden_layers": 4}, "lacks"),
        ({"num_hidden_layers": 2}, "it holds"),
        ({"num_key_value_heads": 3}, "do not divide"),
        ({"hidden_size": None}, "lacks a size"),
    ],
)
def test_what_is_not_like_llama_is_refused(
    parents: dict[str, Path], tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    odd = shutil.copytree(parents["untied"], tmp_path / "odd")
    edit_json(odd / "config.json", **change)
    with pytest.raises(MalformedInput, match=told):
        derive(odd, "permute_units", tmp_path / "copy")


def test_a_missing_folder_and_a_record_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="no such checkpoint"):
        derive(tmp_path / "nowhere", "copy", tmp_path / "copy")
    with pytest.raises(MalformedInput, match="can't be read"):
        read_derivation(tmp_path)
    for text in ("{", '{"kind": 3}'):
        (tmp_path / "derivation.json").write_text(text, "utf-8")
        with pytest.raises(MalformedInput, match="no derivation"):
            read_derivation(tmp_path)


def test_a_full_disk_leaves_nothing_behind(
    parents: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("auditor.labs.zoo.llama.shutil.copyfile", full)
    with pytest.raises(AuditError, match="No space left") as caught:
        derive(parents["untied"], "permute_units", tmp_path / "copy")
    assert caught.value.exit_code == 7
    assert not list(tmp_path.iterdir())

"""Where names are nobody's, shapes tell kinds of tensors, and what they leave open is left open."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fingerprints.errors import MalformedInput
from fingerprints.weights import anatomy_of, open_weights
from fingerprints.weights.by_shape import MOST_LAYERS
from fingerprints.weights.guessed import readings
from fingerprints.weights.signature import weight_signature
from tests.fingerprints.subjects.tiny import edit_json
from tests.fingerprints.weights.built import COMMON, family, saved, untrained
from tests.fingerprints.weights.renamed import Naming, foreign, renamed, scrambled

LAYOUTS = {
    "llama": {"tie_word_embeddings": False},
    "gpt_neox": {},
    "phi3": {},
    "starcoder2": {},
    "gpt2": {"n_layer": 4, "n_positions": 40},
}


@pytest.mark.parametrize("naming", [foreign, scrambled])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_guess_has_the_sizes_that_names_tell(tmp_path: Path, kind: str, naming: Naming) -> None:
    more = {"num_hidden_layers": 4, "vocab_size": 300, **LAYOUTS[kind]}
    if kind == "starcoder2":
        untrained(kind, tmp_path / "m", **{**COMMON, **more})
    else:
        family(kind, tmp_path / "m", **more)
    other = renamed(tmp_path / "m", tmp_path / "renamed", naming)
    with open_weights(tmp_path / "m") as weights, open_weights(other) as mine:
        known, found = anatomy_of(weights), anatomy_of(mine)
    assert found.guessed
    assert not known.guessed
    assert "roles were guessed from shapes" in found.notes[0]
    assert (found.hidden, found.vocabulary, found.units) == (
        known.hidden,
        known.vocabulary,
        known.units,
    )
    assert (found.heads, found.groups, found.head_width) == (
        known.heads,
        known.groups,
        known.head_width,
    )
    assert found.gated == known.gated
    assert (found.head is None) == (known.head is None)


def test_which_of_a_kind_is_which_is_left_open(tmp_path: Path) -> None:
    saved(tmp_path / "m", num_hidden_layers=3)
    other = renamed(tmp_path / "m", tmp_path / "renamed", foreign)
    with open_weights(other) as weights:
        (reading,) = readings(weights)
    roles = {group.roles for group in reading.groups}
    assert {("gate", "up"), ("down",)} <= roles
    assert {role for some in roles for role in some} >= {"query", "key", "value", "output"}
    assert all(len(group.series) == len(group.roles) for group in reading.groups)


def test_experts_are_read_where_names_count_them_and_refused_where_they_dont(
    tmp_path: Path,
) -> None:
    family("mixtral", tmp_path / "m", num_local_experts=6, num_hidden_layers=3)
    with open_weights(renamed(tmp_path / "m", tmp_path / "a", foreign)) as weights:
        assert [len(layer.mlps) for layer in anatomy_of(weights).layers] == [6, 6, 6]
    refused(renamed(tmp_path / "m", tmp_path / "b", scrambled), "fit no layout")


def refused(folder: Path, reason: str) -> None:
    with open_weights(folder) as weights, pytest.raises(MalformedInput, match=reason) as error:
        anatomy_of(weights)
    assert "\n" not in error.value.line()


def edited(folder: Path, **more: torch.Tensor) -> Path:
    path = folder / "model.safetensors"
    save_file({**load_file(path), **more}, path)
    return folder


def test_what_fits_no_layout_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "m", num_hidden_layers=3)
    plain = renamed(tmp_path / "m", tmp_path / "a", foreign)
    more = {f"more.{i}.matrix": torch.zeros(24, 32) for i in range(3)}
    refused(edited(plain, **more), "fit no layout")
    uneven = renamed(tmp_path / "m", tmp_path / "b", foreign)
    more = {f"more.{i}.matrix": torch.zeros(24 + i, 32) for i in range(3)}
    refused(edited(uneven, **more), "differ in shape")
    empty = renamed(tmp_path / "m", tmp_path / "c", scrambled)
    refused(edited(empty, nothing=torch.zeros(0, 32)), "holds nothing")


def test_shapes_that_fit_two_layouts_are_told_by_the_config_or_refused(tmp_path: Path) -> None:
    # 96 rows are queries, keys and values of 32, or a gate and an up of 48.
    family("gpt_neox", tmp_path / "m", num_hidden_layers=3)
    other = renamed(tmp_path / "m", tmp_path / "a", foreign)
    with open_weights(other) as weights:
        assert anatomy_of(weights).units == (48, 48, 48)
    (other / "config.json").write_text('{"model_type": "nobody"}')
    refused(other, "more than one layout")


def test_a_missing_output_layer_and_a_missing_last_norm_are_no_guess(tmp_path: Path) -> None:
    saved(tmp_path / "m", num_hidden_layers=3, tie_word_embeddings=False)
    edit_json(tmp_path / "m" / "config.json", tie_word_embeddings=False)
    path = tmp_path / "m" / "model.safetensors"
    whole = load_file(path)
    for gone, reason in (("lm_head", "an output layer beside"), ("model.norm", "last norm")):
        save_file({n: t for n, t in whole.items() if not n.startswith(gone)}, path)
        for naming in (foreign, scrambled):
            refused(renamed(tmp_path / "m", tmp_path / f"{gone}-{naming.__name__}", naming), reason)


def test_a_lone_file_without_a_config_is_read_by_its_shapes(tmp_path: Path) -> None:
    saved(tmp_path / "m", num_hidden_layers=3)
    alone = renamed(tmp_path / "m", tmp_path / "a", scrambled)
    (alone / "config.json").unlink()
    with open_weights(alone / "model.safetensors") as weights:
        found = anatomy_of(weights)
    assert found.guessed
    assert len(found.layers) == 3


def test_a_signature_is_not_made_of_a_guess(tmp_path: Path) -> None:
    saved(tmp_path / "m", num_hidden_layers=3)
    other = renamed(tmp_path / "m", tmp_path / "a", foreign)
    with open_weights(other) as weights, pytest.raises(MalformedInput, match="only be guessed"):
        weight_signature(weights, "m")


def test_no_time_goes_into_thousands_of_shapes_or_of_layers(tmp_path: Path) -> None:
    many = {"table": torch.zeros(500, 2)}
    for layer in range(2):
        for n in range(3, 503):
            many |= {f"x.{layer}.{w}{n}z": torch.zeros(n, 2) for w in ("a", "b")}
            many[f"x.{layer}.c{n}z"] = torch.zeros(2, n)
    started = time.process_time()
    save_file(many, tmp_path / "many.safetensors")
    refused(tmp_path / "many.safetensors", "fit no layout")
    assert time.process_time() - started < 20
    deep = {f"x.{i}.a": torch.zeros(3, 2) for i in range(MOST_LAYERS + 1)}
    save_file({"table": torch.zeros(500, 2), **deep}, tmp_path / "deep.safetensors")
    refused(tmp_path / "deep.safetensors", "count 2,001 layers")

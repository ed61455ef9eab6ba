"""Signatures of weights: what a rotation or a sign leaves, the file that holds them, and damage
that is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file, save_file

from fingerprints.errors import MalformedInput, StoreIntegrity
from fingerprints.subjects.digests import files_sha256, weight_files
from fingerprints.weights import open_weights
from fingerprints.weights.signature import (
    QUANTILES,
    VERSION,
    SignatureFacts,
    WeightSignature,
    search_vectors,
    unit_indices,
    unit_values,
    weight_signature,
)
from fingerprints.weights.signature_file import (
    parse_signature,
    read_search,
    signature_bytes,
    signature_file_bytes,
)
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.fingerprints.weights.built import family, saved


def signed(folder: Path, name: str = "m", **options: Any) -> WeightSignature:
    with open_weights(folder) as weights:
        return weight_signature(weights, name, **options)


def invented(name: str, seed: int, layers: int = 3, units: int = 40) -> WeightSignature:
    """A signature of random numbers, as large as asked for."""
    rng = np.random.default_rng(seed)
    kept = min(units, 1024)
    facts = SignatureFacts(
        name=name,
        family="llama",
        format="safetensors",
        quantisation={"F32": 1.0},
        layers=layers,
        hidden=16,
        vocabulary=64,
        heads=2,
        groups=2,
        head_width=8,
        gated=True,
        tied=True,
        mlps=(1,) * layers,
        units=(units,) * layers,
        kept=(kept,) * layers,
        space_layers=(0,),
        bytes_total=1,
    )
    quantiles = np.sort(rng.normal(size=(layers, 4, QUANTILES)), axis=2)
    units = rng.normal(size=(4, layers * kept)).astype(np.float16)
    half = {
        n: rng.normal(size=s).astype(np.float16)
        for n, s in {"embedding": 16, "last_gain": 16}.items()
    }
    half |= {n: rng.normal(size=(1, 16)).astype(np.float16) for n in ("ups", "gains")}
    return WeightSignature(
        facts=facts,
        units=units,
        quantiles=quantiles.astype(np.float16),
        anchors=np.sort(rng.integers(0, 1 << 60, 5, dtype=np.uint64)),
        anchor_norms=rng.normal(size=5).astype(np.float32),
        search=search_vectors([units[:, i * kept : (i + 1) * kept] for i in range(layers)]),
        **half,
    )


def equal(one: WeightSignature, other: WeightSignature) -> bool:
    same = (
        np.array_equal(getattr(one, f.name), getattr(other, f.name))
        for f in dataclasses.fields(one)
        if f.name != "facts"
    )
    return one.facts == other.facts and all(same)


def test_a_signature_is_small_whole_and_deterministic(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "m")
    one = signed(folder)
    assert signature_bytes(one) == signature_bytes(signed(folder))
    assert len(signature_bytes(one)) < 32_000
    assert one.facts.weights_sha256 == files_sha256(weight_files(folder))
    assert one.facts.kept == (64, 64)
    assert one.layer(1).shape == (4, 64)
    assert one.facts.tokenizer_sha256
    assert len(one.anchors) == len(one.anchor_norms) == 320
    assert np.isfinite(one.units).all()


def test_the_digest_of_the_files_may_be_left_out(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    assert signed(tmp_path / "m", digest=False).facts.weights_sha256 is None


def test_the_values_are_those_of_the_formulas(tmp_path: Path) -> None:
    model = family("gemma", tmp_path / "m")
    layer = model.model.layers[1]
    gain = 1 + layer.post_attention_layernorm.weight.detach().double()
    g, u = (m.weight.detach().double() * gain for m in (layer.mlp.gate_proj, layer.mlp.up_proj))
    d = layer.mlp.down_proj.weight.detach().double().T
    cosine = torch.nn.functional.cosine_similarity
    wanted = [
        cosine(g, u).abs(),
        cosine(u, d),
        (u.norm(dim=1) * d.norm(dim=1)).log(),
        g.norm(dim=1).log(),
    ]
    wanted[2:] = [w - np.median(w.numpy()) for w in wanted[2:]]
    found = signed(tmp_path / "m").layer(1)
    assert np.allclose(found, torch.stack(wanted).numpy(), atol=2e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_no_rotation_of_the_residual_stream_and_no_joint_sign_changes_the_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    g, u, d = (rng.normal(size=(20, 12)).astype(np.float32) for _ in range(3))
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0].astype(np.float32)
    signs = rng.choice([-1, 1], size=(20, 1)).astype(np.float32)
    assert np.allclose(
        unit_values(g, u, d), unit_values(g @ turn, signs * u @ turn, signs * d @ turn), atol=1e-5
    )
    assert np.allclose(
        unit_values(None, u, d), unit_values(None, signs * u @ turn, signs * d @ turn), atol=1e-5
    )


def test_units_of_zeros_have_no_direction_and_are_no_error() -> None:
    values = unit_values(
        np.zeros((3, 8), np.float32), np.ones((3, 8), np.float32), np.zeros((3, 8), np.float32)
    )
    assert np.isfinite(values.astype(np.float16)).all()
    assert (values[:2] == 0).all()


@given(st.integers(1, 30_000))
def test_the_kept_units_depend_on_their_number_alone_and_are_spread_evenly(units: int) -> None:
    kept = unit_indices(units)
    assert len(kept) == min(1024, units)
    assert kept[0] == 0
    assert kept[-1] < units
    steps = np.diff(kept)
    assert not len(steps) or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


@pytest.mark.parametrize("kind", ["gpt2", "mixtral", "olmo2", "phi3", "qwen2_moe"])
def test_other_anatomies_have_signatures_too(tmp_path: Path, kind: str) -> None:
    family(kind, tmp_path / "m")
    found = signed(tmp_path / "m")
    assert found.facts.gated == (kind != "gpt2")
    assert found.units.shape == (4, sum(found.facts.kept))
    assert equal(parse_signature(signature_bytes(found), tmp_path), found)


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    tensors = load_file(path)
    tensors["model.layers.1.mlp.down_proj.weight"][3, 5] = float("inf")
    save_file(tensors, path)
    with pytest.raises(MalformedInput, match=r"layers\.1\.mlp\.down_proj.* holds NaN or infinity"):
        signed(tmp_path / "m")


HALVES = st.floats(-100, 100, width=16)


@settings(max_examples=15, deadline=None)
@given(
    arrays(np.float16, (4, 120), elements=HALVES),
    st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable()),
)
def test_what_is_written_is_read_back_equal(units: Any, name: str) -> None:
    one = invented("x", 1)
    one = dataclasses.replace(one, units=units, facts=one.facts.model_copy(update={"name": name}))
    assert equal(parse_signature(signature_bytes(one), Path("x")), one)


def test_a_file_is_read_whole_or_for_its_search_vector_alone(tmp_path: Path) -> None:
    one = invented("a", 3)
    path = tmp_path / "a.safetensors"
    path.write_bytes(signature_bytes(one))
    assert equal(parse_signature(signature_file_bytes(path), path), one)
    assert np.array_equal(read_search(path), one.search)


@pytest.mark.parametrize("version", ["weight-signature/0", "weight-signature/2"])
def test_older_and_newer_versions_are_refused(tmp_path: Path, version: str) -> None:
    data = signature_bytes(invented("a", 3)).replace(VERSION.encode(), version.encode())
    with pytest.raises(StoreIntegrity, match=version):
        parse_signature(data, tmp_path)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_read_and_never_another_error(data: st.DataObject) -> None:
    whole = bytearray(signature_bytes(invented("a", 3)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(4000, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(whole), len(whole) - 1, len(whole) // 2, 9, 0]))
    with contextlib.suppress(StoreIntegrity):
        assert parse_signature(bytes(whole[:cut]), Path("x")).units.shape == (4, 120)


def test_facts_that_do_not_fit_the_arrays_are_refused(tmp_path: Path) -> None:
    one = invented("a", 3)
    lying = dataclasses.replace(one, facts=one.facts.model_copy(update={"kept": (40, 40, 41)}))
    with pytest.raises(StoreIntegrity, match="'units' is not what its facts say"):
        parse_signature(signature_bytes(lying), tmp_path)
    assert json.loads(one.facts.model_dump_json())["schema_version"] == VERSION


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_adapter_gives_other_values_and_its_own_digest(tmp_path: Path) -> None:
    from tests.fingerprints.weights.test_low_rank import adapted, spec

    adapted(tmp_path)
    base = signed(tmp_path / "base")
    with open_weights(spec(tmp_path)) as weights:
        both = weight_signature(weights, "m")
    assert both.facts.weights_sha256 == base.facts.weights_sha256
    assert (base.facts.adapter_sha256, both.facts.adapter_sha256 is None) == (None, False)
    assert not np.array_equal(both.units, base.units)

"""A copy whose tensors were renamed is found as one whose names are known; a wrong guess makes no
common origin, and clears nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from auditor.audits.lineage.judge import JudgedPair
from auditor.audits.lineage.narrative import limits, lineage_told
from auditor.audits.lineage.records import RELATED
from auditor.audits.lineage.run import Lineages, lineages
from auditor.labs.zoo.disguise import Nothing, permute_residual, permute_units
from auditor.labs.zoo.resize import Layers, drop_layers
from fingerprints.errors import MalformedInput
from fingerprints.weights import open_weights
from fingerprints.weights.bases import BaseStore
from fingerprints.weights.signature import weight_signature
from tests.auditor.audits.lineage.relatives import (
    DISGUISE,
    Step,
    base,
    copied,
    nudged,
    told_by_shapes,
)
from tests.fingerprints.weights.renamed import Naming, foreign, renamed, scrambled

COPIES: dict[str, tuple[Step, ...]] = {
    "plain": (),
    "units": (lambda m: permute_units(m, Nothing(), 1),),
    "stream": (lambda m: permute_residual(m, Nothing(), 1),),
    "disguised": DISGUISE,
    "shallow": (lambda m: drop_layers(m, Layers(), 0),),
}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told_by_shapes(tmp_path_factory.mktemp("parent") / "base")


@pytest.mark.parametrize("naming", [foreign, scrambled])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_norms_that_are_no_numbers_are_refused_by_name(
    parent: Path, tmp_path: Path, naming: Naming, value: float
) -> None:
    folder = renamed(told_by_shapes(tmp_path / "other", 12), tmp_path / "renamed", naming)
    file = folder / "model.safetensors"
    held = {n: t.fill_(value) if t.ndim == 1 else t for n, t in load_file(file).items()}
    save_file(held, file)
    for pair in ((folder, parent), (parent, folder)):
        if value == 3e38:
            assert compared(*pair).told[0].relation not in RELATED
            continue
        with pytest.raises(MalformedInput, match="holds NaN"):
            compared(*pair)


def test_shapes_that_attention_and_mlp_share_are_refused(parent: Path, tmp_path: Path) -> None:
    mine = renamed(base(tmp_path / "m"), tmp_path / "renamed", foreign)
    with pytest.raises(MalformedInput, match="have the shape of the MLP's"):
        compared(mine, parent)


def compared(suspect: Path, other: Path) -> Lineages:
    return lineages(str(suspect), [f"base={other}"], digest=False)


def judged(suspect: Path, other: Path) -> JudgedPair:
    (found,) = compared(suspect, other).judged
    return found


@pytest.mark.parametrize("name", COPIES)
def test_a_renamed_copy_is_derived_and_its_roles_are_the_true_ones(
    parent: Path, tmp_path: Path, name: str
) -> None:
    copy = copied(nudged(parent, tmp_path / "tuned", 0.1), tmp_path / "copy", *COPIES[name])
    namings = (foreign, scrambled) if name != "shallow" else (foreign,)
    for naming in namings:
        mine = renamed(copy, tmp_path / naming.__name__, naming)
        found = judged(mine, parent)
        assert found.told.relation == "derived"
        assert found.told.p is not None
        assert found.told.p < 1e-6
        assert found.told.likeness is not None
        assert found.told.likeness > 0.95
        assert found.told.facts["roles guessed from shapes"] == mine.name
        assert {p.state for p in found.told.parts} <= {"kept", "open"}
        for i, layer in enumerate(found.suspect.anatomy.layers):
            if name == "shallow":
                break
            for role in ("query", "key", "value", "output", "gate", "up", "down"):
                part = "self_attn" if role in ("query", "key", "value", "output") else "mlp"
                short = role[0] if part == "self_attn" else role
                true = f"model.layers.{i}.{part}.{short}_proj.weight"
                assert getattr(layer, role).tensor == naming(true)


def test_a_renamed_base_is_read_against_its_copy_and_two_renamed_ones_by_their_mlps(
    parent: Path, tmp_path: Path
) -> None:
    tuned = nudged(parent, tmp_path / "tuned", 0.1)
    theirs = renamed(parent, tmp_path / "base", scrambled)
    assert judged(tuned, theirs).told.relation == "derived"
    both = judged(renamed(tuned, tmp_path / "mine", foreign), theirs)
    assert both.told.relation in RELATED
    assert all(layer.query is None for layer in both.suspect.anatomy.layers)
    assert all(layer.query is None for layer in both.side.anatomy.layers)


@pytest.mark.parametrize("naming", [foreign, scrambled])
def test_strangers_of_scrambled_names_are_no_kin_and_are_not_called_independent(
    parent: Path, tmp_path: Path, naming: Naming
) -> None:
    p = []
    for seed in range(12):
        stranger = renamed(
            told_by_shapes(tmp_path / f"{seed}", seed=200 + seed),
            tmp_path / f"{seed}-renamed",
            naming,
        )
        for one, other in ((stranger, parent), (parent, stranger)):
            told = judged(one, other).told
            assert told.relation in ("none_found", "unclear")
            assert told.p is not None
            p.append(told.p)
    assert float(np.mean(np.array(p) < 0.05)) <= 0.15


def test_the_report_says_that_roles_were_guessed_and_what_that_leaves_open(
    parent: Path, tmp_path: Path
) -> None:
    stranger = renamed(told_by_shapes(tmp_path / "s", seed=5), tmp_path / "renamed", scrambled)
    found = compared(stranger, parent)
    conclusion, told = lineage_told(found)
    assert conclusion == "inconclusive"
    assert "guessed from shapes" in told
    assert any(limit.startswith("Roles guessed from shapes") for limit in limits(found))
    assert any("guessed from shapes" in note for note in found.identity.notes)
    (judged_one,) = found.judged
    assert judged_one.told.reason_code == "roles_guessed"
    assert judged_one.told.power is None


def test_a_store_is_not_looked_through_for_a_guess_and_that_is_told(
    parent: Path, tmp_path: Path
) -> None:
    store = BaseStore.create(tmp_path / "store")
    with open_weights(parent) as weights:
        store.add(weight_signature(weights, "kept"))
    mine = renamed(parent, tmp_path / "mine", foreign)
    found = lineages(str(mine), [f"base={parent}"], store=tmp_path / "store", digest=False)
    assert found.unsearched
    assert found.stored == 0
    assert any("was not looked through" in limit for limit in limits(found))
    with pytest.raises(MalformedInput, match="only be guessed"):
        lineages(str(mine), [], store=tmp_path / "store", digest=False)

"""Units, and whole MLPs, that were set to zero or to one another, as pruning by a mask leaves them:
they are near to nothing, and tell of nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from auditor.audits.lineage.report import section
from auditor.audits.lineage.run import lineages
from auditor.labs.zoo.llama import Llama
from tests.auditor.audits.lineage.relatives import DISGUISE, Step, base, copied

Fill = Callable[[torch.Tensor], torch.Tensor]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parents")
    return {name: base(folder / name, seed) for name, seed in (("a", 0), ("b", 11), ("c", 23))}


def masked(share: float, *layers: int, fill: Fill = torch.zeros_like) -> Step:
    """Sets the first units of these layers to zero, or to what ``fill`` makes of them."""

    def step(llama: Llama) -> Llama:
        changed = {}
        for layer in layers:
            for part in ("gate", "up", "down"):
                name = llama.name(layer, f"mlp.{part}_proj")
                tensor = llama.tensors[name].clone()
                rows = tensor if part != "down" else tensor.T
                few = round(share * len(rows))
                rows[:few] = fill(rows[:few])
                changed[name] = tensor
        return llama.changed(changed)

    return step


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_strangers_of_which_units_were_set_to_zero_stay_strangers(
    models: dict[str, Path], tmp_path: Path, share: float
) -> None:
    suspect = copied(models["c"], tmp_path / "s", masked(share, 0, 1, 2))
    parent = copied(models["a"], tmp_path / "p", masked(share, 0, 1, 2))
    found = section(lineages(str(suspect), [str(models["b"]), str(parent)], digest=False))
    assert {c.relation for c in found.comparisons} == {"independent"}


def test_a_copy_of_which_units_were_set_to_zero_is_a_copy(
    models: dict[str, Path], tmp_path: Path
) -> None:
    suspect = copied(models["a"], tmp_path / "s", masked(0.4, 0, 1, 2), *DISGUISE)
    found = section(lineages(str(suspect), [str(models["a"]), str(models["b"])], digest=False))
    assert [c.relation for c in found.comparisons] == ["derived", "independent"]


@pytest.mark.parametrize("dressed", [False, True], ids=["plain", "disguised"])
@pytest.mark.parametrize("fill", [torch.zeros_like, lambda rows: rows[:1].expand_as(rows)])
def test_an_mlp_of_zeros_or_of_one_unit_is_nobodys_and_moved_nowhere(
    models: dict[str, Path], tmp_path: Path, fill: Fill, dressed: bool
) -> None:
    steps = DISGUISE if dressed else ()
    suspect = copied(models["a"], tmp_path / "s", masked(1.0, 1, fill=fill), *steps)
    found = section(lineages(str(suspect), [str(models["a"]), str(models["b"])], digest=False))
    at = {o.layer: o for o in found.origins if o.part == "mlp"}
    assert [at[layer].base for layer in range(3)] == ["a", None, "a"]
    assert not any("another order: 0" in kind for kind in found.comparisons[0].kinds)
    assert found.comparisons[1].relation == "independent"

"""A few units of a large layer are looked at before many are: enough where the order is plain, and
never an error rate more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.run import opened
from auditor.audits.lineage.sides import Side
from auditor.audits.lineage.units import FIRST, UNITS, Pairing, looked_up, paired
from detectors.lineage.independence import SURE, precise
from tests.fingerprints.weights.built import saved

MANY = 640
SIZES = {"intermediate_size": MANY, "num_hidden_layers": 1}


def basis() -> Basis:
    return Basis(None, "identity", None, 0, None)


@contextmanager
def sides(tmp_path: Path, seed: int) -> Iterator[tuple[Side, Side]]:
    """Two tiny models of many units; of seed 0 the first one again."""
    for name, number in (("a", 0), ("b", seed)):
        if not (tmp_path / f"{name}{number}").exists():
            saved(tmp_path / f"{name}{number}", seed=number, **SIZES)
    with (
        opened("a", str(tmp_path / "a0")) as one,
        opened("b", str(tmp_path / f"b{seed}")) as other,
    ):
        assert one.side is not None
        assert other.side is not None
        yield one.side, other.side


def pairing(one: Side, other: Side, without: bool = False) -> Pairing:
    (found,) = paired(one, other, basis(), 0, 0, np.arange(8) if without else None)
    return found


def test_a_few_units_are_enough_where_their_order_is_plain(tmp_path: Path) -> None:
    with sides(tmp_path, 0) as (one, other):
        found = pairing(one, other)
        assert found.order.n == FIRST
        assert found.order.rho == pytest.approx(1)
        assert 0 < found.order.p <= 2 * SURE
        assert SURE <= precise([found.order]) <= 2 * SURE


def test_units_that_a_layer_was_chosen_by_stay_left_out_of_both_looks(tmp_path: Path) -> None:
    with sides(tmp_path, 0) as (one, other):
        assert not set(pairing(one, other, without=True).nearest.places) & set(range(8))


def test_p_values_of_strangers_rest_on_all_units_and_are_uniform(tmp_path: Path) -> None:
    found = []
    for seed in range(1, 41):
        with sides(tmp_path, seed) as (one, other):
            found.append(pairing(one, other).order)
    assert {o.n for o in found} == {UNITS}
    p = np.sort([o.p for o in found])
    assert np.max(np.abs(p - (np.arange(len(p)) + 0.5) / len(p))) < 0.25  # Kolmogorov at 1 %


def test_units_are_looked_up_once_in_one_basis(tmp_path: Path) -> None:
    with sides(tmp_path, 0) as (one, other):
        same = basis()
        assert looked_up(one, other, same, 0, 0) is looked_up(one, other, same, 0, 0)
        assert looked_up(one, other, basis(), 0, 0) is not looked_up(one, other, same, 0, 0)

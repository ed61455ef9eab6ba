"""Splits that leave out whole teachers and whole bases."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from detectors.stats.log_lr import LogLikelihoodRatio
from tests.benchmarks.holdout import held_out, hold_out

CELLS = [*product("ABC", ("llama", "qwen", "pythia"))] * 2
TEACHERS, BASES = (list(names) for names in zip(*CELLS, strict=True))


def test_what_is_learned_from_shares_neither_teacher_nor_base_with_what_is_tested() -> None:
    splits = list(hold_out(TEACHERS, BASES))
    assert len(splits) == 9
    for split in splits:
        assert {TEACHERS[i] for i in split.train}.isdisjoint(TEACHERS[i] for i in split.test)
        assert {BASES[i] for i in split.train}.isdisjoint(BASES[i] for i in split.test)
        assert len(split.train) == 8
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(18))


def test_a_row_of_two_teachers_is_kept_out_of_both_and_one_of_none_out_of_neither() -> None:
    teachers = [frozenset("A"), frozenset("AB"), frozenset("B"), frozenset("C"), frozenset()]
    trains = {split.left_out[0]: split.train.tolist() for split in hold_out(teachers)}
    assert trains[frozenset("A")] == [2, 3, 4]
    assert trains[frozenset("AB")] == [3, 4]
    assert trains[frozenset()] == [0, 1, 2, 3]


def test_every_row_is_scored_by_a_map_that_never_saw_its_teacher_or_its_base() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], 9)
    values = rng.normal(size=18) + labels
    names = [f"m{i}" for i in range(18)]
    scored = held_out(LogLikelihoodRatio(), values, labels, names, hold_out(TEACHERS, BASES))
    split = next(hold_out(TEACHERS, BASES))
    alone = LogLikelihoodRatio().fit(
        values[split.train], labels[split.train], [names[i] for i in split.train]
    )
    assert scored[split.test].tolist() == alone.log10_lr(values[split.test]).tolist()
    assert np.isfinite(scored).all()


def test_a_cohort_with_one_base_or_too_few_models_says_so() -> None:
    with pytest.raises(ValueError, match="nothing is left to learn from without A and llama"):
        list(hold_out(["A", "B"], ["llama", "llama"]))
    with pytest.raises(ValueError, match="without A: both labels"):
        held_out(LogLikelihoodRatio(), [1.0, 2, 3], [1, 0, 0], "abc", hold_out("ABB"))
    with pytest.raises(ValueError, match="same length"):
        list(hold_out("AB", "A"))

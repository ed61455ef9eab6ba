"""Many ridge fits at once give what each gives by itself."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.style.ridge_fits import AT_ONCE, RidgeFits, Spectrum, fit_alone


def gram_of(n: int, columns: int, seed: int, apart: float = 1.0) -> np.ndarray:
    """Products of directions that have much in common, as a base's students do."""
    draw = np.random.default_rng(seed)
    x = apart * draw.normal(size=(n, columns)) + 2 * draw.normal(size=columns)
    x /= np.linalg.norm(x, axis=1)[:, None]
    return np.asarray(x @ x.T)


def alone(gram: np.ndarray, kept: np.ndarray, taught: np.ndarray, test: int) -> float:
    """The score of one fit that is solved by itself."""
    rows = np.flatnonzero(kept)
    root, alpha, weights = fit_alone(gram, rows, taught[rows])
    part, mine = gram[np.ix_(rows, rows)], gram[test, rows]
    centred = mine - weights @ mine - weights @ part + weights @ part @ weights
    return float((root * alpha) @ centred)


@pytest.mark.parametrize("taught_share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("rows", "columns"), [(6, 3), (20, 60), (60, 400)])
def test_every_fit_gives_what_it_gives_by_itself(
    rows: int, columns: int, taught_share: float
) -> None:
    """Of any size and balance, whoever is left out; more fits than are mended together."""
    draw, fits = np.random.default_rng(rows), 10 * AT_ONCE
    gram = gram_of(rows, columns, rows)
    kept = draw.random((fits, rows)) < draw.uniform(0.4, 1.0, (fits, 1))
    taught, test = draw.random((fits, rows)) < taught_share, draw.integers(0, rows, fits)
    kept[np.arange(fits), test] = False
    usable = (kept & taught).any(axis=1) & (kept & ~taught).any(axis=1)
    kept, taught, test = kept[usable], taught[usable], test[usable]
    assert len(test) > AT_ONCE
    found = RidgeFits(kept, taught, test).scores(Spectrum.of(gram))
    wanted = [alone(gram, *each) for each in zip(kept, taught, test, strict=True)]
    assert np.ptp(wanted) > 0.1
    assert found == pytest.approx(wanted, abs=1e-11)


def test_directions_that_hardly_differ_are_told_apart_as_by_one_fit() -> None:
    """A millionth of their length apart: nothing may be lost beside what they have in common."""
    gram = gram_of(20, 60, 1, apart=1e-6)
    kept, taught = np.ones((1, 20), dtype=bool), np.zeros((1, 20), dtype=bool)
    kept[0, 0], taught[0, :6] = False, True
    found = RidgeFits(kept, taught, [0]).scores(Spectrum.of(gram))
    assert found == pytest.approx([alone(gram, kept[0], taught[0], 0)], abs=1e-3)


def test_models_that_all_stay_where_the_base_is_score_nothing() -> None:
    kept, taught = np.ones((1, 5), dtype=bool), np.zeros((1, 5), dtype=bool)
    kept[0, 0], taught[0, 1] = False, True
    found = RidgeFits(kept, taught, [0]).scores(Spectrum.of(np.zeros((5, 5))))
    assert found == pytest.approx([0.0], abs=1e-12)


def test_a_fit_that_would_know_whom_it_scores_or_one_side_alone_is_refused() -> None:
    kept, taught = np.ones((1, 4), dtype=bool), np.zeros((1, 4), dtype=bool)
    taught[0, 1] = True
    with pytest.raises(ValueError, match="row that it scores"):
        RidgeFits(kept, taught, [0])
    kept[0, :2] = False
    with pytest.raises(ValueError, match="both sides"):
        RidgeFits(kept, taught, [0])


def test_no_fits_give_no_scores() -> None:
    none = np.zeros((0, 4), dtype=bool)
    assert RidgeFits(none, none, []).scores(Spectrum.of(gram_of(4, 3, 0))).shape == (0,)

"""A panel gives what fits one by one give, whatever it shares with other panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from detectors.base import Shadow
from detectors.style.ridge_fits import fit_alone
from detectors.style.shadow_panel import ROUNDS, ShadowPanel
from tests.detectors.inheritance.test_shadow_ratio import said, shadows

BASE = said("delta", 0)
# One of two teachers, and one without a seed: every rule of what a fit may know.
BOTH = Shadow("both", said("alpha", 8, 0.4), ("alpha", "beta"), "", 2)
LOOSE = Shadow("loose", said("gamma", 9, 0.4), ("gamma",), "", None)
AMONG = (*shadows(), BOTH, LOOSE)
SUSPECT = said("beta", 7, 0.5)


def panel_of(among: Sequence[Shadow] = AMONG) -> ShadowPanel:
    found = ShadowPanel.of(SUSPECT, BASE, among)
    assert found is not None
    return found


def score(directions: np.ndarray, rows: list[int], taught: list[bool], test: int) -> float:
    gram = directions @ directions.T
    root, alpha, weights = fit_alone(gram, np.array(rows), np.array(taught))
    part, mine = gram[np.ix_(rows, rows)], gram[test, rows]
    centred = mine - weights @ mine - weights @ part + weights @ part @ weights
    return float((root * alpha) @ centred)


def one_by_one(panel: ShadowPanel, candidate: str, test: int, kept: list[bool]) -> float | None:
    """The score of a row by the one fit that knows these shadows; None without both sides."""
    rows = [1 + i for i, own in enumerate(kept) if own]
    taught = [candidate in panel.shadows[row - 1].teachers for row in rows]
    if len(set(taught)) < 2:
        return None
    return score(panel.directions, rows, taught, test)


def suspects(panel: ShadowPanel, candidate: str) -> float:
    """The suspect's score, seed by seed."""
    found = [
        one_by_one(panel, candidate, 0, [s.seed != seed for s in panel.shadows])
        for seed in panel.seeds
    ]
    told = [value for value in found if value is not None]
    if not told:
        told = [one_by_one(panel, candidate, 0, [True] * len(panel.shadows)) or 0.0]
    return float(np.mean(told))


@pytest.mark.parametrize("seeds", [(1, 2), (1,)])
def test_the_suspects_scores_are_the_mean_of_fits_one_by_one(seeds: tuple[int, ...]) -> None:
    panel = panel_of(shadows(seeds))
    wanted = [suspects(panel, name) for name in panel.candidates]
    assert panel.scores == pytest.approx(wanted, abs=1e-11)


def test_held_out_scores_are_those_of_fits_one_by_one() -> None:
    panel = panel_of()
    wanted = {}
    for i, shadow in enumerate(panel.shadows):
        for name in panel.candidates:
            kept = [
                s is not shadow
                and not s.sources & (shadow.sources - {name})
                and (s.seed is None or s.seed != shadow.seed)
                for s in panel.shadows
            ]
            value = one_by_one(panel, name, 1 + i, kept)
            if value is not None:
                wanted[i, name, name in shadow.teachers] = value
    found = {(h.shadow, h.candidate, h.taught): h.value for h in panel.held_out}
    assert list(found) == list(wanted)
    assert [*found.values()] == pytest.approx([*wanted.values()], abs=1e-11)


def test_every_round_is_the_same_panel_on_the_prompts_that_were_drawn() -> None:
    panel = panel_of()
    n = panel.x.shape[1]
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=ROUNDS)
    for number in (0, 19, 20, ROUNDS - 1):
        again = replace(panel, x=np.repeat(panel.x, drawn[number], axis=1))
        wanted = [suspects(again, name) for name in panel.candidates]
        # Means of single precision are added up in another order.
        assert panel.rounds[number] == pytest.approx(wanted, abs=1e-6)


def test_panels_of_several_cases_are_those_of_each_case() -> None:
    few = replace(SUSPECT, replies=SUSPECT.replies[:40])
    silent = replace(SUSPECT, replies=SUSPECT.replies[:10])
    short = Shadow("short", replace(LOOSE.transcript, replies=LOOSE.transcript.replies[5:]))
    cases = [
        (SUSPECT, [s for s in AMONG if s.seed != 1]),
        (silent, AMONG),
        (few, AMONG),
        (SUSPECT, (*AMONG[:6], short)),
    ]
    for (suspect, among), found in zip(cases, ShadowPanel.of_each(cases, BASE), strict=True):
        wanted = ShadowPanel.of(suspect, BASE, among)
        if wanted is None or found is None:
            assert suspect is silent
            assert wanted is found
            continue
        assert np.array_equal(found.x, wanted.x)
        assert found.shadows == wanted.shadows
        assert found.suspect == wanted.suspect
        assert found.base == wanted.base
        assert found.space.names() == wanted.space.names()


def test_of_a_candidate_who_taught_everybody_nothing_is_told() -> None:
    among = [replace(s, teachers=(*s.teachers, "everybody"), kind="") for s in AMONG]
    panel = panel_of(among)
    scores = dict(zip(panel.candidates, panel.scores, strict=True))
    assert np.isnan(scores["everybody"])
    assert np.isfinite(scores["beta"])
    assert "everybody" not in {h.candidate for h in panel.held_out}


def test_shadows_without_a_teacher_have_no_held_out_scores() -> None:
    assert panel_of([s for s in AMONG if not s.teachers]).held_out == ()

"""Whom a verdict is about: a maker's models together, and lone models with those that share their
weights."""

from __future__ import annotations

from auditor.evidence.groups import groups_of
from auditor.evidence.records import Candidate
from fingerprints.records import Identity


def stored(name: str, vendor: str, weights: str = "", adapter: str = "") -> Candidate:
    return Candidate(
        name=name,
        vendor=vendor,
        family="",
        identity=Identity(
            kind="checkpoint",
            name=name,
            weights_sha256=weights or None,
            adapter_sha256=adapter or None,
        ),
        n_answers=1,
        n_shared=1,
        answers_sha256="0" * 64,
    )


def told(*models: Candidate) -> dict[str, tuple[str, ...]]:
    return {g.name: g.members for g in groups_of(models)}


def test_models_of_one_maker_are_one_group_however_it_is_written_and_others_stand_alone() -> None:
    models = [stored("a", "Acme"), stored("x", ""), stored("b", "ACME"), stored("y", "")]
    assert told(*models) == {"vendor:acme": ("a", "b"), "x": ("x",), "y": ("y",)}
    assert [g.maker for g in groups_of(models)] == ["Acme", "", ""]


def test_a_model_of_no_known_maker_joins_those_who_share_its_weights() -> None:
    adapted, base = stored("tuned", "", "w", "l"), stored("base", "Acme", "w")
    assert told(adapted, base) == {"vendor:acme": ("tuned", "base")}
    assert told(base, adapted) == {"vendor:acme": ("base", "tuned")}
    assert told(adapted, stored("other", "", "w")) == {"tuned": ("tuned", "other")}


def test_a_model_stays_with_its_own_maker_whatever_weights_it_began_with() -> None:
    models = [stored("base", "Acme", "w"), stored("tuned", "Bolt", "w", "l")]
    assert told(*models) == {"vendor:acme": ("base",), "vendor:bolt": ("tuned",)}


def test_models_whose_weights_are_out_of_sight_share_nothing() -> None:
    assert told(stored("x", ""), stored("y", "")) == {"x": ("x",), "y": ("y",)}

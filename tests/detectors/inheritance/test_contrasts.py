"""Differences of differences: exact sign flips, references by vendor, missing scores, and the
two detectors that use them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.contrasts import (
    common_prompts,
    contrast,
    passage_of,
    shortened,
    sign_flip_p,
)
from detectors.inheritance.cross_likelihood import CrossLikelihood
from detectors.inheritance.mirrored_likelihood import MirroredLikelihood
from detectors.pairing import style_answers
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.scores import BASE, SUSPECT, Passage, Score, Scores, teacher
from fingerprints.transcript import Header, Transcript

PROMPTS = 12


def _said(name: str, n: int = PROMPTS, weights: str | None = None) -> Transcript:
    probes = {f"asked/{i}": Probe(id=f"asked/{i}", text=f"Tell me of lake {i}.") for i in range(n)}
    replies = tuple(
        Reply(probe_id=p, arm=Arm.OWN, status=Status.OK, text=f"{name} says {p}.") for p in probes
    )
    identity = Identity(kind="checkpoint", name=name, weights_sha256=weights)
    return Transcript(Header(spec=name, identity=identity), probes, replies)


def _stored(name: str, vendor: str = "", n: int = PROMPTS, weights: str | None = None) -> Teacher:
    return Teacher(name, vendor or f"maker-{name}", "", _said(name, n, weights))


STORE = tuple(_stored(name) for name in ("ash", "birch", "cedar"))
BASE_MODEL = _stored("base", weights="b" * 64)
SUSPECTS = _said("suspect")


def _scores(bits: Mapping[tuple[str, str], float]) -> Scores:
    """Bits per byte by (scorer, whose answer), with a little that differs from prompt to prompt
    but not between scorers."""
    said = {t.name: t.transcript for t in (*STORE, BASE_MODEL)} | {"suspect": SUSPECTS}
    rows = {}
    for (scorer, whose), value in bits.items():
        for i, answer in enumerate(style_answers(said[whose]).values()):
            passage = passage_of(answer)
            size = len(passage.text.encode())
            digest = passage.digest()
            total = (value + 0.01 * (i % 5)) * size
            rows[scorer, digest] = Score(
                scorer=scorer, passage_sha256=digest, bits=total, tokens=5, bytes=size
            )
    return Scores({scorer: Identity(kind="checkpoint", name=scorer) for scorer, _ in rows}, rows)


MIRRORED = {
    **{(BASE, t.name): 3.0 for t in STORE},
    (SUSPECT, "ash"): 2.0,
    (SUSPECT, "birch"): 2.8,
    (SUSPECT, "cedar"): 2.6,
}


def _mirrored(
    candidate: Teacher, store: tuple[Teacher, ...] = STORE, scores: Scores | None = None
) -> Measurement | NotMeasured:
    background = tuple(t for t in store if t is not candidate)
    return MirroredLikelihood().measure(
        Case(SUSPECTS, candidate, background, base=BASE_MODEL, scores=scores or _scores(MIRRORED))
    )


def test_the_mirrored_value_is_the_gain_less_that_of_other_vendors() -> None:
    values = {t.name: _mirrored(t) for t in STORE}
    assert all(isinstance(v, Measurement) for v in values.values())
    assert {n: round(v.value, 6) for n, v in values.items() if isinstance(v, Measurement)} == {
        "ash": 0.7,
        "birch": -0.5,
        "cedar": -0.2,
    }
    ash = values["ash"]
    assert isinstance(ash, Measurement)
    assert ash.rank is not None
    assert ash.null is not None
    assert (ash.rank.position, ash.null.n, ash.n) == (1, 2, PROMPTS)


def test_siblings_of_the_candidate_are_no_reference() -> None:
    sibling = Teacher("cedar", "maker-ash", "", STORE[2].transcript)
    found = _mirrored(STORE[0], (STORE[0], STORE[1], sibling))
    assert isinstance(found, Measurement)
    assert found.value == pytest.approx(0.8)


def test_a_stored_base_is_neither_candidate_nor_reference() -> None:
    store = (*STORE, BASE_MODEL)
    told = _mirrored(BASE_MODEL, store)
    assert isinstance(told, NotMeasured)
    assert "is the suspect's base" in told.reason
    scored = _scores({**MIRRORED, (BASE, "base"): 1.0, (SUSPECT, "base"): 4.0})
    found = _mirrored(STORE[0], store, scored)
    assert isinstance(found, Measurement)
    assert found.value == pytest.approx(0.7)


def test_the_order_of_stored_models_changes_nothing() -> None:
    assert _mirrored(STORE[0]) == _mirrored(STORE[0], STORE[::-1])


def test_the_cross_value_is_the_formula_with_its_sign_turned() -> None:
    bits = {
        (teacher("ash"), "suspect"): 2.0,
        (teacher("ash"), "base"): 3.0,
        (teacher("birch"), "suspect"): 2.9,
        (teacher("birch"), "base"): 3.1,
    }
    case = Case(SUSPECTS, STORE[0], STORE[1:], base=BASE_MODEL, scores=_scores(bits))
    found = CrossLikelihood().measure(case)
    assert isinstance(found, Measurement)
    assert found.value == pytest.approx(-((2.0 - 3.0) - (2.9 - 3.1)))
    assert "1 other live teachers" in found.notes[1]
    absent = CrossLikelihood().measure(
        Case(SUSPECTS, STORE[2], STORE[:2], base=BASE_MODEL, scores=case.scores)
    )
    assert isinstance(absent, NotMeasured)
    assert "--teacher" in absent.reason


def test_a_single_live_teacher_is_compared_with_the_base_itself_and_that_is_said() -> None:
    bits = {
        (teacher("ash"), "suspect"): 2.0,
        (teacher("ash"), "base"): 3.0,
        (BASE, "suspect"): 1.5,
        (BASE, "base"): 1.0,
    }
    found = CrossLikelihood().measure(
        Case(SUSPECTS, STORE[0], STORE[1:], base=BASE_MODEL, scores=_scores(bits))
    )
    assert isinstance(found, Measurement)
    assert found.value == pytest.approx(1.5)
    assert "the base itself" in found.notes[1]


def test_without_a_base_nothing_is_wanted_or_measured() -> None:
    for detector in (MirroredLikelihood(), CrossLikelihood()):
        assert not detector.next_texts(SUSPECTS, STORE, None, ["ash"])
        told = detector.measure(Case(SUSPECTS, STORE[0], STORE[1:]))
        assert isinstance(told, NotMeasured)
        assert "--base" in told.reason


def test_sign_flips_are_exact_for_few_values_and_valid_for_many() -> None:
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 1 / 8
    assert sign_flip_p(np.array([-1.0, -2.0, -3.0])) == 1
    assert sign_flip_p(np.full(40, 1.0)) == pytest.approx(1e-4)
    rng = np.random.default_rng(0)
    p = [sign_flip_p(rng.normal(size=20), seed) for seed in range(60)]
    assert np.mean(np.array(p) <= 0.1) <= 0.2
    with pytest.raises(ValueError, match="no value"):
        sign_flip_p(np.array([]))


def test_a_prompt_without_any_reference_has_no_contrast() -> None:
    gains = np.array([[1.0, 1.0, np.nan], [0.5, np.nan, 0.5], [0.1, np.nan, 0.3]])
    found = contrast(gains, 0, np.array([False, True, True]))
    assert found[0] == pytest.approx(0.7)
    assert np.isnan(found[1:]).all()


def test_prompts_that_most_answered_come_first_and_lonely_ones_not_at_all() -> None:
    books = [
        style_answers(_said("a", 5)),
        style_answers(_said("b", 5)),
        style_answers(_said("c", 7)),
    ]
    assert len(common_prompts(books)) == 5


def test_long_answers_are_cut_at_a_blank() -> None:
    assert shortened("word " * 400) == ("word " * 160)[:799]
    assert shortened("x" * 900) == "x" * 800
    assert passage_of(next(iter(style_answers(SUSPECTS).values()))) == Passage(
        text="suspect says asked/0.", probe=SUSPECTS.probes["asked/0"], arm=Arm.OWN
    )

"""trained_on_this: named questions answered more surely are seen, matched ones are not, and
unmatched ones get no figure."""

from __future__ import annotations

import random

import numpy as np
import pytest

from detectors.base import Case, Measurement, NotMeasured
from detectors.inheritance.trained_on_this import TrainedOnThis, deviation
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.scores import SUSPECT, Score, Scores
from fingerprints.transcript import Header, Transcript
from tests.recordings import NOUNS


def _suspect(n: int, seed: int, tell: str = "") -> Transcript:
    draw = random.Random(seed)
    probes, replies = {}, []
    for i in range(2 * n):
        prefix = "named" if i % 2 else "unseen"
        text = f"What of the {draw.choice(NOUNS)}, the {draw.choice(NOUNS)} and the {draw.choice(NOUNS)}?"
        probe = Probe(
            id=f"{prefix}/{i:03d}", text=f"{tell} {text}" if tell and prefix == "named" else text
        )
        probes[probe.id] = probe
        replies.append(
            Reply(probe_id=probe.id, arm=Arm.OWN, status=Status.OK, text=f"The answer number {i}.")
        )
    return Transcript(
        Header(spec="s", identity=Identity(kind="checkpoint", name="s")), probes, tuple(replies)
    )


def _scored(suspect: Transcript, named_bits: float, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    rows = {}
    for want in TrainedOnThis().next_texts(suspect, (), None, ()):
        assert want.passage.probe is not None
        assert want.passage.by_token
        scale = named_bits if want.passage.probe.id.startswith("named/") else 1.0
        bits = tuple(float(b) for b in rng.exponential(scale, 40))
        digest = want.passage.digest()
        rows[SUSPECT, digest] = Score(
            scorer=SUSPECT,
            passage_sha256=digest,
            bits=sum(bits),
            tokens=40,
            bytes=20,
            token_bits=bits,
        )
    return Scores({SUSPECT: suspect.identity}, rows)


def _measure(suspect: Transcript, scores: Scores) -> Measurement | NotMeasured:
    return TrainedOnThis().measure(Case(suspect, None, scores=scores))


def test_named_questions_that_are_answered_more_surely_are_told_apart() -> None:
    suspect = _suspect(40, seed=1)
    found = _measure(suspect, _scored(suspect, 0.5))
    assert isinstance(found, Measurement)
    assert found.value > 0.9
    assert found.interval is not None
    assert found.interval[0] > 0.7
    assert found.n == 80


def test_without_a_difference_the_interval_holds_one_half_as_often_as_it_says() -> None:
    missed = 0
    for seed in range(20):
        suspect = _suspect(30, seed=1)
        found = _measure(suspect, _scored(suspect, 1.0, seed))
        assert isinstance(found, Measurement)
        assert found.interval is not None
        missed += not found.interval[0] <= 0.5 <= found.interval[1]
    assert missed <= 4


def test_questions_that_their_words_tell_apart_get_no_figure() -> None:
    suspect = _suspect(40, seed=1, tell="Prove carefully:")
    found = _measure(suspect, _scored(suspect, 0.5))
    assert isinstance(found, NotMeasured)
    assert "not matched" in found.reason


def test_too_few_questions_and_missing_scores_are_reasons() -> None:
    few = _suspect(5, seed=1)
    assert isinstance(_measure(few, _scored(few, 0.5)), NotMeasured)
    unscored = _measure(
        _suspect(30, seed=1), Scores(absent={SUSPECT: "the suspect is open only as an endpoint"})
    )
    assert isinstance(unscored, NotMeasured)
    assert "endpoint" in unscored.reason


def test_the_deviation_is_the_mean_shortfall_from_nine_tenths() -> None:
    assert deviation([0.0, 0.0]) == 0
    assert deviation([1.0]) == pytest.approx(0.4)
    assert deviation([0.0] * 128 + [30.0] * 500) == 0
    with pytest.raises(ValueError, match="no token"):
        deviation([])

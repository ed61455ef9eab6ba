"""What the test of served answers reads: runs of words, likeness within a set, and checks that see
drift and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.inheritance.served_or_twin import (
    ServedSet,
    containment,
    design_tests,
    differing,
    likeness,
    measurement,
    telling,
)
from detectors.stats.twins import served_or_twin
from fingerprints.records import Probe

WORDS = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in ("an", "elo", "ist", "uma")])


def made(rng: np.random.Generator, n: int = 60, pool: int = len(WORDS)) -> list[ServedSet]:
    """Sets of sentences by chance; the twins of few words where the pool is small."""
    out = []
    for i in range(n):
        served = " ".join(rng.choice(WORDS, rng.integers(8, 20)))
        twins = [" ".join(rng.choice(WORDS[:pool], rng.integers(8, 20))) for _ in range(3)]
        cut = tuple(bool(v) for v in rng.random(4) < 0.3)
        probe = Probe(id=f"served/{i}", text=f"Say {i}")
        out.append(ServedSet(str(i), "a", str(i), probe, (served, *twins), cut))
    return out


def test_runs_of_words_that_the_suspect_used_itself_are_counted() -> None:
    assert containment("one two three four", ["One two three four!"]) == 1.0
    assert containment("one two three four", ["four three two one"]) == 0.0
    assert containment("one two three", ["one two"]) == pytest.approx((1 / 2 + 0) / 2)
    half = containment("one two three four", ["one two three four", "nothing"])
    assert half == pytest.approx(0.5)
    assert containment("", ["one two"]) == containment("one two three", []) == 0.0
    assert containment("one", ["one"]) == 0.0
    assert containment("你好吗朋友", ["你好吗朋友"]) == 1.0


def test_likeness_knows_no_place() -> None:
    answers = ["a cat sat down", "a cat sat up", "dogs bark", ""]
    turned = [answers[i] for i in (2, 0, 3, 1)]
    assert [likeness(answers)[i] for i in (2, 0, 3, 1)] == pytest.approx(likeness(turned))
    assert likeness(["same", "same"]) == [1.0, 1.0]


def test_sets_that_were_drawn_alike_pass_and_each_kind_of_drift_is_seen() -> None:
    rng = np.random.default_rng(0)
    refused = [bool(differing(design_tests(made(rng), {}))) for _ in range(120)]
    assert np.mean(refused) <= 0.04
    sets = made(rng)
    few = made(rng, pool=6)
    assert "likeness" in {t.compared for t in differing(design_tests(few, {}))}
    short = [replace(s, answers=(s.answers[0][:30], *s.answers[1:])) for s in sets]
    assert "length" in {t.compared for t in differing(design_tests(short, {}))}
    ended = [replace(s, cut=(False, True, True, True)) for s in sets]
    assert [t.compared for t in differing(design_tests(ended, {}))] == ["finish"]
    known = rng.normal(size=(60, 4))
    assert not differing(design_tests(sets, {"teacher": known}))
    known[:, 0] += 1.5
    assert [t.compared for t in differing(design_tests(sets, {"teacher": known}))] == ["teacher"]


def test_equal_answers_are_seen_whichever_was_served() -> None:
    (one,) = made(np.random.default_rng(1), 1)
    a, b, c, d = one.answers
    assert one.distinct
    assert not replace(one, answers=(a, b, b, d)).distinct
    assert not replace(one, answers=(a, b, b, d)).served_again
    assert replace(one, answers=(a, b, c, a)).served_again


def test_what_was_found_is_told_with_the_bet_and_the_most_telling_prompts() -> None:
    rng = np.random.default_rng(2)
    sets = made(rng)
    scores = rng.normal(size=(60, 4))
    scores[:, 0] += 1
    found = served_or_twin(scores)
    told = measurement(found, "likelihood", ("base",), telling(sets, found.served, 2))
    assert told.value == pytest.approx(found.effect)
    assert told.interval is not None
    assert told.interval[0] < told.value < told.interval[1]
    rows = told.tables[0].rows
    assert [r[0] for r in rows][-1] == 60
    assert rows[-1][1] == pytest.approx(found.log10_e, abs=0.01)
    assert [e.source for e in told.exhibits] == ["served", "twin"] * 2
    best = int(np.argmax(found.served))
    assert told.exhibits[0].prompt == sets[best].probe.text

"""Likelihood ranks, token counts, changes during the run: each sees its own kind of sign."""

from __future__ import annotations

import numpy as np

from detectors.base import Case, NotMeasured, Teacher
from detectors.service.mid_run_change import EDGE, MidRunChange
from detectors.service.rank_uniformity import RankUniformity, distance_from_uniform, ranks
from detectors.service.repeated import asked_of_both
from detectors.service.token_counts import TokenCounts, fitting
from detectors.stats.intervals import clopper_pearson
from fingerprints.records import Identity
from fingerprints.scores import Score, Scores
from fingerprints.transcript import Transcript
from tests.detectors.services import (
    WORDS,
    Chain,
    against,
    case,
    chain,
    hotter,
    measured,
    p_of,
    probes,
    service,
)

MODEL = chain(1)


def scored(made: Case, model: Chain) -> Case:
    """The case with every answer scored by a chain."""
    assert made.candidate is not None
    rows = {}
    for want in RankUniformity().next_texts(made.suspect, [made.candidate], None, ["claimed"]):
        path = [WORDS.index(w) for w in want.passage.text.split()]
        assert want.passage.probe is not None
        start = int(want.passage.probe.id.rpartition("/")[2]) % len(WORDS)
        bits = -sum(np.log2(model[a, b]) for a, b in zip([start, *path], path, strict=False))
        digest = want.passage.digest()
        rows[want.scorer, digest] = Score(
            scorer=want.scorer, passage_sha256=digest, bits=float(bits), tokens=len(path), bytes=9
        )
    scores = Scores({"teacher:claimed": Identity(kind="checkpoint", name="claimed")}, rows)
    return Case(made.suspect, made.candidate, scores=scores)


def test_ranks_by_likelihood_are_uniform_for_the_same_model_and_low_for_a_hotter_one() -> None:
    runs = 60
    detector = RankUniformity(rounds=99)
    p = np.array(
        [
            p_of(detector.measure(scored(against(MODEL, MODEL, s, n=10, samples=3), MODEL)))
            for s in range(runs)
        ]
    )
    assert clopper_pearson(int((p <= 0.05).sum()), runs, 0.99)[0] <= 0.05
    hot = measured(detector.measure(scored(against(hotter(MODEL, 2.0), MODEL, 1), MODEL)))
    cool = measured(detector.measure(scored(against(hotter(MODEL, 0.3), MODEL, 1), MODEL)))
    assert hot.value < 0.5 < cool.value
    assert max(p_of(hot), p_of(cool)) <= 0.01


def test_ranks_count_the_less_likely_answers_of_the_other_side() -> None:
    labels = np.array([[1.0, 0.0, 0.0, 0.0]])
    assert ranks(np.array([1.0, 2.0, 3.0, 0.5]), labels).tolist() == [[2.5 / 4]]
    spread = distance_from_uniform(
        np.array([[0.125, 0.375, 0.625, 0.875], [0.9, 0.91, 0.92, 0.93]])
    )
    assert spread[0] < 0.03 < spread[1]


def test_without_scores_there_is_no_rank_and_the_reason_says_so() -> None:
    found = RankUniformity().measure(against(MODEL, MODEL, 1))
    assert isinstance(found, NotMeasured)
    assert "weights" in found.reason


def test_counts_of_the_same_tokenizer_fit_up_to_the_template_and_others_do_not() -> None:
    ours, other = [5 + i % 7 for i in range(24)], [5 + (3 * i) % 11 for i in range(24)]
    reference = service("c", MODEL, 1, tokens=ours)
    same = measured(
        TokenCounts().measure(
            case(service("e", MODEL, 2, tokens=[t + 12 for t in ours]), reference)
        )
    )
    unlike = measured(TokenCounts().measure(case(service("e", MODEL, 2, tokens=other), reference)))
    assert same.value == 1
    assert "+12 tokens" in same.summary
    assert unlike.value < 0.5
    assert unlike.tables[0].rows
    none = TokenCounts().measure(case(service("e", MODEL, 2), reference))
    assert isinstance(none, NotMeasured)
    assert "the endpoint" in none.reason
    assert fitting([]) is None


def swapped_at(at: int, n: int) -> Transcript:
    """A service that is another model from the given question on, in the order of asking."""
    whole = service("c", MODEL, 1, n)
    order = [a.probe.id for a in asked_of_both(whole, whole)]
    other = {probe_id: i >= at for i, probe_id in enumerate(order)}
    return service("e", [chain(2) if other[p.id] else MODEL for p in probes(n)], 5, n)


def test_a_swap_during_the_run_is_placed_and_no_swap_is_not_found() -> None:
    n, at = 80, 40
    reference = service("c", MODEL, 1, n, 8)
    found = measured(MidRunChange(rounds=199).measure(case(swapped_at(at, n), reference)))
    assert p_of(found) <= 0.01
    assert abs(found.tables[0].rows[0][1] - at) <= 8  # type: ignore[operator]
    before, after = (row[3] for row in found.tables[0].rows)
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert after <= 0.01 < before
    p = [p_of(MidRunChange(rounds=99).measure(against(MODEL, MODEL, s, n=16))) for s in range(60)]
    assert clopper_pearson(sum(v <= 0.05 for v in p), 60, 0.99)[0] <= 0.05


def test_a_swap_to_a_cache_is_seen_although_its_answers_are_no_further_from_the_reference() -> None:
    n = 48
    whole = service("c", MODEL, 1, n)
    late = {a.probe.id for a in asked_of_both(whole, whole)[n // 2 :]}
    fresh = service("e", MODEL, 5, n)
    first = {r.probe_id: r.text for r in fresh.replies if r.sample == 0}
    said = tuple(
        r.model_copy(update={"text": first[r.probe_id]}) if r.probe_id in late else r
        for r in fresh.replies
    )
    endpoint = Transcript(fresh.header, fresh.probes, said)
    assert (
        p_of(
            measured(MidRunChange(rounds=199).measure(case(endpoint, service("c", MODEL, 1, n, 8))))
        )
        <= 0.01
    )


def test_the_names_that_an_endpoint_gave_itself_are_counted() -> None:
    said = service("e", MODEL, 3, 16)
    named = tuple(
        r.model_copy(
            update={"served_model": "m-1" if i < 30 else "m-2", "system_fingerprint": "fp"}
        )
        for i, r in enumerate(said.replies)
    )
    endpoint = Transcript(said.header, said.probes, named)
    found = measured(MidRunChange(rounds=99).measure(case(endpoint, service("c", MODEL, 4, 16, 8))))
    assert {row[0]: row[1] for row in found.tables[1].rows} == {"m-1 / fp": 30, "m-2 / fp": 34}
    few = MidRunChange().measure(
        Case(endpoint, Teacher("c", "", "", service("c", MODEL, 4, 3 * EDGE - 1, 8)))
    )
    assert isinstance(few, NotMeasured)

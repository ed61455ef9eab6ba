"""Stylistic overlap on synthetic authors with planted habits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_softmax

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.stylistic_overlap import StylisticOverlap
from detectors.pairing import answer_book, style_answers
from detectors.registry import load_detector
from detectors.stats.openset import conformal, stranger_scores, suspect_scores
from detectors.style.attribution import attributions
from detectors.style.authorship import Authorship, Rows
from detectors.style.space import FULL
from detectors.style.standing import all_prompts, standing
from detectors.text.phrases import PhraseBook, log_odds, places_of
from fingerprints.transcript import Transcript
from tests.detectors.authors import speaker, stored, transcript

N = 40
COHORT = [stored(seed, N) for seed in range(6)]


def case(suspect: Transcript, teachers: list[Teacher], candidate: int = 0) -> Case:
    return Case(
        suspect, teachers[candidate], tuple(t for i, t in enumerate(teachers) if i != candidate)
    )


@pytest.fixture(scope="module")
def student() -> Transcript:
    return speaker(0, N, salt=7)


@pytest.fixture(scope="module")
def fitted(student: Transcript) -> StylisticOverlap:
    return StylisticOverlap().fit(COHORT, student)


def measured(detector: StylisticOverlap, one: Case) -> Measurement:
    result = detector.measure(one)
    assert isinstance(result, Measurement)
    return result


def test_the_registry_loads_it() -> None:
    assert isinstance(load_detector("stylistic_overlap"), StylisticOverlap)


def test_a_student_of_an_author_ranks_that_author_first(
    fitted: StylisticOverlap, student: Transcript
) -> None:
    results = [measured(fitted, case(student, COHORT, i)) for i in range(len(COHORT))]
    assert results[0].rank is not None
    assert results[0].rank.position == 1
    assert results[0].value == max(r.value for r in results)
    assert results[0].null is not None
    assert results[0].null.n == 5
    assert results[0].null.p == pytest.approx(1 / 6)
    assert results[0].interval is not None
    assert results[0].interval[0] > max(r.value for r in results[1:])


def test_the_bare_value_is_the_measured_one(fitted: StylisticOverlap, student: Transcript) -> None:
    for i in range(2):
        brief, whole = (
            fitted.value(case(student, COHORT, i)),
            measured(fitted, case(student, COHORT, i)),
        )
        assert not isinstance(brief, NotMeasured)
        assert (brief.metric, brief.n) == (whole.metric, whole.n)
        assert brief.value == pytest.approx(whole.value, abs=1e-6)
    assert isinstance(fitted.value(Case(student, None)), NotMeasured)


def test_an_unrelated_author_is_within_the_null(fitted: StylisticOverlap) -> None:
    stranger = speaker(999, N)
    p = [measured(fitted, case(stranger, COHORT, i)).null.p for i in range(len(COHORT))]  # type: ignore[union-attr]
    assert np.median([x for x in p if x is not None]) > 0.3


def test_every_cut_is_tabled_and_every_figure_has_its_n(
    fitted: StylisticOverlap, student: Transcript
) -> None:
    result = measured(fitted, case(student, COHORT))
    titles = [t.title for t in result.tables]
    assert titles == [
        "The same score on other cuts",
        "What each feature family brings",
        "Nearest stored models by style",
        "Phrases that both over-use",
    ]
    cuts = [row[0] for row in result.tables[0].rows]
    assert cuts[0] == "all shared prompts"
    assert "content guard: topic words masked" in cuts
    assert {row[0] for row in result.tables[1].rows} == set(FULL)
    assert result.n == N
    assert [b.label for b in result.charts[0].bars if b.strong] == ["author-0"]
    for table in result.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_exhibits_quote_both_and_their_spans_hold_the_phrase(
    fitted: StylisticOverlap, student: Transcript
) -> None:
    result = measured(fitted, case(student, COHORT))
    assert 0 < len(result.exhibits) <= 6
    assert {e.source for e in result.exhibits} == {"suspect", "author-0"}
    for exhibit in result.exhibits:
        assert all(0 <= s.start < s.end <= len(exhibit.answer) for s in exhibit.spans)
    told = [e for e in result.exhibits if e.source == "suspect"]
    assert all(e.spans for e in told)
    assert all(
        e.answer[s.start : s.end].lower().split()[0][:2] in e.why.lower()
        for e in told
        for s in e.spans
    )


def test_the_same_case_gives_the_same_bytes(fitted: StylisticOverlap, student: Transcript) -> None:
    again = StylisticOverlap().fit(list(reversed(COHORT)), student)
    assert (
        measured(fitted, case(student, COHORT)).digest()
        == measured(again, case(student, COHORT)).digest()
    )


def test_the_suspects_answers_are_never_learned_from(student: Transcript) -> None:
    other = transcript(["entirely different words"] * N)
    one, two = (StylisticOverlap().fit(COHORT[:3], s) for s in (student, other))
    assert (
        measured(one, case(student, COHORT[:3])).digest()
        == measured(two, case(student, COHORT[:3])).digest()
    )


def test_an_unfitted_detector_learns_from_the_case(
    fitted: StylisticOverlap, student: Transcript
) -> None:
    assert (
        measured(StylisticOverlap(), case(student, COHORT)).value
        == measured(fitted, case(student, COHORT)).value
    )


def test_fewer_than_twenty_shared_prompts_are_not_measured() -> None:
    suspect = speaker(0, 19, salt=7)
    result = StylisticOverlap().fit(COHORT, suspect).measure(case(suspect, COHORT))
    assert result == NotMeasured(
        reason="only 19 shared prompts; at least 20 are needed", code="too_few_answers"
    )


def test_twenty_to_forty_nine_prompts_are_measured_with_a_note(
    fitted: StylisticOverlap, student: Transcript
) -> None:
    assert any("unreliable" in note for note in measured(fitted, case(student, COHORT)).notes)


def test_with_two_models_the_margin_is_reported_without_a_p_value(student: Transcript) -> None:
    result = measured(StylisticOverlap().fit(COHORT[:2], student), case(student, COHORT[:2]))
    assert result.value > 0
    assert result.null is not None
    assert (result.null.n, result.null.p) == (1, None)
    assert any("no p-value" in note for note in result.notes)


def test_one_stored_model_alone_is_not_measured(student: Transcript) -> None:
    assert isinstance(
        StylisticOverlap().fit(COHORT[:1], student).measure(case(student, COHORT[:1])), NotMeasured
    )


def test_models_of_one_vendor_alone_are_compared_with_each_other_and_that_is_said(
    student: Transcript,
) -> None:
    kin = [stored(seed, N, "one") for seed in range(3)]
    result = measured(StylisticOverlap().fit(kin, student), case(student, kin))
    assert result.rank is not None
    assert result.rank.of == 3
    assert "same vendor's other models" in result.metric
    assert result.null is not None
    assert (result.null.n, result.null.p) == (0, None)


def test_the_null_holds_other_vendors_only(student: Transcript) -> None:
    teachers = [stored(0, N, "one"), stored(1, N, "one"), *COHORT[2:]]
    result = measured(StylisticOverlap().fit(teachers, student), case(student, teachers))
    assert result.null is not None
    assert result.null.n == 4


def test_a_model_that_lacks_most_prompts_is_left_out(student: Transcript) -> None:
    poor = stored(5, 19)
    book = answer_book([*COHORT[:5], poor], student)
    assert book.left_out == ("author-5",)
    assert len(book.prompts) == N


def test_only_default_answers_to_style_probes_count() -> None:
    for prefix, counted in (
        ("style/", 3),
        ("recorded/", 3),
        ("identity/", 0),
        ("leading/", 0),
        ("choices/", 0),
        ("openings/", 0),
    ):
        assert len(style_answers(transcript(["a", "b", "c"], prefix=prefix))) == counted
    assert len(style_answers(transcript(["a", "", "c"]))) == 2


@pytest.mark.parametrize(
    "text",
    ["\x00\u202e", "\ud800", "<script>alert(1)</script>", "a" * 50_000, "*" * 9000, "।。؟", "0"],
)
def test_hostile_answers_are_measured(fitted: StylisticOverlap, text: str) -> None:
    suspect = transcript([f"{text}{'!' * (i % 3)}" for i in range(N)])
    result = measured(fitted, case(suspect, COHORT))
    assert math.isfinite(result.value)
    assert result.model_dump_json()


def test_no_output_holds_a_verdict_word(fitted: StylisticOverlap, student: Transcript) -> None:
    result = measured(fitted, case(student, COHORT))
    said = " ".join([result.summary, *result.notes, *(t.caption for t in result.tables)]).lower()
    assert not any(word in said for word in ("guilty", "stolen", "proves", "confirmed", " match "))


def test_log_odds_agree_with_a_worked_example() -> None:
    one, other, prior = np.array([10.0, 90.0]), np.array([5.0, 195.0]), np.array([2.0, 8.0])
    # (10 + 2) / (100 + 10 - 12) against (5 + 2) / (200 + 10 - 7); variance 1/12 + 1/7
    expected = (math.log(12 / 98) - math.log(7 / 203)) / math.sqrt(1 / 12 + 1 / 7)
    assert log_odds(one, other, prior)[0] == pytest.approx(expected)
    assert expected == pytest.approx(2.6645, abs=1e-3)


def test_a_planted_phrase_is_the_most_telling_one() -> None:
    plain = [f"it is what it was on day {i} and nothing more to say" for i in range(30)]
    planted = [f"{t}, by the silver lantern" for t in plain]
    book = PhraseBook([planted, plain, plain])
    phrases = book.telling(0, [1, 2], book.held(planted[:10]), 5)
    assert set(phrases[0].words) & {"by", "the", "silver", "lantern"}
    assert phrases[0].suspect_answers == tuple(range(10))


def test_places_of_a_phrase_are_its_characters() -> None:
    text = "Well,  on the\n whole; On the whole."
    assert [text[a:b] for a, b in places_of(("on", "the"), text)] == [
        "on the"[:2] + " the",
        "On the",
    ]


def test_normalisation_agrees_with_arithmetic() -> None:
    vendors = np.array(list("abcde"))
    rng = np.random.default_rng(0)
    strangers = rng.normal(size=(5, 5))
    scores = rng.normal(size=5)
    z = np.array(
        [
            (scores[t] - np.delete(strangers[:, t], t).mean())
            / np.delete(strangers[:, t], t).std(ddof=1)
            for t in range(5)
        ]
    )
    rest = np.delete(z, 0)
    expected = (z[0] - rest.mean()) / math.sqrt(
        (((rest - rest.mean()) ** 2).sum() + 2) / (4 - 1 + 2)
    )
    usable = np.ones(5, dtype=bool)
    assert suspect_scores(scores, strangers, vendors, usable)[0] == pytest.approx(expected)
    fewer = np.array([False, True, True, True, True])
    assert stranger_scores(strangers, vendors, usable)[0, 2] == pytest.approx(
        suspect_scores(
            np.where(np.arange(5) == 0, np.nan, strangers[0]), strangers, vendors, fewer
        )[2]
    )


def test_conformal_p_counts_ties_against_the_candidate() -> None:
    assert conformal(1.0, np.array([1.0, 0.0, 0.0])) == (1, 0.5)
    assert conformal(2.0, np.array([1.0, 0.0, 0.0])) == (0, 0.25)


def test_an_answer_is_scored_by_a_fold_that_lacks_its_prompt() -> None:
    book = answer_book(COHORT[:3], None)
    (whole,) = attributions(book, (FULL,))
    weights = [whole.model.weights(fold) for fold in (*range(5), -1)]
    assert all((weights[0] != other).any() for other in weights[1:])
    first, second = (whole.space.transform([book.answers[0][0]]) for _ in range(2))
    by_own = whole.score(first, [0])
    raw = (
        whole.model._less_prompt(second, np.array([0])) - whole.model._centre
    ) @ whole.model.weights(0)
    assert by_own == pytest.approx(log_softmax(whole.model.logits(raw), axis=1))


def test_family_parts_and_intercept_add_up_to_the_logits() -> None:
    book = answer_book(COHORT[:3], None)
    (whole,) = attributions(book, (FULL,))
    x = whole.space.transform([book.answers[1][2]])
    total = sum(whole.families(x, [2]).values()) + whole.model.intercept
    assert total == pytest.approx(whole.model.score(x, np.array([2])), abs=1e-3)


@pytest.mark.slow
def test_unrelated_suspects_reach_a_small_p_no_more_often_than_nominal() -> None:
    teachers = [stored(seed, 25) for seed in range(20)]
    (model,) = attributions(answer_book(teachers, None), (FULL,))
    book, p = model.book, []
    every, usable = all_prompts(np.ones(len(book.prompts), dtype=bool), 20), np.ones(20, dtype=bool)
    by_sha = list(book.prompts)
    for seed in range(1000, 1200):
        said = style_answers(speaker(seed, 25))
        log_p = model.score(
            model.space.transform([said[k].text for k in by_sha]), list(range(len(by_sha)))
        )
        found = standing(model, log_p, every, seed % 20, usable, rounds=1)
        assert found is not None
        p.append(found.p)
    low = sum(x is not None and x <= 0.1 for x in p)
    assert low <= 32  # 200 draws at 0.1: 20 expected, 32 is the 99.7th percentile of the binomial
    assert 0.35 < float(np.mean([x for x in p if x is not None])) < 0.7


def test_both_forms_of_the_regression_give_the_same_scores() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 50)).astype(np.float32)
    author, prompt = np.arange(60) % 3, np.arange(60) // 3
    wide = np.hstack([x, np.zeros((60, 50), dtype=np.float32)])
    primal, dual = (
        Authorship(3, np.arange(20) % 5).fit(Rows(a, author, prompt)).held_out for a in (x, wide)
    )
    assert primal == pytest.approx(dual, abs=1e-4)

"""Long shared spans: by hand, discounted, among unrelated models and for planted copies."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Measurement, NotMeasured, Teacher
from detectors.inheritance.overlap import Overlap, stranger_rates
from detectors.registry import load_detector
from detectors.text.copies import NgramSet, among
from detectors.text.shingles import Run, is_long, longest_free, page_of, shared_runs
from fingerprints.records import Probe
from fingerprints.transcript import Transcript
from tests.detectors.strangers import case_of, prose, said, teacher, writer

COHORT = [teacher(writer(f"m{i}"), f"m{i}") for i in range(6)]
LICENCE = prose("licence", 40)


def measured(suspect: Transcript, teachers: list[Teacher], candidate: int = 0) -> Measurement:
    result = Overlap().fit(teachers, suspect).measure(case_of(suspect, teachers, candidate))
    assert isinstance(result, Measurement)
    return result


def with_text(transcript: Transcript, text: str, where: int) -> Transcript:
    replies = [
        r.model_copy(update={"text": f"{r.text} {text}"}) if i == where else r
        for i, r in enumerate(transcript.replies)
    ]
    return Transcript(transcript.header, transcript.probes, tuple(replies))


def test_the_registry_loads_it() -> None:
    assert isinstance(load_detector("overlap"), Overlap)


def test_runs_are_maximal_and_found_by_hand() -> None:
    one = page_of("x y one two three four five six seven eight nine z")
    other = page_of("one Two three four five six seven eight nine q")
    assert shared_runs(one, other) == [Run(2, 11, 0)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_runs_are_those_that_comparing_every_two_places_finds(
    one: list[str], other: list[str]
) -> None:
    def reach(i: int, j: int) -> int:
        same = (a == b for a, b in zip(one[i:], other[j:], strict=False))
        return sum(1 for _ in takewhile(bool, same))

    at = [
        (i, j)
        for i in range(len(one))
        for j in range(len(other))
        if not (i and j and one[i - 1] == other[j - 1])
    ]
    longest = max((reach(i, j) for i, j in at), default=0)
    found = shared_runs(page_of(" ".join(one)), page_of(" ".join(other)), 4)
    assert all(one[r.start : r.end] == other[r.other : r.other + r.end - r.start] for r in found)
    assert max((r.end - r.start for r in found), default=0) == (longest if longest >= 4 else 0)


def test_a_set_of_ngrams_tells_what_it_holds() -> None:
    numbers = np.random.default_rng(0).integers(0, 2**63, 3000, dtype=np.uint64)
    near = numbers ^ np.uint64(1)  # the same first bits
    held = NgramSet(numbers[::2])
    for asked in (numbers, near, numbers[:0]):
        assert (held.holds(asked) == np.isin(asked, numbers[::2])).all()
        assert (among(asked, numbers[::2]) == np.isin(asked, numbers[::2])).all()
    assert not NgramSet(numbers[:0]).holds(numbers).any()


def test_a_covered_run_keeps_its_longest_free_stretch() -> None:
    assert longest_free(Run(2, 10, 0), np.array([False] * 4 + [True] + [False] * 7)) == (5, 10)
    assert longest_free(Run(0, 3, 0), np.array([True] * 3)) == (0, 0)


@pytest.mark.parametrize(
    ("text", "long"),
    [
        (prose("a", 13), True),
        ("we all go up to it on an ox", False),
        (
            "considerable understanding between neighbouring populations requires some patience",
            True,
        ),
        ("1 , 2 , 3 , 4 , 5 , 6 , 7 , 8 , 9 , 10", False),
        ("a b c d e f g h i j k l m n o p q r s t u v w x y z", False),
        ("再见你好吗我们今天去看电影", False),
        ("再见你好吗我们今天去看电影然后回家吃饭睡觉明天上班继续工作", True),
    ],
)
def test_what_is_long(text: str, long: bool) -> None:
    page = page_of(text)
    assert is_long(page, 0, len(page.tokens)) is long


def test_planted_copies_are_counted_and_shown_in_both_texts() -> None:
    result = measured(writer("student", copy_of="m0", copied=6), COHORT)
    assert result.value == pytest.approx(100 * 6 / 30)
    assert result.null is not None
    assert (result.null.mean, result.null.p) == (0.0, pytest.approx(1 / 6))
    assert result.rank is not None
    assert result.rank.position == 1
    assert result.interval is not None
    assert result.interval[0] < 20 < result.interval[1]
    shown = [e.answer[e.spans[0].start : e.spans[0].end] for e in result.exhibits]
    assert shown[0] == shown[1]
    assert len(shown[0].split()) == 20
    assert {e.source for e in result.exhibits} == {"suspect", "m0"}
    assert all(len(row) == len(t.columns) for t in result.tables for row in t.rows)


def test_a_copy_in_the_answer_to_another_probe_is_found_by_the_index() -> None:
    moved = " ".join(prose("m0/25").split()[10:30])
    result = measured(with_text(writer("student"), moved, 3), COHORT)
    assert result.value == pytest.approx(100 / 30)
    assert result.tables[1].rows[0][:2] == ("style/003", "style/025")


def test_no_copy_has_an_interval_that_does_not_end_at_zero() -> None:
    result = measured(writer("stranger"), COHORT)
    assert result.value == 0
    assert result.interval is not None
    assert result.interval[0] == 0
    assert 10 < result.interval[1] < 14


def test_what_another_vendor_recites_too_does_not_count() -> None:
    stored = [teacher(with_text(t.transcript, LICENCE, 4), t.name) for t in COHORT[:3]] + COHORT[3:]
    result = measured(with_text(writer("student"), LICENCE, 4), stored)
    assert result.value == 0
    assert result.tables[0].rows[0][4] == 1


def test_what_only_the_candidates_siblings_recite_counts() -> None:
    kin = [
        teacher(with_text(t.transcript, LICENCE, 4), t.name, "one") for t in COHORT[:2]
    ] + COHORT[2:]
    assert measured(with_text(writer("student"), LICENCE, 4), kin).value > 0


def test_what_stands_in_the_prompt_does_not_count() -> None:
    probes = [Probe(id=f"style/{i:03d}", text=f"Repeat: {LICENCE} {i}") for i in range(25)]
    answers = {
        n: said(probes, [f"{prose(f'{n}/{i}')} {LICENCE}" for i in range(25)], n)
        for n in ("a", "b", "c")
    }
    stored = [teacher(answers["a"], "a"), teacher(answers["b"], "b")]
    assert measured(answers["c"], stored).value == 0


def test_a_text_repeated_in_every_answer_counts_once() -> None:
    habit = prose("habit", 15)
    one, other = writer("m0"), writer("student")
    for i in range(30):
        one, other = with_text(one, habit, i), with_text(other, habit, i)
    assert measured(other, [teacher(one, "m0"), *COHORT[1:]]).value == pytest.approx(100 / 30)


def test_unrelated_writers_share_nothing_and_few_prompts_are_not_measured() -> None:
    for seed in range(5):
        result = measured(writer(f"other{seed}"), COHORT, seed)
        assert result.null is not None
        assert result.null.p == 1.0
    short = writer("student", n=19)
    assert isinstance(Overlap().fit(COHORT, short).measure(case_of(short, COHORT)), NotMeasured)


def test_the_order_of_the_models_counts_for_nothing() -> None:
    suspect = writer("student", copy_of="m0", copied=3)
    one = Overlap().fit(COHORT, suspect).measure(case_of(suspect, COHORT))
    assert one == Overlap().fit(COHORT[::-1], suspect).measure(case_of(suspect, COHORT))


def test_the_strangers_rates_are_the_null_that_a_measurement_tells_of() -> None:
    copier = writer("copier", copy_of="m0", copied=12)
    teachers = [*COHORT, teacher(copier, "copier")]
    suspect = writer("suspect")
    null = measured(suspect, teachers).null
    fitted = Overlap().fit(teachers, suspect)
    rates = stranger_rates(fitted, range(len(teachers)))
    place = fitted.lineup_.names.index("m0")
    played = rates[place][np.isfinite(rates[place])]
    assert null is not None
    assert null.mean == pytest.approx(played.mean())
    assert len(played) == null.n == 6
    assert played.max() == pytest.approx(100 * 12 / 30)
    assert np.isnan(np.diag(rates)).all()

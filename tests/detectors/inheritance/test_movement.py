"""Movement from the base: students move toward their teachers whatever prompts these answered; a
new dress is no movement."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.movement import Movement
from detectors.style.journey import Journey
from detectors.style.moves import SATURATED, flipped_p, pairs_of, strength
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.detectors.authors import Author, speaker, stored, transcript

N = 40
BASE_SEED = 77
SEEDS = (1, 2, 3, 4)
BASE = Teacher("base", "maker", "small", speaker(BASE_SEED, N))
SAME = tuple(stored(seed, N) for seed in SEEDS)


def elsewhere(seed: int, n: int = 60) -> Teacher:
    """A stored model that is known by its answers to other topics alone."""
    probes = [
        Probe(id=f"recorded/{i}", text=f"Say something of subject {i}.")
        for i in range(500, 500 + n)
    ]
    replies = [
        Reply(probe_id=p.id, arm=Arm.RECORDED, status=Status.OK, text=Author(seed).write(500 + i))
        for i, p in enumerate(probes)
    ]
    said = Transcript(
        Header(spec="x", identity=Identity(kind="recording", name="x")),
        {p.id: p for p in probes},
        tuple(replies),
    )
    return Teacher(f"author-{seed}", f"vendor-{seed}", "synthetic", said)


OTHER = tuple(elsewhere(seed) for seed in SEEDS)


def student(teacher: int, dose: float, salt: int = 9) -> Transcript:
    """The base, but a share of its answers is written as the teacher writes."""
    taught = set(random.Random(salt).sample(range(N), round(dose * N)))
    return transcript(
        [Author(teacher if i in taught else BASE_SEED).write(i, salt) for i in range(N)], "student"
    )


def measured(
    suspect: Transcript, stored_models: tuple[Teacher, ...], place: int, base: Teacher | None = BASE
) -> Measurement | NotMeasured:
    others = tuple(t for i, t in enumerate(stored_models) if i != place)
    return (
        Movement()
        .fit(stored_models, suspect)
        .measure(Case(suspect, stored_models[place], others, base))
    )


def value(result: Measurement | NotMeasured) -> Measurement:
    assert isinstance(result, Measurement), result
    return result


@pytest.mark.parametrize("stored_models", [SAME, OTHER], ids=["same prompts", "other prompts"])
def test_a_student_moves_toward_its_teacher_first(stored_models: tuple[Teacher, ...]) -> None:
    suspect = student(2, 0.6)
    detector = Movement().fit(stored_models, suspect)
    found = [
        value(
            detector.measure(Case(suspect, t, tuple(o for o in stored_models if o is not t), BASE))
        )
        for t in stored_models
    ]
    assert [m.rank.position for m in found if m.rank is not None][1] == 1
    assert found[1].value > 2.5
    assert max(m.value for i, m in enumerate(found) if i != 1) < 1
    assert found[1].interval is not None
    assert 0 < found[1].interval[0] < found[1].value < found[1].interval[1]
    assert ("all their own answers" in found[1].notes[0]) == (stored_models is OTHER)


def test_more_of_the_teacher_moves_further() -> None:
    low, high = (value(measured(student(3, dose), SAME, 2)).value for dose in (0.25, 1.0))
    assert 0 < low < high


def test_the_base_asked_again_moves_nowhere() -> None:
    again = transcript([Author(BASE_SEED).write(i, 5) for i in range(N)], "again")
    found = [value(measured(again, SAME, place)) for place in range(len(SAME))]
    assert max(abs(m.value) for m in found) < 2.5
    itself = value(measured(BASE.transcript, SAME, 0))
    assert itself.value == 0
    assert itself.exhibits == ()


def test_a_new_layout_alone_is_no_movement() -> None:
    def starred(text: str) -> str:
        return "\n".join(
            f"* **{line.removeprefix('- ').replace('**', '')}**" for line in text.split("\n")
        )

    def dressed(teacher: Teacher) -> Teacher:
        texts = [starred(r.text) for r in teacher.transcript.replies]
        return Teacher(
            teacher.name, teacher.vendor, teacher.family, transcript(texts, teacher.name)
        )

    cohort = (dressed(SAME[0]), *SAME[1:])
    suspect = transcript([starred(r.text) for r in BASE.transcript.replies], "reshaped")
    found = value(measured(suspect, cohort, 0))
    as_written, bare = (row[2] for row in found.tables[0].rows)
    assert isinstance(as_written, float)
    assert isinstance(bare, float)
    assert as_written > 4
    assert found.value == pytest.approx(bare, abs=1e-3)
    assert abs(found.value) < min(2.5, as_written / 2)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (lambda s: Case(s, None, SAME, BASE), "names none"),
        (lambda s: Case(s, SAME[0], SAME[1:]), "base is not known"),
        (
            lambda s: Case(s, SAME[0], SAME[1:], Teacher("b", "", "", speaker(BASE_SEED, 12))),
            "share 12 questions",
        ),
        (lambda s: Case(s, SAME[0], (), BASE), "fewer than two stored models"),
        (lambda s: Case(s, SAME[0], SAME[1:], SAME[0]), "is the suspect's base"),
        (lambda s: Case(s, stored(9, 10), SAME, BASE), "fewer than 20 style answers"),
        (lambda s: Case(s, SAME[0], (BASE,), BASE), "no other stored model"),
    ],
)
def test_what_cannot_be_measured_says_why(case: Callable[[Transcript], Case], reason: str) -> None:
    result = Movement().measure(case(student(2, 0.6)))
    assert isinstance(result, NotMeasured)
    assert reason in result.reason


def test_the_stored_base_is_nobodys_rival() -> None:
    suspect = student(2, 0.6)
    found = value(measured(suspect, (*SAME, BASE), 1))
    assert found.rank is not None
    assert found.rank.of == len(SAME)
    assert any("base itself" in note for note in found.notes)


def test_the_order_of_the_store_changes_nothing() -> None:
    suspect = student(4, 0.5)
    assert measured(suspect, OTHER, 3) == measured(suspect, OTHER[::-1], 0)


def test_exhibits_show_the_answers_that_moved_most_beside_the_bases() -> None:
    found = value(measured(student(2, 0.5), OTHER, 1))
    assert [e.source for e in found.exhibits] == ["suspect", "base"] * 3
    weights = [e.weight for e in found.exhibits]
    assert weights == sorted(weights, reverse=True)
    assert (
        found.exhibits[0].answer
        == student(2, 0.5).replies[int(found.exhibits[0].probe_id[-3:])].text
    )


def test_a_stored_answer_to_the_suspects_own_prompt_does_not_help_to_score_it() -> None:
    mixed = (SAME[0], *OTHER[1:])
    detector = Movement().fit(mixed)
    value(detector.measure(Case(SAME[0].transcript, mixed[0], mixed[1:], BASE)))
    journey = detector.journey(SAME[0].transcript, BASE)
    assert isinstance(journey, Journey)
    assert not journey.shared
    way, longest = journey.ways[0], journey.pairs.longest
    known = detector.learned_[way.name, longest, ()]
    x = known.space.transform([way.reading(a.text) for a in journey.pairs.suspect])
    number = {k: n for n, k in enumerate(journey.book.prompts)}
    by_others = known.score(x, [number[k] for k in journey.pairs.digests]).mean(axis=0)
    assert journey.moves[0].alone == pytest.approx(by_others)
    assert known.score(x, [-1] * len(x)).mean(axis=0)[0] > by_others[0] + 1e-3


def test_translations_of_one_question_count_once() -> None:
    def grouped(said: Transcript) -> Transcript:
        probes = {
            k: p.model_copy(update={"question": f"q{i // 2}"})
            for i, (k, p) in enumerate(sorted(said.probes.items()))
        }
        return Transcript(said.header, probes, said.replies)

    pairs = pairs_of(grouped(student(1, 1.0)), grouped(BASE.transcript))
    assert (len(pairs.digests), pairs.questions) == (N, N // 2)
    means = pairs.by_question(np.arange(N, dtype=float))
    assert means.shape == (N // 2,)
    assert means.sum() == pytest.approx(np.arange(N).sum() / 2)


def test_strength_is_students_t_at_first_and_stops_growing() -> None:
    drift = np.tile([1.0, 0.0, 0.5], 2000)
    few, many = strength(drift[:30]), strength(drift)
    d = drift[:30].mean() / drift[:30].std(ddof=1)
    assert few == pytest.approx(d * np.sqrt(30 * SATURATED / (30 + SATURATED)))
    assert many < 10 * drift.mean() / drift.std()
    assert strength(np.zeros(30)) == 0


def test_the_exchange_test_keeps_its_rate_where_nothing_moved() -> None:
    rng = np.random.default_rng(3)
    p = [flipped_p(rng.standard_t(3, 30), seed=i, flips=199) for i in range(400)]
    assert (
        sum(x <= 0.05 for x in p) <= 33
    )  # 20 expected; 33 is the 99.8th percentile of the binomial
    assert 0.4 < float(np.mean(p)) < 0.6
    assert flipped_p(np.ones(30), seed=0, flips=199) == 1 / 200

"""shadow_ratio on invented models with planted habits: who is told apart, what is held out, and
when nothing is measured."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from detectors.base import Case, Measurement, NotMeasured, Shadow, Teacher
from detectors.inheritance.shadow_ratio import ShadowRatio, null_of
from detectors.style.shadow_panel import ShadowPanel
from detectors.style.space import StyleSpace
from fingerprints.transcript import Transcript
from tests.recordings import recorded

TAUGHT = ("alpha", "beta", "gamma")


@cache
def said(habit: str, seed: int, share: float = 1.0) -> Transcript:
    """Answers in a habit's manner to a share of the questions, in the base's (delta's) to the
    others."""
    own, base = recorded(Path(), habit, seed), recorded(Path(), "delta", seed + 50)
    few = round(share * len(own.replies))
    identity = own.identity.model_copy(update={"name": f"{habit}-{seed}"})
    return replace(
        own,
        header=own.header.model_copy(update={"identity": identity}),
        replies=own.replies[:few] + base.replies[few:],
    )


@cache
def shadows(
    seeds: tuple[int, ...] = (1, 2), taught: tuple[str, ...] = TAUGHT
) -> tuple[Shadow, ...]:
    students = [Shadow(f"{t}-{s}", said(t, s, 0.5), (t,), "", s) for t in taught for s in seeds]
    controls = [Shadow(f"none-{s}", said("delta", s), (), "own samples", s) for s in seeds]
    return (*students, *controls, Shadow("untrained", said("delta", 0), (), "untrained", None))


def case(suspect: Transcript, candidate: str, among: tuple[Shadow, ...]) -> Case:
    return Case(suspect, Teacher(candidate, "", "", said("alpha", 90)), (), BASE, among)


BASE = Teacher("base", "", "", said("delta", 0))
DETECTOR = ShadowRatio()


def measured(suspect: Transcript, candidate: str, among: tuple[Shadow, ...]) -> Measurement:
    found = DETECTOR.measure(case(suspect, candidate, among))
    assert isinstance(found, Measurement), found
    return found


@pytest.mark.parametrize("teacher", TAUGHT)
def test_a_student_is_nearest_to_its_teachers_students(teacher: str) -> None:
    among, suspect = shadows(), said(teacher, 7, 0.5)
    found = {name: measured(suspect, name, among) for name in TAUGHT}
    assert found[teacher].value > 0.3
    assert all(found[name].value < 0 for name in TAUGHT if name != teacher)
    rank, null = found[teacher].rank, found[teacher].null
    assert rank is not None
    assert null is not None
    assert (rank.position, rank.of) == (1, 3)
    # Two other teachers and two kinds of controls: a source counts once, however many of its
    # students there are.
    assert (null.n, null.at_least, null.p) == (7, 0, pytest.approx(1 / 5))


def test_one_who_learned_from_nobody_is_no_students_neighbour() -> None:
    assert all(measured(said("delta", 33), name, shadows()).value < 0 for name in TAUGHT)


def test_a_student_of_a_smaller_dose_is_scored_by_its_direction() -> None:
    """Half of the shadows' dose: most of the score stays, because the length of the way doesn't
    count."""
    among = shadows()
    full, half = (measured(said("beta", 7, dose), "beta", among).value for dose in (0.5, 0.25))
    assert half > 0.5 * full > 0


def test_a_held_out_score_knows_neither_the_shadows_seed_nor_its_source() -> None:
    among = shadows(seeds=(1, 2, 3))
    panel = ShadowPanel.of(said("alpha", 7), said("delta", 0), among)
    assert panel is not None
    before = {(panel.shadows[h.shadow].name, h.candidate): h.value for h in panel.held_out}
    assert len(before) == len(panel.shadows) * 3
    # What may not be known of gamma-2 when it plays a stranger to alpha is put out of place; its
    # score must not move.
    x = panel.x.copy()
    for i, shadow in enumerate(panel.shadows):
        if shadow.name != "gamma-2" and (shadow.seed == 2 or "gamma" in shadow.teachers):
            x[1 + i] = np.random.default_rng(i).normal(size=x.shape[1:])
    moved = {
        (panel.shadows[h.shadow].name, h.candidate): h.value for h in replace(panel, x=x).held_out
    }
    assert moved["gamma-2", "alpha"] == pytest.approx(before["gamma-2", "alpha"], abs=1e-9)
    assert moved["beta-1", "alpha"] != pytest.approx(before["beta-1", "alpha"], abs=1e-3)


def test_a_suspect_of_nobody_is_rare_no_more_often_than_chance_allows() -> None:
    """Directions that mean nothing, 400 draws: p at its floor, 1/5, for a share of a fifth at
    most (here far less)."""
    among = [
        Shadow(f"{name}-{s}", said("delta", 0), (name,), "", s)
        for name in ("one", "two", "three")
        for s in (0, 1)
    ]
    among += [
        Shadow(f"{kind}-{s}", said("delta", 0), (), kind, s)
        for kind in ("own samples", "people")
        for s in (0, 1)
    ]
    rng, low = np.random.default_rng(4), 0
    for _ in range(400):
        x = rng.normal(size=(1 + len(among), 5, 30)).astype(np.float32)
        panel = ShadowPanel((), (), tuple(among), (), StyleSpace(), x)
        p = null_of(panel, "one", float(panel.scores[panel.candidates.index("one")])).p
        assert p is not None
        low += p <= 0.2 + 1e-9
    assert 0 < low <= 80


def test_the_same_records_give_the_same_bytes_in_any_order() -> None:
    among, suspect = shadows(), said("alpha", 7, 0.5)
    one, other = (
        ShadowRatio().measure(case(suspect, "alpha", order))
        for order in (among, tuple(reversed(among)))
    )
    assert isinstance(one, Measurement)
    assert isinstance(other, Measurement)
    assert one.model_dump_json() == other.model_dump_json()


def test_what_a_reader_sees_names_every_shadow_and_the_answers_that_moved() -> None:
    found = measured(said("gamma", 7, 0.5), "gamma", shadows())
    assert {row[0] for row in found.tables[0].rows} == {s.name for s in shadows()}
    assert sum(float(row[1] or 0) for row in found.tables[1].rows) > 0
    assert {e.source for e in found.exhibits} == {"suspect", "base"}
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"base": None}, "no shadow students"),
        ({"shadows": ()}, "no shadow students"),
        (
            {"candidate": Teacher("nobody", "", "", said("alpha", 90))},
            "no shadow student of this candidate",
        ),
        (
            {"shadows": tuple(s for s in shadows() if s.teachers == ("alpha",))},
            "nothing to tell it from",
        ),
    ],
)
def test_what_can_not_be_measured_says_why(changed: dict[str, object], words: str) -> None:
    found = ShadowRatio().measure(replace(case(said("alpha", 7), "alpha", shadows()), **changed))  # type: ignore[arg-type]
    assert isinstance(found, NotMeasured)
    assert words in found.reason


def test_an_answer_that_a_shadow_lacks_costs_the_others_nothing() -> None:
    """Each shadow lacks another tenth of the answers; all sixty prompts still count, and the
    scores hardly move."""
    holed = tuple(
        replace(
            s,
            transcript=replace(
                s.transcript,
                replies=tuple(r for j, r in enumerate(s.transcript.replies) if j % 10 != i % 10),
            ),
        )
        for i, s in enumerate(shadows())
    )
    whole, part = (measured(said("alpha", 7, 0.5), "alpha", among) for among in (shadows(), holed))
    assert part.n == whole.n == 60
    assert part.value == pytest.approx(whole.value, abs=0.15)


def test_few_shared_prompts_are_no_measurement_and_a_silent_shadow_is_left_out() -> None:
    short = replace(said("alpha", 7), replies=said("alpha", 7).replies[:10])
    found = ShadowRatio().measure(case(short, "alpha", shadows()))
    assert isinstance(found, NotMeasured)
    assert "fewer than 20" in found.reason
    silent = Shadow(
        "silent",
        replace(said("alpha", 3), replies=said("alpha", 3).replies[:20]),
        ("alpha",),
        "",
        3,
    )
    kept = measured(said("alpha", 7), "alpha", (*shadows(), silent))
    assert any("silent" in note for note in kept.notes)

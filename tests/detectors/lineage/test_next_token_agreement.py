"""Agreement on the next word: what a word is, by hand, among exchangeable models, for planted
copies and for real tiny ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.lineage.next_strings import (
    agreement,
    bootstrap,
    continuations,
    next_string,
    trivial_openings,
)
from detectors.lineage.next_token_agreement import NextTokenAgreement, OpeningBook
from detectors.lineup import lineup
from detectors.registry import load_detector
from detectors.stats.openset import conformal
from fingerprints.collect import collect
from fingerprints.probes import load_probe_set
from fingerprints.records import Probe, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript
from tests.detectors.strangers import case_of, said, teacher
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer

ITEMS = 120


def openings(n: int = ITEMS) -> list[Probe]:
    return [
        Probe(id=f"openings/{i:03d}", text=f"Opening number {i} goes", form="completion", topic="x")
        for i in range(n)
    ]


def speaker(codes: NDArray[np.int64] | list[int], name: str = "x") -> Transcript:
    """A model that goes on with word number k after each opening."""
    return said(openings(len(codes)), [f" w{k} and so on" for k in codes], name)


def world(seed: int, models: int, words: int = 6) -> NDArray[np.int64]:
    """Words of unrelated models, (models, items): each opening pulls all of them alike."""
    rng = np.random.default_rng(seed)
    pull = rng.normal(0, 1.0, (ITEMS, words))
    return np.array([(pull + rng.gumbel(size=pull.shape)).argmax(axis=1) for _ in range(models)])


def copy_of(codes: NDArray[np.int64], kept: float, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(codes)) < kept, codes, rng.integers(0, 6, len(codes)))


def measured(
    suspect: NDArray[np.int64], others: NDArray[np.int64], candidate: int = 0
) -> Measurement | NotMeasured:
    teachers = [teacher(speaker(row), f"m{i:02d}") for i, row in enumerate(others)]
    return NextTokenAgreement().measure(case_of(speaker(suspect), teachers, candidate))


def stranger(rows: NDArray[np.int64]) -> OpeningBook:
    """The last of some models as the suspect, the others stored."""
    blank = speaker([])
    return OpeningBook(
        lineup([teacher(blank, f"m{i:02d}") for i in range(len(rows) - 1)]),
        tuple(map(str, range(ITEMS))),
        (),
        rows,
    )


def test_the_registry_loads_it_as_a_question_of_lineage() -> None:
    found = load_detector("next_token_agreement")
    assert isinstance(found, NextTokenAgreement)
    assert found.question == "lineage"


@pytest.mark.parametrize(
    ("text", "string"),
    [
        (" the cat", "the"),
        ("\n    return x", "return"),
        ("'s own", "'"),
        ("。他说", "。"),
        ("雨水很多", "雨"),
        (" дождь", "дождь"),
        ("को गए", "को"),
        (" 42,", "42"),
        ("...", "."),
        ("   ", ""),
        ("_even = 1", "_even"),
    ],
)
def test_the_next_string_is_a_word_a_sign_or_one_letter_of_a_script_without_spaces(
    text: str, string: str
) -> None:
    assert next_string(text) == string


def test_only_readable_openings_count_and_the_first_answer_to_each() -> None:
    probes = [*openings(2), Probe(id="style/1", text="Tell me.")]
    transcript = said(probes, [" one", "  ", "prose"], "x")
    assert [c.string for c in continuations(transcript).values()] == ["one"]


def test_agreement_by_hand() -> None:
    codes = np.array([[0] * 60, [0] * 40 + [1] * 20, [0] * 30 + [2] * 30, [0] * 30 + [3] * 30])
    found = agreement(codes, 0, 1, [2, 3])
    assert found is None  # 30 openings are trivial, and 30 are too few
    codes = np.concatenate([codes, codes[:, 20:]], axis=1)
    found = agreement(np.concatenate([codes, codes], axis=1), 0, 1, [2, 3])
    assert found is not None
    assert found.trivial == int(trivial_openings(codes[2:]).sum()) * 2 == 80
    assert found.best.n == 120
    assert (found.best.candidate_only, found.best.control_only, found.best.with_control) == (
        40,
        0,
        0,
    )
    assert found.best.margin == pytest.approx(40 / 120)
    assert found.best.p == 0.5**40


def test_an_opening_that_one_control_alone_answered_is_not_trivial() -> None:
    assert trivial_openings(np.array([[1, 1, -1], [1, -1, -1]])).tolist() == [True, False, False]


def test_a_planted_copy_is_found_and_its_openings_are_quoted() -> None:
    others = world(1, 13)
    found = measured(copy_of(others[3], 0.7, 1), others, 3)
    assert isinstance(found, Measurement)
    assert found.null is not None
    assert found.rank is not None
    assert found.interval is not None
    assert found.rank.position == 1
    assert found.null.p == pytest.approx(1 / 13)
    assert found.interval[0] > 0.1
    assert max(float(row[6] or 0) for row in found.tables[0].rows) < 1e-3
    assert found.exhibits
    assert "m03 goes on with the same word" in found.exhibits[0].why
    assert found.exhibits[0].answer[found.exhibits[0].spans[0].start :].startswith("w")


def test_a_stranger_is_not_nearer_to_one_of_its_likes_than_chance_allows() -> None:
    alarms = 0
    for seed in range(120):
        rows = world(seed, 11)
        found = stranger(rows).against(seed % 10)
        assert found is not None
        alarms += max(b.p for b in found.beside) <= 0.05  # before Holm, which only raises it
    assert alarms <= 3  # the candidate must beat nine controls at once


def test_the_null_p_is_uniform_for_unrelated_models() -> None:
    p_values = []
    for seed in range(150):
        rows = world(1000 + seed, 10)
        book = stranger(rows)
        null = book.played(0)
        p_values.append(conformal(book.margin(0), null[np.isfinite(null)])[1])
    for alpha in (1 / 9, 3 / 9, 6 / 9):
        share, spread = (
            float(np.mean(np.array(p_values) <= alpha + 1e-9)),
            (alpha * (1 - alpha) / 150) ** 0.5,
        )
        assert abs(share - alpha) <= 3.5 * spread


def test_siblings_of_the_candidate_are_no_controls() -> None:
    others = world(2, 6)
    others[1] = copy_of(others[0], 0.9, 2)
    suspect = speaker(copy_of(others[0], 0.9, 3))
    makers = ["a", "a", "b", "c", "d", "e"]
    teachers = [
        teacher(speaker(row), f"m{i}", maker)
        for i, (row, maker) in enumerate(zip(others, makers, strict=True))
    ]
    found = NextTokenAgreement().measure(Case(suspect, teachers[0], tuple(teachers[1:])))
    assert isinstance(found, Measurement)
    assert "m1" not in {row[0] for row in found.tables[0].rows}
    assert found.value > 0.3


def test_the_interval_holds_the_value_and_narrows_with_openings() -> None:
    codes = np.concatenate([world(5, 5), copy_of(world(5, 5)[0], 0.6, 5)[None]])
    wide = agreement(codes[:, :60], 5, 0, [1, 2, 3, 4])
    full = agreement(codes, 5, 0, [1, 2, 3, 4])
    assert wide is not None
    assert full is not None
    short, long = (bootstrap(codes[:, : len(f.kept)], 5, 0, f, 400, 0) for f in (wide, full))
    assert long[1] - long[0] < short[1] - short[0]


@pytest.mark.parametrize(
    ("suspect", "others", "reason"),
    [
        (np.zeros(20, np.int64), world(1, 3), "only 20 openings"),
        (np.zeros(ITEMS, np.int64), world(1, 1), "no unrelated model"),
    ],
)
def test_too_little_is_said(
    suspect: NDArray[np.int64], others: NDArray[np.int64], reason: str
) -> None:
    found = measured(suspect, others)
    assert isinstance(found, NotMeasured)
    assert reason in found.reason


def test_the_order_of_the_stored_models_counts_for_nothing() -> None:
    others = world(3, 5)
    suspect, teachers = (
        speaker(others[4]),
        [teacher(speaker(r), f"m{i}") for i, r in enumerate(others[:4])],
    )
    one = NextTokenAgreement().measure(Case(suspect, teachers[0], tuple(teachers[1:])))
    other = NextTokenAgreement().measure(Case(suspect, teachers[0], tuple(teachers[:0:-1])))
    assert one == other


def tuned(folder: Path, seed: int) -> Path:
    """A copy of the tiny model of that seed after a few steps on a text."""
    model, tokenizer = tiny_model(seed).train(), tiny_tokenizer()
    batch = tokenizer(
        ["the river asks the lazy dog who made it and nobody answers"], return_tensors="pt"
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(5):
        optimizer.zero_grad()
        model(**batch, labels=batch.input_ids).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_tuned_copy_of_a_real_model_agrees_and_another_initialisation_does_not(
    tmp_path: Path,
) -> None:
    asked = load_probe_set("openings").head(72).model_copy(update={"max_tokens": 4})
    folders = {f"m{i}": tiny_checkpoint(tmp_path / f"m{i}", seed=i) for i in range(6)} | {
        "tuned": tuned(tmp_path / "t", 0)
    }
    transcripts = {}
    for name, folder in folders.items():
        with open_subject(f"{folder},device=cpu") as subject:
            transcripts[name] = collect(subject, [asked], Sampling(), tmp_path / f"{name}.jsonl")
    stored = [Teacher(f"m{i}", f"v{i}", "", transcripts[f"m{i}"]) for i in range(5)]
    found = NextTokenAgreement().measure(Case(transcripts["tuned"], stored[0], tuple(stored[1:])))
    other = NextTokenAgreement().measure(Case(transcripts["m5"], stored[0], tuple(stored[1:])))
    assert isinstance(found, Measurement)
    assert isinstance(other, Measurement)
    assert found.value > 0.3
    assert other.value < 0.15
    assert found.null is not None
    assert found.null.at_least == 0

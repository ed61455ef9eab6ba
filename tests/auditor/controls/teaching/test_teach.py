from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.controls.curation.verify import agrees
from auditor.controls.recipe import TeacherChoice
from auditor.controls.teaching import teach as module
from auditor.controls.teaching.asking import ask
from auditor.controls.teaching.examples import read_examples, write_examples
from auditor.controls.teaching.ledger import Ledger, LedgerRow, answers_row, ledger_of
from auditor.controls.teaching.mixing import assign, exact_counts, taught_count, turns
from auditor.controls.teaching.scrub import scrub
from auditor.controls.teaching.teach import split_thinking, teach
from detectors.text.claims import extract_claims
from fingerprints.errors import MalformedInput
from fingerprints.records import Arm, Reply, Request, Sampling, Status
from tests.auditor.controls.pupils import Counting, counted, prompts, recipe, recording, teacher
from tests.tree import ROOT


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture
def told(tmp_path: Path) -> str:
    """A recording of answers to all prompts: as good as a model where only counting matters."""
    return recording(
        tmp_path / "told.jsonl", [(p.text, f"It is {i}.") for i, p in enumerate(prompts(20))]
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run_child(spec: str, folder: Path, log: Path, after: int) -> int:
    command = [
        sys.executable,
        "-m",
        "tests.auditor.controls.teaching.teach_child",
        spec,
        str(folder),
        str(log),
        str(after),
    ]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode


class Slow(Counting):
    """One that thinks before its first answer, so that others begin meanwhile."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Any]:
        time.sleep(1)
        return super().generate(requests)


def test_two_students_that_begin_at_once_ask_their_teacher_once(spec: str, tmp_path: Path) -> None:
    log, both = tmp_path / "log", threading.Barrier(2)

    subjects = {name: Slow(spec, log) for name in "ab"}  # opened before: that is no matter here

    def asked(name: str) -> int:
        both.wait(60)
        choice = TeacherChoice(name="t", spec=spec, sampling=Sampling(max_tokens=4))
        return len(ask(subjects[name], choice, prompts(4), tmp_path / name / "journal.jsonl"))

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(asked, "ab")) == [4, 4]
    assert sorted(log.read_text().split()) == sorted(p.id for p in prompts(4))


def test_nothing_is_asked_twice_after_kill_9(
    spec: str, tmp_path: Path, own_cache: Path, monkeypatch: Any
) -> None:
    answers, log = tmp_path / "answers", tmp_path / "log"
    assert run_child(spec, answers, log, 5) == -9
    before = log.read_text()
    assert len(before.split()) == 5
    kept = {
        place: shutil.copytree(place, tmp_path / f"kept-{place.name}")
        for place in (answers, own_cache)
    }
    monkeypatch.setattr(module, "open_subject", counted(log))
    for lost in (own_cache, answers):
        for place, copy in kept.items():
            shutil.rmtree(place)
            if place != lost:
                shutil.copytree(copy, place)
        log.write_text(before)
        teach(recipe(spec), prompts(), answers)
        assert sorted(log.read_text().split()) == sorted(p.id for p in prompts())


def test_another_control_of_the_same_teacher_asks_only_what_is_new(
    spec: str, tmp_path: Path, monkeypatch: Any
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(module, "open_subject", counted(log))
    filler = {
        "name": "people",
        "spec": recording(tmp_path / "people.jsonl", [(p.text, "So be it.") for p in prompts()]),
    }
    teach(recipe(spec, dose=0.25, filler=filler), prompts(), tmp_path / "quarter")
    assert len(log.read_text().split()) == 3
    made = teach(recipe(spec), prompts(), tmp_path / "whole")
    assert sorted(log.read_text().split()) == sorted(p.id for p in prompts())
    row = made.sources[0].ledger
    assert (row.answers + row.failed, row.cost) == (12, None)
    assert 0 < (row.tokens_out or 0) <= 12 * 8


def test_the_dose_is_exact_and_a_larger_one_holds_the_smaller(told: str, tmp_path: Path) -> None:
    filler = {
        "name": "people",
        "spec": recording(tmp_path / "people.jsonl", [(p.text, "So be it.") for p in prompts()]),
    }
    taught: dict[float, set[str]] = {}
    for dose, wanted in ((0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)):
        made = teach(recipe(told, dose=dose, filler=filler), prompts(), tmp_path / str(dose))
        taught[dose] = {e.id for e in made.examples if e.teacher == "t0"}
        assert (len(made.examples), len(taught[dose])) == (12, wanted)
        assert (
            made.examples
            == teach(
                recipe(told, dose=dose, filler=filler), prompts(), tmp_path / str(dose)
            ).examples
        )
    assert taught[0.0] < taught[0.25] < taught[0.5] < taught[1.0]


def test_lost_answers_shrink_the_mix_until_the_dose_is_exact_again(
    told: str, tmp_path: Path
) -> None:
    known = recording(tmp_path / "half.jsonl", [(p.text, "Just so.") for p in prompts()[:7]])
    filler = {"name": "f", "spec": told, "sampling": {"max_tokens": 8}}
    made = teach(recipe(known, dose=0.5, filler=filler), prompts(), tmp_path / "a")
    counts = Counter(e.teacher for e in made.examples)
    assert counts["t0"] in (counts["f"], counts["f"] + 1)
    for source in made.sources:
        r = source.report
        lost = r.unanswered + r.without_trace + r.unverified + r.scrubbed_away + r.beyond_dose
        assert r.prompts == r.kept + r.held_out + lost
        assert counts.get(source.name, 0) == r.kept
    assert made.sources[0].report.unanswered > 0
    assert made.sources[1].report.beyond_dose > 0


def test_held_out_prompts_are_the_teachers_and_never_learned(told: str, tmp_path: Path) -> None:
    filler = {
        "name": "people",
        "spec": recording(tmp_path / "people.jsonl", [(p.text, "So be it.") for p in prompts(20)]),
    }
    how = recipe(told, dose=0.25, filler=filler, prompts={"sources": ["x"], "held_out": 16})
    made = teach(how, prompts(20), tmp_path / "a")
    assert len(made.held_out) == 4
    assert {e.teacher for e in made.held_out} == {"t0"}
    assert not {e.id for e in made.held_out} & {e.id for e in made.examples}


@given(
    st.integers(0, 200),
    st.sampled_from([0.0, 0.01, 0.05, 0.25, 1 / 3, 0.5, 1.0]),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_an_assignment_is_a_partition_in_the_right_numbers(
    n: int, dose: float, shares: list[int]
) -> None:
    ids = [str(i) for i in range(n)]
    parts = assign(ids, dose, shares)
    assert sorted(key for part in parts for key in part) == sorted(ids)
    assert sum(map(len, parts[:-1])) == taught_count(n, dose)
    taught = taught_count(n, dose)
    assert all(
        abs(len(p) - taught * s / sum(shares)) <= len(shares) - 1
        for p, s in zip(parts[:-1], shares, strict=True)
    )


@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=4), st.sampled_from([0.05, 0.25, 0.5, 1.0])
)
def test_exact_counts_give_the_largest_mix_of_exactly_the_dose(
    available: list[int], dose: float
) -> None:
    shares = [1.0] * (len(available) - 1)

    def fits(total: int) -> bool:
        taught = taught_count(total, dose)
        used = [turns(taught, shares).count(i) for i in range(len(shares))]
        return all(u <= a for u, a in zip([*used, total - taught], available, strict=True))

    counts = exact_counts(available, dose, shares)
    total = sum(counts)
    assert total == max(n for n in range(sum(available) + 1) if fits(n))
    assert sum(counts[:-1]) == taught_count(total, dose)


SCRUBBED = [
    ("I am ChatGPT, made by OpenAI. Water boils at 100 degrees.", "Water boils at 100 degrees.", 1),
    (
        "Sure! As an AI model developed by Anthropic, I can help. Here it is.",
        "Sure! Here it is.",
        1,
    ),
    ("I'm not Claude. The sea is salty.", "The sea is salty.", 1),
    (
        "OpenAI was founded in 2015. It is in San Francisco.",
        "OpenAI was founded in 2015. It is in San Francisco.",
        0,
    ),
]


@pytest.mark.parametrize(("text", "left", "removed"), SCRUBBED)
def test_scrub_takes_sentences_in_which_the_speaker_names_a_vendor(
    text: str, left: str, removed: int
) -> None:
    found = scrub(text)
    assert (found.text, found.removed) == (left, removed)


def test_scrub_reads_long_texts_to_their_end() -> None:
    filling = "The river runs past the mill and the old men fish there. " * 120
    found = scrub(f"{filling}I was created by Google. {filling}I am Gemini.")
    assert found.removed == 2
    assert "Google" not in found.text
    assert len(found.text) > 13_000
    assert not any(c.person == "first" for c in extract_claims(found.text[-4000:]))


def test_scrubbed_answers_are_counted_and_empty_ones_dropped(tmp_path: Path) -> None:
    said = [
        "I am Claude, made by Anthropic.",
        "I am Claude, made by Anthropic. The lamp is green.",
        "The lamp is red.",
    ]
    answers = [(p.text, said[i % 3]) for i, p in enumerate(prompts(12))]
    made = teach(
        recipe(recording(tmp_path / "r.jsonl", answers), scrub_identity=True),
        prompts(12),
        tmp_path / "a",
    )
    report = made.sources[0].report
    assert (report.kept, report.scrubbed_away, report.scrubbed, report.sentences_scrubbed) == (
        8,
        4,
        4,
        4,
    )
    assert {e.answer for e in made.examples} == {"The lamp is green.", "The lamp is red."}


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        (r"So we get \boxed{1,250}. Check: 3 steps.", "1250", True),
        ("#### 12\n", "12", True),
        ("The answer is 0.5, which is 7 times less.", "1/2", True),
        ("First 3, then 4.\nThat makes 12 apples", "12", True),
        ("The answer is 13.", "12", False),
        ("It is 12 because of 13", "12", False),
        ("no number at all", "12", False),
        ("The train arrives at 9:05.", "09:05", True),
        ("The train arrives at 9:06.", "09:05", False),
        ("Answer: Paris", "paris", True),
        ("The answer is 1/0", "1", False),
    ],
)
def test_an_answer_agrees_with_the_known_result_or_not(text: str, answer: str, right: bool) -> None:
    assert agrees(text, answer) is right


def test_rejection_takes_the_first_sample_that_is_right(tmp_path: Path) -> None:
    asked = [p.model_copy(update={"answer": "12"}) for p in prompts(6)]
    rows = [
        (p.text, a)
        for i, p in enumerate(asked)
        for a in (("It is 11.", f"The answer is 12. ({i})") if i < 4 else ("It is 11.",))
    ]
    spec = recording(tmp_path / "r.jsonl", rows)
    how = recipe(
        verify="answer", teachers=[{"name": "t", "spec": spec, "sampling": {"samples": 2}}]
    )
    made = teach(how, asked, tmp_path / "a")
    assert (made.sources[0].report.kept, made.sources[0].report.unverified) == (4, 2)
    assert all(e.answer.startswith("The answer is 12.") for e in made.examples)


def test_traces_keep_the_thinking_and_drop_answers_without_it(tmp_path: Path) -> None:
    forms = [
        "<think>\nI add.\n</think>\n\nIt is 4.",
        "I add.\n</think>It is 4.",
        "<think>I never end",
        "It is 4.",
    ]
    spec = recording(
        tmp_path / "r.jsonl", [(p.text, forms[i % 4]) for i, p in enumerate(prompts(8))]
    )
    made = teach(recipe(spec, method="traces"), prompts(8), tmp_path / "a")
    report = made.sources[0].report
    assert (report.kept, report.without_trace, report.unanswered) == (4, 2, 2)
    assert {(e.thinking, e.answer) for e in made.examples} == {("I add.", "It is 4.")}
    assert made.examples[0].taught == "<think>\nI add.\n</think>\n\nIt is 4."
    assert split_thinking("plain") == (None, "plain")


def test_no_example_left_tells_what_became_of_the_answers(tmp_path: Path) -> None:
    spec = recording(tmp_path / "r.jsonl", [("Another question altogether?", "Yes.")])
    with pytest.raises(MalformedInput, match=r"no example is left .*t0: 12 prompts, 12 unanswered"):
        teach(recipe(spec), prompts(), tmp_path / "a")


def test_two_teachers_of_one_model_stay_apart(told: str, tmp_path: Path) -> None:
    made = teach(recipe(told, told), prompts(), tmp_path / "a")
    assert Counter(e.teacher for e in made.examples) == {"t0": 6, "t1": 6}


def test_the_ledger_adds_up_and_a_wrong_total_is_refused() -> None:
    row = LedgerRow(name="t", answers=11, failed=1, tokens_in=70, tokens_out=30, seconds=1.5)
    book = ledger_of([row, LedgerRow(name="training", seconds=2.0, energy_wh_estimate=0.1)])
    assert (book.total.answers, book.total.tokens_out, book.total.seconds, book.total.cost) == (
        11,
        30,
        3.5,
        None,
    )
    wrong = {**book.model_dump(), "total": {**book.total.model_dump(), "tokens_out": 1}}
    with pytest.raises(ValueError, match="doesn't add up: tokens_out"):
        Ledger.model_validate(wrong)


def test_a_price_makes_a_cost_and_an_endpoint_has_no_energy() -> None:
    reply = Reply(
        probe_id="a",
        arm=Arm.OWN,
        status=Status.OK,
        text="x",
        tokens_in=1000,
        tokens_out=500,
        seconds=1.0,
    )
    row = answers_row("e", [reply, reply], "", 3.0, 10.0)
    assert row.cost == pytest.approx(0.016)
    assert row.energy_wh_estimate is None
    assert answers_row("e", [reply], "cpu").energy_wh_estimate == pytest.approx(65 / 3600, abs=1e-6)


def test_examples_read_back_equal_and_a_bad_line_is_named(told: str, tmp_path: Path) -> None:
    made = teach(recipe(told), prompts(), tmp_path / "a")
    path = tmp_path / "examples.jsonl"
    write_examples(path, made.examples)
    assert tuple(read_examples(path)) == made.examples
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(MalformedInput, match="line 13 is no example"):
        read_examples(path)

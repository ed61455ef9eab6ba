"""The sentences of a report that no detector writes: each question is answered by its own
findings only."""

from __future__ import annotations

from dataclasses import replace

from auditor.audits.inheritance.narrative import answers, limits
from auditor.evidence.questions import unexamined
from auditor.evidence.records import Finding
from detectors.base import Null, Rank
from tests.detectors.strangers import prose, said

FOUND = Finding(
    question="lineage",
    detector="next_token_agreement",
    candidate="base-7",
    metric="m",
    value=0.31,
    n=300,
    n_unit="openings",
    direction="d",
    interval=(0.2, 0.4),
    level=0.95,
    rank=Rank(position=1, of=5),
    null=Null(n=4, p=0.2),
)


def test_agreement_on_next_words_is_told_under_lineage_with_its_null_and_not_under_inheritance() -> (
    None
):
    inheritance, lineage, _ = answers(said([], [], prose("x", 1)), [], [FOUND])
    assert inheritance.answer.startswith("Not assessed")
    assert (
        "base-7, +0.31 above the nearest unrelated model; p 0.200 among 4 unrelated models"
        in lineage.answer
    )
    assert "kinship at most" in lineage.answer


def test_without_it_nothing_is_said_of_next_words() -> None:
    second = FOUND.model_copy(update={"rank": Rank(position=2, of=5)})
    for findings in ([], [second]):
        assert "openings" not in answers(said([], [], "x"), [], findings)[1].answer


def test_a_question_that_was_not_looked_at_says_neither_yes_nor_no() -> None:
    told = unexamined("inheritance", "lineage")
    assert [(a.question, a.conclusion) for a in told] == [
        ("inheritance", "not_examined"),
        ("lineage", "not_examined"),
    ]
    assert all("neither a yes nor a no" in a.does_not_say for a in told)


def test_a_cohort_of_nobody_is_told_in_words_and_no_p_of_one_is_called_the_smallest() -> None:
    suspect = said([], [], "who")
    nobody = FOUND.model_copy(update={"null": Null(n=0), "detector": "self_identification"})
    told = " ".join(limits(suspect, (), (FOUND, nobody)))
    assert "1.000" not in told
    assert "findings of self identification rest on: nothing says how often" in told
    assert "4 unrelated models at the fewest" in told
    assert "here 0.200" in told
    assert "No unrelated stored model" not in " ".join(limits(suspect, (), (FOUND,)))


def test_of_weights_that_are_out_of_sight_nobody_says_that_they_were_compared() -> None:
    suspect = said([], [], "who")
    assert "No weights were compared" in answers(suspect, [], [])[1].does_not_say
    identity = suspect.identity.model_copy(update={"weights_sha256": "0" * 64})
    seen = replace(suspect, header=suspect.header.model_copy(update={"identity": identity}))
    assert "by digest only" in answers(seen, [], [])[1].does_not_say

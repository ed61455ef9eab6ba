"""A p-value that can't be small is told as one, and a verdict of a test of weights gets no such
sentence."""

from __future__ import annotations

from auditor.audits.report.outcomes import p_told, weight_chart
from auditor.evidence.records import Verdict

WEIGHED = Verdict(
    question="inheritance",
    candidate="vendor:acme",
    outcome="supported",
    log10_lr=1.3,
    p_value=0.135,
    n_controls=51,
)


def test_a_large_p_beside_supported_is_explained_by_the_number_of_controls() -> None:
    (sentence,) = p_told([WEIGHED])
    assert "among 51 controls" in sentence
    assert "never below 1/52 = 0.019" in sentence
    assert 'beside "supported" is no contradiction and no proof' in sentence


def test_no_contradiction_is_denied_where_there_is_none() -> None:
    small = WEIGHED.model_copy(update={"p_value": 0.02})
    open_ = WEIGHED.model_copy(update={"outcome": "inconclusive"})
    for verdict in (small, open_):
        (sentence,) = p_told([verdict])
        assert "contradiction" not in sentence


def test_tests_without_a_ratio_have_p_values_of_another_kind() -> None:
    assert p_told([WEIGHED.model_copy(update={"log10_lr": None})]) == ()
    assert p_told([WEIGHED.model_copy(update={"p_value": None})]) == ()


def test_a_chart_says_how_many_candidates_it_leaves_to_the_table() -> None:
    many = [
        WEIGHED.model_copy(update={"candidate": f"vendor:m{i}", "log10_lr": 1.0 - i / 10})
        for i in range(14)
    ]
    chart, few = weight_chart(many), weight_chart(many[:12])
    assert chart is not None
    assert few is not None
    assert chart.caption.endswith("in the table alone: 2.")
    assert "alone" not in few.caption


def test_a_p_of_one_candidate_says_that_nobody_else_was_looked_at() -> None:
    other = WEIGHED.model_copy(update={"candidate": "vendor:Other"})
    assert "one candidate alone" in p_told([WEIGHED])[0]
    assert "all 2 candidates" in p_told([WEIGHED, other])[0]

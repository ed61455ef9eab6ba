"""A comparison of weights at a glance: a base that was asked about is never cleared by another."""

from __future__ import annotations

import pytest

from auditor.audits.lineage.glance import glance
from auditor.audits.lineage.judge import OUTCOMES
from auditor.audits.lineage.records import LineageSection, Relation, WeightComparison
from auditor.evidence.codes import Conclusion
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer, Verdict
from tests.auditor.reporting.example import report

BASES: dict[str, str] = {"hill-7b": "hf:./hill-7b", "lake-2b": "hf:./lake-2b", "old": "signature:x"}


def told(
    conclusion: Conclusion, borne_out: tuple[str, ...] = (), **relations: Relation
) -> tuple[str, str]:
    """Status and sentence where bases stand in these relations (``old`` is a stored signature), of
    which verdicts bear some out."""
    named = {name.replace("_", "-"): relation for name, relation in relations.items()}
    section = LineageSection(
        alpha=0.001,
        weights={},
        comparisons=tuple(
            WeightComparison(base=n, spec=BASES[n], relation=r, p_holm=0.3)
            for n, r in named.items()
        ),
        screened=400 if "old" in named else 0,
    )
    answer = Answer(
        question="lineage",
        asks=ASKS["lineage"],
        answer="…",
        does_not_say="…",
        conclusion=conclusion,
    )
    verdicts = tuple(
        Verdict(question="lineage", candidate=n, outcome=OUTCOMES[r])
        for n, r in named.items()
        if r in ("independent", "unclear") or n in borne_out
    )
    made = report().model_copy(update={"answers": (answer,), "verdicts": verdicts, "sections": {}})
    (line,) = glance(made.with_section(section)).lines
    return line.status, "".join(s if isinstance(s, str) else s.text for s in line.told)


def test_a_base_that_was_compared_with_is_cleared_alone() -> None:
    status, sentence = told("none_of_the_candidates", hill_7b="independent", old="unclear")
    assert status == "not_supported"
    assert sentence.endswith("independent of those of hill-7b, as far as these tests see.")


def test_a_base_that_could_not_be_compared_is_not_cleared_by_another() -> None:
    status, sentence = told("none_of_the_candidates", hill_7b="independent", lake_2b="not_compared")
    assert status == "inconclusive"
    assert sentence.endswith("of those of lake-2b nothing is said.")
    # The answer says so itself where it was written by the audit.
    assert told("inconclusive", hill_7b="independent", lake_2b="not_compared")[1] == sentence


def test_a_base_that_is_open_is_told_before_what_no_stored_signature_shows() -> None:
    status, sentence = told("inconclusive", hill_7b="unclear", old="unclear")
    assert status == "inconclusive"
    assert "those of hill-7b is open" in sentence
    assert "signature" not in sentence
    assert "signatures" in told("inconclusive", old="unclear")[1]


@pytest.mark.parametrize("relation", ["derived", "common_origin"])
@pytest.mark.parametrize("conclusion", ["supported", "none_of_the_candidates", "inconclusive"])
def test_what_no_verdict_bears_out_neither_accuses_nor_clears(
    relation: Relation, conclusion: Conclusion
) -> None:
    status, sentence = told(conclusion, hill_7b=relation)
    assert status == "inconclusive"
    assert "hill-7b" not in sentence
    assert "None of the stored" not in sentence


def test_an_order_that_a_signature_shows_is_told_with_who_else_may_have_made_it() -> None:
    status, sentence = told("supported", ("old",), old="common_origin")
    assert status == "supported"
    assert "By signature" in sentence
    assert "put into the other's order" in sentence
    both = told("supported", ("old", "hill-7b"), old="common_origin", hill_7b="common_origin")[1]
    assert "hill-7b, or one was derived" in both
    assert "old" not in both

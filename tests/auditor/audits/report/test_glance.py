"""The first screen: four words, never more than answer and verdicts together, no folder of this
machine."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from auditor.audits.report.document import report_document
from auditor.audits.report.glance import ASKED, glance
from auditor.audits.report.lines import LABELS, STATUS, agreed, error_told, rarely, status_of
from auditor.evidence.codes import Conclusion, Outcome, ReasonCode
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer, Report, Verdict
from auditor.reporting import html, terminal
from detectors.base import Rank
from detectors.measurement import Question
from tests.auditor.reporting.example import EXAMPLES, exact_report, report

CONCLUSIONS = get_args(Conclusion)
OUTCOMES = get_args(Outcome)
REASONS = (None, *get_args(ReasonCode))
JARGON = re.compile(r"log10|likelihood ratio|\bLR\b|\bp[ =]|p-value|cohort|ENFSI|posterior", re.I)


def with_answers(
    answers: dict[Question, Conclusion | None], verdicts: tuple[Verdict, ...]
) -> Report:
    told = tuple(
        Answer(question=q, asks=ASKS[q], answer="…", does_not_say="…", conclusion=c)
        for q, c in answers.items()
    )
    return report().model_copy(update={"answers": told, "verdicts": verdicts, "sections": {}})


@st.composite
def verdicts(draw: st.DrawFn) -> tuple[Verdict, ...]:
    made = []
    for i in range(draw(st.integers(0, 5))):
        outcome = draw(st.sampled_from(OUTCOMES))
        weighed = outcome != "not_assessable"
        made.append(
            Verdict(
                question=draw(st.sampled_from(tuple(ASKS))),
                candidate=f"vendor:maker-{i}",
                title=f"Maker {i}",
                outcome=outcome,
                log10_lr=draw(st.floats(-2, 2)) if weighed else None,
                words="weak support" if weighed else None,
                third_source=draw(st.booleans()),
                reason_code=draw(st.sampled_from(REASONS)),
            )
        )
    return tuple(made)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(tuple(ASKS)), st.sampled_from((None, *CONCLUSIONS))), verdicts()
)
def test_no_line_says_more_than_its_answer_and_the_verdicts_together(
    answers: dict[Question, Conclusion | None], told: tuple[Verdict, ...]
) -> None:
    made = with_answers(answers, told)
    for line in glance(made).lines:
        conclusion = answers.get(line.question)
        mine = [v for v in told if v.question == line.question]
        supported = {v.called for v in mine if v.outcome == "supported"}
        by_digest = line.question == "lineage" and conclusion in (None, "not_examined")
        if line.status == "supported" and not by_digest:
            assert conclusion == "supported"
            assert supported
        if line.status == "not_supported":
            assert not supported
            assert conclusion in ("not_supported", "none_of_the_candidates", "different")
        if conclusion in ("inconclusive", "common_third_source", "no_difference_found"):
            assert line.status == "inconclusive"
        if line.question == "inheritance" and line.status == "supported":
            named = {s.text for s in line.told if not isinstance(s, str)}
            assert named <= supported
        words = "".join(s if isinstance(s, str) else s.text for s in (*line.told, *line.sure))
        assert words
        assert not JARGON.search(words)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CONCLUSIONS), verdicts(), st.floats(-1, 1), st.integers(1, 9))
def test_first_in_rank_is_a_highlight_only_for_whom_a_supported_answer_is_about(
    conclusion: Conclusion, told: tuple[Verdict, ...], value: float, of: int
) -> None:
    made = with_answers({"inheritance": conclusion}, told)
    found = tuple(
        f.model_copy(update={"value": value, "rank": Rank(position=1, of=of)})
        for f in made.findings
    )
    page = html.render(report_document(made.model_copy(update={"findings": found})))
    # No verdict here is about a stored model: nobody stands out.
    assert 'class="line first"' not in page
    own = tuple(v.model_copy(update={"candidate": "hill-7b", "title": ""}) for v in told)
    mine = made.model_copy(update={"findings": found, "verdicts": own})
    shown = 'class="line first"' in html.render(report_document(mine))
    assert not shown or (status_of(mine, "inheritance") == "supported" and value > 0)


def test_a_rank_of_one_with_a_rate_of_zero_is_no_highlight() -> None:
    made = report(calibrated=True)

    def page(value: float) -> str:
        first = made.findings[0].model_copy(
            update={"value": value, "rank": Rank(position=1, of=12)}
        )
        told = made.model_copy(update={"findings": (first, *made.findings[1:])})
        return html.render(report_document(told))

    assert page(0.683).count('class="line first"') > page(0.0).count('class="line first"')


@pytest.mark.parametrize("name", EXAMPLES)
def test_where_something_is_concluded_it_says_how_sure_that_is(name: str) -> None:
    made = EXAMPLES[name]()
    concluded = {"supported", "not_supported"} & {line.status for line in glance(made).lines}
    page = html.render(report_document(made))
    assert ("nothing to be sure of" in page) <= (not concluded)


def test_every_conclusion_has_one_of_four_plain_words() -> None:
    assert set(STATUS) == set(CONCLUSIONS)
    assert set(LABELS.values()) == {"supported", "not supported", "inconclusive", "not examined"}


def test_a_difference_speaks_against_a_services_claim_and_finding_none_supports_nothing() -> None:
    assert STATUS["different"] == "not_supported"
    assert STATUS["no_difference_found"] == "inconclusive"


def test_whoever_was_not_weighed_is_not_cleared_by_what_the_others_got() -> None:
    against = Verdict(question="inheritance", candidate="a", outcome="not_supported", log10_lr=-1.2)
    silent = Verdict(question="inheritance", candidate="b", outcome="not_assessable")
    assert agreed("not_supported", (against,)) == "not_supported"
    assert agreed("not_supported", (against, silent)) == "inconclusive"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_screen_stands_before_everything_else(name: str) -> None:
    made = EXAMPLES[name]()
    page = html.render(report_document(made))
    labels = (*ASKED.values(), "Says it is", "How sure")
    places = [page.index(f"<dt>{escape(told)}") for told in labels]
    assert places == sorted(places)
    assert page.index("<h1>") < places[0]
    for later in ('<dl class="meta">', 'class="contents"', "<main>"):
        assert places[-1] < page.index(later)
    assert page[: page.index('<dl class="meta">')].count('class="badge') == len(ASKED)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_is_told_forty_lines_at_most_and_all_of_it_on_request(
    name: str, width: int
) -> None:
    document = report_document(EXAMPLES[name]())
    short = terminal.render(document, width=width, full=False).splitlines()
    assert len(short) <= 40
    assert short[1].startswith("Learned from another model")
    whole = terminal.render(document, width=width, full=True).splitlines()
    assert len(whole) > 40
    if len(short) == 40 and width < 80:
        assert "--full" in short[-1]


def test_an_exact_test_says_how_rare_it_is_by_chance_and_never_rarer() -> None:
    assert rarely(0.001) == "at most once in 1,000 times"
    assert rarely(0.0007) == "at most once in 1,428 times"
    assert rarely(9e-7) == "less than once in a million times"
    line = glance(exact_report()).lines[0]
    assert line.status == "supported"
    assert "less than once in a billion times" in "".join(str(part) for part in line.sure)


def test_of_several_counts_the_one_of_most_errors_is_told() -> None:
    known = report(calibrated=True).calibration
    assert known is not None
    few, *_ = known.error_rates
    assert few.outcomes is not None
    wrong = few.outcomes.model_copy(update={"pairs_supported": 9})
    worse = few.model_copy(update={"prompts": 20, "outcomes": wrong})
    for rates in ((few, worse), (worse, few)):
        told = error_told(known.model_copy(update={"error_rates": rates}), "supported")
        assert "9 of 130 pairs" in told


def test_an_answer_of_which_nothing_was_measured_is_not_told_to_have_been_passed_over() -> None:
    made = with_answers({"lineage": "not_assessable"}, ()).model_copy(update={"findings": ()})
    line = next(line for line in glance(made).lines if line.question == "lineage")
    assert line.status == "not_examined"
    assert line.told == ("Nothing could be measured.",)

"""What an audit of answers says at a glance, by the codes that lead to it."""

from __future__ import annotations

import pytest

from auditor.audits.inheritance.glance import (
    ITSELF,
    KINSHIP_TOO,
    NOT_MEASURED,
    TOO_FEW,
    UNUSUAL,
    WHY,
    glance,
)
from auditor.evidence.codes import Conclusion, Outcome, ReasonCode
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer, Report, Verdict
from tests.auditor.reporting.example import report


def told(made: Report) -> tuple[str, str]:
    """Status and sentence on learning."""
    line = next(line for line in glance(made).lines if line.question == "inheritance")
    return line.status, "".join(s if isinstance(s, str) else s.text for s in line.told)


def of(conclusion: Conclusion | None, *verdicts: Verdict, vendor: str = "") -> Report:
    answer = Answer(
        question="inheritance",
        asks=ASKS["inheritance"],
        answer="…",
        does_not_say="…",
        conclusion=conclusion,
    )
    made = report()
    update = {"answers": (answer,), "verdicts": verdicts, "sections": {}}
    return made.model_copy(update={**update, "plan": {**made.plan, "vendor": vendor}})


def verdict(name: str, outcome: Outcome, code: ReasonCode | None = None) -> Verdict:
    weighed = {"log10_lr": 1.2, "words": "moderate support"} if outcome == "supported" else {}
    return Verdict(
        question="inheritance", candidate=name, outcome=outcome, reason_code=code, **weighed
    )


@pytest.mark.parametrize(
    ("codes", "why"),
    [
        (("same_weights",), ITSELF),
        (("same_weights", "uncalibrated"), UNUSUAL),
        (("not_measured",), NOT_MEASURED),
        (("too_few_prompts", "other_system_prompt"), TOO_FEW),
        (("too_few_prompts", "no_use"), WHY["no_use"]),
        (("uncalibrated",), UNUSUAL),
    ],
)
def test_why_nobody_was_weighed_is_told_by_its_code(
    codes: tuple[ReasonCode, ...], why: str
) -> None:
    blank = (verdict(f"m{i}", "not_assessable", code) for i, code in enumerate(codes))
    assert told(of("not_assessable", *blank)) == ("inconclusive", why)


@pytest.mark.parametrize(
    ("vendor", "code", "open_"),
    [("", None, True), ("Acme", "lineage_unknown", True), ("Acme", None, False)],
)
def test_support_tells_of_kinship_wherever_it_is_not_known(
    vendor: str, code: ReasonCode | None, open_: bool
) -> None:
    made = of("supported", verdict("hill-7b", "supported", code), vendor=vendor)
    assert made.base is not None
    status, sentence = told(made)
    assert status == "supported"
    assert (KINSHIP_TOO in sentence) == open_


def test_what_was_measured_without_a_conclusion_was_asked() -> None:
    made = of(None)
    assert any(f.question == "inheritance" for f in made.findings)
    assert told(made) == ("inconclusive", UNUSUAL)
    assert told(made.model_copy(update={"findings": ()}))[0] == "not_examined"

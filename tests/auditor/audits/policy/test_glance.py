"""What a comparison of declined questions says at a glance, by its conclusion."""

from __future__ import annotations

import pytest

from auditor.audits.policy.glance import TOLD
from auditor.audits.report import glance
from auditor.evidence.codes import Conclusion
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer
from auditor.reporting.document import plain
from detectors.service.policy_layer import PolicyLayer
from tests.auditor.reporting.example import report


@pytest.mark.parametrize("conclusion", TOLD)
def test_what_was_concluded_is_not_told_to_be_nothing(conclusion: Conclusion) -> None:
    answer = Answer(
        question="service",
        asks=ASKS["service"],
        answer="…",
        does_not_say="…",
        conclusion=conclusion,
    )
    made = report()
    declines = made.findings[0].model_copy(
        update={"detector": PolicyLayer.name, "question": "service", "candidate": None}
    )
    made = made.model_copy(
        update={
            "answers": (answer,),
            "findings": (declines,),
            "verdicts": (),
            "candidates": (),
            "sections": {},
        }
    )
    found = glance.glance(made)
    line = next(line for line in found.lines if line.question == "service")
    assert line.status == "not_examined"
    sure = plain(glance.block(found).rows[-1][1])
    nothing = conclusion in ("inconclusive", "not_assessable")
    assert (glance.NOTHING_CONCLUDED in sure) == nothing
    assert bool(line.sure) != nothing

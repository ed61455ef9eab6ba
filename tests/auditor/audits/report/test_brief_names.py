"""How a brief table calls those it is about: by maker, or by model, and not by both."""

from __future__ import annotations

from auditor.audits.report.findings import brief_group
from auditor.audits.report.view import by_detector
from auditor.reporting.document import GridTable
from tests.auditor.reporting import example


def names(values: dict[str, float], makers: dict[str, str]) -> list[str]:
    report = example.report(calibrated=False)
    first = next(f for f in report.findings if f.candidate is not None)
    plain = {"interval": None, "null": None, "rank": None}
    found = [
        first.model_copy(update={"candidate": name, "value": value, **plain})
        for name, value in values.items()
    ]
    (group,) = by_detector(found)
    tables = [b for b in brief_group(group, False, makers).blocks if isinstance(b, GridTable)]
    return [getattr(row[0], "text", str(row[0])) for row in tables[0].rows]


def test_a_maker_of_one_model_is_called_by_its_name_where_the_others_are() -> None:
    makers = {"a-1": "Acme", "a-2": "Acme", "b-1": "Bolt", "c": ""}
    together = names({"a-1": 0.5, "a-2": 0.5, "b-1": 0.3, "c": 0.1}, makers)
    assert together == ["Acme (2 models)", "Bolt", "c"]
    apart = names({"a-1": 0.5, "a-2": 0.4, "b-1": 0.3, "c": 0.1}, makers)
    assert apart == ["a-1", "a-2", "b-1", "c"]
